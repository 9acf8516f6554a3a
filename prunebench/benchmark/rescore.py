"""Scoring again: whether a scorer gives the scores that a store holds, from the snapshot alone."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from prunebench.benchmark.labels import ask_shuffled
from prunebench.errors import PrunebenchError
from prunebench.plugin.isolation import StandIn, source_of
from prunebench.plugin.spec import parse_spec
from prunebench.scoring.conformance import TOLERANCE
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.store.records import FINAL, Key, Values
from prunebench.store.store import Store
from prunebench.store.tables import ScoringRow
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

# Rounding may move a neuron that stands on an edge; more of them are other scores.
_MOVED = 0.01


class NotHere(PrunebenchError):
    """The scores cannot be computed again; the message says what is lacking."""


def rescore(
    store: Store,
    training: str,
    seed: int,
    key: Key,
    task: Task,
    recipe: Recipe,
    load: Callable[[str], Scorer],
) -> str | None:
    """What is other than it was when the scorer, as `load` gives it, scores a stored network again, or None.

    Scorers of others are then in a process and a folder where there is no store. Raises `NotHere`.
    """
    scorer, snapshot, scores = _asked(store, training, seed, key, task, recipe, load)
    for draw, stored in enumerate(scores):
        outcome = execute(drawn(scorer, draw), snapshot)
        if outcome.scores is None:
            return f"it {outcome.error}" if outcome.broken != "raises" else str(outcome.error)
        again = outcome.scores[0].cpu().numpy()
        if again.shape != stored.shape:
            return "another number of neurons"
        moved = float(np.mean(np.abs(again - stored) > TOLERANCE * np.ptp(stored)))
        if moved > _MOVED:
            return f"other scores for {moved:.0%} of the neurons"
    return None


def rescore_shuffled(
    store: Store,
    training: str,
    seed: int,
    key: Key,
    task: Task,
    recipe: Recipe,
    load: Callable[[str], Scorer],
) -> Values | None:
    """What protocol `labels` gives when the scorer is asked again; None where that fails.

    Raises `NotHere`.
    """
    scorer, snapshot, scores = _asked(store, training, seed, key, task, recipe, load)
    of = snapshot.networks.architecture
    found = ask_shuffled(scorer, snapshot, scores, store.load_state(training, seed, FINAL, of).networks)
    return found.values if found.error is None else None


def _asked(
    store: Store,
    training: str,
    seed: int,
    key: Key,
    task: Task,
    recipe: Recipe,
    load: Callable[[str], Scorer],
) -> tuple[Scorer, Snapshot, Float[np.ndarray, "draws units"]]:
    """The scorer, what it was asked about, and the scores that it gave."""
    scoring, kept = store.find(ScoringRow, training, seed, *key), store.scores(training, seed, key)
    if scoring is None or kept is None:
        raise NotHere("scores that are not whole")
    scorer = _same_scorer(key, load)
    if scoring.extra_steps or scorer.twins:
        raise NotHere("scores of scorers that train")
    step = 0 if scorer.initial_only else key.step
    return scorer, _snapshot(store, training, seed, step, task, recipe, scorer), kept[0]


def _same_scorer(key: Key, load: Callable[[str], Scorer]) -> Scorer:
    try:
        parse_spec(key.scorer, SCORERS.noun)  # a store of others names no file that is to be run here
        scorer = load(key.scorer)
    except PrunebenchError:
        raise NotHere(f"scores of {key.scorer}, which is not here (--plugin)") from None
    if isinstance(scorer, StandIn) and scorer.problem is not None:
        raise NotHere(f"scores of {key.scorer}, which does not load here: {scorer.problem}")
    if (scorer.version, source_of(scorer)) != (key.version, key.source):
        raise NotHere(f"scores of {key.scorer} by other code than is here")
    return scorer


def _snapshot(
    store: Store, training: str, seed: int, step: int, task: Task, recipe: Recipe, scorer: Scorer
) -> Snapshot:
    try:
        of = architecture_of(recipe, task.shape, task.outputs)
        initial = initialise(recipe, task.shape, (seed,), outputs=task.outputs)
        networks = store.load_state(training, seed, step, of).networks if step else initial
        final = store.load_state(training, seed, FINAL, of).networks if scorer.sees_end else None
    except PrunebenchError as error:
        raise NotHere(f"scores without their networks: {error}") from error
    return Snapshot.taken(task, recipe, step, networks, initial, (seed,), final)
