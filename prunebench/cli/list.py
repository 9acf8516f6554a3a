"""`prunebench list scorers|datasets`."""

import click

from prunebench.cli.options import plugin_option, warn


@click.group("list")
def command() -> None:
    """List scorers or data sets."""


@command.command("scorers")
@plugin_option
def scorers(plugins: tuple[str, ...]) -> None:
    """Every scorer: name, version, parameters with defaults, paper, where it comes from."""
    from rich.markup import escape
    from rich.table import Table

    from prunebench.leaderboard.terminal import console
    from prunebench.plugin.listing import Listing
    from prunebench.plugin.registry import PluginError
    from prunebench.scoring.registry import SCORERS
    from prunebench.tasks.cache import user_folder

    listing = Listing(SCORERS, plugins, user_folder() / "plugins.json")
    isolation = click.get_current_context().with_resource(listing)
    table = Table("scorer", "version", "parameters", "paper", "from")
    for name, plugin in isolation.plugins.items():
        try:
            scorer = isolation.describe(name)
        except PluginError as error:
            isolation.problems.append(str(error))
            continue
        marked = name + (" (sees the end)" if scorer.flags.get("sees_end") else "")
        cells = marked, scorer.version, scorer.signature, scorer.paper, plugin.origin
        table.add_row(*map(escape, cells))
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
