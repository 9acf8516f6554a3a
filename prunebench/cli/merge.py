"""`prunebench merge`: another store's records, or a submission's rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.boards import out_option
from prunebench.cli.options import isolate, scorer_options, store_option, warn
from prunebench.cli.types import PATH, SHARE
from prunebench.errors import RequestError, one_line
from prunebench.escape import for_terminal
from prunebench.words import plural

if TYPE_CHECKING:
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.scorer import Scorer
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
    help="First compute this share of OTHER's results again; take nothing over where one differs. Of a "
    "submission: all whose networks came along. "
    f"[{SHARE.limits}]",
)
@out_option
@scorer_options
def command(other: str, store: str, fraction: float | None, out: str, **options: Any) -> int:
    """Take over the records of the store in the folder OTHER that are not here yet, or a submission's rows.

    OTHER is only read. Every record and file is checked against its hash; where both stores hold a result,
    the one that is here stays. The rows of a submission (`prunebench submit`) join the boards in --out, and
    nothing joins the store; its scorer is checked and its results are computed again first.

    \b
    prunebench merge /scratch/colleague/.prunebench --audit 0.05
    prunebench merge my_submission --out leaderboards
    """
    from prunebench.store.absorb import absorb
    from prunebench.store.database import FILE
    from prunebench.store.store import Store
    from prunebench.submission.submission import FILE as SUBMISSION

    if (Path(other) / SUBMISSION).is_file():
        return _take_submission(Path(other), Path(out), fraction or 1.0, options)
    if not (Path(other) / FILE).exists():
        raise RequestError("OTHER", other, f"the folder of a store, with a {FILE}, is needed")
    if Path(other).resolve() == Path(store).resolve():
        raise RequestError("OTHER", other, "it is the store that --store names; another one is needed")
    if options["plugins"] and fraction is None:
        raise RequestError("--plugin", options["plugins"][0], "only --audit asks scorers; give it too")
    with Store(Path(other), read_only=True) as theirs:
        if fraction is not None and not _passes(theirs, fraction, options, isolate(options)):
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


def _take_submission(folder: Path, out: Path, fraction: float, options: dict[str, Any]) -> int:
    from prunebench.scoring.conformance import SCORER_CHECKS
    from prunebench.store.store import Store
    from prunebench.submission.accept import accept, check_out, rows_of
    from prunebench.submission.submission import STORE, Submission

    submission = Submission.read(folder)
    if submission.plugin:
        options |= {"plugins": (*options["plugins"], str(folder / submission.plugin))}
    isolation = isolate(options)
    boards = rows_of(folder, submission, isolation.load)
    check_out(boards, out)
    findings = [each for spec in submission.specs for each in SCORER_CHECKS.run(isolation.load(spec))]
    broken = [one_line(str(each)) for each in findings if each.status == "failed"]
    _list(f"check: {submission.scorer} breaks the contract", broken)
    with Store(folder / STORE, read_only=True) as theirs:
        if not _passes(theirs, fraction, options, isolation) or broken:
            click.echo("nothing was taken over", err=True)
            return 1
    accepted = accept(folder, submission, boards, out)
    rows = f"{plural(accepted.rows, 'row')} of {submission.scorer} ({submission.origin})"
    click.echo(for_terminal(f"{rows} on boards in {out}; in place of earlier ones: {accepted.replaced:,}"))
    _list("left out, for there is no such board", accepted.without_board)
    return 0 if accepted.rows else 1


def _passes(
    theirs: "Store", fraction: float, options: dict[str, Any], isolation: "Isolation[Scorer]"
) -> bool:
    from prunebench.benchmark.audit import audit

    found = audit(theirs, fraction, load=isolation.load, files=options["plugins"])
    warn(isolation)
    click.echo(f"audit: {found.checked:,} results measured again and found equal")
    click.echo(f"audit: {found.rescored:,} scores of networks computed again and found equal")
    reasons = [f"{count:,} not computed again: {reason}" for reason, count in found.unchecked.items()]
    _list("audit", reasons)
    _list("audit: other numbers when computed again", found.differing)
    return not found.differing


def _list(title: str, names: list[str]) -> None:
    for name in names[:_SHOWN]:
        click.echo(for_terminal(f"{title}: {name}"))
    if len(names) > _SHOWN:
        click.echo(f"{title}: {len(names) - _SHOWN:,} more")
