"""Options that several commands share."""

import json
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.complete import complete_datasets, complete_networks
from prunebench.cli.types import PATH, SECONDS, Typed, several
from prunebench.escape import for_terminal
from prunebench.fields import Option, options_of, written
from prunebench.run_spec import RunSpec
from prunebench.tasks.spec import TaskSpec
from prunebench.training.recipe import Recipe

if TYPE_CHECKING:
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.scorer import Scorer
    from prunebench.sweep.plans import Options
    from prunebench.sweep.study import Job

# How a plugin is named.
PLUGIN = "[FILE.py:]NAME[PARAM=VALUE,...]"
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def combined(*options: Decorator) -> Decorator:
    """Several options as one, in this order."""
    return lambda function: reduce(lambda decorated, option: option(decorated), reversed(options), function)


def options_for(cls: type, *, but: Sequence[str] = (), **more: dict[str, Any]) -> Decorator:
    """An option for each field of a dataclass, as its annotation says; `more` goes to click, by field.

    What is not given is None, or no values: the field's default then holds (`given`).
    """

    def as_option(field: Option) -> Decorator:
        default = ", ".join(map(written, field.default if field.many else [field.default]))
        told = field.default in (None, ()) or "default: " in field.help
        text = field.help + ("" if told else f" [default: {default}]")
        if isinstance(field.default, bool):
            return click.option(f"{field.flag}/{field.off}", field.name, default=None, help=text)
        settings = several(field.annotation) if field.many else {"type": Typed(field.annotation)}
        settings |= more.get(field.name, {})
        if limits := settings["type"].limits:
            before, default, after = text.partition(" [default")
            text = f"{before} [{limits}" + (f"; default{after}" if default else "]")
        return click.option(field.flag, field.name, help=text, **settings)

    return combined(*(as_option(field) for name, field in options_of(cls).items() if name not in but))


def given(cls: type, options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass that were given as options."""
    return {name: options[name] for name in options_of(cls) if options.get(name) not in (None, ())}


compute_options = combined(
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
    click.option("--quiet", is_flag=True, help="No plan and no progress bars."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON on stdout.")
download_option = click.option(
    "--download", is_flag=True, help="Download data sets that are not in the cache."
)
store_option = click.option(
    "--store", type=PATH, default=".prunebench", show_default=True, help="Folder of networks and results."
)
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Python file with scorers or networks of your own; repeatable.",
)
# Where scorers of others come from, and how long one may take.
scorer_options = combined(
    plugin_option,
    click.option(
        "--scorer-timeout",
        type=SECONDS,
        metavar="SECONDS",
        help="Stop a scorer that takes longer at a step; its row has failed. "
        f"[{SECONDS.limits}; default: no limit]",
    ),
)
# Where results are kept, and what is computed although it is there.
store_options = combined(
    store_option,
    click.option("--dry-run", is_flag=True, help="Say what is done and what is to do, and stop."),
    click.option("--force", is_flag=True, help="Compute again what the store holds."),
)
# Which network is trained, and how.
recipe_options = options_for(Recipe, network={"metavar": PLUGIN, "shell_complete": complete_networks})


def task_options(*but: str) -> Decorator:
    """Which data, which classes, how many samples, how scaled; all `but` some of that."""
    return combined(
        options_for(TaskSpec, but=but, dataset={"shell_complete": complete_datasets}), download_option
    )


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


def print_json(value: Any) -> None:
    """On stdout, without what JSON has no word for: a number that is not finite is null."""
    import msgspec

    click.echo(json.dumps(_of_json(msgspec.to_builtins(value)), indent=1))


def _of_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _of_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_of_json, value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def job_from(options: dict[str, Any]) -> "Job":
    """The task, the recipe and what is asked, as the options describe them."""
    from prunebench.sweep.study import Job

    return Job.of(given(TaskSpec, options), given(Recipe, options), given(RunSpec, options))


def common_from(options: dict[str, Any]) -> "Options":
    """What holds for all that is computed, and the command line, for the record."""
    from prunebench.sweep.plans import Options

    known = {field.name: options[field.name] for field in fields(Options) if field.name in options}
    return Options(**known, command=shlex.join(["prunebench", *sys.argv[1:]]))
