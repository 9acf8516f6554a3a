"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from prunebench.cli.complete import complete_datasets
from prunebench.cli.types import PATH, SECONDS, Typed
from prunebench.escape import for_terminal
from prunebench.fields import options_of, written
from prunebench.run_spec import RunSpec
from prunebench.tasks.spec import TaskSpec
from prunebench.training.recipe import Recipe

if TYPE_CHECKING:
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.scorer import Scorer
    from prunebench.sweep.study import Cell

F = TypeVar("F", bound=Callable[..., Any])


def options_for(cls: type, *, but: Sequence[str] = (), **more: dict[str, Any]) -> Callable[[F], F]:
    """An option for each field of a dataclass, as its annotation says; `more` goes to click, by field.

    What is not given is None, or no values: the field's default then holds (`given`).
    """

    def decorate(function: F) -> F:
        for option in reversed([*options_of(cls).values()]):
            if option.name in but:
                continue
            default = ", ".join(map(written, option.default if option.many else [option.default]))
            told = option.default in (None, ()) or "[default" in option.help
            settings: dict[str, Any] = {
                "type": Typed(option.annotation),
                "multiple": option.many,
                "help": option.help + ("" if told else f" [default: {default}]"),
            }
            settings |= more.get(option.name, {})
            function = click.option(option.flag, option.name, **settings)(function)
        return function

    return decorate


def given(cls: type, options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass that were given as options."""
    return {name: options[name] for name in options_of(cls) if options.get(name) not in (None, ())}


def task_options(*but: str) -> Callable[[F], F]:
    """Which data, which classes, how many samples, how scaled; all `but` some of that."""
    fields = options_for(TaskSpec, but=but, dataset={"shell_complete": complete_datasets})
    text = "Download the data set if it is not in the cache."
    return lambda function: fields(click.option("--download", is_flag=True, help=text)(function))


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


def isolate(options: dict[str, Any]) -> "Isolation[Scorer]":
    """What finds and loads scorers, as the options of `scorer_options` say; closed when the command ends."""
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.registry import SCORERS

    isolation = Isolation(SCORERS, options["scorer_timeout"], options["plugins"])
    if options["plugins"]:
        isolation.process.start()  # its imports take as long as ours: side by side
    return click.get_current_context().with_resource(isolation)


def warn(isolation: "Isolation[Scorer]") -> None:
    """Name the plugins that were left out."""
    for problem in isolation.problems:
        click.echo(for_terminal(f"prunebench: warning: {problem}"), err=True)


def cell_from(options: dict[str, Any]) -> "Cell":
    """The task, the recipe and what is asked, as the options describe them."""
    from prunebench.sweep.study import Cell

    return Cell.of(given(TaskSpec, options), given(Recipe, options), given(RunSpec, options))
