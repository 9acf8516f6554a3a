"""Options that describe a task and a recipe, shared by the commands that train."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from prunebench.cli.complete import complete_datasets
from prunebench.cli.types import COUNT, PATH, SECONDS, SEED
from prunebench.escape import for_terminal

if TYPE_CHECKING:
    from prunebench.scoring.isolation import Isolation
    from prunebench.tasks.task import Task
    from prunebench.training.recipe import Recipe

F = TypeVar("F", bound=Callable[..., Any])


def task_options(function: F) -> F:
    """Which data, which classes, how many samples, how scaled."""
    for option in reversed(
        (
            click.option(
                "--dataset",
                type=PATH,
                default="mnist5k",
                show_default=True,
                shell_complete=complete_datasets,
                help="Name, .npz file or folder. See `prunebench list datasets`.",
            ),
            click.option(
                "--classes",
                default="0,3/1,2",
                show_default=True,
                help="Classes of the two sides, by number or name.",
            ),
            click.option(
                "--samples", type=COUNT, help="Balanced training samples. [default: 400 for digits, else 800]"
            ),
            click.option(
                "--task-seed",
                type=SEED,
                default=0,
                show_default=True,
                help="Seed of the samples' draw.",
            ),
            click.option(
                "--scaling",
                default="symmetric",
                show_default=True,
                help="symmetric, unit, standard or centred.",
            ),
            click.option("--download", is_flag=True, help="Download the data set if it is not in the cache."),
        )
    ):
        function = option(function)
    return function


def recipe_options(function: F) -> F:
    """The networks and their training; left out, the defaults of `Recipe` hold."""
    for option in reversed(
        (
            click.option("--width", type=int, help="Hidden neurons. [default: 300]"),
            click.option(
                "--init-std", type=float, help="Standard deviation of the initial weights. [default: 1e-5]"
            ),
            click.option("--learning-rate", type=float, help="[default: 1e-3]"),
            click.option("--momentum", type=float, help="[default: 0.9]"),
            click.option("--batch-size", type=int, help="[default: 4]"),
            click.option(
                "--steps",
                type=int,
                help="Steps to the end of training. [default: 4000 for mnist5k and digits, else 16000]",
            ),
            click.option(
                "--until-loss",
                type=float,
                help="End training once every network's training loss is below this.",
            ),
        )
    ):
        function = option(function)
    return function


def scorer_options(function: F) -> F:
    """Where scorers of others come from, and how long one may take."""
    for option in reversed(
        (
            click.option(
                "--plugin",
                "plugins",
                multiple=True,
                type=PATH,
                metavar="FILE",
                help="Python file with scorers of your own; repeatable.",
            ),
            click.option(
                "--scorer-timeout",
                type=SECONDS,
                metavar="SECONDS",
                help="Stop a scorer that takes longer at a step; its row has failed. [default: no limit]",
            ),
        )
    ):
        function = option(function)
    return function


def store_options(function: F) -> F:
    """Where results are kept, and what is computed although it is there."""
    for option in reversed(
        (
            click.option(
                "--store",
                type=PATH,
                default=".prunebench",
                show_default=True,
                help="Folder of networks and results.",
            ),
            click.option("--dry-run", is_flag=True, help="Say what is done and what is to do, and stop."),
            click.option("--force", is_flag=True, help="Compute again what the store holds."),
        )
    ):
        function = option(function)
    return function


def isolate(options: dict[str, Any]) -> "Isolation":
    """What finds and loads scorers, as the options of `scorer_options` say; closed when the command ends."""
    from prunebench.plugin.process import PluginProcess

    worker = PluginProcess()
    if options["plugins"]:
        worker.start()  # its imports take as long as ours: side by side
    from prunebench.scoring.isolation import Isolation

    isolation = Isolation(options["scorer_timeout"], options["plugins"], worker)
    return click.get_current_context().with_resource(isolation)


def warn(isolation: "Isolation") -> None:
    """Name the plugins that were left out."""
    for problem in isolation.problems:
        click.echo(for_terminal(f"prunebench: warning: {problem}"), err=True)


def load_recipe(options: dict[str, Any]) -> "Recipe":
    """The recipe that the options describe."""
    from prunebench.tasks.datasets import default_steps
    from prunebench.training.recipe import Recipe

    names = ("width", "init_std", "learning_rate", "momentum", "batch_size", "until_loss")
    given = {name: options[name] for name in names if options[name] is not None}
    steps = default_steps(options["dataset"]) if options["steps"] is None else options["steps"]
    return Recipe(steps=steps, **given)


def load_task_from(options: dict[str, Any]) -> "Task":
    """The task that the options describe."""
    from prunebench.tasks.datasets import default_samples
    from prunebench.tasks.load import load_task, parse_classes

    return load_task(
        options["dataset"],
        classes=parse_classes(options["classes"]),
        samples=options["samples"] or default_samples(options["dataset"]),
        seed=options["task_seed"],
        scaling=options["scaling"],
        download=options["download"],
    )
