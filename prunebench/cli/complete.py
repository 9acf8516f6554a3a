"""Names for the shell's completion; nothing heavy is imported between two key strokes."""

from importlib.metadata import entry_points

import click


def complete_scorers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Installed scorers whose names begin so."""
    return sorted(
        {
            point.name
            for point in entry_points(group="prunebench.scorers")
            if point.name.startswith(incomplete)
        }
    )


def complete_datasets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Data sets whose names begin so."""
    from prunebench.tasks.datasets import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)]
