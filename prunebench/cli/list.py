"""`prunebench list scorers|datasets`."""

import click

from prunebench.cli.types import PATH


@click.group("list")
def command() -> None:
    """List scorers or data sets."""


@command.command("scorers")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Python file with scorers; repeatable.",
)
def scorers(plugins: tuple[str, ...]) -> None:
    """Every scorer: name, version, parameters with defaults, paper, where it comes from."""
    from rich.markup import escape
    from rich.table import Table

    from prunebench.cli.options import isolate, warn
    from prunebench.leaderboard.terminal import console
    from prunebench.plugin.spec import describe
    from prunebench.scoring.registry import PluginError

    isolation = isolate({"plugins": plugins, "scorer_timeout": None})
    table = Table("scorer", "version", "parameters", "paper", "from")
    for name, plugin in isolation.plugins.items():
        try:
            cls = isolation.load_class(name)
        except PluginError as error:
            isolation.problems.append(str(error))
            continue
        parameters = ", ".join(describe(field) for field in cls.parameters())
        marked = name + (" (sees the end)" if cls.sees_end else "")
        table.add_row(*(escape(text) for text in (marked, cls.version, parameters, cls.paper, plugin.origin)))
    console().print(table)
    warn(isolation)


@command.command("datasets")
def datasets() -> None:
    """Every data set: name, what it is, whether it must be downloaded."""
    from rich.table import Table

    from prunebench.leaderboard.terminal import console
    from prunebench.tasks.datasets import DATASETS

    table = Table("data set", "what it is", "where it comes from")
    for dataset in DATASETS.values():
        table.add_row(dataset.name, dataset.description, dataset.origin)
    console().print(table)
