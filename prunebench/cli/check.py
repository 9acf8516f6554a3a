"""`prunebench check`: does a scorer keep the contract?"""

from typing import TYPE_CHECKING

import click

from prunebench.cli.complete import complete_scorers_and_files
from prunebench.cli.types import SECONDS
from prunebench.escape import for_terminal

if TYPE_CHECKING:
    from prunebench.plugin.conformance import Finding
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.scorer import Scorer

# What is expected of a plugin before anything can be checked, and why it usually is not so.
PLUGIN = (
    "a Scorer class of its own name that can be imported here",
    "a package that is not installed in this environment, or code at the module's top that fails",
)


@click.command("check")
@click.argument(
    "scorers",
    nargs=-1,
    metavar="[FILE.py|[FILE.py:]NAME[PARAM=VALUE,...]]...",
    shell_complete=complete_scorers_and_files,
)
@click.option("--all", "every", is_flag=True, help="Check every installed scorer.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=30.0,
    show_default=True,
    help="Seconds after which a check that has not ended is stopped.",
)
@click.option("--verbose", "-v", is_flag=True, help="Say what was seen in every check.")
def command(scorers: tuple[str, ...], every: bool, timeout: float, verbose: bool) -> int:
    """Check that scorers keep the contract: valid, repeatable, fair to every neuron and network.

    \b
    prunebench check my_idea.py
    prunebench check "imp[sparsity=0.7]" "my_idea.py:MyIdea[alpha=0.3]"
    prunebench check --all
    """
    from prunebench.errors import RequestError
    from prunebench.plugin.isolation import Isolation
    from prunebench.plugin.spec import canonical
    from prunebench.scoring.registry import SCORERS

    if not scorers and not every:
        raise RequestError("SCORER", "nothing", "name a file or a scorer, or give --all")
    files = [scorer for scorer in scorers if scorer.endswith(".py")]
    isolation = click.get_current_context().with_resource(Isolation(SCORERS, timeout, files))
    isolation.process.start()  # its imports take as long as ours: side by side
    known = isolation.plugins
    specs = [spec for given in scorers for spec in _specs(isolation, given)]
    if every:
        specs += [name for name in known if not _lacks_package(isolation, name)]
    loaded = {canonical(scorer): scorer for scorer in map(isolation.load, specs)}.values()
    passed = sum([_passes(isolation, scorer, verbose) for scorer in loaded])
    click.echo(f"{passed} of {len(loaded)} scorers keep the contract")
    return 0 if passed == len(loaded) else 1


def _specs(isolation: "Isolation[Scorer]", given: str) -> list[str]:
    """A file stands for all its scorers."""
    if not given.endswith(".py"):
        return [given]
    return [name for name, plugin in isolation.plugins.items() if plugin.origin == given]


def _lacks_package(isolation: "Isolation[Scorer]", name: str) -> bool:
    """Name what a scorer of prunebench's own needs that is not installed: that is no failure of its code."""
    from prunebench.errors import MissingPackageError

    try:
        isolation.load(name)
    except MissingPackageError as missing:
        click.echo(f"{click.style(name, bold=True)}\n  -      not checked: {missing.accepted}")
        return True
    return False


def _passes(isolation: "Isolation[Scorer]", scorer: "Scorer", verbose: bool) -> bool:
    """Print the findings as they come; whether no check failed."""
    from prunebench.plugin.conformance import Finding
    from prunebench.plugin.isolation import StandIn
    from prunebench.plugin.spec import canonical
    from prunebench.scoring.conformance import SCORER_CHECKS

    plugin = isolation.plugins.get(scorer.name)
    origin = "" if plugin is None or plugin.own else f" ({plugin.origin})"
    click.echo(click.style(for_terminal(canonical(scorer)), bold=True) + for_terminal(origin))
    if isinstance(scorer, StandIn) and scorer.problem is not None:
        _echo(Finding("plugin", "failed", scorer.problem, *PLUGIN), verbose)
        return False
    passed, not_run = True, []
    for finding in SCORER_CHECKS.run(scorer):
        if finding.status == "not run":
            not_run.append(finding.check)
            continue
        passed = passed and finding.status != "failed"
        _echo(finding, verbose)
    if not_run:
        click.echo(f"  -      not run, for they need the failed check to pass: {', '.join(not_run)}")
    return passed


def _echo(finding: "Finding", verbose: bool) -> None:
    marks = {
        "passed": ("ok", "green"),
        "failed": ("FAILED", "red"),
        "skipped": ("-", None),
        "reported": ("i", "cyan"),
    }
    mark, colour = marks[finding.status]
    brief = finding.status == "failed" or (finding.status == "passed" and not verbose)
    seen = "" if brief else f": {for_terminal(finding.seen)}"
    click.echo(f"  {click.style(f'{mark:<6}', fg=colour)} {finding.check}{seen}")
    if finding.status == "failed":
        for name, text in finding.parts.items():
            click.echo(f"         {name + ':':<14}{for_terminal(text)}")
        for line in (finding.traceback or "").splitlines():
            click.echo(f"         {for_terminal(line)}")
