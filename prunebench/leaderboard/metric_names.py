"""Metrics by what anybody calls them: one name, and the headings of tables and files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from prunebench.errors import RequestError, check_type, did_you_mean
from prunebench.evaluation.metrics import BY_LAYER, RANGES, SPLITS, kind_of, protocol_of
from prunebench.evaluation.protocols import DESCRIBED, KEEPING, SHUFFLED
from prunebench.leaderboard.column import LEFT, OF_CEILING, Column
from prunebench.leaderboard.columns import GLOBAL, RANK, overview, sections
from prunebench.results import Results


def columns_called(
    boards: Sequence[Results], metrics: Iterable[str], argument: str = "metric"
) -> list[Column]:
    """The columns of these boards' rows with these names, each once; rows are asked by `of_board`.

    `accuracy.prune_final.0.1` is a name; `pruned to 10 %`, `Pruned at the end: test accuracy 10 %` and
    `accuracy_prune_final_0.1` stand for it. Raises `RequestError` for what stands for none, or for several.
    """
    headed = dict.fromkeys(column for board in boards for column in (*RANK, *overview(board)))
    titled = [
        column
        for column in headed
        if any(any(map(column.of_board(board).summary, board.rows)) for board in boards)
    ]
    paths = dict.fromkeys(path for board in boards for row in board.rows for path in row.metrics)
    every = (*(Column(" ".join(path), path) for path in paths), *titled)
    known = {column.name: column for column in every}
    spelled = defaultdict[str, set[str]](set)
    for name, column in known.items():
        spelled[_plain(name)].add(name)
        spelled[_plain(column.title)].add(name)
    for board in boards:
        for section in sections(board):
            for column in section.columns:
                for title in (column.title, column.title.partition(" (")[0]):  # of layers, with what is left
                    spelled[_plain(f"{section.title} {title}")].add(column.name)
    found = dict[str, None]()
    for metric in metrics:
        check_type(argument, metric, str, "a metric's name is needed")
        names = spelled.get(_plain(metric), set()) & set(known)
        if len(names) != 1:
            headings = sorted(names) or [column.title for column in titled]
            near = did_you_mean(metric, sorted({*known, *headings}))
            rest = "" if names else ", or another metric of the boards here (`prunebench list metrics`)"
            raise RequestError(argument, metric, f"{near}one of {', '.join(headings)}{rest}")
        found |= dict.fromkeys(names)
    return [known[name] for name in found]


def described() -> list[dict[str, Any]]:
    """What metrics there are: name, heading, kind and range, protocol. SHARE, LAYER, TRUTH stand for any."""
    columns = [
        *RANK,
        Column("% of ceiling", (OF_CEILING,)),
        Column("of each layer", (BY_LAYER, "LAYER")),
        Column("with a truth", ("spearman_with", "TRUTH")),
    ]
    for protocol in KEEPING:
        title, _ = DESCRIBED[protocol]
        columns += [
            Column(f"{title}: {split} accuracy", (of, protocol, "SHARE")) for of, split in SPLITS.items()
        ]
    over_all, _ = DESCRIBED[GLOBAL]
    columns += [
        Column(f"{over_all}: shuffled", ("accuracy", SHUFFLED, "SHARE")),
        Column(f"{over_all}: parameters left", (LEFT, GLOBAL, "SHARE")),
    ]
    found = []
    for column in columns:
        kind = kind_of(column.path)
        least, most = RANGES[kind]
        said = {"kind": kind, "least": least, "most": most, "protocol": protocol_of(column.path)}
        found.append({"name": column.name, "heading": column.title, **said})
    return found


def _plain(text: str) -> str:
    """Without what differs between a name, a heading and a column of a file."""
    return re.sub(r"[\s._]+", ".", text.casefold().strip())
