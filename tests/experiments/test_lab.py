from collections.abc import Callable
from pathlib import Path

import torch

from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import PLATEAU, drop_step, geometric, last_on_plateau, nearest_step

Make = Callable[..., Lab]


def test_nothing_is_trained_twice(make_lab: Make, tmp_path: Path, trainings: list[int]) -> None:
    first = make_lab(tmp_path).run()
    again = make_lab(tmp_path).run()
    assert len(trainings) == 1
    for a, b in zip(first.final.tensors.values(), again.final.tensors.values(), strict=True):
        assert torch.equal(a, b)
    assert list(first.snapshots) == list(again.snapshots)
    assert torch.equal(first.history.steps, again.history.steps)
    assert torch.equal(first.history.loss, again.history.loss)


def test_defaults_spelled_out_are_the_same_training(make_lab: Make, trainings: list[int]) -> None:
    lab = make_lab()
    lab.run()
    lab.run(samples=40, width=12, init_std=1e-3, learning_rate=0.02)
    assert len(trainings) == 1
    lab.run(init_std=0.1)
    assert len(trainings) == 2


def test_damaged_files_are_named_and_made_again(make_lab: Make, tmp_path: Path, listener) -> None:
    whole = make_lab(tmp_path).run()
    file = next(tmp_path.glob("networks/*/seed0-step20-*"))
    file.write_bytes(file.read_bytes()[:1000])
    again = make_lab(tmp_path, reporter=listener).run()
    assert file.name in listener.lines[0]
    assert torch.allclose(again.snapshots[20].w_in, whole.snapshots[20].w_in, rtol=1e-4)


def test_networks_before_the_drop_are_on_the_plateau(lab: Lab) -> None:
    run = lab.run()
    before, last = lab.before(run), last_on_plateau(run)
    loss = before.loss(run.task.x_train, run.task.y_train)
    assert bool((loss >= PLATEAU * run.history.loss[:, 0] - 1e-5).all())
    assert bool((last < drop_step(run)).all())
    assert float(run.history.loss[:, -1].max()) < 0.5
    for s, step in enumerate(last.tolist()):
        earlier = max(kept for kept in run.snapshots if kept <= step)
        assert before.norms()[s].sum() >= run.snapshots[earlier].norms()[s].sum()


def test_the_fine_grid_of_the_curves_ends_with_the_plateau(lab: Lab) -> None:
    run = lab.run()
    fine = [step for step in run.history.steps.tolist() if step % 50]
    assert fine
    assert set(fine) <= set(geometric(2**0.25, 300))
    assert sum(step > int(last_on_plateau(run).max()) for step in fine) <= 1


def test_small_networks_keep_only_the_early_steps(lab: Lab) -> None:
    assert sorted(lab.run(width=4).snapshots) == [0, 5, 10, 20]
    assert {0, 5, 10, 20} < set(lab.run().snapshots)


def test_training_on_from_a_snapshot_is_the_training(lab: Lab) -> None:
    """Up to the velocity, which starts again at 0: at step 0 it is 0 anyway."""
    run = lab.run()
    again = lab.train_on(run, 0, run.initial)
    assert torch.allclose(again.w_in, run.final.w_in, rtol=1e-3, atol=1e-5)


def test_steps_grow_by_the_ratio() -> None:
    assert geometric(2.0, 100, first=10) == [10, 20, 40, 80]
    assert len(geometric(1.01, 20, first=10)) == 11  # distinct


def test_nearest_kept_step(lab: Lab) -> None:
    run = lab.run()
    assert nearest_step(run, 9.0) == 10
    assert nearest_step(run, 1e9) == max(run.snapshots)


def test_progress_is_told(make_lab: Make, listener) -> None:
    make_lab(reporter=listener).run()
    assert listener.steps[-1] == (600, 600)  # two networks
