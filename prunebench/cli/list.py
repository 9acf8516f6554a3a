"""`prunebench list scorers|networks|datasets|protocols|metrics`."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.complete import complete_networks, complete_scorers
from prunebench.cli.options import json_option, plugin_option, print_json, warn
from prunebench.escape import for_terminal
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, DESCRIBED, PROTOCOLS
from prunebench.fields import written
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.registry import PluginError
from prunebench.reference_networks import NETWORKS
from prunebench.training.recipe import SHALLOW

if TYPE_CHECKING:
    from prunebench.plugin.description import Description

# What a record of a list is shown with: by the title of its column.
Record = dict[str, Any]


@click.group("list")
def command() -> None:
    """List scorers, networks, data sets, protocols or metrics."""


@command.command("scorers")
@click.argument("name", required=False, shell_complete=complete_scorers)
@plugin_option
@json_option
def scorers(name: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """Every scorer: name, version, parameters with defaults, paper, origin; or all about NAME."""
    from prunebench.scoring.registry import SCORERS

    _list(SCORERS, name, plugins, lambda one: " (sees the end)" if one.flags.get("sees_end") else "", as_json)


@command.command("networks")
@click.argument("name", required=False, shell_complete=complete_networks)
@plugin_option
@json_option
def networks(name: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """Every reference network likewise; or all about NAME."""
    _list(NETWORKS, name, plugins, lambda one: " (the default)" if one.name == SHALLOW else "", as_json)


def _list(
    kind: PluginKind[Any],
    name: str | None,
    files: Sequence[str],
    mark: "Callable[[Description], str]",
    as_json: bool,
) -> None:
    """A table of the plugins of a kind; each has its `mark` behind its name. Or one of them in full."""
    from prunebench.plugin.listing import Listing
    from prunebench.tasks.cache import user_folder

    listing = Listing(kind, files, user_folder() / "plugins.json")
    isolation = click.get_current_context().with_resource(listing)
    found: list[tuple[Description, str]] = []
    for each in [isolation.require(name)] if name else isolation.plugins.values():
        try:
            found.append((isolation.describe(each.name), each.origin))
        except PluginError as error:
            if name:
                raise
            isolation.note(str(error))
    if as_json:
        records = [_record(one, origin) for one, origin in found]
        print_json(records[0] if name else records)
    elif name:
        _show(*found[0], mark(found[0][0]))
    else:
        origins = {origin for _, origin in found}
        _table(
            {
                kind.noun: one.name + mark(one),
                "version": one.version,
                "parameters": one.signature,
                "paper": one.paper,
            }
            | ({"from": origin} if len(origins) > 1 else {})
            for one, origin in found
        )
        if len(origins) == 1:
            click.echo(for_terminal(f"from: {origins.pop()}"))
    warn(isolation)


def _record(one: "Description", origin: str) -> Record:
    parameters: list[Record] = [
        {"name": name, "accepted": _accepted(one, name)}
        | ({"default": one.defaults[name]} if name in one.defaults else {})
        for name in one.parameters
    ]
    return {
        "name": one.name,
        "version": one.version,
        "paper": one.paper,
        "from": origin,
        "flags": one.flags,
        "parameters": parameters,
        "description": one.doc,
    }


def _accepted(one: "Description", name: str) -> str | None:
    """What a parameter takes, as it is written in brackets behind a name, which has no quotes."""
    return one.accepted.get(name, "").removesuffix(" is needed").removesuffix(" in quotes") or None


def _show(one: "Description", origin: str, mark: str) -> None:
    click.echo(click.style(for_terminal(f"{one.name}{mark}, version {one.version}"), bold=True))
    click.echo(for_terminal(f"{one.doc}\n" if one.doc else "", lines=True), nl=bool(one.doc))
    for name in one.parameters:
        default = f"default: {written(one.defaults[name])}" if name in one.defaults else "no default"
        click.echo(for_terminal(f"  {name}: {'; '.join(filter(None, (_accepted(one, name), default)))}"))
    if not one.parameters:
        click.echo("  no parameters")
    click.echo(for_terminal(f"paper: {one.paper or 'none'}"))
    click.echo(for_terminal(f"from: {origin}"))


def _print(records: Sequence[Record], row: Callable[[Record], Record], as_json: bool) -> None:
    """The records as JSON, or the row of each in a table."""
    if as_json:
        print_json(records)
    else:
        _table(map(row, records))


def _table(records: Iterable[Record]) -> None:
    """Nothing is cut, however narrow the terminal; names and origins are not broken where there is room."""
    from rich.table import Table
    from rich.text import Text

    from prunebench.console import console

    shown, rows = console(), [*records]
    table = Table()
    for place, title in enumerate(rows[0] if rows else ()):
        longest = max(len(row[title]) for row in rows)
        room = shown.width // (3 if place else 2)
        whole = (not place or title in ("version", "from", "protocol")) and longest <= room
        table.add_column(Text(title), overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*map(Text, row.values()))
    shown.print(table)


@command.command("datasets")
@json_option
def datasets(as_json: bool) -> None:
    """Every data set: name, what it is, whether it must be downloaded."""
    from prunebench.tasks.datasets import DATASETS

    keys = ("description", "origin", "download", "steps", "samples")
    _print(
        [{"name": name} | {key: getattr(one, key) for key in keys} for name, one in DATASETS.items()],
        lambda one: {
            "data set": one["name"],
            "what it is": one["description"],
            "where it comes from": one["origin"],
        },
        as_json,
    )


@command.command("protocols")
@json_option
def protocols(as_json: bool) -> None:
    """Every protocol: name, what it does, whether it runs by default."""
    records = []
    for name in PROTOCOLS:
        title, what = DESCRIBED[name]
        said = f"{title}: {what.format(units='units', unit='unit')}"
        records.append({"name": name, "default": name in DEFAULT_PROTOCOLS, "description": said})
    _print(
        records,
        lambda one: {
            "protocol": one["name"],
            "what it does": one["description"],
            "runs": "by default" if one["default"] else "when it is named",
        },
        as_json,
    )


@command.command("metrics")
@json_option
def metrics(as_json: bool) -> None:
    """Every metric: its name for --metric, its heading on a board, the protocol that gives it.

    SHARE is a share of units kept, such as 0.1; LAYER the name of a layer; TRUTH one of growth,
    contribution and ablation. A metric may be called by its heading, too.
    """
    from prunebench.leaderboard.metric_names import described

    _print(
        described(),
        lambda one: {
            "metric": one["name"],
            "on a board": one["heading"],
            "what it is": f"{one['kind']} from {one['least']:g} to {one['most']:g}",
            "protocol": one["protocol"] or "",
        },
        as_json,
    )
