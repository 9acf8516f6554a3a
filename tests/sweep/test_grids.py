"""Several grids in one study: each takes from the tables above them what it does not set itself."""

from pathlib import Path

import pytest

import prunebench as pb
from prunebench.sweep.plans import Options, plans_of
from prunebench.sweep.study import Job, read_study

STUDY = """
[task]
dataset = "digits"
samples = 40
[recipe]
width = 8
steps = 30
[run]
scorers = ["alignment", "snip"]
at_steps = [0, 10]
seeds = 2

[[grid]]
[grid.task]
samples = [40, 80]

[[grid]]
[grid.recipe]
init_std = [1e-3, 1e-2]
[grid.run]
scorers = ["snip"]
at_steps = [10]
protocols = ["prune_early"]
"""


def read(folder: Path, text: str) -> tuple[Job, ...]:
    path = folder / "study.toml"
    path.write_text(text)
    return read_study(path)


def test_grids_share_what_stands_above_them(tmp_path: Path) -> None:
    jobs = read(tmp_path, STUDY)
    assert [job.task.samples for job in jobs] == [40, 80, 40, 40]
    assert [job.recipe for job in jobs[2:]] == [
        pb.Recipe(width=8, steps=30, init_std=std) for std in (1e-3, 1e-2)
    ]
    assert [job.run.scorers for job in jobs] == [("alignment", "snip")] * 2 + [("snip",)] * 2
    assert {job.run.seeds for job in jobs} == {(0, 1)}
    assert jobs[3].run.protocols == ("prune_early",)


def test_titles_say_what_sets_a_job_apart(tmp_path: Path) -> None:
    titles = [job.title for job in read(tmp_path, STUDY)]
    assert titles[1] == "samples=80 scorers=alignment,snip at_steps=0,10"
    assert titles[2] == "samples=40 init_std=0.001 scorers=snip at_steps=10 protocols=prune_early"
    assert len(set(titles)) == 4


def test_plans_have_the_settings_of_their_grid(tmp_path: Path) -> None:
    plans = [plan for _, plan in plans_of(read(tmp_path, STUDY), Options(device="cpu"))]
    assert [plan.task.samples for plan in plans] == [40, 80, 40, 40]
    assert [tuple(plan.at_steps) for plan in plans] == [(0, 10), (0, 10), (10,), (10,)]
    assert plans[0].training == read_again(tmp_path, plans[0].task.samples)


def read_again(folder: Path, samples: int) -> str:
    """The training of a study that says the same without a grid."""
    text = STUDY.partition("[[grid]]")[0].replace("samples = 40", f"samples = {samples}")
    return plans_of(read(folder, text), Options(device="cpu"))[0][1].training


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[grid]]\n[grid.tusk]\n", "study.toml [[grid]] 1: got 'tusk'; did you mean 'task'"),
        ("[[grid]]\n[[grid]]\n[grid.task]\nsample = 3\n", "[[grid]] 2 [task]: got 'sample'; did you mean"),
        ("[grid]\nsamples = 3\n", "study.toml grid: got {'samples': 3}; a table for each grid, [[grid]]"),
        ("grid = []\n", "a table for each grid"),
        ("[[grid]]\ntask = 3\n", "[[grid]] 1 task: got 3"),
        (
            f"[[grid]]\n[grid.task]\nseed = {list(range(400))}\nsamples = {list(range(300))}\n",
            "120,000 jobs",
        ),
    ],
)
def test_what_is_wrong_in_a_grid_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(pb.RequestError) as error:
        read(tmp_path, text)
    assert named in str(error.value)
