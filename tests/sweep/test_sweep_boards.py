"""What boards hold of a sweep's jobs."""

from dataclasses import replace
from pathlib import Path

from one_worker import STUDY, Client, Sweep
from studies import small_study

from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.plans import plans_of
from prunebench.sweep.study import read_study


def test_boards_know_what_they_hold(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    boards = Boards(tmp_path / "boards")
    plan = sweep.jobs[0][1]
    assert not boards.hold(plan)
    sweep(Client())
    assert boards.hold(plan)
    more = plans_of(read_study(tmp_path / "study.toml"))[0][1]
    assert boards.hold(more)
    for change in ({"seeds": (0, 1, 2)}, {"at_steps": (10, 20)}, {"protocols": ("rank", "merge")}):
        assert not boards.hold(replace(plan, **change))
    for file in (tmp_path / "boards").glob("*.json"):
        file.write_text("{")
    assert not boards.hold(plan)


def test_boards_know_how_long_their_pruned_networks_trained_on(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store, STUDY.replace('["rank"]', '["rank", "finetune"]'))
    boards = Boards(tmp_path / "boards")
    plan = sweep.jobs[0][1]
    sweep(Client())
    assert boards.hold(plan)
    assert not boards.hold(replace(plan, finetune_steps=plan.finetuned + 1))


def test_boards_know_it_of_trainings_that_a_loss_ended(tmp_path: Path, store: Store) -> None:
    study = small_study(steps=1000).replace('["rank"]', '["rank", "finetune"]')
    study = study.replace("steps = 1000", "steps = 1000\nuntil_loss = 0.69")
    sweep = Sweep(tmp_path, store, study)
    boards = Boards(tmp_path / "boards")
    plan = sweep.jobs[0][1]
    sweep(Client())
    assert boards.hold(plan)


def test_boards_know_which_shares_they_hold(tmp_path: Path, store: Store) -> None:
    text = STUDY.replace('["rank"]', '["rank", "prune_final"]') + "keep = [0.5]\n"
    sweep = Sweep(tmp_path, store, text)
    boards = Boards(tmp_path / "boards")
    sweep(Client())
    assert all(boards.hold(plan) for _, plan in sweep.jobs)
    assert boards.without_held(sweep.jobs) == []
    more = [(job, replace(plan, fractions=(0.3, 0.5))) for job, plan in sweep.jobs]
    assert not any(boards.hold(plan) for _, plan in more)
    assert len(boards.without_held(more)) == len(more)


def test_a_damaged_board_ends_no_sweep(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    sweep()
    first, second = sorted((tmp_path / "boards").glob("*.json"))
    for client in (None, Client()):
        first.write_text("{")
        second.unlink()
        sweep.lines.lines.clear()
        assert sweep(client, force=True) == 1
        (line,) = (line for line in sweep.lines.lines if "failed: " in line)
        assert f"failed: {first.name}: not readable as JSON" in line
        assert first.read_text() == "{"
        assert second.is_file()
