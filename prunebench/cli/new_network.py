"""`prunebench new-network`: a reference network to start from."""

import click

from prunebench.cli.new_plugin import write


@click.command("new-network")
@click.argument("name")
@click.option("--package", is_flag=True, help="An installable package instead of a file.")
def command(name: str, package: bool) -> None:
    """Write NAME.py, a working network to change, and its test, test_NAME.py, into this folder.

    \b
    prunebench new-network my_net
    prunebench check my_net.py
    prunebench run --plugin my_net.py --network "my_net[width=8]" --classes all --scorer snip --at-step 50
    """
    from prunebench.reference_networks import NETWORKS

    run = f'prunebench run --network "{name}[width=8]" --classes all --scorer snip --at-step 50'
    write(NETWORKS, name, package, parameter="width=8", run=run)
