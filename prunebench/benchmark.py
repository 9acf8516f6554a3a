"""One run: train, snapshot, score, evaluate, record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError, RequestError
from prunebench.evaluation.keep import FRACTIONS, kept_count
from prunebench.evaluation.merge import merge, merge_groups
from prunebench.evaluation.metrics import EVALUATOR_VERSION, Metrics, average, nest, per_seed
from prunebench.evaluation.prune import accuracies, prune_early, prune_final
from prunebench.evaluation.rank import rank
from prunebench.evaluation.statistics import band, summarise
from prunebench.scoring.execute import Outcome, execute
from prunebench.scoring.registry import load_scorer, source_hash
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import canonical
from prunebench.store.provenance import environment
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.train import Trajectory, train

SCHEMA = 1
Protocol = Literal["rank", "prune_final", "merge", "prune_early"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
DEFAULT_PROTOCOLS: tuple[Protocol, ...] = ("rank", "prune_final", "merge")
# On every board, so that a number can be read against chance and against the best there is.
CONTROLS = ("random", "oracle")
# Of a stochastic scorer; each draw of prune_early costs a training, so it takes fewer.
DRAWS, EARLY_DRAWS = 10, 3

Document = dict[str, Any]


class Reporter:
    """Hears how a run gets on. This one says nothing."""

    def plan(self, text: str) -> None:
        """What is about to be done, one line at a time."""

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        """`done` of `total` units of a stage are finished."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        at_steps: steps at which to score; 0 is initialisation.
        fractions: shares of the neurons to keep.
        until_loss: end the training once every network's training loss is below this; None trains all steps.
        command: the command line, for the record.
    """

    task: Task
    recipe: Recipe
    scorers: Sequence[Scorer]
    at_steps: Sequence[int] = (50,)
    seeds: Sequence[int] = tuple(range(20))
    protocols: Sequence[Protocol] = DEFAULT_PROTOCOLS
    fractions: Sequence[float] = FRACTIONS
    device: str = "auto"
    until_loss: float | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        for step in self.at_steps:
            if not 0 <= step <= self.recipe.steps:
                raise RequestError("--at-step", step, f"steps go from 0 to the end, {self.recipe.steps}")
        for protocol in self.protocols:
            if protocol not in PROTOCOLS:
                raise RequestError("--protocol", protocol, f"one of {', '.join(PROTOCOLS)}")
        names = [canonical(scorer) for scorer in self.scorers]
        if not names:
            raise RequestError("--scorer", names, "at least one scorer is needed")
        if len(set(names)) < len(names):
            raise RequestError("--scorer", names, "name each scorer once")

    def with_controls(self) -> list[Scorer]:
        """The scorers asked for, then the controls that were not."""
        present = {scorer.name for scorer in self.scorers}
        return [*self.scorers, *(load_scorer(name) for name in CONTROLS if name not in present)]


@dataclass(eq=False)
class _Entry:
    """A scorer at a step on its way through the protocols: one outcome and metrics for each of its draws."""

    scorer: Scorer
    step: int
    outcomes: list[Outcome]
    metrics: list[Metrics]

    @property
    def error(self) -> str | None:
        return next((outcome.error for outcome in self.outcomes if outcome.error), None)

    def scores(self, draws: int) -> list[Float[Tensor, "seeds neurons"]]:
        return [o.scores for o in self.outcomes[:draws] if o.scores is not None]


def run_benchmark(plan: Plan, reporter: Reporter | None = None) -> Document:
    """Run a plan and return the result document (DESIGN 4.3); a scorer that fails is a row with its error.

    Raises `PrunebenchError` where a network's training diverged, `RequestError` where the plan cannot be run.
    """
    reporter = reporter or Reporter()
    scorers = plan.with_controls()
    steps = sorted(set(plan.at_steps))
    _announce(plan, scorers, steps, reporter)
    run = train(
        plan.task,
        plan.recipe,
        seeds=plan.seeds,
        snapshot_steps=steps,
        device=plan.device,
        until_loss=plan.until_loss,
        progress=lambda done, total: reporter.progress("training", done, total, "steps"),
    )
    _check_trained(run, steps)
    entries = []
    for done, (step, scorer) in enumerate([(step, scorer) for step in steps for scorer in scorers]):
        reporter.progress("scoring", done, len(steps) * len(scorers), "scores")
        entries.append(_score(scorer, run, step))
    reporter.progress("scoring", len(entries), len(entries), "scores")
    dense = accuracies(run.final, plan.task, "dense")
    for done, entry in enumerate(entries):
        reporter.progress("evaluation", done, len(entries), "rows")
        if entry.error is None:
            entry.metrics = [dense | _evaluate(outcome, run, plan) for outcome in entry.outcomes]
    reporter.progress("evaluation", len(entries), len(entries), "rows")
    controls = []
    if "prune_early" in plan.protocols:
        controls = _prune_early(entries, run, steps, plan, reporter)
    drops = _drop_step(run)
    rows = [_row(entry, run, drops, plan) for entry in entries] + controls
    return {
        "schema": SCHEMA,
        "task": {
            "name": plan.task.name,
            "samples": plan.task.samples,
            "inputs": plan.task.inputs,
            "tests": len(plan.task.x_test),
            "fingerprint": plan.task.fingerprint,
            **plan.task.source,
        },
        "recipe": asdict(plan.recipe) | ({} if plan.until_loss is None else {"until_loss": plan.until_loss}),
        "environment": environment(run.final.device),
        "evaluator": EVALUATOR_VERSION,
        "seeds": list(run.seeds),
        "protocols": [protocol for protocol in PROTOCOLS if protocol in plan.protocols],
        "training": _training_record(run, drops),
        "rows": rows,
    }


def _announce(plan: Plan, scorers: Sequence[Scorer], steps: Sequence[int], reporter: Reporter) -> None:
    recipe, task, device = plan.recipe, plan.task, resolve_device(plan.device)
    reporter.plan(
        f"train {len(plan.seeds)} networks of {recipe.width} neurons for {recipe.steps:,} steps "
        f"on {task.name} ({task.samples} samples of {task.inputs} inputs) on {device}"
    )
    at = ", ".join(str(step) for step in steps)
    reporter.plan(f"score with {', '.join(canonical(s) for s in scorers)} at step {at}")
    if "prune_early" in plan.protocols:
        choices = sum(EARLY_DRAWS if scorer.stochastic else 1 for scorer in scorers) + 1
        counts = ", ".join(str(kept_count(recipe.width, f)) for f in plan.fractions)
        total = len(steps) * choices * len(plan.fractions) * len(plan.seeds)
        reporter.plan(
            f"prune_early: from each of {len(steps)} steps, retrain {choices} choices of {counts} neurons "
            f"for {len(plan.seeds)} seeds: {total:,} narrow networks"
        )


def _check_trained(run: Trajectory, steps: Sequence[int]) -> None:
    reached = run.gradient_steps
    if steps and steps[-1] > reached:
        raise RequestError("--at-step", steps[-1], f"training ended by --until-loss after {reached} steps")
    finite = torch.stack([t.flatten(1).isfinite().all(dim=1) for t in run.final.tensors]).all(dim=0)
    if not bool(finite.all()):
        lost = [seed for seed, ok in zip(run.seeds, finite.tolist(), strict=True) if not ok]
        raise PrunebenchError(f"training diverged for seeds {lost}; take a smaller --learning-rate")


def _score(scorer: Scorer, run: Trajectory, step: int) -> _Entry:
    snapshot = run.snapshot(step, with_final=scorer.sees_end)
    draws = [replace(scorer, draw=i) for i in range(DRAWS)] if scorer.stochastic else [scorer]  # type: ignore[type-var]
    return _Entry(scorer, step, [execute(drawn, snapshot) for drawn in draws], [])


def _evaluate(outcome: Outcome, run: Trajectory, plan: Plan) -> Metrics:
    assert outcome.scores is not None
    metrics: Metrics = {}
    if "rank" in plan.protocols:
        metrics |= rank(outcome.scores, run.final, outcome.signs)
    if "prune_final" in plan.protocols:
        metrics |= prune_final(outcome.scores, run.final, plan.task, plan.fractions)
    if "merge" in plan.protocols:
        metrics |= merge(outcome.scores, run.final, plan.task, plan.fractions)
    return metrics


def _prune_early(
    entries: Sequence[_Entry], run: Trajectory, steps: Sequence[int], plan: Plan, reporter: Reporter
) -> list[Document]:
    """Add the protocol's metrics to the entries; returns the rows of its re-initialised control."""
    rows = []
    total, done = len(steps) * len(plan.fractions), 0

    def on_trained() -> None:
        nonlocal done
        done += 1
        reporter.progress("prune_early", done, total, "trainings")

    reporter.progress("prune_early", 0, total, "trainings")
    for step in steps:
        present = [entry for entry in entries if entry.step == step and entry.error is None]
        candidates = [scores for entry in present for scores in entry.scores(EARLY_DRAWS)]
        *results, fresh = prune_early(candidates, run, step, plan.fractions, on_trained)
        for entry in present:
            mine, results = (
                results[: len(entry.scores(EARLY_DRAWS))],
                results[len(entry.scores(EARLY_DRAWS)) :],
            )
            early = average(mine)
            entry.metrics = [metrics | early for metrics in entry.metrics]
        rows.append(
            _control_row("reinitialised", step, accuracies(run.final, run.task, "dense") | fresh, run)
        )
    return rows


def _row(entry: _Entry, run: Trajectory, drops: float | None, plan: Plan) -> Document:
    scorer = entry.scorer
    row: Document = {
        "scorer": canonical(scorer),
        "name": scorer.name,
        "parameters": {f.name: getattr(scorer, f.name) for f in scorer.parameters()},
        "version": scorer.version,
        "source": source_hash(type(scorer)),
        "sees_end": scorer.sees_end,
        "control": scorer.name in CONTROLS,
        "at_step": entry.step,
        "relative_time": None if not drops else entry.step / drops,
        "status": "ok" if entry.error is None else "failed",
        "error": entry.error,
        "seeds": list(run.seeds),
        "draws": len(entry.outcomes),
        "cost": {
            "gradient_steps": entry.step,
            "extra_gradient_steps": max(outcome.extra_gradient_steps for outcome in entry.outcomes),
            "seconds": float(np.mean([outcome.seconds for outcome in entry.outcomes])),
        },
        "evaluator": EVALUATOR_VERSION,
        "command": plan.command,
    }
    if entry.metrics:
        row |= _results(average(entry.metrics), run.recipe.width)
        for path in (
            [("spearman",), ("kendall",)] if len(entry.metrics) > 1 and "rank" in plan.protocols else []
        ):
            row[path[0]]["band"] = band(entry.metrics, path)
    return row


def _control_row(name: str, step: int, metrics: Metrics, run: Trajectory) -> Document:
    return {
        "scorer": name,
        "name": name,
        "parameters": {},
        "version": EVALUATOR_VERSION,
        "source": None,
        "sees_end": False,
        "control": True,
        "at_step": step,
        "relative_time": None,
        "status": "ok",
        "error": None,
        "seeds": list(run.seeds),
        "draws": 1,
        "cost": {"gradient_steps": step, "extra_gradient_steps": 0, "seconds": 0.0},
        "evaluator": EVALUATOR_VERSION,
        "command": None,
        **_results(metrics, run.recipe.width),
    }


def _results(metrics: Metrics, width: int) -> Document:
    """Summaries, nested as in the JSON document; pruned accuracies say how many neurons were kept."""
    summaries = summarise(metrics)
    for path, summary in summaries.items():
        if len(path) == 3:
            summary["kept"] = kept_count(width, float(path[2]))
    return nest(summaries)


def _drop_step(run: Trajectory) -> float | None:
    drops = run.history.drop_step().double()
    return float(drops.mean()) if bool((drops > 0).all()) else None


def _training_record(run: Trajectory, drops: float | None) -> Document:
    history, task = run.history, run.task
    metrics: Metrics = {
        ("initial_loss",): per_seed(history.loss[:, 0]),
        ("train_loss",): per_seed(history.loss[:, -1]),
        **accuracies(run.final, task, "dense"),
        **merge_groups(run.final, task),
    }
    return {
        "gradient_steps": run.gradient_steps,
        "seconds": run.seconds,
        "drop_step": drops,
        "curves": {
            "step": history.steps.tolist(),
            "loss": history.loss.double().mean(dim=0).tolist(),
            "accuracy": history.accuracy.double().mean(dim=0).tolist(),
        },
        **nest(summarise(metrics)),
    }
