import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_boards import layered
from msgspec import UNSET, to_builtins
from msgspec.structs import replace

import prunebench as pb
from prunebench.evaluation.statistics import INTERVALS_VERSION, summarise
from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import add_to_folder, find_boards, has_tables
from prunebench.leaderboard.lost import lost, protocols_of
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.results import Document, Row, TaskRecord, Training
from prunebench.sweep.boards import Boards

SIZE = {"parameters": 10, "multiply_adds": 20}


def summary(mean: float) -> dict[str, Any]:
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "per_seed": [mean, mean]}


def row(scorer: str, step: int = 50, value: float = 0.5, **changes: Any) -> dict[str, Any]:
    return {
        "scorer": scorer, "name": scorer, "parameters": {}, "version": "1", "source": "abc", "draws": 1,
        "sees_end": False, "control": False, "at_step": step, "relative_time": 0.1, "status": "ok",
        "error": None, "seeds": [0, 1],
        "cost": {"gradient_steps": step, "extra_gradient_steps": 0, "seconds": 0.01},
        "evaluator": "1", "command": "prunebench run", "spearman": summary(value),
        "accuracy": {"dense": summary(0.9), "prune_final": {"0.1": summary(0.8)}},
        "train_accuracy": {"dense": summary(1.0)},
    } | changes  # fmt: skip


def document(
    *rows: dict[str, Any], evaluator: str = "1", fingerprint: str = "f", steps: int = 99
) -> Document:
    training = {
        "drop_step": 100.0, "initial_loss": summary(0.69), "train_loss": summary(0.01),
        "groups": {"all": summary(12), "relevant": summary(2)},
        "accuracy": {"dense": summary(0.9), "merged_groups": summary(0.9)},
        "train_accuracy": {"dense": summary(1.0), "merged_groups": summary(1.0)},
    }  # fmt: skip
    task = {"name": "toy", "samples": 40, "inputs": 7, "tests": 60, "fingerprint": fingerprint}
    return Document(
        task=TaskRecord.read(task),
        recipe=pb.Recipe(width=30, steps=steps),
        environment={"torch": "x"},
        evaluator=evaluator,
        seeds=[0, 1],
        protocols=["rank", "prune_final"],
        training=Training.read(training, "training"),
        rows=[Row.read({"environment": {}} | row, "row") for row in rows],
    )


def test_a_board_of_older_intervals_is_read_with_todays_and_all_else_as_it_was(tmp_path: Path) -> None:
    """From the values per seed, which are the record; written again, it says which intervals it has."""
    values = [0.5, 0.61, 0.58, 0.55, 0.7, 0.64, 0.6]
    old = {"mean": 0.6, "low": 0.59, "high": 0.61, "per_seed": values}
    one = row("a", seeds=list(range(7)), spearman=old | {"band": {"low": 0, "high": 1}})
    one["accuracy"] = {"dense": old, "prune_final": {"0.1": old | {"kept": 30}}}
    one["train_accuracy"] = {"dense": old}
    board, (path, *_), _ = add_to_folder(document(one), tmp_path)
    content = json.loads(path.read_text())
    assert content.pop("intervals") == INTERVALS_VERSION
    assert content["rows"][0]["spearman"]["low"] == 0.59  # as it came
    path.write_text(json.dumps(content))
    read = Board.read(path).rows[0].content()
    paths = ("spearman",), ("accuracy", "prune_final", "0.1")
    fresh = summarise({key: np.array(values) for key in paths})
    assert read["spearman"] == to_builtins(fresh["spearman",]) | {"band": {"low": 0, "high": 1}}
    assert read["accuracy"]["prune_final"]["0.1"] == to_builtins(fresh[paths[1]]) | {"kept": 30}
    assert read["spearman"]["low"] < 0.59
    renewed = ("spearman", "accuracy", "train_accuracy")
    before, after = (
        {k: v for k, v in row.items() if k not in renewed} for row in (board.rows[0].content(), read)
    )
    assert after == before
    path.write_text(Board.read(path).to_json())
    assert json.loads(path.read_text())["intervals"] == INTERVALS_VERSION
    assert [row.content() for row in Board.read(path).rows] == [read]


def test_runs_join_one_board_and_a_rerun_replaces(tmp_path: Path) -> None:
    add_to_folder(document(row("a"), row("a", step=0)), tmp_path)
    add_to_folder(document(row("b")), tmp_path)
    board, files, _ = add_to_folder(document(row("a", value=0.7)), tmp_path)
    assert [row.key for row in board.rows] == [("a", 0), ("a", 50), ("b", 50)]
    assert board.rows[1].metrics["spearman",].mean == 0.7
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".csv", ".json", ".md"]
    assert [b.name for b in find_boards(tmp_path)[0]] == [files[0].stem]


def test_other_tasks_and_recipes_have_boards_of_their_own(tmp_path: Path) -> None:
    for each in (document(row("a")), document(row("a"), fingerprint="g"), document(row("a"), steps=98)):
        add_to_folder(each, tmp_path)
    assert len(find_boards(tmp_path)[0]) == 3


def test_protocols_that_were_not_run_again_are_kept_only_for_the_same_scorer(tmp_path: Path) -> None:
    early = row("a")
    early["accuracy"]["prune_early"] = {"0.02": summary(0.7)}
    add_to_folder(document(early), tmp_path)
    board, _, older = add_to_folder(document(row("a")), tmp_path)
    assert board.rows[0].metrics["accuracy", "prune_early", "0.02"].mean == 0.7
    assert lost(protocols_of(older), board) is None
    board, _, older = add_to_folder(document(row("a", source="changed")), tmp_path)
    assert "prune_early" not in board.rows[0].protocols
    named = f"no longer on {board.name}: prune_early of a at step 50 (newer rows"
    assert (lost(protocols_of(older), board) or "").startswith(named)


def test_a_finetuning_that_is_carried_over_keeps_its_steps() -> None:
    (finetuned, *_) = (each for each in layered().rows if each.status == "ok")
    old = replace(layered(), evaluator=finetuned.evaluator, rows=[replace(finetuned, finetune_steps=50)])
    kept = {path: each for path, each in finetuned.metrics.items() if "finetune" not in path}
    (joined,) = old.join(replace(old, rows=[replace(finetuned, metrics=kept, finetune_steps=UNSET)])).rows
    assert "finetune" in joined.protocols
    assert joined.finetune_steps == 50
    assert "--finetune-steps 50" in str(joined.command)


def test_dense_numbers_have_the_seeds_of_their_own_networks() -> None:
    """Those of the newest run, which has fewer than the row that stays; none where no row is of these."""

    def of(value: float, seeds: list[int], *rows: dict[str, Any]) -> Board:
        dense = {"accuracy": {"dense": summary(value)}, "seeds": seeds}
        made = document(*(each | dense for each in rows))
        metrics = made.training.metrics
        metrics = metrics | {
            ("accuracy", "dense"): replace(metrics["accuracy", "dense"], per_seed=[value, value])
        }
        return Board.of(replace(made, training=replace(made.training, metrics=metrics)))

    def seeds_of(board: Board) -> list[Any]:
        frame = board.to_dataframe()
        return frame[frame.protocol == "dense"].seed.drop_duplicates().tolist()

    joined = of(0.8, [0, 1], row("a")).join(of(0.9, [7, 8], row("b")))
    assert seeds_of(joined) == [7, 8]
    alone = replace(joined, rows=[each for each in joined.rows if each.scorer == "a"])
    assert alone.to_dataframe().query("protocol == 'dense'").seed.isna().all()


def test_boards_are_of_networks_that_a_loss_ended_at_one_step() -> None:
    """Seed 0 trained with others until all are below the loss is another network."""

    def of(steps: int, name: str, until_loss: float | None) -> Board:
        made = document(row(name))
        recipe = dataclasses.replace(made.recipe, until_loss=until_loss)
        return Board.of(replace(made, recipe=recipe, training=replace(made.training, gradient_steps=steps)))

    def joined(first: Board, second: Board) -> list[str]:
        return [each.scorer for each in first.join(second).rows]

    assert joined(of(50, "a", 0.1), of(50, "b", 0.1)) == ["a", "b"]
    assert joined(of(50, "a", 0.1), of(60, "b", 0.1)) == ["b"]
    assert joined(of(50, "a", None), of(60, "b", None)) == ["a", "b"]


def test_of_a_sweep_is_lost_what_no_later_job_brings_back(tmp_path: Path) -> None:
    early, changed = row("a"), row("a", source="changed")
    early["accuracy"]["prune_early"] = {"0.02": summary(0.7)}
    add_to_folder(document(early), tmp_path)
    boards = Boards(tmp_path)
    boards.add(document(changed))
    (line,) = boards.lost.values()
    assert "prune_early of a at step 50" in (line or "")
    boards.add(document(early | {"source": "changed"}))
    assert [*boards.lost.values()] == [None]


def test_rows_of_an_old_evaluator_are_not_mixed_with_new_ones(tmp_path: Path) -> None:
    add_to_folder(document(row("a"), row("b")), tmp_path)
    board, _, older = add_to_folder(document(row("a", evaluator="2"), evaluator="2"), tmp_path)
    assert [row.scorer for row in board.rows] == ["a"]
    assert ": the rows of b at step 50 (" in (lost(protocols_of(older), board) or "")


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    add_to_folder(document(row("a"), row("b")), one)
    add_to_folder(document(row("b")), other)
    add_to_folder(document(row("a")), other)
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes()


def test_tables_escape_untrusted_text_and_hold_no_nan() -> None:
    hostile = row("<script>|x|", status="failed", error="a | <b>\nc", accuracy={}, train_accuracy={})
    del hostile["spearman"]
    board = Board.of(document(row("a"), hostile))
    text, table = markdown(board), to_csv(board)
    assert "<script>" not in text
    assert "a \\| &lt;b> c" in text
    assert "nan" not in (text + table).lower()
    assert table.count("\n") >= 3
    assert ",,," in table


def test_damaged_board_is_named_and_left_alone(tmp_path: Path) -> None:
    _, files, _ = add_to_folder(document(row("a")), tmp_path)
    damaged = files[0].read_text()[:100]
    files[0].write_text(damaged)
    with pytest.raises(pb.PrunebenchError, match=files[0].name):
        add_to_folder(document(row("a")), tmp_path)
    assert files[0].read_text() == damaged


def test_board_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    _, files, _ = add_to_folder(document(row("a")), tmp_path)
    files[0].write_text(json.dumps(json.loads(files[0].read_text()) | {"schema": 99}))
    with pytest.raises(pb.PrunebenchError, match="schema 99"):
        find_boards(tmp_path)


def test_finding_boards(tmp_path: Path) -> None:
    with pytest.raises(pb.RequestError, match="folder with boards"):
        find_boards(tmp_path / "none")
    with pytest.raises(pb.RequestError, match="folder with boards"):
        find_boards(tmp_path)
    add_to_folder(document(row("a")), tmp_path)
    assert len(find_boards(tmp_path, "toy")[0]) == 1
    with pytest.raises(pb.RequestError, match="boards here: toy_n40"):
        find_boards(tmp_path, "mnist")


def test_a_whole_name_reads_that_board_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published ones take two seconds."""
    _, files, _ = add_to_folder(document(row("a")), tmp_path)
    renamed = files[0].rename(tmp_path / "renamed.json")
    assert [board.name for board in find_boards(tmp_path, files[0].stem)[0]] == [files[0].stem]
    renamed.rename(files[0])
    (tmp_path / "sub").mkdir()
    with pytest.raises(pb.RequestError, match="a folder with boards"):
        find_boards(tmp_path / "sub", f"../{files[0].stem}")
    monkeypatch.setattr("prunebench.leaderboard.folder.read_folder", None)
    ((board,), damaged) = find_boards(tmp_path, files[0].stem)
    assert (board.name, damaged) == (files[0].stem, [])


def test_tables_that_are_missing_or_not_the_boards_are_seen(tmp_path: Path) -> None:
    one, files, _ = add_to_folder(document(row("a")), tmp_path)
    record, *tables = files
    assert has_tables(one, record)
    for table in tables:
        text = table.read_text()
        table.write_text("stale")
        later = record.stat().st_mtime + 10
        os.utime(table, (later, later))
        assert not has_tables(one, record)
        table.write_text(text)
        os.utime(table, (later, later))
        assert has_tables(one, record)
        table.unlink()
        assert not has_tables(one, record)
        table.write_text(text)


def test_a_board_is_there_when_its_tables_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves no record without its tables."""

    def fail(path: Path, text: str) -> None:
        if path.suffix == ".csv":
            raise OSError(28, "No space left on device", str(path))
        path.write_text(text)

    monkeypatch.setattr("prunebench.leaderboard.folder.write_atomically", fail)
    with pytest.raises(OSError, match="No space"):
        add_to_folder(document(row("a")), tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_board_of_a_layered_network_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Without groups, with layers and what is left of them, and with a scorer that could not take it."""
    one = layered()
    path = tmp_path / "board.json"
    path.write_text(one.to_json())
    read = Board.read(path)
    assert read.to_json() == one.to_json()
    assert [layer.name for layer in known(read.training.layers) or ()] == ["conv1", "conv2", "fc1", "fc2"]
    assert read.task.outputs == 10
    assert [row.error for row in read.rows if row.status == "unfit"] == ["it needs the shallow network"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda training: training["groups"].pop("all"), "training groups all is missing"),
        (lambda training: training["accuracy"].pop("dense"), "training accuracy dense is missing"),
        (lambda training: training.update(sizes={"half": SIZE}), "training sizes: share: "),
        (
            lambda training: training.update(layers=[{"name": "fc1", "units": units} for units in (3, 4)]),
            "training layers: two of one name",
        ),
        (lambda training: training.update(layers=[]), "training: .*layers"),
    ],
)
def test_what_a_training_lacks_is_named(
    change: Callable[[dict[str, Any]], object], said: str, tmp_path: Path
) -> None:
    """Groups are there as a whole or not at all."""
    _, (path, *_), _ = add_to_folder(document(row("a")), tmp_path)
    content = json.loads(path.read_text())
    change(content["training"])
    path.write_text(json.dumps(content))
    with pytest.raises(pb.PrunebenchError, match=said):
        Board.read(path)
