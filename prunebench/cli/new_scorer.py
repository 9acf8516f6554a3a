"""`prunebench new-scorer`: a scorer to start from."""

import click

from prunebench.cli.new_plugin import write


@click.command("new-scorer")
@click.argument("name")
@click.option("--package", is_flag=True, help="An installable package instead of a file.")
def command(name: str, package: bool) -> None:
    """Write NAME.py, a working scorer to change, and its test, test_NAME.py, into this folder.

    \b
    prunebench new-scorer my_idea
    prunebench check my_idea.py
    prunebench run --plugin my_idea.py --scorer "my_idea[alpha=0.3]" --at-step 50
    """
    from prunebench.scoring.registry import SCORERS

    run = f'prunebench run --scorer "{name}[alpha=0.3]" --scorer alignment --at-step 50'
    write(SCORERS, name, package, parameter="alpha=0.3", run=run)
