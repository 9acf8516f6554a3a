"""What is missing of a plan, being done: trained, scored (scorer by scorer), measured (network by network).

Whatever is done is kept in the store at once.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.benchmark.labels import LabelControl, ask_shuffled
from prunebench.benchmark.measures import Asked, measure_network, measure_scores, subject
from prunebench.benchmark.missing import Missing, trains_itself
from prunebench.benchmark.plan import ACCURACY_DRAWS, DENSE, Plan, asked_at, draws_of
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.snapshot import networks_of
from prunebench.benchmark.train_pruned import train_pruned
from prunebench.benchmark.twins import Twins
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.protocols import LABELS, TRAINED
from prunebench.scoring.execute import execute
from prunebench.scoring.outcome import Outcome
from prunebench.scoring.saved import SavedScores
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.store.records import FINAL, Environment, Key, Measure, Scoring, Values
from prunebench.store.reference import subset
from prunebench.store.store import Store
from prunebench.threads import Threads
from prunebench.training.snapshot import Snapshot

# Whose activations are in memory together.
NETWORKS_AT_ONCE = 8

Draws = Float[np.ndarray, "draws units"]


@dataclass(eq=False)
class Work:
    """What is missing of a plan, being done.

    Attributes:
        said: what came of asking each scorer for its scores, by when it was asked.
        scores: scores and predicted signs of each network that is not measured yet, one row for each draw.
        own_steps: that scorers trained themselves for their scores.
        twins: of the networks that were asked for last.
    """

    plan: Plan
    store: Store
    reporter: Reporter
    made: Environment
    missing: Missing
    again: bool
    said: dict[tuple[Key, tuple[int, ...]], list[Outcome]] = field(default_factory=dict)
    scores: dict[tuple[Key, int], tuple[Draws, Draws | None]] = field(default_factory=dict)
    own_steps: dict[Key, int] = field(default_factory=dict)
    twins: Twins = field(default_factory=Twins)

    def do(self) -> None:
        """All of it."""
        lacking = self.missing.seeds
        seeds = tuple(seed for seed in self.plan.seeds if seed in lacking)
        self.run = networks_of(self.plan, seeds, self.store, self.made, self.reporter, again=self.again)
        scored = [key for key in self.plan.scored if key in self.missing.measures]
        for key in self.reporter.each("scoring", scored, "scores"):
            self._score(key, self.plan.scored[key])
        self._evaluate(seeds)
        self._shuffle_labels()
        self._train_pruned()

    def _score(self, key: Key, scorer: Scorer) -> None:
        """Take the scores from the store, or compute and keep them."""
        asked = tuple(self.missing.unscored.get(key, ()))
        for seed in self.missing.measures[key].keys() - set(asked):
            if (kept := self.store.scores(self.plan.training, seed, key)) is not None:
                self.scores[key, seed] = kept
        if not asked:
            return
        outcomes = self._ask(key, scorer, asked)
        error = next((outcome.error for outcome in outcomes if outcome.error), None)
        given = _stacked([o.scores for o in outcomes]), _stacked([o.signs for o in outcomes])
        self.own_steps[key] = extra_steps = max(outcome.extra_gradient_steps for outcome in outcomes)
        passes = [each.sample_gradients for each in outcomes]
        uncounted = None in passes or isinstance(scorer, SavedScores)
        sample_gradients = None if uncounted else max(filter(None, passes), default=0.0)
        seconds = float(np.mean([outcome.seconds for outcome in outcomes])) / len(asked)
        scorings = []
        for at, seed in enumerate(asked):
            scores, signs = (None if values is None else values[at] for values in given)
            if scores is not None:
                self.scores[key, seed] = scores, signs
            said = error, len(outcomes), extra_steps, seconds, self.made, scores, signs
            scorings.append(Scoring(seed, key, *said, sample_gradients=sample_gradients))
        self._put(scorings)

    def _ask(self, key: Key, scorer: Scorer, seeds: tuple[int, ...]) -> list[Outcome]:
        """Ask the scorer, once for each draw, or recall what it said."""
        asked = asked_at(key, scorer), seeds
        if asked not in self.said:
            run = subset(self.run, seeds)
            snapshot = _seen_by(scorer, run.snapshot(key.step, with_final=scorer.sees_end))
            if scorer.twins:
                self.said[asked] = self.twins.ask(scorer, snapshot, run, draws_of(scorer))
            else:
                draws = range(draws_of(scorer))
                self.said[asked] = [execute(drawn(scorer, draw), snapshot) for draw in draws]
            raised = next((o.traceback for o in self.said[asked] if o.traceback), None)
            if raised is not None:
                self.reporter.failure(key.scorer, key.step, raised)
        return self.said[asked]

    def _evaluate(self, seeds: tuple[int, ...]) -> None:
        """Measure the networks, one on each thread, where that needs no training, and keep it."""
        most = NETWORKS_AT_ONCE if self.run.final.device.type == "cpu" else 1
        measured = Threads(most=most).map(self._measured, seeds)
        for seed in self.reporter.each("evaluation", seeds, "networks"):
            results, seconds = next(measured)
            self._put(self._results(key, seed, values, seconds) for key, values in results.items() if values)

    def _measured(self, seed: int) -> tuple[dict[Key, dict[Measure, Values]], float]:
        """What is measured of one network, and the seconds that each of it took."""
        began = time.perf_counter()
        network = self.run.final.select(self.run.seeds.index(seed))
        final = subject(network, self.run.task, recalibrate=self.plan.recalibrate)
        lacking = {key: seeds[seed] for key, seeds in self.missing.measures.items() if seed in seeds}
        asked = {
            key: Asked(*self.scores[key, seed], measures)
            for key, measures in lacking.items()
            if (key, seed) in self.scores
        }
        initial = self.run.initial.select(self.run.seeds.index(seed))
        results = measure_scores(asked, final, seed, initial)
        if DENSE in lacking:
            results[DENSE] = {measure: measure_network(measure, final) for measure in lacking[DENSE]}
        return results, (time.perf_counter() - began) / max(1, sum(map(len, results.values())))

    def _shuffle_labels(self) -> None:
        """Ask scorers again, about one network after the other, with its labels shuffled.

        What fails is kept as that, and tried again in the next run.
        """
        asked = defaultdict[tuple[int, int], list[Key]](list)
        for key, lacking in self.missing.measures.items():
            for seed, measures in lacking.items():
                mine = Measure(LABELS) in measures and (key, seed) in self.scores
                if mine and not trains_itself(self.own_steps.get(key, 0), self.plan):
                    asked[seed, key.step].append(key)
        said: dict[tuple[Key, int], LabelControl] = {}
        for (seed, step), keys in self.reporter.each("shuffled labels", asked.items(), "snapshots"):
            at = self.run.seeds.index(seed)
            snapshot, final = self.run.snapshot(step).network(at), self.run.final.select(at)
            for key in keys:
                began, scorer = time.perf_counter(), self.plan.scored[key]
                asked_for = asked_at(key, scorer), seed
                if asked_for not in said:
                    seen = _seen_by(scorer, snapshot)
                    said[asked_for] = ask_shuffled(scorer, seen, self.scores[key, seed][0], final)
                    if (traceback := said[asked_for].traceback) is not None:
                        self.reporter.failure(key.scorer, key.step, traceback)
                took, measure, found = time.perf_counter() - began, Measure(LABELS), said[asked_for]
                scoring = self._results(key, seed, {} if found.error else {measure: found.values}, took)
                self._put([replace(scoring, errors={measure: found.error} if found.error else {})])

    def _train_pruned(self) -> None:
        """What is asked of the same networks trains side by side, and is kept when it is done.

        Early, that is what is asked at a step; the networks at the end are the same for all steps.
        """
        groups = defaultdict[tuple[int, Measure, tuple[int, ...]], list[Key]](list)
        for key, lacking in self.missing.measures.items():  # the control, which has no scores, comes last
            there = [seed for seed in lacking if key not in self.plan.scored or (key, seed) in self.scores]
            for measure in dict.fromkeys(measure for seed in there for measure in lacking[seed]):
                if measure.name in TRAINED:
                    seeds = tuple(seed for seed in there if measure in lacking[seed])
                    step = key.step if measure.name == "prune_early" else FINAL
                    groups[step, measure, seeds].append(key)
        label = " and ".join(dict.fromkeys(measure.name for _, measure, _ in groups))
        for (step, measure, seeds), keys in self.reporter.each(label, groups.items(), "trainings"):
            began, run = time.perf_counter(), subset(self.run, seeds)
            scores = [
                np.stack([self.scores[key, seed][0][:ACCURACY_DRAWS] for seed in seeds], axis=1)
                for key in keys
                if key in self.plan.scored
            ]
            control, exact = len(scores) < len(keys), self.plan.finetune_steps is not None
            found = train_pruned(measure, scores, run, step, control=control, exact=exact)
            seconds = (time.perf_counter() - began) / len(keys) / len(seeds)
            for key, values in zip(keys, found, strict=True):
                self._put(
                    self._results(key, seed, {measure: own}, seconds)
                    for seed, own in zip(seeds, values, strict=True)
                )

    def _results(self, key: Key, seed: int, results: dict[Measure, Values], seconds: float) -> Scoring:
        """What was measured of one network; its scores, where it has any, are kept already."""
        draws = len(self.scores[key, seed][0]) if (key, seed) in self.scores else 1
        return Scoring(seed, key, None, draws, 0, 0.0, self.made, results=results, result_seconds=seconds)

    def _put(self, scorings: Iterable[Scoring]) -> None:
        """Keep these in one transaction."""
        self.store.put(self.plan.training, EVALUATOR_VERSION, scorings)


def _seen_by(scorer: Scorer, snapshot: Snapshot) -> Snapshot:
    """What the scorer sees of a snapshot: the initial networks, if it looks at their weights alone."""
    if not scorer.initial_only:
        return snapshot
    return replace(snapshot, step=0, networks=snapshot.initial)


def _stacked(draws: Sequence[Tensor | None]) -> Float[np.ndarray, "seeds draws units"] | None:
    """What a scorer gave in each draw, None where it gave nothing."""
    there = [draw for draw in draws if draw is not None]
    return torch.stack(there, dim=1).cpu().float().numpy() if len(there) == len(draws) else None
