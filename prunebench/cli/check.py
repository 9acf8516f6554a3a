"""`prunebench check`: does a scorer, or a network, keep the contract?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.complete import complete_plugins_and_files
from prunebench.cli.options import json_option, print_json
from prunebench.cli.types import SECONDS, SHAPE
from prunebench.errors import RequestError, unknown_name
from prunebench.escape import for_terminal
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.spec import canonical, parse_spec, split_file
from prunebench.reference_networks import NETWORKS

if TYPE_CHECKING:
    from prunebench.plugin.conformance import Checks, Finding
    from prunebench.plugin.isolation import Isolation

# What is expected of a plugin before anything can be checked, and why it usually is not so.
PLUGIN = (
    "a class of its own name that can be imported here",
    "a package that is not installed in this environment, or code at the module's top that fails",
)


@dataclass
class _Kind:
    """A kind of plugin: what loads them, what checks them and how, and the specs that were asked for."""

    isolation: "Isolation[Any]"
    checks: "Checks[Any]"
    specs: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


@click.command("check")
@click.argument(
    "plugins",
    nargs=-1,
    metavar="[FILE.py|[FILE.py:]NAME[PARAM=VALUE,...]]...",
    shell_complete=complete_plugins_and_files,
)
@click.option("--all", "every", is_flag=True, help="Check every installed scorer and network.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=30.0,
    help=f"Seconds after which a check that has not ended is stopped. [{SECONDS.limits}; default: 30]",
)
@click.option(
    "--shape",
    type=SHAPE,
    metavar="SIZE,...",
    help=f"Check networks on samples of this shape, as 1,28,28. [{SHAPE.limits}; default: the first of a few "
    "that each takes]",
)
@json_option
@click.option("--verbose", "-v", is_flag=True, help="Say what was seen in every check.")
def command(
    plugins: tuple[str, ...],
    every: bool,
    timeout: float,
    shape: tuple[int, ...] | None,
    verbose: bool,
    as_json: bool,
) -> int:
    """Check that scorers and networks keep the contract: valid, repeatable, fair to every unit and network.

    \b
    prunebench check my_idea.py my_net.py
    prunebench check "imp[sparsity=0.7]" "my_idea.py:MyIdea[alpha=0.3]" "lenet[width=2]"
    prunebench check --all
    """
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.conformance import SCORER_CHECKS
    from prunebench.scoring.registry import SCORERS
    from prunebench.training.conformance import NETWORK_CHECKS

    if not plugins and not every:
        raise RequestError("NAME", "nothing", "name a file, a scorer or a network, or give --all")
    files = [plugin for plugin in plugins if plugin.endswith(".py")]
    context = click.get_current_context()
    kinds = [
        _Kind(context.with_resource(Isolation(kind, timeout, files)), checks)
        for kind, checks in ((SCORERS, SCORER_CHECKS), (NETWORKS, NETWORK_CHECKS))
    ]
    for kind in kinds:
        if every or any(plugin.endswith(".py") or split_file(plugin)[0] for plugin in plugins):
            kind.isolation.process.start()  # their imports take as long as ours: side by side
    for given in plugins:
        _assign(given, kinds)
    if every:
        for kind in kinds:
            kind.specs += kind.isolation.plugins
    if shape is not None:
        networks = kinds[-1]
        if not networks.specs:
            given = ",".join(map(str, shape))
            raise RequestError("--shape", given, "it is that of a network's samples, and no network is named")
        networks.settings["shape"] = shape
    loaded = [
        (kind, {canonical(plugin): plugin for plugin in map(kind.isolation.load, kind.specs)}.values())
        for kind in kinds
        if kind.specs
    ]
    if as_json:
        checked: list[dict[str, Any]] = [
            {"plugin": canonical(one), "kind": kind.isolation.kind.noun, "findings": [*_findings(kind, one)]}
            for kind, found in loaded
            for one in found
        ]
        print_json(checked)
        return 1 if any(one.status == "failed" for each in checked for one in each["findings"]) else 0
    words, all_passed = [], True
    for kind, found in loaded:
        passed = sum([_passes(kind, plugin, verbose) for plugin in found])
        words.append(f"{passed} of {len(found)} {kind.isolation.kind.noun}s")
        all_passed = all_passed and passed == len(found)
    click.echo(f"{' and '.join(words)} keep the contract")
    return 0 if all_passed else 1


def _assign(given: str, kinds: "list[_Kind]") -> None:
    """Add what is given to the specs of its kind. A file stands for all its plugins, of either kind."""
    if given.endswith(".py"):
        for kind in kinds:
            found = kind.isolation.plugins.items()
            kind.specs += [name for name, plugin in found if plugin.origin == given]
        return
    file, rest = split_file(given)
    called, _ = parse_spec(rest, "plugin")
    known: set[str] = set()
    taken = False
    for kind in kinds:
        names = kind.isolation.names_in(file) if file else dict.fromkeys(kind.isolation.plugins)
        if called in names or called in names.values():
            kind.specs.append(given)
            taken = True
        known |= set(names)
    if not taken:
        where = f" in {file}" if file else ""
        unknown = unknown_name("plugin", called, known, f"scorers and networks{where}")
        raise RequestError("plugin", given, unknown.accepted)


def _findings(kind: _Kind, plugin: Plugin) -> "Iterator[Finding]":
    """As they come; of one that does not load, that."""
    from prunebench.plugin.conformance import Finding
    from prunebench.plugin.isolation import StandIn

    if isinstance(plugin, StandIn) and plugin.problem is not None:
        yield Finding("plugin", "failed", plugin.problem, *PLUGIN)
    else:
        yield from kind.checks.run(plugin, **kind.settings)


def _passes(kind: _Kind, plugin: Plugin, verbose: bool) -> bool:
    """Print the findings as they come; whether no check failed."""
    known = kind.isolation.plugins.get(plugin.name)
    origin = "" if known is None or known.own else f" ({known.origin})"
    click.echo(click.style(for_terminal(canonical(plugin)), bold=True) + for_terminal(origin))
    passed, not_run = True, []
    for finding in _findings(kind, plugin):
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
