"""The tables and the picture of docs/what-carries-over.md, from boards: `python ci/carries_over.py [FOLDER]`.

The document is written by hand around its tables, each between `<!-- NAME -->` and `<!-- end -->`; this fills
them from the boards of several layers or more than two classes. `--check` says whether they are as the boards
have them, and draws nothing.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from prunebench.evaluation.metrics import Path as Metric
from prunebench.evaluation.statistics import intervals
from prunebench.evaluation.summary import Summary
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.ceiling import ceilings, share_of_ceiling, twin_rows
from prunebench.leaderboard.styles import LIGHT, style_of
from prunebench.results import Row

DOCUMENT = Path("docs/what-carries-over.md")
PICTURE = DOCUMENT.with_suffix(".svg")
GOAL, SHARE = 0.8, 0.95  # the dream: this correlation at initialisation, or so much of its noise ceiling
KNOW_THE_ORDER = ("imp",)  # of the minibatches to come: the ceiling does not bound them
SPEARMAN: Metric = ("spearman",)
EARLY: Metric = ("accuracy", "prune_early")
HALF: Metric = ("accuracy", "prune_final", "0.5")
FEW = (
    "growing_mode", "rehearsal", "lookahead", "contribution", "snip", "gradient_norm", "alignment",
    "magnitude",
)  # fmt: skip
DRAWN = ("growing_mode", "rehearsal", "snip", "contribution", "alignment", "magnitude")


def network(board: Board) -> str:
    """What a board's network is called here: its recipe where it is not the default."""
    recipe, data = board.recipe, board.task.name.split("-")[0].removesuffix("5k")
    spec = msgspec.to_builtins(recipe.network)["spec"] if recipe.network else "shallow"
    start = f" {recipe.init_std:g}" if recipe.network is None else ""
    scale = f" x{recipe.scale:g}" if recipe.network is not None and recipe.scale != 1 else ""
    return f"{spec}{start}{scale}, {data}"


def at(board: Board, scorer: str, place: int = 0) -> Row | None:
    """A row at the first, second, ... of a board's steps."""
    step = steps(board)[place]
    return next((row for row in board.rows if (row.scorer, row.at_step) == (scorer, step)), None)


def steps(board: Board) -> list[int]:
    """Those scored."""
    return sorted({row.at_step for row in board.rows})


def number(summary: Summary | None) -> str:
    """A mean with its interval, as the boards have it."""
    if summary is None:
        return "–"
    ends = "" if summary.low is None else f" [{summary.low:z.2f}, {summary.high:z.2f}]"
    return f"{summary.mean:z.2f}{ends}"


def short(row: Row | None, path: Metric = SPEARMAN) -> str:
    """A mean alone."""
    summary = row.metrics.get(path) if row else None
    return "–" if summary is None else f"{summary.mean:z.2f}"


def best(board: Board, place: int = 0) -> Row:
    """The predictor of the highest mean."""
    step = steps(board)[place]
    rows = [row for row in board.rows if row.at_step == step and row.predicts and row.spearman]
    return max(rows, key=lambda row: row.spearman.mean if row.spearman else -1.0)


def start(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """At initialisation: the best, how much of the ceiling it has, and those that the claims are about."""
    yield "network", "twin", "best", "its correlation", "% of ceiling", "dream", *FEW
    for board in boards:
        first, ceiling = best(board), ceilings(board)[steps(board)[0]]
        assert first.spearman
        share = share_of_ceiling(first.spearman, ceiling)
        near = share is not None and share.mean >= SHARE and first.name not in KNOW_THE_ORDER
        reached = first.spearman.mean >= GOAL or near
        yield (
            network(board), number(ceiling.reliability), first.scorer, number(first.spearman),
            f"{100 * share.mean:.0f}" if share else "–", "yes" if reached else "no",
            *(short(at(board, name)) for name in FEW),
        )  # fmt: skip


def time(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """The same scorers as training goes on."""
    yield "network", "step", "twin", "best", *FEW
    for board in boards:
        for place, step in enumerate(steps(board)):
            first = best(board, place)
            yield (
                network(board), f"{step:,}", short(twin_rows(board).get(step)),
                f"{first.scorer} {short(first)}", *(short(at(board, name, place)) for name in FEW),
            )  # fmt: skip


def layers(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """Growing mode and the twin at initialisation, layer by layer, and how far apart the final norms are."""
    yield "network", "layer", "spread of final norms", "twin", "growing_mode", "magnitude"
    for board in boards:
        for path, spread in board.training.metrics.items():
            if path[0] == "spread":
                rows = (at(board, name) for name in ("twin", "growing_mode", "magnitude"))
                correlations = (short(row, ("spearman_by_layer", path[1])) for row in rows)
                yield network(board), path[1], f"{spread.mean:.1f}", *correlations


def labels(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """Correlation at initialisation and what shuffled labels take from it, with the interval of the loss."""
    names = (
        "growing_mode", "rehearsal", "lookahead", "grasp", "snip", "gradient_norm", "taylor", "fisher",
        "alignment",
    )  # fmt: skip
    yield "network", *names
    for board in boards:
        cells = []
        for name in names:
            row = at(board, name)
            shuffled = row.metrics.get(("spearman_shuffled_labels",)) if row else None
            if row is None or row.spearman is None or shuffled is None:
                cells.append("–")
                continue
            lost = np.array([row.spearman.per_seed]) - np.array([shuffled.per_seed])
            low, high = (float(end[0]) for end in intervals(lost))
            of_it, least, most = (f"{round(x, 2) + 0.0:.2f}" for x in (lost.mean(), low, high))  # no -0.00
            cells.append(f"{row.spearman.mean:.2f}, less {of_it} [{least}, {most}]")
        yield network(board), *cells


def truths(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """How the truths agree with the norm, how reliable each is from the start, and what each keeps."""
    yield "network", "truth", "agrees with norm", "its own twin", "accuracy at 50 %", "growing_mode"
    for board in boards:
        for truth in ("norm", "growth", "contribution", "ablation"):
            marked = "" if truth == "norm" else f"[truth={truth}]"
            oracle, twin = at(board, f"oracle{marked}"), at(board, f"twin{marked}")
            own = SPEARMAN if truth == "norm" else ("spearman_with", truth)
            if oracle:
                yield (
                    network(board), truth, short(oracle), short(twin, own),
                    accuracy(oracle), short(at(board, "growing_mode"), own),
                )  # fmt: skip


def accuracy(row: Row | None, path: Metric = HALF) -> str:
    """What is left in percent, by default with half of the units at the end."""
    summary = row.metrics.get(path) if row else None
    return "–" if summary is None else f"{100 * summary.mean:.1f}"


def pruned(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """Accuracy with half of the units, chosen at initialisation and by the final norm."""
    yield "network", "whole", "final norm", "twin", *FEW, "imp", "random"
    for board in boards:
        whole = board.training.metrics["accuracy", "dense"].mean
        rows = (at(board, name) for name in ("oracle", "twin", *FEW, "imp", "random"))
        yield network(board), f"{100 * whole:.1f}", *map(accuracy, rows)


def early(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """Accuracy of what was narrowed at a snapshot and trained to the end, where boards have it."""
    controls = ("random", "reinitialised")
    names = (*FEW, "grasp", "imp", *controls)
    yield "network", "step", "kept", "whole", "final norm", *names
    for board in boards:
        whole = board.training.metrics["accuracy", "dense"].mean
        for place, step in enumerate(steps(board)):
            oracle = at(board, "oracle", place)
            shares = [path[2] for path in oracle.metrics if path[:2] == EARLY] if oracle else []
            for share in sorted(shares, key=float, reverse=True):
                cells = (accuracy(at(board, name, place), (*EARLY, share)) for name in ("oracle", *names))
                kept = f"{100 * float(share):g} %"
                yield network(board), f"{step:,}", kept, f"{100 * whole:.1f}", *cells


def merging(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """Accuracy with few units, the others pruned or merged; chosen by the final norm, and at the start."""
    shares = ("0.1", "0.05", "0.02")
    yield (
        "network",
        "chosen by",
        *(f"{how} to {100 * float(s):g} %" for s in shares for how in ("pruned", "merged")),
    )
    for board in boards:
        for name in ("oracle", "growing_mode"):
            row = at(board, name)
            if row and ("accuracy", "merge", shares[0]) in row.metrics:
                paths = (("accuracy", how, s) for s in shares for how in ("prune_final", "merge"))
                yield network(board), name, *(f"{100 * row.metrics[path].mean:.1f}" for path in paths)


def imp(boards: Sequence[Board]) -> Iterator[Sequence[str]]:
    """What iterative magnitude pruning finds, beside the twin, and in each layer."""
    yield "network", "imp", "overlap of the top half", "in each layer"
    for board in boards:
        if row := at(board, "imp"):
            each = [short(row, path) for path in row.metrics if path[0] == "spearman_by_layer"]
            yield network(board), number(row.spearman), short(row, ("top_k_overlap", "0.5")), ", ".join(each)


TABLES: dict[str, Callable[[Sequence[Board]], Iterable[Sequence[str]]]] = {
    table.__name__: table for table in (start, time, layers, labels, truths, pruned, early, merging, imp)
}


def markdown(lines: Iterable[Sequence[str]]) -> str:
    """A table; the first line is its head."""
    head, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rest])


def filled(text: str, boards: Sequence[Board]) -> str:
    """The document with its tables as the boards have them."""
    for name, table in TABLES.items():
        before, start_mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end_mark, after = rest.partition("\n<!-- end -->")
        text = before + start_mark + markdown(table(boards)) + end_mark + after
    return text


def specification(boards: Sequence[Board]) -> dict[str, Any]:
    """A panel for each network: correlation against the share of the training, and the ceiling."""
    points: list[dict[str, Any]] = []
    for board in boards:
        for place, step in enumerate(steps(board)):
            common = {"network": network(board), "moment": f"{100 * step / board.recipe.steps:.2g} %"}
            if step in (found := ceilings(board)):
                points.append(common | {"scorer": "noise ceiling", "rho": found[step].value})
            rows = ((name, at(board, name, place)) for name in DRAWN)
            points += [
                common | {"scorer": name, "rho": row.spearman.mean}
                for name, row in rows
                if row and row.spearman
            ]
    names = ["noise ceiling", *DRAWN]
    colours = ["#7c858f", *(LIGHT[style_of(name).colour] for name in DRAWN)]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": points},
        "columns": 3,
        "facet": {
            "field": "network", "sort": [network(board) for board in boards],
            "header": {"title": None, "labelFontSize": 11},
        },
        "spec": {
            "width": 190, "height": 130,
            "mark": {"type": "line", "point": True, "strokeWidth": 1.5},
            "encoding": {
                "x": {"field": "moment", "type": "ordinal", "sort": None, "title": "share of the training",
                      "axis": {"labelAngle": 0}},
                "y": {"field": "rho", "type": "quantitative", "title": "rank correlation",
                      "scale": {"domain": [-0.2, 1]}},
                "color": {"field": "scorer", "type": "nominal", "scale": {"domain": names, "range": colours},
                          "legend": {"title": None, "orient": "top"}},
                "strokeDash": {"condition": {"test": "datum.scorer == 'noise ceiling'", "value": [4, 3]},
                               "value": [1, 0]},
            },
        },
    }  # fmt: skip


def main(folder: Path, *, check: bool) -> None:
    """Fill the document, or say that it is not as the boards are."""
    found = [Board.read(path) for path in sorted(folder.glob("*.json"))]
    boards = [board for board in found if board.layered or board.task.outputs > 2]
    boards.sort(key=lambda board: (board.layered, board.task.name != "mnist5k", network(board)))
    text = DOCUMENT.read_text(encoding="utf-8")
    if check:
        sys.exit(0 if filled(text, boards) == text else f"{DOCUMENT} is not as the boards are")
    import vl_convert

    DOCUMENT.write_text(filled(text, boards), encoding="utf-8")
    PICTURE.write_text(vl_convert.vegalite_to_svg(specification(boards)), encoding="utf-8")


if __name__ == "__main__":
    folders = [Path(argument) for argument in sys.argv[1:] if argument != "--check"]
    main(*(folders or [Path("leaderboards")]), check="--check" in sys.argv)
