"""A stranger's scorer, from a package of its own to somebody else's boards."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from in_process import Prunebench
from studies import small_study

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.errors import PrunebenchError
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import add_to_folder
from prunebench.store.files import write_atomically
from prunebench.store.identity import digest
from prunebench.store.store import Store
from prunebench.submission.accept import check_out
from prunebench.submission.records import unlike_records

SCORER = """
import prunebench as pb

class Stranger(pb.Scorer):
    name = "stranger"
    def score(self, snapshot):
        return snapshot.networks.norms() * SCALE
"""
OURS = "leaderboards"


@pytest.fixture
def study(folder: Path, npz: Path, prunebench: Prunebench) -> Path:
    """A study whose boards are published; its data lie in the working folder."""
    (folder / "toy.npz").write_bytes(npz.read_bytes())
    path = folder / "study.toml"
    path.write_text(small_study(dataset="toy.npz"))
    assert prunebench("sweep", path, "--out", OURS, "--store", "ours").code == 0
    return path


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the scorer, as pip would have installed it."""
    site = folder / "site"
    about = site / "stranger_scorer-1.2.dist-info"
    about.mkdir(parents=True)
    (site / "stranger_scorer.py").write_text(SCORER.replace("SCALE", "2"))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-scorer\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text("[prunebench.scorers]\nstranger = stranger_scorer:Stranger\n")
    monkeypatch.syspath_prepend(site)


def hand_in(prunebench: Prunebench, study: Path, *plugin: str) -> Path:
    """As its author does; nothing of the author's is left but the folder."""
    assert prunebench("sweep", study, "--scorer", "stranger", *plugin).code == 0
    made = prunebench("submit", "stranger", "handed_in", *plugin)
    assert made.code == 0, made.err
    assert "handed_in: stranger on 2 boards" in made.out
    assert "computed again and equal: 4 results, 2 scores" in made.out
    shutil.rmtree(".prunebench")
    return study.parent / "handed_in"


@pytest.fixture
def in_a_file(folder: Path, study: Path, prunebench: Prunebench) -> Path:
    (folder / "stranger.py").write_text(SCORER.replace("SCALE", "2"))
    made = hand_in(prunebench, study, "--plugin", "stranger.py")
    (folder / "stranger.py").unlink()
    return made


def rows(folder: Path) -> list[Any]:
    return [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())["rows"]]


@pytest.mark.usefixtures("package")
def test_a_package_of_a_strangers_is_submitted_audited_and_merged(
    prunebench: Prunebench, study: Path, folder: Path
) -> None:
    submission = hand_in(prunebench, study)
    record = json.loads((submission / "submission.json").read_text())
    assert record["scorer"] == "stranger"
    assert record["origin"] == "stranger-scorer 1.2"
    assert {check["status"] for check in record["checks"]} <= {"passed", "reported", "skipped"}
    assert record["audit"]["differing"] == []
    before = rows(folder / OURS)
    for out in ("nowhere", "site"):  # and one without such boards
        lost = prunebench("merge", submission, "--out", out)
        assert (lost.code, lost.out) == (2, "")
        assert f"--out: got '{out}'; a folder with one of the submission's boards" in lost.err
        assert len(lost.err.splitlines()) == 1
    assert not (folder / "nowhere").exists()
    merged = prunebench("merge", submission, "--out", OURS, "--store", "ours")
    assert merged.code == 0, merged.err
    assert "audit: 4 results measured again and found equal" in merged.out
    assert "audit: 2 scores of networks computed again and found equal" in merged.out
    assert "2 rows of stranger (stranger-scorer 1.2) on boards in leaderboards" in merged.out
    after = rows(folder / OURS)
    assert [row for row in after if row["scorer"] != "stranger"] == before
    assert [row["scorer"] for row in after].count("stranger") == 2
    assert json.loads((folder / OURS / "submissions" / "stranger" / "submission.json").read_text()) == record
    assert "stranger" in (folder / OURS / f"{record_name(record)}.md").read_text()
    assert prunebench("leaderboard", "--out", OURS).code == 0
    again = prunebench("merge", submission, "--out", OURS)
    assert "in place of earlier ones: 2" in again.out


def record_name(record: dict[str, Any]) -> str:
    return next(Path(name).stem for name in record["files"] if name.startswith("boards/"))


def forge(submission: Path, name: str, content: str) -> None:
    """Change a file and its hash in the record, as a forger would."""
    write_atomically(submission / name, content)
    record = json.loads((submission / "submission.json").read_text())
    record["files"][name] = digest(content.encode())
    (submission / "submission.json").write_text(json.dumps(record))


def test_what_was_changed_in_a_file_or_a_board_is_found(
    prunebench: Prunebench, in_a_file: Path, folder: Path
) -> None:
    submission = in_a_file
    before = rows(folder / OURS)
    (board, *_) = (submission / "boards").iterdir()
    whole, name = board.read_text(), f"boards/{board.name}"

    def refused(line: str) -> None:
        result = prunebench("merge", submission, "--out", OURS)
        assert (result.code, line in result.err) == (1, True), result

    content = json.loads(whole)
    content["rows"][0]["spearman"]["per_seed"][0] = 1.0
    board.write_text(json.dumps(content))
    refused(f"'{name}' is not what was submitted")
    forge(submission, name, json.dumps(content))
    refused("1 metrics are not what its records say, as spearman of stranger at step 10 on")
    other = json.loads(whole)
    other["rows"][0] |= {"scorer": "snip", "name": "snip"}
    forge(submission, name, json.dumps(other))
    refused("a row of snip, not of stranger")
    forge(submission, name, whole)
    forge(submission, "stranger.py", SCORER.replace("SCALE", "3"))
    refused("the rows of stranger were made by other code than came along or is here")
    forge(submission, "stranger.py", SCORER.replace("SCALE", "2"))
    record = json.loads((submission / "submission.json").read_text())
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n{SCORER}")
    for specs in ([], ["snip"], ["stranger", "evil.py:Stranger"]):
        (submission / "submission.json").write_text(json.dumps(record | {"specs": specs}))
        refused("submission.json has other specs than the rows")
    assert not (folder / "ran").exists()
    (submission / "submission.json").write_text(json.dumps(record))
    assert rows(folder / OURS) == before
    merged = prunebench("merge", submission, "--out", OURS)
    assert "2 rows of stranger (stranger.py) on boards in leaderboards" in merged.out, merged
    kept = folder / OURS / "submissions" / "stranger"
    assert {path.name for path in kept.iterdir()} == {"submission.json", "stranger.py"}
    record = json.loads((submission / "submission.json").read_text())
    record["files"]["../study.toml"] = digest((folder / "study.toml").read_bytes())
    (submission / "submission.json").write_text(json.dumps(record))
    refused("'../study.toml' is not what was submitted")


def test_what_cannot_be_submitted_is_said(prunebench: Prunebench, study: Path, folder: Path) -> None:
    assert prunebench("sweep", study, "--scorer", "snip").code == 0
    own = prunebench("submit", "snip", "handed_in")
    assert (own.code, "this one comes with prunebench" in own.err) == (2, True)
    assert prunebench("submit", "nobody", "handed_in").code == 2
    (folder / "stranger.py").write_text(SCORER.replace("SCALE", "2"))
    plugin = ("--plugin", "stranger.py")
    assert prunebench("sweep", study, "--scorer", "stranger", *plugin).code == 0
    (folder / "strange r.py").write_text(SCORER.replace("SCALE", "2"))
    spaced = prunebench("submit", "stranger", "handed_in", "--plugin", "strange r.py")
    assert (spaced.code, "--plugin: got 'strange r.py'; a file whose name" in spaced.err) == (2, True)
    assert not (folder / "handed_in").exists()
    (folder / "stranger.py").write_text(SCORER.replace("SCALE", "3"))
    changed = prunebench("submit", "stranger", "handed_in", *plugin)
    assert (changed.code, "its code was changed since" in changed.err) == (1, True)
    full = prunebench("submit", "stranger", ".", *plugin)
    assert (full.code, "a new or empty folder is needed" in full.err) == (2, True)


def test_rows_are_compared_with_results_of_their_own_settings(tmp_path: Path) -> None:
    """A store may have a protocol with several."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((80, 1, 12, 12), generator=draw), torch.arange(80) % 3
    task = pb.Task(x[:20], y[:20], x[20:], y[20:], name="pictures")
    network = pb.load_network("resnet[depth=8,width=0.25]")
    recipe = pb.Recipe(network=network, learning_rate=0.05, batch_size=8, steps=20)
    scorers = [pb.load_scorer("magnitude")]
    first = Plan(task, recipe, scorers, (5,), (0, 1), ("prune_final", "finetune"), (0.5,), 4, device="cpu")
    plans = [first, replace(first, finetune_steps=15), replace(first, recalibrate=False)]
    with Store(tmp_path / "store") as store:
        boards = [Board.of(run_plan(plan, store=store)) for plan in plans]
        for board in boards:
            assert unlike_records(board, store) == []
            (row,) = (row for row in board.rows if row.scorer == "magnitude")
            for claim in ({"finetune_steps": 5}, {"recalibrated": not row.recalibrated}, {"evaluator": "0"}):
                claimed = msgspec.structs.replace(board, rows=[msgspec.structs.replace(row, **claim)])
                assert unlike_records(claimed, store) != []


def test_rows_join_no_networks_that_were_trained_for_other_steps(tmp_path: Path) -> None:
    """With `until_loss`, other seeds end elsewhere; nothing is written."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((60, 12), generator=draw), torch.arange(60) % 2
    recipe = pb.Recipe(width=10, init_std=0.1, learning_rate=0.1, batch_size=4, steps=400, until_loss=0.4)
    task, scorers = pb.Task(x[:20], y[:20], x[20:], y[20:], name="points"), [pb.load_scorer("snip")]
    ours = run_plan(Plan(task, recipe, scorers, (5,), (0,), ("rank",), device="cpu"))
    longer = msgspec.structs.replace(ours.training, gradient_steps=350)
    theirs = msgspec.structs.replace(ours, training=longer)
    (tmp_path / "boards").mkdir()
    add_to_folder(ours, tmp_path / "boards")
    before = {file: file.read_bytes() for file in (tmp_path / "boards").iterdir()}
    with pytest.raises(PrunebenchError, match=r"of networks trained for \d+ steps, here for \d+"):
        check_out([Board.of(theirs)], tmp_path / "boards")
    assert before == {file: file.read_bytes() for file in (tmp_path / "boards").iterdir()}
