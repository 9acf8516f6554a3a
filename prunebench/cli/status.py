"""`prunebench status`: what a store holds, and what of a study is done."""

from pathlib import Path

import click

from prunebench.cli.options import isolate, plugin_option, store_option
from prunebench.cli.types import PATH
from prunebench.escape import for_terminal


@click.command("status")
@click.argument("study", required=False, type=PATH)
@store_option
@plugin_option
@click.option("--check", is_flag=True, help="Read every row and file of the store, and name what is damaged.")
@click.option(
    "--forget", is_flag=True, help="With --check: forget what is damaged, so that it is computed again."
)
def command(study: str | None, store: str, plugins: tuple[str, ...], check: bool, forget: bool) -> int:
    """Say what the store holds: trainings, networks, results and failures.

    With a STUDY, say what of it is done and what is to do, cell by cell.
    """
    if forget and not check:
        raise click.UsageError("--forget: it needs --check, which finds what is damaged")
    if check:
        if study is not None:
            raise click.UsageError(f"--check: it concerns the whole store; leave {study} out")
        return _check(Path(store), forget=forget)
    if study is not None:
        _study_status(Path(study), Path(store), plugins)
    else:
        _store_status(store)
    return 0


def _store_status(store: str) -> None:
    from prunebench.store.status import read_status

    status = read_status(Path(store))
    for held in status.holdings:
        parts = [f"{held.trainings:,} trainings", f"{held.networks:,} networks"]
        parts += [f"{held.snapshots:,} snapshots", f"{held.results:,} results"]
        parts += [f"{held.failed:,} failed scores"] if held.failed else []
        parts += [f"{held.diverged:,} failed trainings"] if held.diverged else []
        click.echo(for_terminal(f"{held.task}: {', '.join(parts)}"))
    networks = sum(held.size for held in status.holdings)
    results = sum(held.results for held in status.holdings)
    click.echo(
        f"{store}: {results:,} results; database {_size(status.database)}, networks {_size(networks)}; "
        f"newest record: {status.newest or 'none'}"
    )


def _check(folder: Path, *, forget: bool) -> int:
    from prunebench.store import integrity
    from prunebench.store.store import Store
    from prunebench.store.tables import TABLES

    with Store(folder, read_only=True) as kept:
        found = list(integrity.find_damage(kept, files=True))
        counts = {row.table: kept.rows(f"SELECT count(*) FROM {row.table}")[0][0] for row in TABLES}
    rows, networks = sum(counts.values()), counts["networks"]
    for each in found:
        click.echo(f"damaged: {each.what}")
    click.echo(f"{folder}: {rows:,} rows and {networks:,} files of networks checked; damaged: {len(found):,}")
    if not (found and forget):
        return 1 if found else 0
    with Store(folder) as kept:
        gone = integrity.forget(kept, found)
        left = sum(1 for _ in integrity.find_damage(kept, files=True))
    click.echo(f"forgotten: {gone:,} rows; running their tasks again computes them; still damaged: {left:,}")
    return 1 if left else 0


def _study_status(study: Path, store: Path, plugins: tuple[str, ...]) -> None:
    from prunebench.benchmark import Reporter
    from prunebench.store.store import Store
    from prunebench.store.tables import FailureRow
    from prunebench.sweep.cells import Options, plans_of, with_all
    from prunebench.sweep.study import read_study
    from prunebench.sweep.to_do import describe, find_to_do

    class Lines(Reporter):
        def plan(self, text: str) -> None:
            click.echo(for_terminal(text))

    isolation = isolate({"plugins": plugins, "scorer_timeout": None})
    asked = Options(plugins=plugins, device="cpu")
    cells = plans_of([with_all(cell, isolation) for cell in read_study(study)], asked, isolation.load)
    with Store.to_read(store) as kept:
        describe(find_to_do(cells, kept), Lines(), each=True)
        for cell, plan in cells:
            if (failure := kept.find(FailureRow, plan.training)) is not None:
                click.echo(for_terminal(f"{cell.title}: failed when it was last tried: {failure.error}"))


def _size(count: int) -> str:
    """`512 B`, `3.4 MB`."""
    thousands = min(4, (len(str(count)) - 1) // 3)
    return f"{count / 1000**thousands:.1f} {'kMGT'[thousands - 1]}B" if thousands else f"{count} B"
