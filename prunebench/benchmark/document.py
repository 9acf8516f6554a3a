"""The result document of a plan (docs/protocols.md), put together from what the store holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from prunebench.benchmark.plan import CONTROLS, DENSE, TWIN, Plan
from prunebench.benchmark.sizes import sizes_of
from prunebench.evaluation.metrics import EVALUATOR_VERSION, SHUFFLED_LABELS, Metrics, Path, per_seed
from prunebench.evaluation.protocols import LABELS, PROTOCOLS
from prunebench.evaluation.statistics import band, number_or_none, summarise
from prunebench.evaluation.summary import Summary
from prunebench.networks import Networks
from prunebench.plugin.plugin import values_of
from prunebench.results import Cost, Document, LayerUnits, Norms, Row, Scores, TaskRecord, Training
from prunebench.store.inventory import Inventory
from prunebench.store.records import FINAL, Environment, Key, Measure, Scoring, Trained, join_history
from prunebench.store.store import Store, task_record
from prunebench.training.loop import History

# A metric's path to its value in each draw (there is one, unless the scorer is stochastic) of each network.
Draws = dict[Path, Float[np.ndarray, "draws seeds"]]
# Of these, chance is shown by the range over a stochastic scorer's draws.
BANDED = ("spearman", "kendall", "spearman_by_layer", "spearman_over_layers")


def document(plan: Plan, there: Inventory, store: Store, environment: Environment) -> Document:
    """The document of a plan that has been run; intervals are computed here, from the values per seed.

    Raises `Damaged` where the network that it shows is not whole; the store has forgotten that network then.
    """
    networks = [there.trained[seed] for seed in plan.seeds]
    found = there.scorings
    dense = _draws([found[DENSE, seed] for seed in plan.seeds], plan.of_networks)
    example = plan.seeds[0]
    final = store.load_state(plan.training, example, FINAL, plan.architecture).networks
    training = _training(plan, networks, dense, final)
    rows = []
    for key, measures in plan.wanted.items():
        if key != DENSE:
            scorings = [found[key, seed] for seed in plan.seeds]
            scores = store.scores(plan.training, example, key)
            drawn = UNSET if scores is None else Scores(example, _short(scores[0][0]))
            accuracies = {path: values for path, values in dense.items() if path[-1] == "dense"}
            steps = networks[0].gradient_steps
            rows.append(_row(plan, key, measures, scorings, accuracies, training.drop_step, drawn, steps))
    rows += unfit_rows(plan, environment)
    return Document(
        task=TaskRecord.read(task_record(plan.task, plan.recipe)),
        recipe=plan.recipe.recorded,
        environment=environment,
        evaluator=EVALUATOR_VERSION,
        seeds=list(plan.seeds),
        protocols=[protocol for protocol in PROTOCOLS if protocol in plan.protocols],
        training=training,
        rows=sorted(rows, key=lambda row: row.source is None),  # the control that no scorer chose comes last
    )


def _row(
    plan: Plan,
    key: Key,
    measures: Sequence[Measure],
    scorings: Sequence[Scoring],
    dense: Draws,
    drops: float | None,
    example: Scores | UnsetType,
    trained: int,
) -> Row:
    scorer = plan.scored.get(key)
    error = next((scoring.error for scoring in scorings if scoring.error), None)
    asked_again = Measure(LABELS) in measures and error is None
    control = _label_control(scorings) if asked_again else None
    found = _draws(scorings, [m for m in measures if m.name != LABELS]) if error is None else {}
    newest = max((scoring.environment for scoring in scorings), key=lambda made: made["utc"])
    return Row(
        scorer=key.scorer,
        name=key.scorer if scorer is None else scorer.name,
        parameters={} if scorer is None else values_of(scorer),
        version=key.version,
        source=key.source or None,
        sees_end=scorer is not None and scorer.sees_end,
        control=scorer is None or scorer.name in (*CONTROLS, TWIN),
        at_step=key.step,
        relative_time=None if not drops or scorer is None else key.step / drops,
        status="ok" if error is None else "failed",
        error=error,
        seeds=list(plan.seeds),
        draws=max(scoring.draws for scoring in scorings),
        cost=Cost(
            gradient_steps=key.step,
            extra_gradient_steps=max(scoring.extra_steps for scoring in scorings),
            seconds=sum(scoring.seconds for scoring in scorings),
            sample_gradients=_sample_gradients(plan, key, scorings),
        ),
        evaluator=EVALUATOR_VERSION,
        command=newest.get("command"),
        environment={name: value for name, value in newest.items() if name != "command"},
        finetune_steps=min(plan.finetuned, trained) if "finetune" in plan.protocols else UNSET,
        recalibrated=plan.recalibrate if plan.normalised else UNSET,
        metrics={} if error else _summaries(dense | found | (control.draws if control else {}), plan),
        example=example if error is None else UNSET,
        reads_labels=control.reads if control else UNSET,
        errors={LABELS: control.error} if control and control.error else UNSET,
    )


def _sample_gradients(plan: Plan, key: Key, scorings: Sequence[Scoring]) -> float | UnsetType:
    """Of the steps to the snapshot, and what the scorer took itself, if that was counted."""
    own = [each.sample_gradients for each in scorings if each.sample_gradients is not None]
    if len(own) < len(scorings):
        return UNSET
    return key.step * plan.recipe.batch_size + max(own)


class _LabelControl(NamedTuple):
    """What came of asking with shuffled labels, as a row has it."""

    draws: Draws
    reads: bool | None
    error: str | None


def _label_control(scorings: Sequence[Scoring]) -> _LabelControl:
    """Numbers where every network has been asked about; where the scores stayed, so did their correlation."""
    measure = Measure(LABELS)
    error = next((each.errors[measure] for each in scorings if measure in each.errors), None)
    if error or any(measure not in each.results for each in scorings):
        return _LabelControl({}, None, error)
    values = [each.results[measure].get("/".join(SHUFFLED_LABELS), []) for each in scorings]
    draws = max(map(len, values))
    if not draws:
        return _LabelControl({}, False, None)
    ranks = [each.results.get(Measure("rank"), {}).get("spearman", [None] * draws) for each in scorings]
    filled = [moved or stayed[:draws] for moved, stayed in zip(values, ranks, strict=True)]
    return _LabelControl({SHUFFLED_LABELS: np.array(filled, dtype=np.float64).T}, True, None)


def unfit_rows(plan: Plan, environment: Environment) -> list[Row]:
    """Those of scorers that were not asked."""
    return [_unfit(plan, key, environment) for key in plan.unasked]


def _unfit(plan: Plan, key: Key, environment: Environment) -> Row:
    scorer = plan.keys[key]
    return Row(
        scorer=key.scorer,
        name=scorer.name,
        parameters=values_of(scorer),
        version=key.version,
        source=key.source,
        sees_end=scorer.sees_end,
        control=False,
        at_step=key.step,
        relative_time=None,
        status="unfit",
        error=plan.unfit[key.scorer],
        seeds=list(plan.seeds),
        draws=0,
        cost=Cost(0, 0, 0.0),
        evaluator=EVALUATOR_VERSION,
        command=plan.command,
        environment=environment,
        metrics={},
    )


def _draws(scorings: Sequence[Scoring], measures: Sequence[Measure]) -> Draws:
    """Every metric of these measures, draw by draw and network by network."""
    return {
        tuple(name.split("/")): np.array(
            [scoring.results[measure][name] for scoring in scorings], dtype=np.float64
        ).T
        for measure in measures
        for name in scorings[0].results[measure]
    }


def _summaries(draws: Draws, plan: Plan) -> dict[Path, Summary]:
    """Summaries of the means over draws.

    Pruned accuracies say how many units were kept, and a mean of several draws has the first of them beside
    it, for tests; correlations have their band.
    """
    summaries = summarise({path: values.mean(axis=0) for path, values in draws.items()})
    for path, summary in summaries.items():
        several = len(draws[path]) > 1
        summaries[path] = replace(
            summary,
            kept=plan.kept(float(path[2])) if len(path) == 3 else UNSET,
            first_draw=[number_or_none(value) for value in draws[path][0]] if several else UNSET,
            band=band(draws[path]) if several and path[0] in BANDED else UNSET,
        )
    return summaries


def _short(values: Float[np.ndarray, " neurons"]) -> list[float]:
    """Four digits, which are enough to draw."""
    return [float(f"{value:.4g}") for value in values]


def _drop_step(history: History) -> float | None:
    drops = history.drop_step().double()
    return float(drops.mean()) if bool((drops > 0).all()) else None


def _training(plan: Plan, networks: Sequence[Trained], dense: Draws, final: Networks) -> Training:
    """`final` is the first seed's network, which is shown."""
    history, layered = join_history(networks), plan.recipe.network is not None
    metrics: Metrics = {
        ("initial_loss",): per_seed(history.loss[:, 0]),
        ("train_loss",): per_seed(history.loss[:, -1]),
        **{path: values[0] for path, values in dense.items()},
    }
    return Training(
        gradient_steps=networks[0].gradient_steps,
        seconds=sum(network.seconds for network in networks),
        drop_step=_drop_step(history),
        curves={
            "step": history.steps.tolist(),
            "loss": history.loss.double().mean(dim=0).tolist(),
            "accuracy": history.accuracy.double().mean(dim=0).tolist(),
        },
        metrics=summarise(metrics),
        example=Norms(plan.seeds[0], _short(final.norms("effective")[0].cpu().numpy())),
        layers=[LayerUnits(each.name, each.units) for each in final.layers] if layered else UNSET,
        sizes=sizes_of(plan, final) if layered else UNSET,
    )
