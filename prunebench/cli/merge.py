"""`prunebench merge`: another store's records."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.options import isolate, scorer_options, store_option, warn
from prunebench.cli.types import PATH, SHARE
from prunebench.escape import for_terminal

if TYPE_CHECKING:
    from prunebench.store.store import Store

# More names than this tell nothing more.
_SHOWN = 10


@click.command("merge")
@click.argument("other", type=PATH)
@store_option
@click.option(
    "--audit",
    "fraction",
    type=SHARE,
    metavar="FRACTION",
    help="First compute this share of OTHER's results again; take nothing over where one differs.",
)
@scorer_options
def command(other: str, store: str, fraction: float | None, **options: Any) -> int:
    """Take over the records of the store in the folder OTHER that are not here yet.

    OTHER is only read. Every record and file is checked against its hash; where both stores hold a result,
    the one that is here stays.

    \b
    prunebench merge /scratch/colleague/.prunebench --audit 0.05
    """
    from prunebench.errors import RequestError
    from prunebench.store.absorb import absorb
    from prunebench.store.database import FILE
    from prunebench.store.store import Store

    if not (Path(other) / FILE).exists():
        raise RequestError("OTHER", other, f"the folder of a store, with a {FILE}, is needed")
    if Path(other).resolve() == Path(store).resolve():
        raise RequestError("OTHER", other, "it is the store that --store names; another one is needed")
    if options["plugins"] and fraction is None:
        raise RequestError("--plugin", options["plugins"][0], "only --audit asks scorers; give it too")
    with Store(Path(other), read_only=True) as theirs:
        if fraction is not None and not _passes(theirs, fraction, options):
            click.echo("nothing was taken over", err=True)
            return 1
        with Store(Path(store)) as mine:
            taken = absorb(mine, theirs)
    click.echo(
        f"taken over: {taken.networks:,} networks, {taken.results:,} results; "
        f"here already: {taken.present:,} results"
    )
    _list("here with other numbers, which stay", taken.differing)
    _list("damaged here, and now missing or replaced", taken.forgotten)
    _list("left out, for it is not what was written", taken.damaged)
    return 1 if taken.damaged else 0


def _passes(theirs: "Store", fraction: float, options: dict[str, Any]) -> bool:
    from prunebench.benchmark.audit import audit

    isolation = isolate(options)
    found = audit(theirs, fraction, load=isolation.load, files=options["plugins"])
    warn(isolation)
    click.echo(f"audit: {found.checked:,} results measured again and found equal")
    click.echo(f"audit: {found.rescored:,} scores of networks computed again and found equal")
    for reason, count in found.unchecked.items():
        click.echo(for_terminal(f"audit: {count:,} not computed again: {reason}"))
    _list("audit: other numbers when computed again", found.differing)
    return not found.differing


def _list(title: str, names: list[str]) -> None:
    for name in names[:_SHOWN]:
        click.echo(for_terminal(f"{title}: {name}"))
    if len(names) > _SHOWN:
        click.echo(f"{title}: {len(names) - _SHOWN:,} more")
