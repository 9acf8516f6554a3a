"""`prunebench status`: what a store holds, and what of a study is done."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunebench.cli.options import isolate, json_option, plugin_option, print_json, store_option
from prunebench.cli.streams import others_on_stderr
from prunebench.cli.types import PATH
from prunebench.escape import for_terminal
from prunebench.words import plural

if TYPE_CHECKING:
    from prunebench.benchmark.plan import Plan
    from prunebench.store.store import Store


@click.command("status")
@click.argument("study", required=False, type=PATH)
@store_option
@plugin_option
@json_option
@click.option("--check", is_flag=True, help="Read every row and file of the store, and name what is damaged.")
@click.option(
    "--forget", is_flag=True, help="With --check: forget what is damaged, so that it is computed again."
)
def command(
    study: str | None, store: str, plugins: tuple[str, ...], as_json: bool, check: bool, forget: bool
) -> int:
    """Say what the store holds: trainings, networks, results and failures.

    With a STUDY, say what of it is done and what is to do, job by job.
    """
    if forget and not check:
        raise click.UsageError("--forget: it needs --check, which finds what is damaged")
    if check:
        if study is not None:
            raise click.UsageError(f"--check: it concerns the whole store; leave {study} out")
        return _check(Path(store), as_json, forget=forget)
    if study is not None:
        _study_status(Path(study), Path(store), plugins, as_json)
    else:
        _store_status(store, as_json)
    return 0


def _store_status(store: str, as_json: bool) -> None:
    from prunebench.store.status import read_status

    status = read_status(Path(store))
    if as_json:
        print_json(status)
        return
    for held in status.holdings:
        parts = [plural(held.trainings, "training"), plural(held.networks, "network")]
        parts += [plural(held.snapshots, "snapshot"), plural(held.results, "result")]
        parts += [plural(held.failed, "failed score")] if held.failed else []
        parts += [plural(held.diverged, "failed training")] if held.diverged else []
        click.echo(for_terminal(f"{held.task}: {', '.join(parts)}"))
    networks = sum(held.size for held in status.holdings)
    results = sum(held.results for held in status.holdings)
    click.echo(
        f"{store}: {plural(results, 'result')}; database {_size(status.database)}, "
        f"networks {_size(networks)}; newest record: {status.newest or 'none'}"
    )


def _check(folder: Path, as_json: bool, *, forget: bool) -> int:
    from prunebench.store import integrity
    from prunebench.store.store import Store

    with Store(folder, read_only=True) as kept:
        found = list(integrity.find_damage(kept, files=True))
        counts = integrity.count_rows(kept)
    rows, networks = sum(counts.values()), counts["networks"]
    if as_json:
        print_json({"rows": rows, "files": networks, "damaged": [each.what for each in found]})
    else:
        for each in found:
            click.echo(f"damaged: {each.what}")
        checked = f"{plural(rows, 'row')} and {plural(networks, 'file')} of networks checked"
        click.echo(f"{folder}: {checked}; damaged: {len(found):,}")
    if not (found and forget):
        return 1 if found else 0
    with Store(folder) as kept:
        gone = integrity.forget(kept, found)
        left = sum(1 for _ in integrity.find_damage(kept, files=True))
    text = (
        f"forgotten: {plural(gone, 'row')}; running their tasks again computes them; still damaged: {left:,}"
    )
    click.echo(text, err=as_json)
    return 1 if left else 0


def _study_status(study: Path, store: Path, plugins: tuple[str, ...], as_json: bool) -> None:
    from prunebench.benchmark.reporter import Reporter
    from prunebench.store.store import Store
    from prunebench.sweep.plans import Options, plans_of, with_all
    from prunebench.sweep.study import read_study
    from prunebench.sweep.to_do import describe, find_to_do

    class Lines(Reporter):
        def plan(self, text: str) -> None:
            click.echo(for_terminal(text))

    isolation = isolate({"plugins": plugins, "scorer_timeout": None})
    asked = Options(plugins=plugins, device="cpu")
    wanted = [with_all(job, isolation) for job in read_study(study)]
    with others_on_stderr():
        jobs = plans_of(wanted, asked, isolation.load)
    with Store.to_read(store) as kept:
        with others_on_stderr():
            items = find_to_do(jobs, kept)
        if as_json:
            print_json([item.content() | {"error": _error(kept, item.plan)} for item in items])
            return
        describe(items, Lines(), each=True)
        for job, plan in jobs:
            if (error := _error(kept, plan)) is not None:
                click.echo(for_terminal(f"{job.title}: failed when it was last tried: {error}"))


def _error(store: "Store", plan: "Plan") -> str | None:
    """What came of a plan's training when it could not be done."""
    from prunebench.store.tables import FailureRow

    failure = store.find(FailureRow, plan.training)
    return None if failure is None else failure.error


def _size(count: int) -> str:
    """`512 B`, `3.4 MB`."""
    thousands = min(4, (len(str(count)) - 1) // 3)
    return f"{count / 1000**thousands:.1f} {'kMGT'[thousands - 1]}B" if thousands else f"{count} B"
