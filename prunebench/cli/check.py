"""`prunebench check`: does a scorer keep the contract?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunebench.cli.complete import complete_scorers

if TYPE_CHECKING:
    from prunebench.scoring.conformance import Finding
    from prunebench.scoring.process import Worker


@click.command("check")
@click.argument(
    "scorers", nargs=-1, metavar="[FILE.py|NAME[PARAM=VALUE,...]]...", shell_complete=complete_scorers
)
@click.option("--all", "every", is_flag=True, help="Check every installed scorer.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds after which a check that has not ended is stopped.",
)
@click.option("--verbose", "-v", is_flag=True, help="Say what was seen in every check.")
def command(scorers: tuple[str, ...], every: bool, timeout: float, verbose: bool) -> int:
    """Check that scorers keep the contract: valid, repeatable, fair to every neuron and network.

    \b
    prunebench check my_idea.py
    prunebench check "imp[sparsity=0.7]"
    prunebench check --all
    """
    from prunebench.errors import RequestError
    from prunebench.scoring.process import Worker

    if not scorers and not every:
        raise RequestError("SCORER", "nothing", "name a file or a scorer, or give --all")
    worker = Worker()
    worker.start()
    specs = [spec for scorer in scorers for spec in _specs(scorer)]
    if every:
        from prunebench.scoring.registry import discover

        specs += [(name, []) for name, plugin in discover().items() if not _lacks_package(name, plugin.own)]
    failed = sum(_check(worker, spec, files, timeout, verbose) for spec, files in specs)
    click.echo(f"{len(specs) - failed} of {len(specs)} scorers keep the contract")
    return 1 if failed else 0


def _specs(scorer: str) -> list[tuple[str, list[str]]]:
    """Specs and the files that they come from: a file stands for all its scorers."""
    from prunebench.scoring.registry import load_file, load_scorer

    if scorer.endswith(".py"):
        path = str(Path(scorer).resolve())
        return [(cls.name, [path]) for cls in load_file(scorer)]
    load_scorer(scorer)
    return [(scorer, [])]


def _lacks_package(name: str, own: bool) -> bool:
    """Name what a scorer of prunebench's own needs that is not installed: that is no failure of its code."""
    from prunebench.errors import MissingPackageError
    from prunebench.scoring.registry import load_scorer

    try:
        if own:
            load_scorer(name)
    except MissingPackageError as missing:
        click.echo(f"{click.style(name, bold=True)}\n  -      not checked: {missing.accepted}")
        return True
    return False


def _check(worker: "Worker", spec: str, files: list[str], timeout: float, verbose: bool) -> bool:
    """Print the findings as they come; whether any check failed."""
    from prunebench.errors import PrunebenchError
    from prunebench.scoring.conformance import CHECKS, NEEDS, Finding
    from prunebench.scoring.process import Lost

    click.echo(click.style(spec, bold=True) + "".join(f" ({file})" for file in files))
    failed: set[str] = set()
    skipped = []
    for name in CHECKS:
        if failed.intersection(NEEDS[name]):
            skipped.append(name)
            continue
        try:
            finding = Finding(**worker.ask("check", timeout, spec=spec, files=files, name=name))
        except Lost as lost:
            failed |= set(CHECKS)  # a process that was lost once is not waited for again
            cause = "a loop that does not end, or a call that ends the process"
            expected = "scores, for 3 networks of 12 neurons, in a moment"
            finding = Finding(name, "failed", f"it {lost}", expected, cause)
        except PrunebenchError as refused:
            click.echo(f"  {click.style('FAILED', fg='red')} {refused}")
            return True
        if finding.status == "failed":
            failed.add(name)
        _echo(finding, verbose)
    if skipped:
        click.echo(f"  -      not run, for they need the failed check to pass: {', '.join(skipped)}")
    return bool(failed)


def _echo(finding: "Finding", verbose: bool) -> None:
    marks = {
        "passed": ("ok", "green"),
        "failed": ("FAILED", "red"),
        "skipped": ("-", None),
        "reported": ("i", "cyan"),
    }
    mark, colour = marks[finding.status]
    brief = finding.status == "failed" or (finding.status == "passed" and not verbose)
    click.echo(
        f"  {click.style(f'{mark:<6}', fg=colour)} {finding.check}" + ("" if brief else f": {finding.seen}")
    )
    if finding.status == "failed":
        for name, text in (
            ("expected", finding.expected),
            ("seen", finding.seen),
            ("likely cause", finding.cause),
        ):
            click.echo(f"         {name + ':':<14}{text}")
