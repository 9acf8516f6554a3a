"""Two scorers, or two boards, compared network by network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from prunebench.errors import RequestError, unknown_name
from prunebench.evaluation.comparison import LEVEL, Difference, difference, holm, seeds_needed
from prunebench.evaluation.statistics import collapses
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import Column, columns_by_name
from prunebench.results import Row


@dataclass(frozen=True)
class Pair:
    """Two rows compared by one metric on the seeds that both have.

    Attributes:
        board: that both rows stand on; empty where two boards are compared.
        scorer: of both rows; empty where two scorers are compared.
        at: the step or steps.
        means: of the two on their common seeds.
        seeds: how many seeds each of the rows has.
        p: Holm-corrected over all pairs that are shown together.
    """

    board: str
    scorer: str
    at: str
    column: Column
    means: tuple[float, float]
    seeds: tuple[int, int]
    difference: Difference
    p: float

    @property
    def better(self) -> int:
        """1 where the first is significantly better, -1 where the second is, else 0."""
        return self.difference.leads if self.p <= LEVEL else 0

    def too_few(self, pairs: int) -> bool:
        """Whether no numbers of so few seeds could be significant among so many pairs."""
        return self.difference.seeds < seeds_needed(pairs)


@dataclass(frozen=True)
class Pairs:
    """What `prunebench compare` shows: the names of the two, their pairs, and remarks."""

    first: str
    second: str
    pairs: tuple[Pair, ...]
    remarks: tuple[str, ...]


def compare_scorers(
    boards: Sequence[Board], first: str, second: str, metrics: Sequence[str], step: int | None
) -> Pairs:
    """Two scorers wherever both have results at the same step, or at steps of their own: `alignment@50`.

    `RequestError` for unknown scorers and metrics, and where there is nothing to compare.
    """
    rows = [row for board in boards for row in board.rows]
    (a, a_step), (b, b_step) = _parse("A", first, rows), _parse("B", second, rows)
    columns = _columns(rows, metrics)
    pairs: list[Pair] = []
    remarks: list[str] = []
    for board in boards:
        found = {row.key: row for row in board.rows if row.status == "ok"}
        steps = sorted({at for _, at in found} if step is None else {step})
        both = dict.fromkeys(
            (at if a_step is None else a_step, at if b_step is None else b_step) for at in steps
        )
        for at_a, at_b in both:
            if (a, at_a) == (b, at_b):
                raise RequestError("A, B", first, "two different scorers, or two steps of one, are needed")
            if (a, at_a) in found and (b, at_b) in found:
                at = str(at_a) if at_a == at_b else f"{at_a} / {at_b}"
                names = board.name, "", at
                pairs += _pairs(names, found[a, at_a], found[b, at_b], columns, remarks)
    return _together(
        first, second, pairs, remarks, "no board has this metric of both, at one step or at the steps named"
    )


def compare_boards(first: Board, second: Board, metrics: Sequence[str], step: int | None) -> Pairs:
    """Every scorer at every step that both boards have, seed by seed; controls are left out.

    `RequestError` for boards of different evaluators, and where there is nothing to compare.
    """
    if first.evaluator != second.evaluator:
        versions = f"evaluators {first.evaluator} and {second.evaluator}"
        raise RequestError("A, B", versions, "boards of one evaluator version; run the older one again")
    columns = _columns([*first.rows, *second.rows], metrics)
    theirs = {row.key: row for row in second.rows}
    remarks = [f"The boards differ in {what}" for what in _unlike(first, second)]
    pairs: list[Pair] = []
    for row in first.rows:
        other = theirs.get(row.key)
        if other is None or not row.predicts or step not in (None, row.at_step):
            continue
        name = f"{row.scorer}, step {row.at_step}"
        if (row.version, row.source) != (other.version, other.source):
            remarks.append(f"{name}: the scorer's code is not the same on both boards")
        pairs += _pairs(("", row.scorer, str(row.at_step)), row, other, columns, remarks)
    return _together(first.name, second.name, pairs, remarks, "the boards share no results with this metric")


def _pairs(
    names: tuple[str, str, str], a: Row, b: Row, columns: Iterable[Column], remarks: list[str]
) -> list[Pair]:
    """The pairs of two rows by each column; `names` are their board, scorer and step."""
    board, scorer, at = names
    name = f"{board or scorer}, step {at}"
    found = []
    for column in columns:
        first, second = _by_seed(a, column), _by_seed(b, column)
        seeds = [seed for seed in sorted(first) if seed in second]
        if not first or not second:
            continue
        if not seeds:
            remarks.append(f"{name}: no common seeds, so nothing can be paired")
            continue
        if len(seeds) < max(len(first), len(second)):
            remarks.append(f"{name}: on the {len(seeds)} common seeds of {len(first)} and {len(second)}")
        values = np.array([(first[seed], second[seed]) for seed in seeds])  # (seeds, two, shown and tested)
        one, other = values[:, :, 0].mean(axis=0)
        shown, single = values.transpose(2, 1, 0)
        tested = single[0], single[1]
        effect = difference(shown[0], shown[1], tested, collapses=collapses(column.path))
        counts = len(first), len(second)
        found.append(Pair(board, scorer, at, column, (float(one), float(other)), counts, effect, effect.p))
    return found


def _together(first: str, second: str, pairs: list[Pair], remarks: list[str], nothing: str) -> Pairs:
    if not pairs:
        raise RequestError("A, B", f"{first}, {second}", "; ".join(dict.fromkeys(remarks)) or nothing)
    adjusted = holm([pair.p for pair in pairs])
    corrected = tuple(replace(pair, p=p) for pair, p in zip(pairs, adjusted, strict=True))
    return Pairs(first, second, corrected, tuple(dict.fromkeys(remarks)))


def _parse(option: str, text: str, rows: Sequence[Row]) -> tuple[str, int | None]:
    name, at, step = text.rpartition("@")
    name, number = (name, int(step)) if at and step.isdecimal() else (text, None)
    known = {row.scorer for row in rows}
    if name not in known:
        raise unknown_name(option, name, known, "scorers with results here")
    return name, number


def _columns(rows: Sequence[Row], metrics: Sequence[str]) -> list[Column]:
    known = columns_by_name(rows)
    for metric in metrics:
        if metric not in known:
            raise unknown_name("--metric", metric, known, "metrics here")
    return [known[metric] for metric in dict.fromkeys(metrics)]


def _by_seed(row: Row, column: Column) -> dict[int, tuple[float, float]]:
    """What is shown of each seed, and what is tested."""
    summary = column.summary(row)
    if summary is None:
        return {}
    values = zip(row.seeds, summary.per_seed, summary.tested, strict=True)
    return {seed: (shown, one) for seed, shown, one in values if shown is not None and one is not None}


def _unlike(first: Board, second: Board) -> list[str]:
    """Settings in which two boards differ, in words."""
    settings = [board.task.record | board.recipe.record for board in (first, second)]
    keys = [key for key in settings[0] | settings[1] if key not in ("fingerprint", "data_sha256")]
    unlike = [
        f"{key}: {one} and {other}"
        for key in keys
        if (one := settings[0].get(key)) != (other := settings[1].get(key))
    ]
    if not unlike and first.task.fingerprint != second.task.fingerprint:
        return ["their data"]
    return unlike
