"""Metrics by what anybody calls them: one name, and the headings of tables and files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from prunebench.errors import RequestError, did_you_mean
from prunebench.leaderboard.columns import RANK, Column, columns_by_name, overview, sections
from prunebench.results import Results


def columns_called(boards: Sequence[Results], metrics: Iterable[str]) -> list[Column]:
    """The columns of these boards' rows with these names, each once.

    `accuracy.prune_final.0.1` is a name; `pruned to 10 %`, `Pruned at the end: test accuracy 10 %` and
    `accuracy_prune_final_0.1` stand for it. Raises `RequestError` for what stands for none, or for several.
    """
    rows = [row for board in boards for row in board.rows]
    headed = dict.fromkeys(column for board in boards for column in (*RANK, *overview(board)))
    titled = {column.name: column for column in headed if any(map(column.summary, rows))}
    known = columns_by_name(rows) | titled
    spelled = defaultdict[str, set[str]](set)
    for name, column in known.items():
        spelled[_plain(name)].add(name)
        spelled[_plain(column.title)].add(name)
    for board in boards:
        for section in sections(board):
            for column in section.columns:
                spelled[_plain(f"{section.title} {column.title}")].add(column.name)
    found = dict[str, None]()
    for metric in metrics:
        names = spelled.get(_plain(metric), set()) & set(known)
        if len(names) != 1:
            headings = sorted(names) or [column.title for column in titled.values()]
            near = did_you_mean(metric, sorted({*known, *headings}))
            rest = "" if names else ", or another metric of the boards here (`prunebench list metrics`)"
            raise RequestError("metric", metric, f"{near}one of {', '.join(headings)}{rest}")
        found |= dict.fromkeys(names)
    return [known[name] for name in found]


def _plain(text: str) -> str:
    """Without what differs between a name, a heading and a column of a file."""
    return re.sub(r"[\s._]+", ".", text.casefold().strip())
