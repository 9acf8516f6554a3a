"""`prunebench export`: networks and results for other programs."""

import contextlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from prunebench.cli.options import (
    common_from,
    compute_options,
    job_from,
    plugin_option,
    recipe_options,
    store_options,
    task_options,
)
from prunebench.cli.types import PATH, SEEDS, STEP
from prunebench.errors import RequestError
from prunebench.words import plural

if TYPE_CHECKING:
    from prunebench.benchmark.plan import Plan

FORMATS = ("csv", "json", "parquet")
# What describes results as much as networks; every other option describes networks.
_SHARED = ("snapshot", "form", "store", "out")


@click.command("export")
@click.option("--snapshot", is_flag=True, help="Networks at one step, with their task and minibatches.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Every result. [default: as --out ends, else csv]"
)
@click.option("--out", type=PATH, help="File to write. Results go to stdout without it.")
@store_options
@task_options()
@recipe_options
@plugin_option
@click.option("--seeds", type=SEEDS, help=f"Networks, as in `run`. [{SEEDS.limits}; default: 20]")
@click.option(
    "--at-step",
    "at_steps",
    type=STEP,
    default=50,
    help=f"Step of the snapshot. [{STEP.limits}; default: 50]",
)
@compute_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Write every result of a store as one long table, or a snapshot of networks.

    A snapshot is a safetensors file for scores that are computed elsewhere. Its networks come from the store
    and are trained where they are not there; the options that describe them are those of `run`.

    \b
    prunebench export --format csv --out results.csv
    prunebench export --snapshot --dataset digits --samples 100 --at-step 50 --out snapshot.safetensors
    """

    if options["snapshot"]:
        if options["form"] is not None:
            raise RequestError("--format", options["form"], "with --snapshot the file is safetensors")
        _export_snapshot(options)
        return
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name not in _SHARED and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise RequestError(parameter.opts[0], options[name], "it describes networks: give --snapshot too")
    named = Path(options["out"] or "").suffix.removeprefix(".").lower()
    form = options["form"] or (named if named in FORMATS else FORMATS[0])
    _export_results(form, Path(options["store"]), options["out"])


def _export_results(form: str, folder: Path, out: str | None) -> None:
    from prunebench.store.export import ResultTable
    from prunebench.store.files import atomic_file, writable_file
    from prunebench.store.formats import load_pyarrow, write_csv, write_json, write_parquet
    from prunebench.store.store import Store

    if form == "parquet":
        load_pyarrow()
        if out is None:
            raise RequestError("--out", None, "a file for --format parquet is needed")
    with Store(folder, read_only=True) as store, contextlib.ExitStack() as stack:
        table = ResultTable(store)
        file: Any
        if out is None:
            file = sys.stdout.buffer
        else:
            file = stack.enter_context(atomic_file(writable_file("--out", Path(out))))
        if form == "parquet":
            write_parquet(table, file)
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
            {"csv": write_csv, "json": write_json}[form](table, text)
            text.detach().flush()
    if table.damaged:
        click.echo(f"left out: {table.damaged:,} records that fail their checksum", err=True)


def _export_snapshot(options: dict[str, Any]) -> None:
    from prunebench.benchmark.snapshot import announce_networks, take_snapshot
    from prunebench.progress import TerminalReporter
    from prunebench.store.files import writable_file, write_atomically
    from prunebench.store.store import Store
    from prunebench.training.bundle import bundle_bytes

    if options["out"] is None:
        raise RequestError("--out", None, "a file for the snapshot is needed")
    plan, folder = _plan(options), Path(options["store"])
    if options["dry_run"]:
        with Store.to_read(folder) as store:
            announce_networks(plan, store, TerminalReporter(), force=options["force"])
        return
    out = writable_file("--out", Path(options["out"]))
    with Store(folder) as store, TerminalReporter(quiet=options["quiet"]) as reporter:
        snapshot = take_snapshot(plan, store, reporter, force=options["force"])
    write_atomically(out, bundle_bytes(snapshot))
    click.echo(f"snapshot: {out} ({plural(len(plan.seeds), 'network')} at step {plan.steps[0]})", err=True)


def _plan(options: dict[str, Any]) -> "Plan":
    """A plan of networks; the scorers that every plan brings are not asked."""
    from prunebench.benchmark.plan import CONTROLS
    from prunebench.device import resolve_device
    from prunebench.sweep.plans import plan_of

    resolve_device(options["device"])
    job = job_from(options | {"scorers": CONTROLS, "at_steps": (options["at_steps"],)})
    return plan_of(job, common_from(options))
