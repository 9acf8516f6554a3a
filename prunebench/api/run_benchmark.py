"""The benchmark from Python: `pb.run_benchmark`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import torch

from prunebench.api.result import Result
from prunebench.api.several import several, some
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import check_fit, run_plan
from prunebench.errors import RequestError
from prunebench.evaluation.fractions import check_fractions
from prunebench.evaluation.protocols import Protocol
from prunebench.plugin.registry import Registry, problem
from prunebench.plugin.spec import build
from prunebench.progress import TerminalReporter
from prunebench.run_spec import RunSpec
from prunebench.scoring.registry import SCORERS, load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.store.store import Store
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import check_seeds
from prunebench.training.train import check_given

GivenScorer = str | Scorer | type[Scorer]


def run_benchmark(
    task: Task,
    recipe: Recipe,
    scorers: GivenScorer | Iterable[GivenScorer] = RunSpec.scorers,
    at_steps: int | Iterable[int] = (50,),
    seeds: SupportsIndex | Iterable[int] = RunSpec.seeds,
    protocols: Protocol | Iterable[Protocol] = RunSpec.protocols,
    *,
    keep: Sequence[float] = RunSpec.keep,
    finetune_steps: int | None = RunSpec.finetune_steps,
    recalibrate: bool = RunSpec.recalibrate,
    device: str | torch.device = "auto",
    store: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
) -> Result:
    """Train networks, ask scorers at early steps, and measure what their scores are worth: `prunebench run`.

    Args:
        scorers: names with their parameters (`"imp[sparsity=0.5]"`), scorers, or classes of scorers. Those
            given as objects run in this process. The controls are added.
        at_steps: where to score; 0 is initialisation. An epoch e ends at step
            `e * recipe.epoch_steps(task.samples)`.
        seeds: one network each; a number n stands for the seeds 0 to n - 1.
        protocols: how to evaluate (docs/protocols.md).
        keep: shares of the units to keep; by default those of the kind of network.
        finetune_steps: that the protocol `finetune` trains on; by default 10 % of the recipe's, or all that
            were trained where these are fewer (`until_loss`).
        recalibrate: estimate running statistics of batch normalisation again before accuracies are measured.
        store: folder of trained networks and results (`.prunebench` is the command line's): what it holds is
            not computed again. Without one nothing is kept but the result.
        force: compute again what the store holds.
        quiet: no plan, no progress bars, and no traceback of a scorer that fails.

    Returns:
        What was found. A scorer that fails is a row with its error, as on every board.

    Raises:
        RequestError: an argument that does not fit, or a scorer that cannot take these networks.
        PrunebenchError: training diverged.
    """
    check_given(task, recipe)
    plan = Plan(
        task,
        recipe,
        [_loaded(each) for each in several(scorers, str | Scorer | type)],
        some("at_steps", at_steps, int),
        check_seeds(seeds),
        some("protocols", protocols, str),
        check_fractions(several(keep, float), "keep"),
        finetune_steps,
        recalibrate,
        str(device),
    )
    check_fit(plan)
    if store is not None and (not isinstance(store, str | Path) or store == ""):
        raise RequestError("store", store, "a folder, or None for memory, is needed")
    folder = None if store is None else Path(store)
    with Store(folder) as opened, TerminalReporter(quiet=quiet, debug=not quiet) as reporter:
        return Result.of(plan, run_plan(plan, reporter, opened, force=force), opened)


def _loaded(given: Any) -> Scorer:
    if isinstance(given, str):
        try:
            return load_scorer(given)
        except RequestError as error:
            raise (error.about("scorers") if error.option == SCORERS.noun else error) from None
    is_class = isinstance(given, type) and issubclass(given, Scorer)
    if not (is_class or isinstance(given, Scorer)) or not isinstance(getattr(given, "name", None), str):
        accepted = 'a name such as "snip", or a pb.Scorer that has a name, is needed'
        raise RequestError("scorers", given, accepted)
    _check_class(given if is_class else type(given))
    return given if isinstance(given, Scorer) else build(given, {}, given.__name__, "scorers")


def _check_class(cls: type[Scorer]) -> None:
    """As of a file's; and boards know prunebench's own scorers, and so the controls, by their names."""
    if wrong := problem(SCORERS, cls):
        raise RequestError("scorers", cls, wrong)
    registry = Registry(SCORERS)
    known = registry.plugins.get(cls.name)
    if known is not None and known.own and registry.load_class(cls.name) is not cls:
        raise RequestError("scorers", cls, f"its name {cls.name!r} is taken by {known.origin}; rename it")
