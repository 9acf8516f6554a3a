"""What of a plan is not in the store yet."""

from prunebench.benchmark.plan import DENSE, DENSE_MEASURE, DRAWS, Plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.store.records import Key, Measure
from prunebench.store.store import Store

# By key and seed, the measures that are to be taken; empty where all is done.
Missing = dict[Key, dict[int, tuple[Measure, ...]]]


def find_missing(plan: Plan, store: Store, *, force: bool = False) -> Missing:
    """What is to be computed. Failures were never results: they are to be tried again."""
    found = {} if force else store.scorings(plan.training, EVALUATOR_VERSION)
    trained = {} if force else store.trained(plan.training)
    missing: Missing = {}
    for key, measures in plan.wanted.items():
        scorer = plan.scored.get(key)
        draws = DRAWS if scorer is not None and scorer.stochastic else 1
        for seed in plan.seeds:
            scoring = found.get((key, seed))
            if scoring is None or scoring.error is not None or scoring.draws != draws:
                lacking = tuple(measures)
            else:
                lacking = tuple(measure for measure in measures if measure not in scoring.results)
            if key == DENSE and seed not in trained:
                lacking = (DENSE_MEASURE,)
            if lacking:
                missing.setdefault(key, {})[seed] = lacking
    return missing
