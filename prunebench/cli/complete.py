"""Names for the shell's completion; nothing heavy is imported, and no plugin run, between two key strokes."""

import ast
import contextlib
import glob
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.boards import folder_to_read

if TYPE_CHECKING:
    from prunebench.plugin.kind import PluginKind


def complete_scorers(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Installed scorers whose names begin so, those in the files of `--plugin`, and `file.py:name`."""
    from prunebench.scoring.registry import SCORERS

    return _complete_plugins(SCORERS, ctx, incomplete)


def complete_networks(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Networks likewise."""
    from prunebench.reference_networks import NETWORKS

    return _complete_plugins(NETWORKS, ctx, incomplete)


def _complete_plugins(kind: "PluginKind[Any]", ctx: click.Context, incomplete: str) -> list[str]:
    from prunebench.plugin.registry import Registry

    names = set(Registry(kind).plugins)
    for file in ctx.params.get("plugins") or ():
        names |= set(_names_in(file))
    begun = glob.escape(incomplete.partition(".py:")[0])
    for file in glob.glob(f"{begun}*.py") if begun else ():
        names |= {f"{file}:{name}" for name in _names_in(file)}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_plugins_and_files(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Installed scorers and networks, and the Python files and folders whose paths begin so."""
    from prunebench.reference_networks import NETWORKS
    from prunebench.scoring.registry import SCORERS

    here = glob.escape(incomplete)
    files = [*glob.glob(f"{here}*.py"), *glob.glob(f"{here}*/")]
    plugins = {name for kind in (SCORERS, NETWORKS) for name in _complete_plugins(kind, ctx, incomplete)}
    return sorted(plugins) + sorted(files)


def complete_datasets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Data sets whose names begin so, and .npz files and folders."""
    from prunebench.tasks.datasets import DATASETS

    here = glob.escape(incomplete)
    files = [*glob.glob(f"{here}*.npz"), *glob.glob(f"{here}*/")]
    return [name for name in DATASETS if name.startswith(incomplete)] + sorted(files)


def complete_rows(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Scorers that have a row on the boards."""
    rows = {row["scorer"] for board in _boards(ctx) for row in board["rows"]}
    return sorted(name for name in rows if name.startswith(incomplete))


def complete_boards(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The boards whose names begin so."""
    return sorted(board["name"] for board in _boards(ctx) if board["name"].startswith(incomplete))


def complete_rows_and_boards(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Both of these."""
    return [*complete_rows(ctx, param, incomplete), *complete_boards(ctx, param, incomplete)]


def complete_metrics(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Metrics of the rows on the boards, by their names on the command line."""
    names = {name for board in _boards(ctx) for row in board["rows"] for name in _metrics_in(row)}
    return sorted(name for name in names if name.startswith(incomplete))


def _metrics_in(level: dict[str, Any], *path: str) -> Iterator[str]:
    for key, value in level.items():
        if isinstance(value, dict):
            yield from [".".join((*path, key))] if "per_seed" in value else _metrics_in(value, *path, key)


def _names_in(file: str) -> Iterator[str]:
    """Names that classes in a file give themselves, read and not run."""
    with contextlib.suppress(OSError, ValueError, SyntaxError):
        for node in ast.walk(ast.parse(Path(file).read_bytes())):
            for line in node.body if isinstance(node, ast.ClassDef) else ():
                match line:
                    case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                        yield name


def _boards(ctx: click.Context) -> Iterator[dict[str, Any]]:
    for file in folder_to_read(ctx.params.get("out")).glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            board = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(board, dict) and {"name", "rows"} <= set(board):
                yield board
