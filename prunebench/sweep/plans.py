"""The plans of a study's jobs."""

import itertools
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from prunebench.benchmark.plan import CONTROLS, Plan
from prunebench.device import resolve_device
from prunebench.errors import RequestError
from prunebench.leaderboard.board import name_of
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.record import PluginRecord
from prunebench.plugin.registry import PluginError
from prunebench.plugin.spec import files_of, plugin_words, split_file
from prunebench.results import TaskRecord
from prunebench.scoring.registry import ALL, load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.store.store import task_record
from prunebench.sweep.study import ONLY, Job
from prunebench.tasks.datasets import DATASETS
from prunebench.tasks.load import load_spec
from prunebench.training.architecture import loaded


@dataclass(frozen=True)
class Options:
    """What holds for all jobs and is not in the study.

    Attributes:
        plugins: files with scorers and networks.
        scorer_timeout: seconds for each scorer at a step, or None.
        download: whether data sets may be downloaded.
        command: the command line, for the record.
    """

    plugins: tuple[str, ...] = ()
    scorer_timeout: float | None = None
    device: str = "auto"
    download: bool = False
    command: str | None = None


Load = Callable[[str], Scorer]
# Jobs of a study that are drawn from the same data one after another load them once.
_load = lru_cache(maxsize=64)(load_spec)
_loaded = lru_cache(maxsize=64)(loaded)


def plans_of(
    jobs: Sequence[Job], options: Options | None = None, load: Load = load_scorer
) -> list[tuple[Job, Plan]]:
    """Every job with its plan; `load` gives the scorer for a spec.

    `RequestError` for the first job that could not be run, before any is.
    """
    options = options or Options()
    # The cheap checks first: a typo should not wait for a data set.
    specs = dict.fromkeys(spec for job in jobs for spec in job.run.scorers)
    scorers = {spec: load(spec) for spec in specs}
    resolve_device(options.device)
    found = [(job, plan_of(job, _recorded(job, options), scorers.__getitem__)) for job in jobs]
    _check_rows(found)
    return found


def board_of(plan: Plan) -> str:
    """The name of the board that a plan's rows join."""
    return name_of(TaskRecord.read(task_record(plan.task, plan.recipe)), plan.recipe)


def with_all(job: Job, found: Isolation[Scorer]) -> Job:
    """With the names of all scorers that predict, in place of `all`; what does not load is noted there."""
    if ALL not in job.run.scorers:
        return job
    names = []
    for name in found.plugins:
        try:
            if name not in CONTROLS and not found.describe(name).flags["sees_end"]:
                names.append(name)
        except PluginError as error:
            found.note(str(error))
    scorers = (name for spec in job.run.scorers for name in (names if spec == ALL else [spec]))
    return replace(job, run=replace(job.run, scorers=tuple(dict.fromkeys(scorers))))


def plan_of(job: Job, options: Options, load: Load = load_scorer) -> Plan:
    """One job's plan. `RequestError` names the job."""
    run = job.run
    scorers = [load(spec) for spec in run.scorers]
    try:
        recipe = _loaded(job.recipe, options.plugins)
        task = _load(job.task, download=options.download)
        steps = run.steps(recipe.epoch_steps(task.samples), recipe.steps)
        return Plan(
            task,
            recipe,
            scorers,
            steps,
            run.seeds,
            run.protocols,
            run.keep,
            run.finetune_steps,
            run.recalibrate,
            device=options.device,
            command=options.command,
            held=job.held,
        )
    except RequestError as error:
        where = f" (in {job.title if job.title == ONLY else f'job {job.title}'})" if job.title else ""
        raise RequestError(error.option, error.value, error.accepted + where) from error


def _recorded(job: Job, options: Options) -> Options:
    """With the files that a job of a study names in the command line that is recorded.

    That names the study alone, while rows name no file: nothing would say where their scorer came from.
    """
    network = job.recipe.network
    specs = [*job.run.scorers, *([network.spec] if isinstance(network, PluginRecord) else [])]
    files = [file for file in files_of(specs) if file not in options.plugins]
    if options.command is None or not files:
        return options
    return replace(options, command=f"{options.command} {shlex.join(plugin_words(files))}")


def _check_rows(jobs: Sequence[tuple[Job, Plan]]) -> None:
    """A row is measured in one way: of two, each would take the other's place at every sweep.

    Controls have a row at every step, so that jobs of one board that score there share some.
    """
    ways: dict[tuple[str, int, str], object] = {}
    for job, plan in jobs:
        way: dict[str, object] = {"seeds": plan.seeds, "recalibrate": plan.recalibrate}
        if "finetune" in plan.protocols:
            way["finetune_steps"] = plan.finetuned
        name = board_of(plan)
        for step, (option, value) in itertools.product(plan.steps, way.items()):
            if (other := ways.setdefault((name, step, option), value)) != value:
                where = f"{other} as in another job of this board at step {step}, {name}"
                raise RequestError(option, value, f"{where} (in job {job.title})")


def from_anywhere(job: Job, options: Options) -> tuple[Job, Options]:
    """The same with absolute paths, for a process that works in another folder."""
    dataset = job.task.dataset
    if dataset not in DATASETS:
        dataset = os.path.abspath(os.path.expanduser(dataset))
    task = replace(job.task, dataset=dataset)
    run = replace(job.run, scorers=tuple(map(_absolute, job.run.scorers)))
    recipe = job.recipe
    if isinstance(recipe.network, PluginRecord):
        recipe = replace(recipe, network=replace(recipe.network, spec=_absolute(recipe.network.spec)))
    job = replace(job, task=task, recipe=recipe, run=run)
    return job, replace(options, plugins=tuple(os.path.abspath(file) for file in options.plugins))


def _absolute(spec: str) -> str:
    file, rest = split_file(spec)
    return f"{os.path.abspath(file)}:{rest}" if file else rest
