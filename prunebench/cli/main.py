"""The entry point: finds the command, and turns errors into one line and an exit code."""

import contextlib
import errno
import importlib
import sys
from collections.abc import Sequence

import click

from prunebench.cli import streams
from prunebench.errors import PrunebenchError, RequestError
from prunebench.escape import for_terminal

# Characters of an error in one line: whoever gives a value of a million need not see all of them again.
_LONGEST = 1000
# Command to module and one line of help, so that `--help` imports none of them.
COMMANDS = {
    "run": ("prunebench.cli.run", "Train networks, score their neurons early, rank the scorers."),
    "sweep": ("prunebench.cli.sweep", "Run a study: a grid of tasks and recipes."),
    "leaderboard": ("prunebench.cli.leaderboard", "Print the boards in a folder."),
    "compare": ("prunebench.cli.compare", "Compare two scorers or two boards, network by network."),
    "show": ("prunebench.cli.show", "Show one result in full: every metric, seed by seed."),
    "status": ("prunebench.cli.status", "Say what the store holds, and what of a study is done."),
    "merge": ("prunebench.cli.merge", "Take over the records of another store, or a submission's rows."),
    "submit": ("prunebench.cli.submit", "Put your scorer's results into a folder for published boards."),
    "remove": ("prunebench.cli.remove", "Remove results from boards and store, or a whole board."),
    "export": ("prunebench.cli.export", "Write results as CSV, JSON or Parquet, or a snapshot of networks."),
    "reproduce": ("prunebench.cli.reproduce", "Reproduce the paper's figures and tables."),
    "new-scorer": ("prunebench.cli.new_scorer", "Write a scorer to start from."),
    "new-network": ("prunebench.cli.new_network", "Write a network to start from."),
    "check": ("prunebench.cli.check", "Check that scorers and networks keep the contract."),
    "list": ("prunebench.cli.list", "List scorers, networks or data sets."),
}


# For the help alone: it is taken out wherever it stands, for it concerns this module.
DEBUG = click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of what fails.")


class LazyGroup(click.Group):
    """Commands that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        if DEBUG not in command.params:
            command.params.append(DEBUG)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands' help lines, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked:
        from prunebench.version import version

        click.echo(f"prunebench {version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    params=[DEBUG],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say which code this is.",
)
def cli() -> None:
    """Which neurons of a network will matter at the end of training, and how early can we tell?"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the request was wrong."""
    streams.prepare()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The command line's exit code; with `--debug`, errors pass through."""
    debug = "--debug" in arguments
    kept = [argument for argument in arguments if argument != "--debug"]
    try:
        code = cli.main(kept, prog_name="prunebench", standalone_mode=False, obj=debug)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; results that were already written are whole", 130)
    except BrokenPipeError:  # `| head` has seen enough
        streams.abandon_stdout()
        return 1
    except Exception as error:  # of all kinds: a user is told in a line, not in a traceback
        if debug and not isinstance(error, click.ClickException):
            raise
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message())
            return 0
        if isinstance(error, click.ClickException):
            return _fail(error.format_message(), 2)
        if isinstance(error, RequestError):
            return _fail(str(error.about(_flag(arguments, error.option))), 2)
        if isinstance(error, PrunebenchError):
            return _fail(str(error), 1)
        if isinstance(error, OSError) and error.filename:
            return _fail(f"{error.filename}: {error.strerror}", 2 if error.errno == errno.ENAMETOOLONG else 1)
        if isinstance(error, OSError) and streams.is_of_stdout(error):
            streams.abandon_stdout()
            return _fail(f"stdout: {error.strerror}", 1)
        return _fail(f"{type(error).__name__}: {error} (run again with --debug for the traceback)", 1)


def _flag(arguments: Sequence[str], name: str) -> str:
    """What the command line calls a Python argument; the name itself where it has no such option."""
    from prunebench.cli.types import called

    used = next((argument for argument in arguments if argument in COMMANDS), None)
    command = importlib.import_module(COMMANDS[used][0]).command if used else cli
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    parameters = [parameter for each in commands for parameter in each.params]
    found = [parameter for parameter in parameters if name == parameter.name or f"--{name}" in parameter.opts]
    return called(found[0]) if found else name


def _fail(message: str, code: int) -> int:
    line = for_terminal(" ".join(message.split()))
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    with contextlib.suppress(OSError):
        click.echo(f"prunebench: {line}", err=True)
    return code
