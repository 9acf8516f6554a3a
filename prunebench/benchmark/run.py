"""Running a plan: what is missing is trained, scored (scorer by scorer) and measured (network by network).

Whatever is done is kept in the store at once.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.benchmark.announce import announce
from prunebench.benchmark.document import Document, document
from prunebench.benchmark.measures import (
    Asked,
    fractions_of,
    measure_networks,
    measure_scores,
    values_of,
)
from prunebench.benchmark.missing import Missing, batches, find_missing
from prunebench.benchmark.plan import (
    ACCURACY_DRAWS,
    DENSE,
    DENSE_MEASURE,
    DRAWS,
    Plan,
    asked_at,
    reinitialised,
)
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.snapshot import networks_of
from prunebench.device import resolve_device
from prunebench.evaluation.activations import Activations
from prunebench.evaluation.fractions import label
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.prune import prune_early
from prunebench.scoring.execute import Outcome, execute
from prunebench.scoring.scorer import Scorer
from prunebench.store.damage import check_structure, forget_damage
from prunebench.store.networks import Damaged
from prunebench.store.provenance import environment
from prunebench.store.records import Environment, Key, Measure, Scoring, Values, network_rows
from prunebench.store.reference import subset
from prunebench.store.store import Store
from prunebench.training.train import Trajectory


def run_benchmark(
    plan: Plan, reporter: Reporter | None = None, store: Store | None = None, *, force: bool = False
) -> Document:
    """Run a plan and return the result document; a scorer that fails is a row with its error.

    What `store` holds is taken from there, and what is new is kept there as soon as it is measured; `force`
    computes everything again. Without a store nothing is kept. Two processes never compute the same networks'
    results at once: one waits. Raises `PrunebenchError` where a network's training diverged, `RequestError`
    where the plan cannot be run.
    """
    store = store or Store()
    with store.claimed(plan.training):
        return complete(plan, store, reporter, force=force, announced=False)


def complete(
    plan: Plan,
    store: Store,
    reporter: Reporter | None = None,
    *,
    force: bool = False,
    announced: bool = True,
) -> Document:
    """As `run_benchmark`, for a caller who has claimed the training, and may have said what is to be done."""
    reporter = reporter or Reporter()
    made = environment(resolve_device(plan.device))
    store.register(plan.training, plan.task, plan.recipe)
    for damaged in forget_damage(store, plan.training):
        reporter.warn(f"{damaged}: damaged; computing it again")
    say = None if announced else reporter
    try:
        return _complete(plan, store, reporter, made, say, force=force)
    except Damaged as damage:  # of a network that nothing but the document reads
        reporter.warn(f"{damage}; making it again")
        return _complete(plan, store, reporter, made, say, force=False)


def _complete(
    plan: Plan, store: Store, reporter: Reporter, made: Environment, say: Reporter | None, *, force: bool
) -> Document:
    missing = find_missing(plan, store, force=force)
    if say is not None:
        announce(plan, missing, store, say, force=force)
    if missing:
        _Work(plan, store, reporter, made | {"command": plan.command}, missing, again=force).do()
    try:
        return document(plan, store, made)
    except KeyError:  # what was just written is not found again
        check_structure(store)
        raise


def dry_run(plan: Plan, reporter: Reporter, store: Store, *, force: bool = False) -> None:
    """Say what `run_benchmark` would do, and do none of it."""
    announce(plan, find_missing(plan, store, force=force), store, reporter, force=force)


@dataclass(eq=False)
class _Entry:
    """A scorer at a step for some of the seeds, on its way through the protocols.

    Attributes:
        scorer: None for the control that prune_early brings, which has no scores.
        measures: what is missing of it.
        outcomes: one for each draw.
    """

    key: Key
    scorer: Scorer | None
    seeds: tuple[int, ...]
    measures: tuple[Measure, ...]
    outcomes: Sequence[Outcome] = ()

    @property
    def error(self) -> str | None:
        return next((outcome.error for outcome in self.outcomes if outcome.error), None)

    def scores(self, draws: int) -> list[Float[Tensor, "seeds neurons"]]:
        return [o.scores for o in self.outcomes[:draws] if o.scores is not None]

    def asked(self, seed: int) -> Asked:
        """What is to be measured of one network with the scores."""
        at = self.seeds.index(seed)
        scores = torch.stack([scores[at] for scores in self.scores(len(self.outcomes))])
        signs = [outcome.signs[at] for outcome in self.outcomes if outcome.signs is not None]
        return Asked(scores, torch.stack(signs) if len(signs) == len(scores) else None, self.measures)


@dataclass(eq=False)
class _Work:
    """What is missing of a plan, being done.

    Attributes:
        said: what came of asking each scorer for its scores, by when it was asked.
    """

    plan: Plan
    store: Store
    reporter: Reporter
    made: Environment
    missing: Missing
    again: bool
    said: dict[tuple[Key, tuple[int, ...]], Sequence[Outcome]] = field(default_factory=dict)

    def do(self) -> None:
        seeds = tuple(s for s in self.plan.seeds if any(s in lacking for lacking in self.missing.values()))
        self.run = networks_of(self.plan, seeds, self.store, self.made, self.reporter, again=self.again)
        entries = [e for key, scorer in self.plan.scored.items() for e in self._entries(key, scorer)]
        for done, entry in enumerate(entries):
            self.reporter.progress("scoring", done, len(entries), "scores")
            self._score(entry)
        self.reporter.progress("scoring", len(entries), len(entries), "scores")
        scored = [entry for entry in entries if entry.error is None]
        for done, seed in enumerate(seeds):
            self.reporter.progress("evaluation", done, len(seeds), "networks")
            self._evaluate(seed, [*self._entries(DENSE, None), *scored])
        self.reporter.progress("evaluation", len(seeds), len(seeds), "networks")
        controls = [e for step in self.plan.steps for e in self._entries(reinitialised(step), None)]
        self._prune_early([*scored, *controls])

    def _entries(self, key: Key, scorer: Scorer | None) -> list[_Entry]:
        return [_Entry(key, scorer, seeds, lacking) for lacking, seeds in batches(self.missing.get(key, {}))]

    def _score(self, entry: _Entry) -> None:
        """Take the scores from the store, or compute and keep them."""
        assert entry.scorer is not None
        run = subset(self.run, entry.seeds)
        entry.outcomes = [] if self.again else self._kept_outcomes(entry, run)
        if not entry.outcomes:
            entry.outcomes = self._new_outcomes(entry, entry.scorer, run)
            self._put([self._scoring(entry, seed, entry.outcomes) for seed in entry.seeds])

    def _new_outcomes(self, entry: _Entry, scorer: Scorer, run: Trajectory) -> Sequence[Outcome]:
        """Ask the scorer, or recall what it said."""
        asked = asked_at(entry.key, scorer), entry.seeds
        if asked not in self.said:
            snapshot = run.snapshot(entry.key.step, with_final=scorer.sees_end)
            if scorer.initial_only:
                snapshot = replace(snapshot, step=0, networks=snapshot.initial)
            draws = [replace(scorer, draw=i) for i in range(DRAWS)] if scorer.stochastic else [scorer]  # type: ignore[type-var]
            self.said[asked] = [execute(drawn, snapshot) for drawn in draws]
            raised = next((o.traceback for o in self.said[asked] if o.traceback), None)
            if raised is not None:
                self.reporter.failure(entry.key.scorer, entry.key.step, raised)
        return self.said[asked]

    def _kept_outcomes(self, entry: _Entry, run: Trajectory) -> list[Outcome]:
        rows = [self.store.scores(self.plan.training, seed, entry.key) for seed in entry.seeds]
        kept = [row for row in rows if row is not None]
        if len(kept) < len(rows) or len({scores.shape for scores, _ in kept}) > 1:
            return []
        to = run.final.w_in
        scores = torch.from_numpy(np.stack([scores for scores, _ in kept])).to(to)
        predicted = [signs for _, signs in kept if signs is not None]
        signs = torch.from_numpy(np.stack(predicted)).to(to) if len(predicted) == len(kept) else None
        return [
            Outcome(scores[:, draw], None if signs is None else signs[:, draw], None, 0, 0.0)
            for draw in range(scores.shape[1])
        ]

    def _evaluate(self, seed: int, entries: Sequence[_Entry]) -> None:
        """Take all measures of one network that need no training, and keep them."""
        mine = [entry for entry in entries if seed in entry.seeds]
        began = time.perf_counter()
        final = Activations(self.run.final.select(self.run.seeds.index(seed)), self.run.task)
        scored = [entry for entry in mine if entry.scorer is not None]
        results = dict(
            zip(scored, measure_scores([entry.asked(seed) for entry in scored], final), strict=True)
        ) | {entry: {DENSE_MEASURE: measure_networks(final)} for entry in mine if entry.scorer is None}
        measured = sum(len(values) for values in results.values())
        seconds = (time.perf_counter() - began) / max(1, measured)
        self._put(
            [
                self._scoring(entry, seed, results=values, seconds=seconds)
                for entry, values in results.items()
                if values
            ]
        )

    def _prune_early(self, entries: Iterable[_Entry]) -> None:
        """Entries of equal step, seeds and shares train side by side; each share is kept when it is done."""
        groups: dict[tuple[int, tuple[int, ...], tuple[float, ...]], list[_Entry]] = {}
        for entry in entries:
            if fractions := tuple(fractions_of(entry.measures, "prune_early")):
                groups.setdefault((entry.key.step, entry.seeds, fractions), []).append(entry)
        total, done = sum(len(fractions) for _, _, fractions in groups), 0
        for (step, seeds, fractions), group in groups.items():
            run, scored = subset(self.run, seeds), [entry for entry in group if entry.scorer is not None]
            for fraction in fractions:
                self.reporter.progress("prune_early", done, total, "trainings")
                began = time.perf_counter()
                candidates = [scores for entry in scored for scores in entry.scores(ACCURACY_DRAWS)]
                results = prune_early(candidates, run, step, [fraction], control=len(scored) < len(group))
                seconds = (time.perf_counter() - began) / len(group) / len(seeds)
                measure = Measure("prune_early", label(fraction))
                for entry in group:  # the control, which has no scores, comes last in both
                    count = len(entry.scores(ACCURACY_DRAWS)) if entry.scorer is not None else 1
                    mine, results = results[:count], results[count:]
                    self._put(
                        [
                            self._scoring(
                                entry, seed, results={measure: values_of(mine, position)}, seconds=seconds
                            )
                            for position, seed in enumerate(seeds)
                        ]
                    )
                done += 1
        if total:
            self.reporter.progress("prune_early", total, total, "trainings")

    def _scoring(
        self,
        entry: _Entry,
        seed: int,
        outcomes: Sequence[Outcome] = (),
        results: dict[Measure, Values] | None = None,
        seconds: float = 0.0,
    ) -> Scoring:
        """What is kept of an entry for one network: its scores from new `outcomes`, or results."""
        position = entry.seeds.index(seed)
        scores = [o.scores for o in outcomes if o.scores is not None and entry.error is None]
        signs = [o.signs for o in outcomes if o.signs is not None and entry.error is None]
        share = 1 / len(entry.seeds)
        return Scoring(
            seed=seed,
            key=entry.key,
            error=entry.error,
            draws=max(1, len(entry.outcomes)),
            extra_steps=max((o.extra_gradient_steps for o in outcomes), default=0),
            seconds=share * float(np.mean([o.seconds for o in outcomes])) if outcomes else 0.0,
            environment=self.made,
            scores=network_rows(scores, position),
            signs=network_rows(signs, position) if len(signs) == len(scores) else None,
            results=results or {},
            result_seconds=seconds,
        )

    def _put(self, scorings: Sequence[Scoring]) -> None:
        """Keep these in one transaction."""
        self.store.put(self.plan.training, EVALUATOR_VERSION, scorings)
