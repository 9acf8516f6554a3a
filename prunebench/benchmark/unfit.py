"""Scorers that cannot take the networks of a plan, or its task: known before anything is trained."""

from collections.abc import Mapping, Sequence

from prunebench.plugin.isolation import StandIn, source_of
from prunebench.plugin.spec import canonical
from prunebench.scoring.execute import unfit
from prunebench.scoring.scorer import Scorer
from prunebench.tasks.task import Task
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

# What scorers in a process of their own said, which takes a moment each time: a sweep has thousands of plans.
# Only the architecture and the classes count (`Scorer.unfit`).
_SAID: dict[tuple[object, ...], str | None] = {}


def find_unfit(task: Task, recipe: Recipe, scorers: Sequence[Scorer]) -> Mapping[str, str]:
    """Why scorers cannot score such networks, or this task, on a line each, by their spec."""
    chosen = [each for each in scorers if isinstance(each, StandIn) or type(each).unfit is not Scorer.unfit]
    if not chosen:
        return {}
    network = initialise(recipe, task.shape, (0,), outputs=task.outputs)
    snapshot = Snapshot(task, recipe, 0, network, network)
    return {canonical(each): reason for each in chosen if (reason := _reason(each, snapshot)) is not None}


def _reason(scorer: Scorer, snapshot: Snapshot) -> str | None:
    if not isinstance(scorer, StandIn):
        return unfit(scorer, snapshot)
    recipe, task = snapshot.recipe, snapshot.task
    of = recipe.network_record or recipe.width
    key = canonical(scorer), source_of(scorer), of, task.shape, task.outputs
    if key not in _SAID:
        _SAID[key] = unfit(scorer, snapshot)
    return _SAID[key]
