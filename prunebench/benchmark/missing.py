"""What of a plan is not in the store yet, and how long it may take."""

from collections.abc import Iterator, Mapping
from statistics import mean

from prunebench.benchmark.plan import DENSE, DENSE_MEASURE, DRAWS, Plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.store.records import FINAL, Key, Measure
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


def batches(
    seeds: Mapping[int, tuple[Measure, ...]],
) -> Iterator[tuple[tuple[Measure, ...], tuple[int, ...]]]:
    """The seeds that lack the same measures, together."""
    for lacking in dict.fromkeys(seeds.values()):
        yield lacking, tuple(seed for seed, measures in seeds.items() if measures == lacking)


def estimate(plan: Plan, missing: Missing, store: Store) -> float | None:
    """Seconds that the missing part may take, by what the newest work in the store took; None without any."""
    newest = (
        "SELECT n.seconds, json_extract(recipe, '$.width') * json_extract(recipe, '$.batch_size') "
        "* json_extract(task, '$.inputs'), json_extract(curves, '$.steps[#-1]') "
        "FROM networks n JOIN trainings ON id = training WHERE step = ? ORDER BY n.provenance DESC LIMIT 50"
    )
    rates = [seconds / (size * steps) for seconds, size, steps in store.rows(newest, [FINAL]) if seconds > 0]
    if not rates:
        return None
    recipe = plan.recipe
    size = recipe.width * recipe.batch_size * plan.task.inputs
    untrained = {seed for seeds in missing.values() for seed in seeds} - set(store.trained(plan.training))
    training = mean(rates) * size * recipe.steps * len(untrained)
    took = dict(
        store.rows(
            "SELECT protocol, avg(seconds / size) FROM (SELECT protocol, r.seconds, "
            "json_extract(recipe, '$.width') * json_extract(task, '$.inputs') * "
            "(json_extract(task, '$.samples') + json_extract(task, '$.tests')) AS size FROM results r "
            "JOIN scorings s ON s.id = scoring JOIN trainings t ON t.id = training "
            "ORDER BY scoring DESC LIMIT 2000) GROUP BY protocol"
        )
    )
    size = recipe.width * plan.task.inputs * (plan.task.samples + len(plan.task.x_test))
    measures = [m for seeds in missing.values() for lacking in seeds.values() for m in lacking]
    return float(training + size * sum(took.get(measure.protocol, 0.0) for measure in measures))
