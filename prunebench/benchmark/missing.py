"""What of a plan is not in the store yet."""

from dataclasses import dataclass, field

from prunebench.benchmark.plan import DENSE, DENSE_MEASURE, DRAWS, Plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.store.records import Key, Measure
from prunebench.store.store import Store


@dataclass(frozen=True)
class Missing:
    """What is to be done; nothing where no measures are missing.

    Attributes:
        measures: that are to be taken, by key and seed.
        unscored: the keys and seeds without scores, for which scorers are to be asked.
        steps: gradient steps by seed, of networks that are to be trained, or trained on from a step that was
            kept to one that was not.
    """

    measures: dict[Key, dict[int, tuple[Measure, ...]]] = field(default_factory=dict)
    unscored: list[tuple[Key, int]] = field(default_factory=list)
    steps: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many results are missing: of a key for a seed."""
        return sum(map(len, self.measures.values()))

    @property
    def seeds(self) -> set[int]:
        """The networks of which something is missing."""
        return {seed for lacking in self.measures.values() for seed in lacking}


def find_missing(plan: Plan, store: Store, *, force: bool = False) -> Missing:
    """What is to be computed. Failures were never results: they are to be tried again."""
    found = {} if force else store.scorings(plan.training, EVALUATOR_VERSION)
    trained = {} if force else store.trained(plan.training)
    missing = Missing()
    for key, measures in plan.wanted.items():
        scorer = plan.scored.get(key)
        draws = DRAWS if scorer is not None and scorer.stochastic else 1
        for seed in plan.seeds:
            scoring = found.get((key, seed))
            if scoring is None or scoring.error is not None or scoring.draws != draws:
                lacking = tuple(measures)
                missing.unscored.extend([] if scorer is None else [(key, seed)])
            else:
                lacking = tuple(measure for measure in measures if measure not in scoring.results)
            if key == DENSE and seed not in trained:
                lacking = (DENSE_MEASURE,)
            if lacking:
                missing.measures.setdefault(key, {})[seed] = lacking
    kept = store.kept_steps(plan.training)
    for seed in missing.seeds:
        there = kept[seed] if seed in trained else set()
        steps = [step for step in plan.steps if step > 0 and step not in there]
        if seed not in trained:
            missing.steps[seed] = plan.recipe.steps
        elif steps:
            missing.steps[seed] = steps[-1] - max((s for s in there if 0 < s < steps[0]), default=0)
    return missing
