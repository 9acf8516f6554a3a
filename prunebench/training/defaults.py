"""What command lines and studies take for a recipe of which much is left out."""

from collections.abc import Mapping
from typing import Any

from prunebench.plugin.record import PluginRecord
from prunebench.plugin.spec import parse_spec, split_file
from prunebench.tasks.datasets import default_steps
from prunebench.training.recipe import OF_SHALLOW, SHALLOW, Recipe, meaningless

# By these the networks train that come with prunebench; the options' help says so.
_USUAL = {"learning_rate": 0.01, "batch_size": 16, "steps": 1000}


def recipe_with_defaults(dataset: str, given: Mapping[str, Any]) -> Recipe:
    """The recipe of what is given, `network` as its spec; the rest has its default (`defaults_of`).

    The network is not loaded. Raises `RequestError` for values that do not fit, or not together.
    """
    spec = given.get("network", SHALLOW)
    if split_file(spec)[0] is None and parse_spec(spec, "network") == (SHALLOW, {}):
        spec = SHALLOW  # however it is written: `shallow[]`
    for name in OF_SHALLOW if spec != SHALLOW else ():
        if name in given:
            raise meaningless(name, given[name], spec)
    return Recipe(**{**defaults_of(dataset, spec), **given, "network": PluginRecord(spec)})


def defaults_of(dataset: str, network: str) -> dict[str, Any]:
    """What a command line and a study take for a data set and the spec of a network by default."""
    return {"steps": default_steps(dataset)} if network == SHALLOW else dict(_USUAL)
