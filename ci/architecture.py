"""The rooms of prunebench, from its imports: `python ci/architecture.py` draws docs/architecture.svg anew.

docs/architecture.md says which floor a room stands on. An arrow is an import; those that follow from others
are left out: whoever imports networks may import what networks imports.
"""

import ast
import itertools
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT, PICTURE = ROOT / "docs/architecture.md", ROOT / "docs/architecture.svg"
# Room to floor, counted from the ground; the document's table lists them from the top.
FLOORS = {
    room: int(floor)
    for floor, room in re.findall(
        r"^\| (\d+) \| `(\w+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "prunebench").rglob("*.py"))
    if path.parent != ROOT / "prunebench"
    or path.stem != "__init__"  # that offers the public names of all rooms
}
# Pixels: of a room, between neighbours, from floor to floor, around all.
WIDTH, HEIGHT, GAP, STOREY, MARGIN = 136, 32, 18, 64, 16

# A room's name, or an arrow on its way past a floor: (from, to, floor).
Stop = str | tuple[str, str, int]


def room(module: str) -> str:
    """The room that a module stands in."""
    return module.removeprefix("prunebench.").split(".")[0]


def imports(path: Path) -> Iterator[str]:
    """Modules of ours, plugins too, that a file imports: at its top, in functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in full]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name in MODULES or name.startswith("prunebench_plugins"))


IMPORTS = {module: set(imports(path)) for module, path in MODULES.items()}


def arrows() -> dict[str, set[str]]:
    """Room to the rooms that it imports, without those that one of these imports in turn."""
    direct: dict[str, set[str]] = defaultdict(set)
    for module, others in IMPORTS.items():
        direct[room(module)] |= {room(other) for other in others} - {room(module)}

    def below(start: str) -> set[str]:
        return direct[start].union(*map(below, direct[start]))

    return {start: ends - set().union(*map(below, ends)) for start, ends in list(direct.items())}


def ways() -> list[list[Stop]]:
    """Each arrow as its stops: a room, a place on every floor that it passes, a room."""
    return [
        [start, *((start, end, floor) for floor in range(FLOORS[start] - 1, FLOORS[end], -1)), end]
        for start, ends in sorted(arrows().items())
        for end in sorted(ends)
    ]


def columns(paths: list[list[Stop]]) -> dict[Stop, float]:
    """Where across the picture each stop is: in the middle of what it is tied to, as far as there is room."""
    near: dict[Stop, list[Stop]] = {name: [] for name in FLOORS}
    for one, other in (pair for path in paths for pair in itertools.pairwise(path)):
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    storeys: dict[int, list[Stop]] = defaultdict(list)
    for stop in near:
        storeys[FLOORS[stop] if isinstance(stop, str) else stop[2]].append(stop)
    x = dict.fromkeys(near, 0.0)
    for turn in range(40):
        for floor in sorted(storeys, reverse=turn % 2 == 0):
            wish = {
                stop: statistics.fmean(x[other] for other in near[stop] or [stop]) for stop in storeys[floor]
            }
            row = sorted(wish, key=lambda stop: (wish[stop], str(stop)))
            sizes = [WIDTH + GAP if isinstance(stop, str) else GAP for stop in row]
            ends = list(itertools.accumulate(sizes))
            shift = statistics.fmean(
                wish[stop] - (end - size / 2) for stop, end, size in zip(row, ends, sizes, strict=True)
            )
            x |= {stop: shift + end - size / 2 for stop, end, size in zip(row, ends, sizes, strict=True)}
    left = min(x.values()) - WIDTH / 2 - MARGIN
    return {stop: at - left for stop, at in x.items()}


def draw() -> str:
    """The picture as SVG: a floor to a row, the ground at the bottom."""
    paths = ways()
    x, top = columns(paths), max(FLOORS.values())
    width, height = max(x.values()) + WIDTH / 2 + MARGIN, top * STOREY - STOREY + HEIGHT + 2 * MARGIN

    def middle(stop: Stop) -> float:
        return MARGIN + HEIGHT / 2 + (top - (FLOORS[stop] if isinstance(stop, str) else stop[2])) * STOREY

    tip = '<path d="M0 0 L8 4 L0 8 z" fill="#888"/>'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
        f'orient="auto">{tip}</marker></defs>',
    ]
    for path in paths:
        drawn = f"M{x[path[0]]:.0f} {middle(path[0]) + HEIGHT / 2:.0f}"
        for one, other in itertools.pairwise(path):
            above, below = middle(one) + HEIGHT / 2, middle(other) - HEIGHT / 2
            bend = (above + below) / 2
            drawn += f" C{x[one]:.0f} {bend:.0f} {x[other]:.0f} {bend:.0f} {x[other]:.0f} {below:.0f}"
            drawn += "" if isinstance(other, str) else f" v{HEIGHT}"
        lines.append(
            f'<path d="{drawn}" fill="none" stroke="#888" stroke-width="1.2" marker-end="url(#tip)"/>'
        )
    for name in FLOORS:
        left, up = x[name] - WIDTH / 2, middle(name) - HEIGHT / 2
        lines.append(
            f'<rect x="{left:.0f}" y="{up:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="#eef4fb" '
            f'stroke="#0072B2"/><text x="{x[name]:.0f}" y="{up + 21:.0f}" text-anchor="middle">{name}</text>'
        )
    return "\n".join([*lines, "</svg>\n"])


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
