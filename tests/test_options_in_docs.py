"""The tables of options in docs/ hold what the code takes, no more and no less."""

import re
from pathlib import Path
from typing import get_args

import pytest

from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, PROTOCOLS
from prunebench.fields import options_of
from prunebench.run_spec import RunSpec
from prunebench.tasks.datasets import DATASETS, default_samples, default_steps
from prunebench.tasks.spec import Scaling, TaskSpec
from prunebench.training.defaults import defaults_of
from prunebench.training.recipe import Recipe

DOCS = Path(__file__).parents[1] / "docs"


def rows(page: str, first: str) -> list[list[str]]:
    """The cells of a table under a heading cell `first`."""
    table = (DOCS / page).read_text().partition(f"\n| {first} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall("`([a-z0-9_-]+)`", cell)


@pytest.mark.parametrize(("table", "cls"), [("task", TaskSpec), ("recipe", Recipe), ("run", RunSpec)])
def test_keys_of_a_study(table: str, cls: type) -> None:
    (keys,) = [cell for name, cell in rows("sweeps.md", "table") if name == f"`[{table}]`"]
    assert set(names(keys)) == set(options_of(cls))


def test_protocols() -> None:
    table = [(*names(name), runs == "by default") for name, _, runs in rows("protocols.md", "protocol")]
    assert table == [(protocol, protocol in DEFAULT_PROTOCOLS) for protocol in PROTOCOLS]


def test_scalings_and_data_sets() -> None:
    assert [*names(" ".join(cells[0] for cells in rows("tasks.md", "`--scaling`")))] == [*get_args(Scaling)]
    assert set(names(" ".join(cells[0] for cells in rows("tasks.md", "name")))) == set(DATASETS)


def test_defaults_that_depend_on_the_data_set_are_as_the_help_says() -> None:
    few = [name for name in DATASETS if default_samples(name) == 400]
    short = [name for name in DATASETS if default_steps(name) == 4000]
    others = {default_samples("mine.npz"), default_steps("mine.npz")}
    assert (few, short, others) == (["digits"], ["mnist5k", "digits"], {800, Recipe.steps})
    assert "[default: 400 for digits, else 800]" in options_of(TaskSpec)["samples"].help
    assert "[default: 4000 for mnist5k and digits, else 16000; 1000 for a" in options_of(Recipe)["steps"].help
    for name, value in defaults_of("mnist5k", "lenet").items():
        assert options_of(Recipe)[name].help.endswith(f"; {value} for a --network]")
