"""The benchmark from Python: what it returns, and that it is what the command line finds."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from msgspec import UNSET
from msgspec.structs import replace

import prunebench as pb
from prunebench.benchmark import run
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.protocols import REINITIALISED
from prunebench.scoring.registry import SCORERS
from prunebench.store import reference
from prunebench.store.export import ResultTable
from prunebench.store.provenance import environment
from prunebench.store.store import Store
from prunebench.training.state import State


class Norms(pb.Scorer):
    """A scorer of a notebook, given as it is."""

    name = "own_norms"

    def score(self, snapshot: pb.Snapshot):
        return snapshot.networks.norms()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def result(task: pb.Task, recipe: pb.Recipe, folder: Path) -> pb.Result:
    return pb.run_benchmark(
        task, recipe, ["snip", Norms()], (0, 15), 4, store=folder, device="cpu", quiet=True
    )


def test_it_is_what_a_plan_finds(task: pb.Task, recipe: pb.Recipe, result: pb.Result) -> None:
    plan = Plan(task, recipe, [pb.load_scorer("snip"), Norms()], (0, 15), range(4), device="cpu")
    document = run_plan(plan)
    assert [row.metrics for row in result.document.rows] == [row.metrics for row in document.rows]
    again = pb.run_benchmark(task, recipe, "snip", 15, [0, 1], "rank", device="cpu", quiet=True)
    assert [row.key for row in again.document.rows] == [("snip", 15), ("random", 15), ("oracle", 15)]
    assert again.seeds == (0, 1)


def test_numpys_numbers_are_pythons(task: pb.Task, recipe: pb.Recipe, tmp_path: Path) -> None:
    asked = {"seeds": np.int64(2), "protocols": ("rank", "finetune"), "keep": (0.5, 0.50000001)}
    ours = {"seeds": 2, "protocols": ("rank", "finetune"), "keep": 0.5}
    for steps, count, given in ((np.array([0, 15]), np.int64(5), asked), ([0, 15], 5, ours)):
        found = pb.run_benchmark(
            *(task, recipe, "magnitude", steps),
            **given,
            finetune_steps=count,
            store=tmp_path,
            device="cpu",
            quiet=True,
        )
        json.dumps(found.document.content())
        (row,) = (row for row in found.document.rows if row.key == ("magnitude", 15))
        assert row.finetune_steps == 5
    with Store(tmp_path, read_only=True) as store:
        kept = store.rows("SELECT DISTINCT typeof(step) FROM networks")
        kept += store.rows("SELECT DISTINCT typeof(step) FROM scorings")
    assert {row[0] for row in kept} == {"integer"}


def test_the_frame_is_the_export_with_its_draws_averaged(result: pb.Result, folder: Path) -> None:
    names = ("scorer", "at_step", "seed", "protocol", "keep", "metric", "layer", "value")
    with Store(folder, read_only=True) as store:
        table = ResultTable(store)
        export = _values(pd.DataFrame(list(table), columns=list(table.columns)), names)
    frame = _values(result.to_dataframe(), names)
    losses = {key for key in frame if key[5] in ("initial_loss", "train_loss")}  # they are no results
    assert frame.keys() - losses == export.keys()
    assert all(np.mean(export[key]) == pytest.approx(frame[key][0], abs=1e-12) for key in export)
    assert max(map(len, frame.values())) == 1


def _values(frame: pd.DataFrame, names: tuple[str, ...]) -> dict[tuple[object, ...], list[float]]:
    found: dict[tuple[object, ...], list[float]] = {}
    for row in frame[list(names)].astype(object).itertuples(index=False):
        *key, value = (None if pd.isna(cell) else cell for cell in row)
        if value is not None:
            found.setdefault(tuple(key), []).append(value)
    return found


def test_scores_are_the_scorers_own(result: pb.Result, task: pb.Task, recipe: pb.Recipe) -> None:
    run = pb.train(task, recipe, seeds=4, snapshot_steps=[15], device="cpu")
    assert torch.equal(result.scores("own_norms", 15), run.snapshots[15].norms())
    assert torch.equal(result.scores(pb.load_scorer("snip"), 0), result.scores("snip", 0))
    with pytest.raises(pb.RequestError, match="did you mean 'snip'"):
        result.scores("snib", 0)
    with pytest.raises(pb.RequestError, match="step: got 3; steps of snip here: 0, 15"):
        result.scores("snip", 3)


def test_scores_of_elsewhere_are_measured_as_a_scorers(
    result: pb.Result, task: pb.Task, recipe: pb.Recipe
) -> None:
    run = pb.train(task, recipe, seeds=4, snapshot_steps=[15], device="cpu")
    found = pb.evaluate({"a": run.snapshots[15].norms(), "b": np.arange(64.0).reshape(4, 16)}, run)
    rows = {row.scorer: row for row in found.document.rows}
    own = next(row for row in result.document.rows if row.key == ("own_norms", 15))
    assert rows["a"].metrics == {path: own.metrics[path] for path in rows["a"].metrics}
    assert {*rows} == {"a", "b", "random", "oracle"}
    with pytest.raises(pb.RequestError, match=r"its scores have shape \(4, 15\)"):
        pb.evaluate(np.ones((4, 15)), run)
    for whole in (run.final.norms().argsort(dim=1), run.final.norms() > 0):
        with pytest.raises(
            pb.RequestError, match=r"its scores are (int64|bool); floating numbers are expected"
        ):
            pb.evaluate(whole, run)
    with pytest.raises(pb.RequestError, match="at_step: got 3; one of the steps 0, 15"):
        pb.evaluate(run.final.norms(), run, at_step=3)
    with pytest.raises(pb.RequestError, match=r"pb\.run_benchmark"):
        pb.evaluate(run.final.norms(), run, protocols="finetune")
    with pytest.raises(pb.RequestError, match=r"pb\.run_benchmark"):
        pb.evaluate(run.final.norms(), run, protocols=("rank", "ceiling"))


def test_steps_of_elsewhere_may_be_numpys(task: pb.Task, recipe: pb.Recipe) -> None:
    run = pb.train(task, recipe, seeds=2, snapshot_steps=[0, 15], device="cpu")
    found = pb.evaluate(run.final.norms(), run, at_step=np.int64(15), protocols="rank")
    json.dumps(found.document.content())
    assert {row.at_step for row in found.document.rows} == {15}


def test_networks_with_other_units_than_the_recipes_are_refused(task: pb.Task, recipe: pb.Recipe) -> None:
    narrow = pb.initialise(dataclasses.replace(recipe, width=8), task.shape, range(2))
    run = pb.train(task, recipe, seeds=2, start=State(narrow), snapshot_steps=[15], device="cpu")
    with pytest.raises(pb.RequestError, match=r"trajectory: got .*8.*; networks with the recipe's units"):
        pb.evaluate(run.final.norms(), run)


def test_networks_that_began_elsewhere_are_measured_from_there(
    task: pb.Task, recipe: pb.Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = pb.initialise(recipe, task.shape, range(4, 8))
    run = pb.train(task, recipe, seeds=4, start=State(own), snapshot_steps=[0], device="cpu")
    growth = run.final.norms() / own.norms()
    later = pb.train(task, recipe, seeds=4, start=State(own, 10), device="cpu")
    for name in ("train", "run_loop"):
        monkeypatch.setattr(reference, name, None)  # nothing is trained
    found = pb.evaluate({"grown": growth}, run, protocols=("rank", "truths"))
    (row,) = (row for row in found.document.rows if row.scorer == "grown")
    assert row.metrics["spearman_with", "growth"].mean == pytest.approx(1)
    assert not any(row.name == "twin" for row in found.document.rows)
    assert pb.evaluate(growth, later, at_step=10, protocols="rank").document.rows
    with pytest.raises(pb.RequestError, match="at_step: got 0; one of the steps 10"):
        pb.evaluate(growth, later, at_step=0)


def test_a_recipe_takes_a_network_by_its_name() -> None:
    by_name = pb.Recipe(network="mlp[widths=30-20]")
    assert by_name == pb.Recipe(network=pb.load_network("mlp[widths=30-20]"))
    assert pb.Recipe(network="shallow") == pb.Recipe()
    with pytest.raises(pb.RequestError, match="network: got 'mpl'; did you mean 'mlp'"):
        pb.Recipe(network="mpl")


def test_the_bases_of_plugins_stay_as_they_are() -> None:
    for base in (pb.Scorer, pb.Network):
        assert base.parameters() == ()
        assert not dataclasses.is_dataclass(base)


def test_summaries_are_the_lines_of_the_csv(result: pb.Result, tmp_path: Path) -> None:
    path = result.save(tmp_path)
    found, written = result.summaries(), pd.read_csv(path.with_suffix(".csv"), dtype={"version": str})
    pd.testing.assert_frame_equal(
        found.dropna(axis=1, how="all"), written.dropna(axis=1, how="all"), check_dtype=False
    )
    assert len(found) == len(result.board().rows)


def test_boards_are_saved_read_and_compared(result: pb.Result, tmp_path: Path) -> None:
    path = result.save(tmp_path)
    board = pb.read_board(path)
    assert board.to_dataframe().equals(result.to_dataframe())
    assert [each.name for each in pb.boards(tmp_path)] == [board.name]
    pairs = pb.compare("snip", "own_norms", result, metrics="kendall")
    assert [pair.at for pair in pairs.pairs] == ["0", "15"]
    assert pairs.to_dataframe()["metric"].unique().tolist() == ["kendall"]
    first, *_ = pb.compare("snip", "own_norms@0", board).pairs
    assert re.fullmatch(r"<Summary: \S+ \[\S+, \S+\] of 4 networks>", repr(first.difference))
    first.difference.per_seed.clear()  # whoever asks has numbers of their own
    assert not {first} & set(pb.compare("snip", "own_norms@0", board).pairs)
    assert all(pair.difference.mean == 0 for pair in pb.compare(board, result).pairs)
    ranked = []
    for row in result.document.rows:
        metrics = {path: found for path, found in row.metrics.items() if len(path) < 3}
        ranked.append(replace(row, source="other", metrics=metrics, reads_labels=UNSET))
    other = dataclasses.replace(result, document=replace(result.document, rows=ranked))
    with pytest.warns(UserWarning, match=r"no longer on .*: labels of .*; prune_final of "):
        other.save(tmp_path)
    with pytest.raises(pb.RequestError, match="no such file"):
        pb.read_board(tmp_path / "none.json")
    with pytest.raises(pb.RequestError, match="two boards alone"):
        pb.compare(board, "snip")


def test_a_scorer_that_fails_is_a_row_and_a_line_of_the_table(task: pb.Task, recipe: pb.Recipe) -> None:
    class Broken(pb.Scorer):
        name = "broken"

        def score(self, snapshot: pb.Snapshot):
            raise ValueError("<b>out of ideas</b>")

    found = pb.run_benchmark(task, recipe, [Broken, "magnitude"], 0, 2, "rank", device="cpu", quiet=True)
    frame = found.to_dataframe()
    assert frame[frame.scorer == "broken"].status.tolist() == ["failed"] * 2
    assert "&lt;b&gt;out of ideas" in found._repr_html_()


def test_a_class_that_is_no_scorer_of_its_own(task: pb.Task, recipe: pb.Recipe) -> None:
    with pytest.raises(pb.RequestError, match="scorers: got "):
        pb.run_benchmark(task, recipe, [pb.Scorer], seeds=2, quiet=True)


def test_a_scorer_without_scores_is_refused_before_any_training(task: pb.Task, recipe: pb.Recipe) -> None:
    class Empty(pb.Scorer):
        name = "empty"

    for scorer in (Empty, Empty()):
        with pytest.raises(
            pb.RequestError, match=r"scorers: got .*; Empty overrides neither score nor score_n"
        ):
            pb.run_benchmark(task, recipe, scorer, seeds=2, quiet=True)


@pytest.mark.parametrize("name", ["all", "reinitialised", "random", "oracle", "snip"])
def test_names_that_stand_for_something_else_are_refused(
    name: str, task: pb.Task, recipe: pb.Recipe, run: pb.Trajectory
) -> None:
    class Named(pb.Scorer):
        def score(self, snapshot: pb.Snapshot):
            return snapshot.networks.norms()

    Named.name = name
    for scorer in (Named, Named()):
        with pytest.raises(pb.RequestError, match=rf"scorers: got .*'{name}'.*; rename it"):
            pb.run_benchmark(task, recipe, scorer, seeds=2, quiet=True)
    with pytest.raises(pb.RequestError, match="rename"):
        pb.evaluate({name: run.final.norms()}, run, at_step=15)
    assert REINITIALISED in SCORERS.reserved
    own = type(pb.load_scorer("snip"))
    assert pb.run_benchmark(task, recipe, own, 0, 2, "rank", device="cpu", quiet=True).document.rows


def test_what_is_shown_is_one_line(result: pb.Result, task: pb.Task, recipe: pb.Recipe) -> None:
    run = pb.train(task, recipe, seeds=2, snapshot_steps=[15], device="cpu")
    parts = [run, run.final, run.final.architecture, run.final.layers[0], run.snapshot(15), run.history]
    shown = [task, recipe, *parts, run.states[15], Norms(), result, result.board(), result.document]
    for each in [*shown, result.document.rows[0], pb.compare("snip", "own_norms", result), result.plot()]:
        assert "\n" not in repr(each)
        assert len(repr(each)) < 200
        assert type(each).__name__ in repr(each)
    assert repr(recipe).startswith("Recipe(width=16")
    assert eval(repr(recipe), {"Recipe": pb.Recipe}) == recipe


def test_a_step_that_was_not_kept_is_named(run: pb.Trajectory) -> None:
    with pytest.raises(pb.RequestError, match=r"step: got 5; the steps that were kept .*: 0, 15, 120"):
        run.snapshot(5)


def test_a_number_of_seeds_may_be_numpys(task: pb.Task, recipe: pb.Recipe) -> None:
    assert pb.train(task, recipe, seeds=np.int64(2), device="cpu").seeds == (0, 1)
    with pytest.raises(pb.RequestError, match=r"seeds: got .*2\.0"):
        pb.train(task, recipe, seeds=np.float64(2), device="cpu")  # type: ignore[arg-type]


def test_a_boards_frame_has_the_newest_trainings_numbers_at_its_own_seeds(
    task: pb.Task, recipe: pb.Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dense accuracies of both are equal, as where they saturate; the losses are not."""
    for scorer, seeds in (("alignment", (0, 1, 2)), ("snip", (0, 3, 4))):
        made = environment("cpu") | {"utc": f"2026-01-01 00:00:0{seeds[1]}"}
        monkeypatch.setattr(run, "environment", lambda device, made=made: made)
        newest = pb.run_benchmark(task, recipe, scorer, 15, seeds, "rank", quiet=True)
        newest.save(tmp_path)
    frame = pb.boards(tmp_path)[0].to_dataframe()
    losses = frame[frame.metric == "train_loss"].set_index("seed").value
    wanted = newest.to_dataframe().query("metric == 'train_loss'").set_index("seed").value
    assert losses.to_dict() == wanted.to_dict()
    assert {*losses.index} == {0, 3, 4}


def test_nobody_has_counted_what_scores_of_elsewhere_took(task: pb.Task, recipe: pb.Recipe) -> None:
    run = pb.train(task, recipe, seeds=3, snapshot_steps=[15], device="cpu")
    scores = {"mine": run.final.norms(), "half": run.final.norms().bfloat16()}
    board = pb.evaluate(scores, run, protocols="rank").board()
    shares = {row.scorer: board.share_of_training(row) for row in board.rows}
    assert shares["mine"] is None
    assert shares["half"] is None
    assert shares["random"] == pytest.approx(15 / recipe.steps)
    with pytest.raises(pb.RequestError, match="protocols: got 'labels'"):
        pb.evaluate(run.final.norms(), run, protocols="labels")


def test_what_was_made_in_python_has_no_command(task: pb.Task, recipe: pb.Recipe) -> None:
    """A line that cannot be run is none."""
    named = pb.load_task("digits", classes="0/1", samples=40)
    run = pb.train(named, recipe, seeds=3, snapshot_steps=[15], device="cpu")
    commands = {
        row.scorer: row.command
        for row in (
            *pb.evaluate({"mine": run.final.norms()}, run, protocols="rank").board().rows,
            *pb.run_benchmark(named, recipe, [Norms, "snip"], 15, 2, "rank", quiet=True).board().rows,
        )
    }
    assert {name for name, command in commands.items() if command is None} == {"mine", "own_norms"}
    assert str(commands["snip"]).startswith("prunebench run --dataset digits")


def test_a_tasks_own_numbers_are_recorded_whatever_its_source_says(task: pb.Task, recipe: pb.Recipe) -> None:
    source = {"dataset": "hospital", "samples": "many", "fingerprint": "abc", "inputs": 3, "ward": (1, 2)}
    own = pb.Task(task.x_train, task.y_train, task.x_test, task.y_test, name="mine", source=source)
    board = pb.run_benchmark(own, recipe, "snip", 0, 2, "rank", quiet=True).board()
    record = board.task.record
    assert (board.task.samples, board.task.fingerprint) == (own.samples, own.fingerprint)
    assert (record["inputs"], record["dataset"], record["ward"]) == (own.inputs, "hospital", [1, 2])
    assert {row.command for row in board.rows} == {None}


def test_the_frame_and_the_export_of_layered_networks_have_one_name_for_a_thing(
    task: pb.Task, tmp_path: Path
) -> None:
    recipe = pb.Recipe(network="mlp[widths=6-5]", steps=30, batch_size=4)
    settings: dict[str, Any] = {"keep": 0.5, "finetune_steps": 5, "store": tmp_path, "quiet": True}
    result = pb.run_benchmark(task, recipe, "snip", 0, 2, ("rank", "finetune"), **settings)
    with Store(tmp_path, read_only=True) as store:
        table = ResultTable(store)
        export = pd.DataFrame(list(table), columns=list(table.columns))
    names = ["protocol", "metric"]
    frame = result.to_dataframe().query("metric not in ('initial_loss', 'train_loss')")
    assert {*frame[names].itertuples(index=False, name=None)} == {
        *export[names].itertuples(index=False, name=None)
    }
    assert {*frame.protocol} == {"rank", "finetune", "dense"}
    assert {*export.settings.dropna()} == {"steps=5"}
