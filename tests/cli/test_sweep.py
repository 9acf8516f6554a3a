"""`prunebench sweep`, as a user meets it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from studies import small_study

from prunebench.leaderboard.locations import OWN as BOARDS
from prunebench.store.store import Store


@pytest.fixture
def study(folder: Path, npz: Path) -> Path:
    path = folder / "study.toml"
    path.write_text(small_study(dataset=npz))
    return path


def boards(folder: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted((folder / BOARDS).glob("*.json"))]


def test_a_study_from_the_plan_to_the_boards_and_once_more(
    prunebench: Any, study: Path, folder: Path
) -> None:
    plan = prunebench("sweep", study, "--dry-run")
    assert plan.code == 0
    assert plan.err.splitlines()[0] == "width=6: 8 of 8 to compute"
    assert "2 jobs, 2 of them to compute; 0 of 16 results" in plan.err
    assert not (folder / ".prunebench").exists()
    assert not (folder / BOARDS).exists()

    result = prunebench("sweep", study)
    assert result.code == 0, result.err
    assert result.out == ""
    assert "width=6:" in result.err
    assert "(2 of 2)" in result.err
    assert "2 boards in .prunebench/leaderboards changed; failed: 0 jobs, 0 rows of other jobs" in result.err
    assert {row["scorer"] for board in boards(folder) for row in board["rows"]} == {
        "alignment",
        "random",
        "oracle",
    }

    again = prunebench("sweep", study)
    assert again.code == 0
    assert "2 jobs, 0 of them to compute; 16 of 16 results are in the store" in again.err
    assert "0 boards in .prunebench/leaderboards changed" in again.err

    for file in (folder / BOARDS).iterdir():
        file.unlink()
    assert prunebench("sweep", study, "--quiet").err.startswith(
        "2 boards in .prunebench/leaderboards changed"
    )
    assert len(boards(folder)) == 2


def test_tables_that_are_missing_or_stale_are_made_again(prunebench: Any, study: Path) -> None:
    prunebench("sweep", study, "--out", "boards")
    records = sorted(Path("boards").glob("*.json"))
    tables = [record.with_suffix(suffix) for record in records for suffix in (".md", ".csv")]
    whole = [table.read_bytes() for table in tables]
    tables[0].write_text("stale")
    later = records[0].stat().st_mtime + 10
    os.utime(tables[0], (later, later))
    tables[3].unlink()
    again = prunebench("sweep", study, "--out", "boards")
    assert "2 boards in boards changed" in again.err
    assert [table.read_bytes() for table in tables] == whole


def test_what_run_has_computed_a_sweep_need_not(prunebench: Any, study: Path, npz: Path) -> None:
    options = "--samples 40 --width 6 --init-std 0.05 --learning-rate 0.02 --steps 40 --at-step 10 --seeds 2"
    run = prunebench("run", "--dataset", npz, *options.split(), "--protocol", "rank")
    assert run.code == 0, run.err
    plan = prunebench("sweep", study, "--dry-run")
    assert plan.err.splitlines()[:2] == ["width=6: done", "width=8: 8 of 8 to compute"]


def test_a_job_that_fails_is_named_and_the_others_go_on(
    prunebench: Any, study: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prunebench.sweep import attempt

    real = attempt.complete

    def broken(plan: Any, *arguments: Any, **options: Any) -> Any:
        if plan.recipe.width == 6:
            raise OSError("no luck")
        return real(plan, *arguments, **options)

    monkeypatch.setattr(attempt, "complete", broken)
    result = prunebench("sweep", study)
    assert result.code == 1
    assert "width=6: failed: OSError: no luck" in result.err
    assert "failed: 1 job, 0 rows of other jobs" in result.err
    assert len(boards(folder)) == 1


def test_ctrl_c_is_exit_code_130_and_leaves_what_is_done(
    prunebench: Any, study: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prunebench.sweep import attempt

    real = attempt.complete

    def interrupted(plan: Any, *arguments: Any, **options: Any) -> Any:
        if plan.recipe.width == 8:
            raise KeyboardInterrupt
        return real(plan, *arguments, **options)

    monkeypatch.setattr(attempt, "complete", interrupted)
    result = prunebench("sweep", study)
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("prunebench: interrupted; results")
    assert len(boards(folder)) == 1
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert prunebench("sweep", study, "--dry-run").err.splitlines()[0] == "width=6: done"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "2", "--cluster", "tcp://x:1"], ["--workers", "2", "either --workers or --cluster"]),
        (["--workers", "0"], ["--workers", "0"]),
        (["--workers", "many"], ["--workers", "many"]),
        (["--device", "gpu"], ["--device", "gpu"]),
        (["--plugin", "nothing.py"], ["--plugin", "nothing.py"]),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(
    prunebench: Any, study: Path, folder: Path, arguments: list[str], words: list[str]
) -> None:
    result = prunebench("sweep", study, *arguments)
    assert result.code == 2, result.err
    assert len(result.err.strip().splitlines()) == 1
    for word in words:
        assert word in result.err
    assert not (folder / BOARDS).exists()
    assert not (folder / ".prunebench").exists()


@pytest.mark.parametrize(
    ("run", "arguments", "named"),
    [
        ('[run]\nscorers = ["snp"]\n', [], "study.toml scorers: got 'snp'; did you mean 'snip'?"),
        ("", ["--scorer", "snp"], "--scorer: got 'snp'; did you mean 'snip'?"),
        ('[recipe]\nnetwork = "lenett"\n', [], "did you mean 'lenet'? networks: "),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(
    prunebench: Any, folder: Path, run: str, arguments: list[str], named: str
) -> None:
    (folder / "study.toml").write_text(f'{run}[task]\ndataset = "digits"\n')
    result = prunebench("sweep", "study.toml", *arguments)
    assert result.code == 2
    assert named in result.err
    assert ("(in the only job)" in result.err) == ("recipe" in run)


def test_a_scheduler_that_does_not_answer(
    prunebench: Any, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("prunebench.sweep.cluster.CONNECT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        result = prunebench("sweep", study, "--cluster", address)
        assert result.code == 2, result.err
        last = result.err.strip().splitlines()[-1]
        assert last.startswith(f"prunebench: --cluster: got '{address}'; a Dask scheduler that answers")


OWN_SCORER = """
import prunebench as pb

class Mine(pb.Scorer):
    name = "mine"
    def score(self, snapshot):
        return snapshot.networks.norms()
"""


@pytest.fixture
def mine(folder: Path) -> Path:
    (folder / "mine.py").write_text(OWN_SCORER)
    return folder / "mine.py"


def test_ones_own_scorer_joins_the_published_boards_and_nothing_else_is_computed(
    prunebench: Any, study: Path, folder: Path, mine: Path
) -> None:
    study.write_text(study.read_text().replace('["rank"]', '["rank", "prune_early"]'))
    assert prunebench("sweep", study, "--out", "leaderboards", "--store", "theirs").code == 0
    of_study = {(row["scorer"], row["at_step"]) for row in _rows(folder / "leaderboards")}
    asked = ("sweep", study, "--scorer", "mine", "--plugin", mine)
    plan = prunebench(*asked, "--dry-run", "--json")
    assert [job["results"] for job in plan.json] == [4, 4]  # for two seeds: of the network, and of `mine`
    said = prunebench(*asked, "--dry-run").err
    assert re.search(r"where the boards were made, training took \d+ s \(cpu\)", said)
    assert prunebench(*asked).code == 0
    assert {(row["scorer"], row["at_step"]) for row in _rows(folder / BOARDS)} == of_study | {("mine", 10)}
    with Store(folder / ".prunebench", read_only=True) as store:
        assert {scorer for (scorer,) in store.rows("SELECT DISTINCT scorer FROM scorings")} == {"", "mine"}
    published, own = (
        {(row["scorer"], row["at_step"]): row["environment"]["utc"] for row in _rows(folder / where)}
        for where in ("leaderboards", BOARDS)
    )
    assert published.items() <= own.items()
    again = prunebench(*asked)
    assert (again.code, "0 jobs, 0 of them to compute" in again.err) == (0, True), again.err


def test_the_published_study_is_had_by_its_name(
    prunebench: Any, study: Path, folder: Path, mine: Path, npz: Path
) -> None:
    assert prunebench("sweep", study, "--out", "leaderboards", "--store", "theirs").code == 0
    elsewhere = '\n[[grid]]\n[[grid]]\ntask.dataset = "gone.npz"\n'
    (folder / "leaderboards" / "study.toml").write_text(study.read_text() + elsewhere)
    (folder / "leaderboards" / "layered.toml").write_text('[task]\ndataset = "gone.npz"\n')
    plan = prunebench("sweep", "published", "--scorer", "mine", "--plugin", mine, "--dry-run")
    assert plan.code == 0, plan.err
    assert "left out: 3 jobs on gone.npz, which is not here" in plan.err
    assert "2 jobs, 2 of them to compute; 0 of 8 results are in the store; networks to train: 4" in plan.err


def _rows(folder: Path) -> list[Any]:
    return [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())["rows"]]
