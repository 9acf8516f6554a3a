"""Names for the shell's completion; nothing heavy is imported, and no plugin run, between two key strokes."""

import ast
import contextlib
import glob
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.errors import PrunebenchError
from prunebench.leaderboard.archive import summaries, unpack
from prunebench.leaderboard.locations import folder_to_read

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
    from prunebench.cli.types import last_part
    from prunebench.plugin.registry import Registry
    from prunebench.plugin.source import file_of_module

    before, incomplete = last_part(incomplete)
    plugins = Registry(kind).plugins
    if "[" in incomplete:
        modules = [plugin.point.value.partition(":")[0] for plugin in plugins.values()]
        files = [*(ctx.params.get("plugins") or ()), *filter(None, map(file_of_module, modules))]
        return [f"{before}{text}" for text in _complete_parameters(files, incomplete)]
    names = set(plugins)
    for file in ctx.params.get("plugins") or ():
        names |= _names_in(file)
    begun = glob.escape(incomplete.partition(".py:")[0])
    for file in glob.glob(f"{begun}*.py") if begun else ():
        names |= {f"{file}:{name}" for name in _names_in(file)}
    return sorted(f"{before}{name}" for name in names if name.startswith(incomplete))


def _complete_parameters(files: Iterable[str | Path], incomplete: str) -> list[str]:
    """`snip[batch=`: parameters of a plugin that begin so, and the values of one that has choices."""
    spec, _, inside = incomplete.partition("[")
    own, _, name = spec.rpartition(":")
    last = inside.rpartition(",")[2]
    done, (key, equals, value) = incomplete.removesuffix(last), last.partition("=")
    for file in (*filter(None, [own]), *files):
        if name in _names_in(file):
            found = _parameters_in(file, name)
            if equals:
                return [f"{done}{key}={choice}" for choice in found.get(key, ()) if choice.startswith(value)]
            return [f"{done}{each}=" for each in found if each.startswith(key)]
    return []


def _parameters_in(file: str | Path, name: str) -> dict[str, list[str]]:
    """The parameters of a class of this name, with their choices, as the file has them; it is not run."""
    classes = {node.name: node for node in _classes_in(file)}
    queue = [node for node in classes.values() if name in _own_names(node)]
    found: dict[str, list[str]] = {}
    while queue:
        node = queue.pop()
        queue += [
            classes[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in classes
        ]
        for line in node.body:
            match line:
                case ast.AnnAssign(target=ast.Name(id=parameter), annotation=annotation):
                    if "ClassVar" not in ast.unparse(annotation) and not parameter.startswith("_"):
                        found.setdefault(parameter, list(_choices_in(annotation)))
    return found


def _choices_in(annotation: ast.expr) -> Iterator[str]:
    """The values of a `Literal`, and of a truth value."""
    for node in ast.walk(annotation):
        match node:
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inside):
                yield from (str(each.value) for each in ast.walk(inside) if isinstance(each, ast.Constant))
            case ast.Name(id="bool"):
                yield from ("true", "false")


def complete_plugins_and_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Installed scorers and networks, and the Python files and folders whose paths begin so."""
    plugins = {*complete_scorers(ctx, param, incomplete), *complete_networks(ctx, param, incomplete)}
    return sorted(plugins) + _complete_paths(incomplete, ".py")


def complete_datasets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Data sets whose names begin so, and .npz files and folders."""
    from prunebench.tasks.datasets import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)] + _complete_paths(incomplete, ".npz")


def _complete_paths(incomplete: str, ending: str) -> list[str]:
    here = glob.escape(incomplete)
    return sorted([*glob.glob(f"{here}*{ending}"), *glob.glob(f"{here}*/")])


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
    names = {".".join(path) for board in _boards(ctx) for row in board["rows"] for path, _ in summaries(row)}
    return sorted(name for name in names if name.startswith(incomplete))


def _names_in(file: str | Path) -> set[str]:
    """Names that classes in a file give themselves, read and not run."""
    return {name for node in _classes_in(file) for name in _own_names(node)}


def _own_names(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        match line:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                yield name


def _classes_in(file: str | Path) -> list[ast.ClassDef]:
    """None where it cannot be read."""
    with contextlib.suppress(OSError, ValueError, SyntaxError):
        tree = ast.parse(Path(file).read_bytes())
        return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return []


def _boards(ctx: click.Context) -> Iterator[dict[str, Any]]:
    published = not ctx.params.get("out") and bool(ctx.params.get("of_published"))
    folder = folder_to_read(ctx.params.get("out"), of_published=published)
    if folder.is_file():
        with contextlib.suppress(PrunebenchError):
            yield from unpack(folder)
    for file in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            board = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(board, dict) and {"name", "rows"} <= set(board):
                yield board
