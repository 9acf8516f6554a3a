"""A network of a store: whether its scores and its results come out again as they are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from prunebench.benchmark.labels import ask_shuffled
from prunebench.benchmark.measures import Asked, measure_network, measure_scores, subject
from prunebench.benchmark.plan import ACCURACY_DRAWS, DENSE, reinitialised
from prunebench.benchmark.train_pruned import train_pruned
from prunebench.errors import PrunebenchError
from prunebench.evaluation.protocols import LABELS, TRAINED
from prunebench.networks import Networks
from prunebench.plugin.isolation import StandIn, source_of
from prunebench.plugin.spec import parse_spec
from prunebench.scoring.conformance import TOLERANCE
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.store.inventory import take_inventory
from prunebench.store.records import FINAL, Key, Measure, Values, join_history
from prunebench.store.store import Store
from prunebench.store.tables import ScoringRow
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot
from prunebench.training.state import State
from prunebench.training.train import Trajectory

# Rounding may move a neuron that stands on an edge; more of them are other scores.
_MOVED = 0.01


class NotHere(PrunebenchError):
    """It cannot be computed again; the message says what is lacking."""


@dataclass(frozen=True, eq=False)
class StoredNetwork:
    """One network of a training in a store.

    Scorers of others are asked in a process and a folder where there is no store.

    Attributes:
        task, recipe: of the training.
        load: gives a scorer by its spec.
    """

    store: Store
    training: str
    seed: int
    task: Task
    recipe: Recipe
    load: Callable[[str], Scorer]

    def difference(self, key: Key) -> str | None:
        """What is other than it was when the scorer is asked for its scores again, or None.

        Raises `NotHere`.
        """
        scorer, snapshot, scores = self._asked(key)
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

    def measure(self, key: Key, measure: Measure) -> Values:
        """What a measure gives with the scores that are kept. Raises `NotHere`."""
        if measure.name == LABELS:
            return self._with_shuffled_labels(key)
        final = subject(self._final, self.task, recalibrate=measure.recalibrated)
        if key == DENSE:
            return measure_network(measure, final)
        if key == reinitialised(key.step):
            return train_pruned(measure, [], self._run(measure, key.step), key.step, control=True)[0][0]
        kept = self.store.scores(self.training, self.seed, key)
        if kept is None or kept[0].shape[1] != final.units:
            raise NotHere("results without their scores")
        if measure.name in TRAINED:
            draws = kept[0][:ACCURACY_DRAWS, None]
            return train_pruned(measure, [draws], self._run(measure, key.step), key.step)[0][0]
        return measure_scores({key: Asked(*kept, [measure])}, final, self.seed, self._initial)[key][measure]

    def _asked(self, key: Key) -> tuple[Scorer, Snapshot, Float[np.ndarray, "draws units"]]:
        """The scorer, what it was asked about, and the scores that it gave."""
        scoring = self.store.find(ScoringRow, self.training, self.seed, *key)
        kept = self.store.scores(self.training, self.seed, key)
        if scoring is None or kept is None:
            raise NotHere("scores that are not whole")
        scorer = same_scorer(key, self.load)
        if scoring.extra_steps or scorer.twins:
            raise NotHere("scores of scorers that train")
        step = 0 if scorer.initial_only else key.step
        final = self._final if scorer.sees_end else None
        networks, initial = self._state(step).networks, self._initial
        snapshot = Snapshot.taken(self.task, self.recipe, step, networks, initial, (self.seed,), final)
        return scorer, snapshot, kept[0]

    def _with_shuffled_labels(self, key: Key) -> Values:
        try:
            scorer, snapshot, scores = self._asked(key)
        except NotHere as lacking:
            raise NotHere(str(lacking).replace("scores", "results", 1)) from lacking
        found = ask_shuffled(scorer, snapshot, scores, self._final)
        if found.error is not None:
            raise NotHere("results without their scores")
        return found.values

    def _run(self, measure: Measure, step: int) -> Trajectory:
        """The training that a measure of scores at this step starts from."""
        states = {step: self._state(step)} if measure.name == "prune_early" else {}
        trained = take_inventory(self.store, self.training).trained[self.seed]
        return Trajectory(
            self.task,
            self.recipe,
            (self.seed,),
            self._initial,
            self._final,
            states,
            join_history([trained]),
            trained.gradient_steps,
            trained.seconds,
        )

    @cached_property
    def _initial(self) -> Networks:
        return initialise(self.recipe, self.task.shape, (self.seed,), outputs=self.task.outputs)

    @cached_property
    def _final(self) -> Networks:
        return self._state(FINAL).networks

    def _state(self, step: int) -> State:
        if step == 0:
            return State(self._initial)
        architecture = architecture_of(self.recipe, self.task.shape, self.task.outputs)
        try:
            return self.store.load_state(self.training, self.seed, step, architecture)
        except PrunebenchError as error:
            raise NotHere(f"their networks are lacking: {error}") from error


def same_scorer(key: Key, load: Callable[[str], Scorer]) -> Scorer:
    """The scorer that gave a key's scores. Raises `NotHere` where it is not here, or of other code."""
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
