"""A network of a store: whether its scores and its results come out again as they are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from torch import Tensor

from prunebench.benchmark.labels import ask_shuffled
from prunebench.benchmark.measures import Asked, measure_network, measure_scores, subject
from prunebench.benchmark.plan import ACCURACY_DRAWS, CONTROLS, DENSE, Plan, reinitialised
from prunebench.benchmark.train_pruned import train_pruned
from prunebench.errors import PrunebenchError
from prunebench.evaluation.protocols import LABELS, TRAINED, Protocol
from prunebench.fields import convert
from prunebench.networks import Architecture, Networks
from prunebench.plugin.isolation import StandIn, source_of
from prunebench.plugin.spec import parse_spec
from prunebench.scoring.conformance import TOLERANCE
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.store.records import FINAL, Key, Measure, Values, join_history
from prunebench.store.store import Store
from prunebench.store.tables import NetworkRow, ScoringRow
from prunebench.store.validation import is_valid
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot
from prunebench.training.state import State
from prunebench.training.train import Trajectory

# Rounding may move a neuron that stands on an edge; more of them are other scores.
_MOVED = 0.01

_Draws = Float[np.ndarray, "draws units"]


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
        scorer, snapshot, scores, signs = self._asked(key)
        predicted = []
        for draw, stored in enumerate(scores):
            outcome = execute(drawn(scorer, draw), snapshot)
            if outcome.scores is None:
                return f"it {outcome.error}" if outcome.broken != "raises" else str(outcome.error)
            again = outcome.scores[0].cpu().numpy()
            moved = float(np.mean(np.abs(again - stored) > TOLERANCE * np.ptp(stored)))
            if moved > _MOVED:
                return f"other scores for {moved:.0%} of the neurons"
            predicted.append(outcome.signs)
        return _other_signs(signs, predicted)

    def measure(self, key: Key, measure: Measure) -> Values:
        """What a measure gives with the scores that are kept. Raises `NotHere`."""
        if not self._takes(key, measure):
            raise NotHere(f"results of {str(measure)!r}, which is not measured here")
        if measure.name == LABELS:
            return self._with_shuffled_labels(key)
        final = subject(self._final, self.task, recalibrate=measure.recalibrated)
        if key == DENSE:
            return measure_network(measure, final)
        if key == reinitialised(key.step):
            return train_pruned(measure, [], self._run(measure, key.step), key.step, control=True)[0][0]
        kept = self._scores(key)
        if kept is None:
            raise NotHere("results without their scores")
        if measure.name in TRAINED:
            draws = kept[0][:ACCURACY_DRAWS, None]
            return train_pruned(measure, [draws], self._run(measure, key.step), key.step)[0][0]
        return measure_scores({key: Asked(*kept, [measure])}, final, self.seed, self._initial)[key][measure]

    def _takes(self, key: Key, measure: Measure) -> bool:
        """Whether a plan of this version has such a measure; the store may be of a later one."""
        of_network = key == DENSE
        try:
            plan = Plan(
                self.task,
                self.recipe,
                [self.load(CONTROLS[0])],
                (key.step,),
                (self.seed,),
                () if of_network else (convert("protocol", measure.name, Protocol),),
                (float(measure.keep),) if measure.keep else (),
                measure.steps if measure.name == "finetune" else None,
                measure.recalibrated,
            )
        except ValueError:
            return False
        return measure in (plan.of_networks if of_network else (*plan.measures, Measure(LABELS)))

    def _scores(self, key: Key) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The kept scores and predicted signs, (draws, units); None where there are none of all units."""
        units, kept = self._architecture.units, self.store.scores(self.training, self.seed, key)
        fits = kept is not None and all(part is None or part.shape[1] == units for part in kept)
        return kept if fits else None

    def _asked(self, key: Key) -> tuple[Scorer, Snapshot, _Draws, _Draws | None]:
        """The scorer, what it was asked about, and the scores and predicted signs that it gave."""
        scoring = self.store.find(ScoringRow, self.training, self.seed, *key)
        kept = self._scores(key)
        if scoring is None or kept is None:
            raise NotHere("scores that are not whole")
        scorer = same_scorer(key, self.load)
        if scoring.extra_steps or scorer.twins:
            raise NotHere("scores of scorers that train")
        step = 0 if scorer.initial_only else key.step
        final = self._final if scorer.sees_end else None
        networks, initial = self._state(step).networks, self._initial
        snapshot = Snapshot.taken(self.task, self.recipe, step, networks, initial, (self.seed,), final)
        return scorer, snapshot, *kept

    def _with_shuffled_labels(self, key: Key) -> Values:
        try:
            scorer, snapshot, scores, _ = self._asked(key)
        except NotHere as lacking:
            raise NotHere(str(lacking).replace("scores", "results", 1)) from lacking
        found = ask_shuffled(scorer, snapshot, scores, self._final)
        if found.error is not None:
            raise NotHere("results without their scores")
        return found.values

    def _run(self, measure: Measure, step: int) -> Trajectory:
        """The training that a measure of scores at this step starts from."""
        states = {step: self._state(step)} if measure.name == "prune_early" else {}
        row = self.store.find(NetworkRow, self.training, self.seed, FINAL)
        if row is None or not is_valid(row):
            raise NotHere("their networks are lacking: no curves")
        trained = row.trained
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

    @cached_property
    def _architecture(self) -> Architecture:
        return architecture_of(self.recipe, self.task.shape, self.task.outputs)

    def _state(self, step: int) -> State:
        if step == 0:
            return State(self._initial)
        try:
            return self.store.load_state(self.training, self.seed, step, self._architecture)
        except PrunebenchError as error:
            raise NotHere(f"their networks are lacking: {error}") from error


def _other_signs(kept: _Draws | None, predicted: list[Tensor | None]) -> str | None:
    """What is other of predicted signs, or None; kept are those of scorers that gave some in every draw."""
    given = [signs[0].cpu().numpy() for signs in predicted if signs is not None]
    whole = len(given) == len(predicted)
    if kept is None or not whole:
        same = whole is (kept is not None)
        return None if same else "predicted signs, which it had not" if whole else "no predicted signs"
    moved = float((np.sign(given) != np.sign(kept)).mean(axis=1).max())
    return f"other predicted signs for {moved:.0%} of the neurons" if moved > _MOVED else None


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
