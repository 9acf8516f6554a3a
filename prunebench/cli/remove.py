"""`prunebench remove`: experiments that are not worth keeping."""

import os
from pathlib import Path

import click
from click.core import ParameterSource

from prunebench.cli.boards import out_option, say_left_out
from prunebench.cli.complete import complete_boards, complete_rows
from prunebench.cli.options import store_option
from prunebench.cli.types import STEP
from prunebench.errors import RequestError
from prunebench.escape import for_terminal


@click.command("remove")
@click.argument("scorer", required=False, shell_complete=complete_rows)
@click.option("--at-step", type=STEP, help=f"Only what was found at this step. [{STEP.limits}]")
@click.option("--board", shell_complete=complete_boards, help="Only of boards whose name starts so.")
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and stop.")
@store_option
@out_option
def command(
    scorer: str | None,
    at_step: int | None,
    board: str | None,
    failed: bool,
    yes: bool,
    dry_run: bool,
    store: str,
    out: str,
) -> int:
    """Remove results of SCORER from your boards and from the store, or a whole board with its networks.

    What would go is listed, and you are asked. Networks stay, and their other results, unless the whole board
    goes; to compute it again is to run it again.

    \b
    prunebench remove my_idea --at-step 50
    prunebench remove --failed
    prunebench remove --board digits_n100 --dry-run
    """
    from prunebench.api.remove import Wanted, find

    if board == "":  # a variable of the shell's that is not set
        raise RequestError("--board", board, "the beginning of a board's name is needed")
    wanted = Wanted(scorer, at_step, board, failed)
    if wanted.whole and board is None:
        raise click.UsageError("SCORER: nothing; name a scorer, --board, --at-step or --failed")
    for option, given in (("store", store), ("out", out)):
        is_default = click.get_current_context().get_parameter_source(option) is ParameterSource.DEFAULT
        if not is_default and not os.path.isdir(given):  # else half of it would go
            raise RequestError(f"--{option}", given, "a folder that is there is needed")
    found = find(wanted, Path(store), Path(out))
    code = say_left_out(found.damaged)
    for line in found.in_words:
        click.echo(for_terminal(line))
    if not found:
        click.echo("nothing to remove", err=True)
    elif dry_run:
        click.echo("that would be removed; nothing was", err=True)
    elif yes or _agrees():
        found.carry_out(Path(store), Path(out))
        click.echo("removed", err=True)
    else:
        click.echo("nothing was removed", err=True)
    return code


def _agrees() -> bool:
    try:
        return click.confirm("Remove all of that for good?", err=True)
    except click.Abort:
        raise click.UsageError("--yes: it is needed where nobody answers; --dry-run only looks") from None
