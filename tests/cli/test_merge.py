import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from in_process import Prunebench

from prunebench.benchmark.audit import audit
from prunebench.benchmark.stored_network import NotHere, same_scorer
from prunebench.scoring.registry import load_scorer
from prunebench.store.records import Key
from prunebench.store.store import Store
from prunebench.store.tables import NetworkRow, ResultRow, ScoringRow, TableRow, TrainingRow, equal

SCORED = ("--at-step", "20", "--keep", "0.5", "--quiet")


@pytest.fixture
def stores(quick: Prunebench, folder: Path, npz: Path) -> None:
    """Two stores of the same training: seeds 0-1 here, 1-2 there; the data lie beside them."""
    (folder / "toy.npz").write_bytes(npz.read_bytes())
    quick(*SCORED, "--seeds", "0,1", "--store", "mine")
    quick(*SCORED, "--seeds", "1,2", "--store", "theirs", "--scorer", "snip", "--scorer", "alignment")


def forge(value: float, metric: str = "spearman", protocol: str = "rank", scorer: str = "snip") -> None:
    """Change a result in `theirs`."""
    with Store(Path("theirs")) as store:
        of = "scoring IN (SELECT id FROM scorings WHERE scorer = ? AND seed = 2) AND protocol = ?"
        ((row, _),) = store.read(ResultRow, of, [scorer, protocol])
        rewrite(store, row, metrics=json.dumps(json.loads(row.metrics) | {metric: [value]}))


def rewrite(store: Store, row: TableRow, **columns: Any) -> None:
    """Change a row and compute its checksum anew, as a forger would."""
    new, owner = msgspec.structs.replace(row, **columns), ()
    if isinstance(new, ResultRow):
        ((scoring, _),) = store.read(ScoringRow, "id = ?", [new.scoring])
        owner = scoring.names
    changed = ", ".join(f"{name} = ?" for name in columns)
    with store.writing() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute(
            f"UPDATE {row.table} SET {changed}, checksum = ? WHERE {equal(row.key)}",
            [*columns.values(), new.digest(*owner), *row.named],
        )


def test_what_is_missing_is_taken_over_and_used(
    prunebench: Prunebench, quick: Prunebench, stores: None
) -> None:
    result = prunebench("merge", "theirs", "--store", "mine", "--audit", "1")
    assert (result.code, result.err) == (0, "")
    with Store(Path("theirs"), read_only=True) as theirs:
        ((count,),) = theirs.rows("SELECT count(*) FROM results")
    assert f"audit: {count} results measured again and found equal\n" in result.out
    assert "audit: 8 scores of networks computed again and found equal\n" in result.out
    assert "taken over: 2 networks" in result.out
    again = prunebench("merge", "theirs", "--store", "mine")
    assert again.out == f"taken over: 0 networks, 0 results; here already: {count} results\n"
    plan = quick(*SCORED[:-1], "--seeds", "3", "--store", "mine", "--dry-run").err
    assert "to compute: 0" in plan


def test_an_audit_finds_forged_numbers_and_takes_nothing(prunebench: Prunebench, stores: None) -> None:
    forge(0.99)
    with Store(Path("mine"), read_only=True) as mine:
        before = mine.rows("SELECT count(*) FROM results")
    result = prunebench("merge", "theirs", "--store", "mine", "--audit", "1")
    assert result.code == 1
    assert "other numbers when computed again: rank of snip at step 20, seed 2, of training" in result.out
    assert result.err == "nothing was taken over\n"
    with Store(Path("mine"), read_only=True) as mine:
        assert mine.rows("SELECT count(*) FROM results") == before


def test_an_audit_trains_again_what_was_trained(quick: Prunebench, stores: None) -> None:
    asked = ("--protocol", "prune_early,finetune", "--finetune-steps", "9", "--scorer", "snip")
    assert quick(*SCORED, *asked, "--seeds", "1,2", "--store", "theirs").code == 0
    with Store(Path("theirs"), read_only=True) as theirs:
        ((count,),) = theirs.rows("SELECT count(*) FROM results")
        honest = audit(theirs, 1.0, load_scorer)
    assert (honest.checked, honest.differing) == (count, [])
    forge(0.123, "accuracy/prune_early/0.5", "prune_early")
    forge(0.123, "accuracy/finetune/0.5", "finetune[steps=9]")
    forge(0.123, "accuracy/reinitialised/0.5", "prune_early", "reinitialised")
    with Store(Path("theirs"), read_only=True) as theirs:
        differing = audit(theirs, 1.0, load_scorer).differing
    assert sorted(name.partition(" at")[0] for name in differing) == [
        "finetune[steps=9] 0.5 of snip",
        "prune_early 0.5 of reinitialised",
        "prune_early 0.5 of snip",
    ]


def test_an_audit_ends_trainings_at_their_loss(quick: Prunebench, folder: Path, npz: Path) -> None:
    (folder / "toy.npz").write_bytes(npz.read_bytes())
    asked = ("--until-loss", "0.5", "--protocol", "prune_early", "--seeds", "1", "--store", "theirs")
    assert quick(*SCORED, *asked).code == 0
    with Store(Path("theirs"), read_only=True) as theirs:
        (network,) = (row for row, _ in theirs.read(NetworkRow, "step = -1"))
        ((count,),) = theirs.rows("SELECT count(*) FROM results")
        found = audit(theirs, 1.0, load_scorer)
    assert 20 < network.trained.gradient_steps < 120
    assert (found.checked, found.differing, found.unchecked) == (count, [], {})


FACTOR = """
from pathlib import Path
import prunebench as pb

class Factor(pb.Scorer):
    name = "factor"
    def score(self, snapshot):
        return snapshot.networks.norms() * float(Path("FOLDER", "factor").read_text())
"""


@pytest.mark.parametrize("factor", ["1", "-1", None])
def test_an_audit_asks_scorers_again_who_may_have_looked_elsewhere(
    quick: Prunebench, prunebench: Prunebench, stores: None, folder: Path, factor: str | None
) -> None:
    (folder / "factor.py").write_text(FACTOR.replace("FOLDER", str(folder)))
    (folder / "factor").write_text("1")
    mine = ("--plugin", "factor.py")
    assert quick(*SCORED, *mine, "--scorer", "factor", "--seeds", "1", "--store", "theirs").code == 0
    if factor is None:
        (folder / "factor").unlink()
    else:
        (folder / "factor").write_text(factor)
    unknown = prunebench("merge", "theirs", "--store", "mine", "--audit", "1")
    assert "audit: 1 not computed again: scores of factor, which is not here (--plugin)" in unknown.out
    result = prunebench("merge", "theirs", "--store", "other", "--audit", "1", *mine)
    assert result.code == (0 if factor == "1" else 1)
    other = {"1": "", "-1": ": other scores for 100% of the neurons", None: ": FileNotFoundError: "}[factor]
    named = "audit: other numbers when computed again: scores of factor at step 20, seed 0, of training"
    assert (named in result.out) is (factor != "1")
    assert other in result.out


OWN_NETWORK = """
import prunebench as pb
from torch import nn

class Net(pb.Network):
    name = "my_lenet"
    def build(self, shape, outputs):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, outputs))
"""


def test_an_audit_finds_networks_in_files_by_plugin(prunebench: Prunebench, folder: Path, npz: Path) -> None:
    (folder / "toy.npz").write_bytes(npz.read_bytes())
    (folder / "mine.py").write_text(OWN_NETWORK)
    data = ("--dataset", "toy.npz", "--samples", "40", "--steps", "20", "--seeds", "1")
    asked = (*data, "--network", "mine.py:Net", "--scorer", "snip", "--protocol", "rank")
    assert prunebench("run", *SCORED, *asked, "--store", "theirs").code == 0
    merge = ("merge", "theirs", "--store", "other", "--audit", "1")
    unknown = prunebench(*merge).out
    assert "its network my_lenet is not here (--plugin)" in unknown
    assert "did you mean" not in unknown
    assert "audit: 0 results measured again" in unknown
    known = prunebench(*merge, "--plugin", "mine.py").out
    assert "audit: 0 results" not in known
    assert "not computed again" not in known


TELLS_SIGNS = """
import os
import prunebench as pb

class TellsSigns(pb.Scorer):
    name = "tells_signs"
    def score(self, snapshot):
        return snapshot.networks.norms()
    def signs(self, snapshot):
        factor = os.environ["SIGNS"]
        return None if factor == "none" else snapshot.networks.norms() * float(factor)
"""


@pytest.mark.parametrize(
    ("kept", "again", "found"),
    [
        ("1", "3", None),
        ("none", "none", None),
        ("1", "-1", "other predicted signs for 100% of the neurons"),
        ("1", "none", "no predicted signs"),
        ("none", "1", "predicted signs, which it had not"),
    ],
)
def test_an_audit_asks_for_predicted_signs_again(
    quick: Prunebench,
    folder: Path,
    npz: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: str,
    again: str,
    found: str | None,
) -> None:
    (folder / "toy.npz").write_bytes(npz.read_bytes())
    (folder / "tells_signs.py").write_text(TELLS_SIGNS)
    monkeypatch.setenv("SIGNS", kept)
    asked = ("--plugin", "tells_signs.py", "--scorer", "tells_signs", "--seeds", "1", "--protocol", "rank")
    assert quick(*SCORED, *asked, "--store", "theirs").code == 0
    monkeypatch.setenv("SIGNS", again)
    with Store(Path("theirs"), read_only=True) as theirs:
        differing = audit(theirs, 1.0, load=partial(load_scorer, files=["tells_signs.py"])).differing
    assert [name.rpartition(": ")[2] for name in differing] == ([] if found is None else [found])


def test_a_store_names_no_file_that_an_audit_runs(folder: Path) -> None:
    (folder / "evil.py").write_text("open('run', 'w')")
    with pytest.raises(NotHere, match="which is not here"):
        same_scorer(Key(20, f"{folder}/evil.py:Evil", "1", "0"), load_scorer)
    assert not (folder / "run").exists()


def test_an_audit_computes_a_sample_of_the_results(stores: None) -> None:
    with Store(Path("theirs"), read_only=True) as theirs:
        some = audit(theirs, 0.2, load_scorer)
        ((count,),) = theirs.rows("SELECT count(*) FROM results")
    assert some.checked == -(-count // 5)
    assert not some.differing
    assert not some.unchecked.keys() - {"scores of scorers that train"}  # the twin's


def test_what_cannot_be_audited_is_said(prunebench: Prunebench, stores: None, folder: Path) -> None:
    (folder / "toy.npz").unlink()
    result = prunebench("merge", "theirs", "--store", "mine", "--audit", "1")
    assert result.code == 0
    assert "audit: 0 results measured again" in result.out
    assert "there is no such file or folder" in result.out


NOT_HERE = "{!r}, which is not measured here"
NOT_WRITTEN = "results that are not what was written"
# What a store of a later version, or of anybody, may have in the place of what is here now.
ODD: list[tuple[type[TableRow], str, dict[str, Any], str]] = [
    (ResultRow, "protocol = 'rank'", {"protocol": "novel"}, NOT_HERE.format("novel")),
    (ResultRow, "protocol = 'merge'", {"protocol": "finetune[steps=9999999]"}, "9999999] 0.5', which is not"),
    (ResultRow, "protocol = 'merge'", {"keep": "7"}, NOT_HERE.format("merge 7")),
    (ResultRow, "protocol = 'merge'", {"keep": "half"}, NOT_WRITTEN),
    (ResultRow, "protocol = 'rank'", {"protocol": b"\xff"}, NOT_WRITTEN),
    (ScoringRow, "scorer = 'snip'", {"scores": b"odd"}, NOT_WRITTEN),
    (ScoringRow, "scorer = 'snip'", {"scores": bytes(8)}, "results without their scores"),
    (NetworkRow, "step = -1", {"curves": "[]"}, "their networks are lacking"),
    (NetworkRow, "step = -1", {"sha256": "../" * 21 + "a"}, "their networks are lacking"),
    (TrainingRow, "1", {"task": "[]"}, "the record of its task and recipe is not what was written"),
    (TrainingRow, "1", {"recipe": '{"width": "wide"}'}, "the record of its task and recipe is not what was"),
]


def test_an_audit_says_of_odd_rows_that_they_were_not_computed_again(quick: Prunebench, stores: None) -> None:
    """None of them ends it, and none of them is a number that differs."""
    asked = ("--protocol", "finetune", "--finetune-steps", "5", "--seeds", "1,2")
    assert quick(*SCORED, *asked, "--store", "theirs").code == 0
    for kind, where, columns, said in ODD:
        shutil.rmtree("odd", ignore_errors=True)
        shutil.copytree("theirs", "odd")
        with Store(Path("odd")) as odd:
            row, _ = next(odd.read(kind, where))
            rewrite(odd, row, **columns)
            found = audit(odd, 1.0, load_scorer)
        assert any(said in reason for reason in found.unchecked), (columns, found.unchecked)
        assert found.differing == [], columns


def test_other_numbers_are_named_and_mine_stay(prunebench: Prunebench, stores: None) -> None:
    prunebench("merge", "theirs", "--store", "mine")
    forge(0.98765)
    result = prunebench("merge", "theirs", "--store", "mine")
    assert "here with other numbers, which stay: rank of snip at step 20, seed 2" in result.out
    rows: Any = prunebench("export", "--format", "json", "--store", "mine").json
    assert 0.98765 not in [row["value"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nowhere",), "OTHER: got 'nowhere'"),
        (("mine", "--store", "mine"), "OTHER: got 'mine'"),
        (("mine", "--audit", "2"), "--audit: got 2.0"),
        (("mine", "--store", "other", "--plugin", "factor.py"), "--plugin: got 'factor.py'"),
    ],
)
def test_a_wrong_request_is_named(
    prunebench: Prunebench, folder: Path, arguments: tuple[str, ...], named: str
) -> None:
    Store(folder / "mine").close()
    result = prunebench("merge", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert named in result.err
    assert not (folder / ".prunebench").exists()
