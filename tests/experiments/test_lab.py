from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from prunebench.experiments import lab as lab_module
from prunebench.experiments.lab import Lab
from prunebench.experiments.run import PLATEAU, geometric

Make = Callable[..., Lab]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every training."""
    calls: list[int] = []
    real = lab_module.train_run

    def counted(*args: object, **kwargs: object) -> object:
        calls.append(1)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(lab_module, "train_run", counted)
    return calls


def test_nothing_is_trained_twice(make_lab: Make, tmp_path: Path, trainings: list[int]) -> None:
    first = make_lab(cache=tmp_path).run()
    again = make_lab(cache=tmp_path).run()
    assert len(trainings) == 1
    for a, b in zip(first.final.tensors, again.final.tensors, strict=True):
        assert torch.equal(a, b)
    assert sorted(first.kept) == sorted(again.kept)
    assert torch.equal(first.loss, again.loss)
    assert torch.equal(first.before_steps, again.before_steps)


def test_defaults_spelled_out_are_the_same_training(make_lab: Make, trainings: list[int]) -> None:
    lab = make_lab()
    lab.run()
    lab.run(samples=40, width=12, init_std=1e-3, learning_rate=0.02)
    assert len(trainings) == 1
    lab.run(init_std=0.1)
    assert len(trainings) == 2


def test_damaged_files_are_made_again(make_lab: Make, tmp_path: Path, trainings: list[int]) -> None:
    make_lab(cache=tmp_path).run()
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:1000])
    make_lab(cache=tmp_path).run()
    assert len(trainings) == 2


def test_no_pickle_is_read(make_lab: Make, tmp_path: Path) -> None:
    lab = make_lab(cache=tmp_path)
    np.savez(tmp_path / "bad.npz", value=np.array([{"an": "object"}], dtype=object))
    assert lab.arrays("bad", lambda: {"value": np.ones(1)})["value"] == 1


def test_networks_before_the_drop_are_on_the_plateau(lab: Lab) -> None:
    run = lab.run()
    loss = run.before.loss(run.task.x_train, run.task.y_train)
    assert bool((loss >= PLATEAU * run.loss[:, 0] - 1e-5).all())
    assert bool((run.before_steps < run.drop_step()).all())
    assert float(run.loss[:, -1].max()) < 0.5
    for s, step in enumerate(run.before_steps.tolist()):
        if step in run.kept:
            assert torch.equal(run.before.w_in[s], run.kept[step].w_in[s])


def test_small_networks_keep_only_the_early_steps(lab: Lab) -> None:
    assert sorted(lab.run(width=4).kept) == [0, 5, 10, 20]
    assert {0, 5, 10, 20} < set(lab.run().kept)


def test_steps_grow_by_the_ratio() -> None:
    assert geometric(2.0, 100, first=10) == [10, 20, 40, 80]
    assert len(geometric(1.01, 20, first=10)) == 11  # distinct


def test_nearest_kept_step(lab: Lab) -> None:
    run = lab.run()
    assert run.nearest(9.0) == 10
    assert run.nearest(1e9) == max(run.kept)


def test_progress_is_told(make_lab: Make) -> None:
    heard: list[tuple[str, int, int]] = []
    lab = make_lab()
    lab._progress = lambda *args: heard.append(args)
    lab.run()
    assert heard[-1][1:] == (300, 300)
    assert "N=40" in heard[-1][0]
