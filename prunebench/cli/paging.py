"""What is longer than the terminal goes through a pager."""

import os
from typing import TYPE_CHECKING

import click

from prunebench.cli.streams import encodable

if TYPE_CHECKING:
    from rich.console import RenderableType


def page(*shown: "RenderableType") -> None:
    """Print these, an empty line after each; by `PAGER`, or less, where they do not fit the terminal."""
    from prunebench.console import console

    out = console()
    with out.capture() as captured:
        for each in shown:
            out.print(each, "")
    text = encodable(captured.get())
    if not out.is_terminal or text.count("\n") < out.height:
        click.echo(text, nl=False)
        return
    os.environ.setdefault("LESS", "-RX")  # colours as they are, and what was read stays on the screen
    click.echo_via_pager(text)
