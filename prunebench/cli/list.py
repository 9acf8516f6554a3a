"""`prunebench list scorers|networks|datasets`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.options import plugin_option, warn

if TYPE_CHECKING:
    from prunebench.plugin.description import Description
    from prunebench.plugin.kind import PluginKind


@click.group("list")
def command() -> None:
    """List scorers, networks or data sets."""


@command.command("scorers")
@plugin_option
def scorers(plugins: tuple[str, ...]) -> None:
    """Every scorer: name, version, parameters with defaults, paper, where it comes from."""
    from prunebench.scoring.registry import SCORERS

    _list(SCORERS, plugins, lambda scorer: " (sees the end)" if scorer.flags.get("sees_end") else "")


@command.command("networks")
@plugin_option
def networks(plugins: tuple[str, ...]) -> None:
    """Every reference network: name, version, parameters with defaults, paper, where it comes from."""
    from prunebench.reference_networks import NETWORKS
    from prunebench.training.recipe import Recipe

    default = Recipe().network_spec
    _list(NETWORKS, plugins, lambda network: " (the default)" if network.name == default else "")


def _list(kind: "PluginKind[Any]", files: Sequence[str], mark: "Callable[[Description], str]") -> None:
    """A table of the plugins of a kind; each has its `mark` behind its name."""
    from rich.markup import escape
    from rich.table import Table

    from prunebench.leaderboard.terminal import console
    from prunebench.plugin.listing import Listing
    from prunebench.plugin.registry import PluginError
    from prunebench.tasks.cache import user_folder

    listing = Listing(kind, files, user_folder() / "plugins.json")
    isolation = click.get_current_context().with_resource(listing)
    table = Table(kind.noun, "version", "parameters", "paper", "from")
    for name, plugin in isolation.plugins.items():
        try:
            found = isolation.describe(name)
        except PluginError as error:
            isolation.problems.append(str(error))
            continue
        cells = name + mark(found), found.version, found.signature, found.paper, plugin.origin
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
