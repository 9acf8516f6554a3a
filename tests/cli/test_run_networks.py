"""`--network` on the command line: what is trained is kept, found, exported and named everywhere."""

import shlex
from pathlib import Path

import pytest
from in_process import Prunebench
from layered import TINY_FILE

import prunebench as pb
from prunebench.plugin.record import PluginRecord
from prunebench.training.bundle import read_bundle
from prunebench.training.initial import initialise

FILE = (
    TINY_FILE
    + """
class Mine(pb.Scorer):
    name = "mine"

    def score(self, snapshot):
        assert snapshot.networks.to_module(0)  # in a process that has loaded the network, too
        return snapshot.networks.norms("incoming")
"""
)
TINY = (
    *("--dataset", "digits", "--classes", "0/1/2", "--samples", "60", "--network", "tiny.py:Tiny[width=5]"),
    *("--scale", "0.5", "--steps", "40", "--seeds", "2"),
)
RUN = ("run", *TINY, "--plugin", "tiny.py", "--scorer", "mine", "--at-step", "10", "--protocol", "rank")


def test_a_network_in_a_file_from_training_to_its_board(
    prunebench: Prunebench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tiny.py").write_text(FILE)
    monkeypatch.setattr("sys.argv", ["prunebench", *RUN])  # it is recorded
    first = prunebench(*RUN, "--json")
    assert first.code == 0, first.err
    document = first.json
    network = document["recipe"]["network"]
    assert network == PluginRecord.of(pb.load_network("tiny.py:Tiny[width=5]")).content
    assert network["spec"] == "tiny[width=5]"
    assert (document["recipe"]["scale"], document["task"]["shape"]) == (0.5, [1, 8, 8])
    (mine,) = (row for row in document["rows"] if row["scorer"] == "mine")
    assert mine["status"] == "ok", mine["error"]
    (board,) = (folder / ".prunebench" / "leaderboards").glob("digits_n60_tiny-width-5_*.md")
    assert (
        "tiny[width=5], learning rate 0.01, momentum 0.9, batch 16, 40 steps, scale 0.5" in board.read_text()
    )

    again = prunebench(*RUN, "--json")
    assert "train" not in again.err
    assert again.json["rows"][0]["spearman"] == document["rows"][0]["spearman"]

    # The command that the board gives is this run again.
    command = prunebench("run", *shlex.split(_command(board.with_suffix(".json")))[2:], "--json")
    assert command.code == 0, command.err
    assert "train" not in command.err
    assert command.json["recipe"] == document["recipe"]


def _command(board: Path) -> str:
    from prunebench.leaderboard.board import Board

    (mine,) = (row for row in Board.read(board).rows if row.scorer == "mine")
    assert mine.command is not None
    assert "--network 'tiny.py:Tiny[width=5]' --scale 0.5" in mine.command
    return mine.command


def test_a_snapshot_and_the_results_of_other_networks_are_exported(
    prunebench: Prunebench, folder: Path
) -> None:
    (folder / "tiny.py").write_text(FILE)
    made = prunebench("export", "--snapshot", *TINY, "--at-step", "10", "--out", "snapshot.safetensors")
    assert made.code == 0, made.err
    snapshot = read_bundle(Path("snapshot.safetensors"), files=["tiny.py"])
    assert [layer.units for layer in snapshot.networks.layers] == [5, 6]
    start = initialise(snapshot.recipe, snapshot.task.shape, (0, 1), outputs=3)
    assert all((start[name] == tensor).all() for name, tensor in snapshot.initial.tensors.items())

    assert prunebench(*RUN).code == 0
    rows = prunebench("export", "--format", "json").json
    assert {row["recipe_network"] for row in rows} == {"tiny[width=5]"}
    assert {row["recipe_network_version"] for row in rows} == {"1"}
    assert all(row["recipe_network_source"] for row in rows)


def test_the_recipes_other_options_reach_the_training(prunebench: Prunebench) -> None:
    options = ("--init", "xavier", "--weight-decay", "0.01", "--schedule", "cosine", "--optimizer", "adam")
    task = ("--dataset", "digits", "--samples", "40", "--network", "mlp[widths=6-4]", "--steps", "30")
    asked = ("--scorer", "snip", "--at-step", "5", "--seeds", "2", "--protocol", "rank")
    plain, other = (prunebench("run", *task, *asked, *more, "--json") for more in ((), options))
    assert (plain.code, other.code) == (0, 0), other.err
    said = {"init": "xavier", "weight_decay": 0.01, "schedule": "cosine", "optimizer": "adam"}
    assert other.json["recipe"] == plain.json["recipe"] | said
    losses = [result.json["training"]["train_loss"]["per_seed"] for result in (plain, other)]
    assert losses[0] != losses[1]


def test_what_a_network_prints_is_no_result(prunebench: Prunebench, folder: Path) -> None:
    """Neither here nor in a worker process."""
    code = "print('imported')\n" + FILE.replace("hidden =", "print('built'); hidden =")
    (folder / "loud.py").write_text(code.replace('name = "tiny"', 'name = "loud"'))
    (folder / "study.toml").write_text(
        '[task]\ndataset = "digits"\nclasses = "0/1/2"\nsamples = 60\n[recipe]\nnetwork = "loud"\n'
        'steps = 10\n[run]\nscorers = ["snip"]\nseeds = 2\nat_steps = [0]\nprotocols = ["rank"]\n'
    )
    found = prunebench("sweep", "study.toml", "--plugin", "loud.py", "--json", "--workers", "1")
    assert found.json["failed_jobs"] == 0
    found = prunebench(*(word.replace("tiny", "loud") for word in RUN), "--json")
    assert found.json["rows"]
    assert "built" in found.err
