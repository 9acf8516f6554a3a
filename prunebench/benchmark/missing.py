"""What of a plan is not in the store yet, and how long it may take."""

from collections.abc import Iterator, Mapping

from prunebench.benchmark.plan import DENSE, DENSE_MEASURE, DRAWS, Plan, asked_at
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.store.records import FINAL, Key, Measure
from prunebench.store.store import Store

# By key and seed, the measures that are to be taken; empty where all is done.
Missing = dict[Key, dict[int, tuple[Measure, ...]]]

# What the newest work in the store took, per weight and sample.
_WEIGHTS = "json_extract(recipe, '$.width') * json_extract(task, '$.inputs')"
_SAMPLES = "json_extract(task, '$.samples')"
_BATCH = "json_extract(recipe, '$.batch_size')"
_OF_TRAININGS = "JOIN trainings t ON t.id = n.training"
_TRAINING_RATE = (
    f"SELECT avg(seconds / ({_WEIGHTS}) / ({_BATCH} * steps)) FROM ("
    "SELECT training, seconds, json_extract(curves, '$.steps[#-1]') AS steps FROM networks "
    f"WHERE step = ? AND seconds > 0 ORDER BY provenance DESC LIMIT 50) n {_OF_TRAININGS}"
)
_SCORING_RATES = (
    f"SELECT scorer, trains, avg(seconds / ({_WEIGHTS}) / "
    f"iif(trains, {_BATCH} * json_extract(recipe, '$.steps'), {_SAMPLES})) FROM ("
    "SELECT training, scorer, seconds, extra_steps > 0 AS trains FROM scorings "
    f"WHERE error IS NULL ORDER BY id DESC LIMIT 2000) n {_OF_TRAININGS} GROUP BY scorer, trains"
)
_MEASURING_RATES = (
    f"SELECT protocol, avg(seconds / ({_WEIGHTS}) / ({_SAMPLES} + json_extract(task, '$.tests'))) FROM ("
    "SELECT protocol, r.seconds, training FROM results r JOIN scorings s ON s.id = scoring "
    f"ORDER BY scoring DESC LIMIT 2000) n {_OF_TRAININGS} GROUP BY protocol"
)


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
    """Seconds that the missing part may take, by what the newest work in the store took; None without any.

    Training goes with the weights and the steps, and so does a scorer that trains; other scorers and measures
    go with the weights and the samples. A scorer that the store has not seen yet counts for nothing.
    """
    recipe = plan.recipe
    weights = recipe.width * plan.task.inputs
    steps, samples = weights * recipe.batch_size * recipe.steps, weights * plan.task.samples
    images = weights * (plan.task.samples + len(plan.task.x_test))
    rate = store.rows(_TRAINING_RATE, [FINAL])[0][0]
    if rate is None:
        return None
    seeds = {seed for lacking in missing.values() for seed in lacking}
    seconds = rate * steps * len(seeds - set(store.trained(plan.training)))

    scoring = {
        scorer: rate * (steps if trains else samples)
        for scorer, trains, rate in store.rows(_SCORING_RATES, [])
    }
    scored = set(
        store.rows(
            "SELECT step, scorer, version, source, seed FROM scorings WHERE training = ?", [plan.training]
        )
    )
    unscored = {
        (asked_at(key, plan.scored[key]), seed)
        for key in missing.keys() & plan.scored.keys()
        for seed in missing[key]
        if (*key, seed) not in scored
    }
    seconds += sum(scoring.get(key.scorer, 0.0) for key, _ in unscored)

    measuring = dict(store.rows(_MEASURING_RATES, []))
    measures = [m for lacking in missing.values() for some in lacking.values() for m in some]
    return float(seconds + images * sum(measuring.get(m.protocol, 0.0) for m in measures))
