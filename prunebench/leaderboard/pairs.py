"""Two scorers, or two boards, compared network by network."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from prunebench.errors import RequestError, unknown_name
from prunebench.evaluation.comparison import LEVEL, holm, seeds_needed, signed_ranks
from prunebench.evaluation.statistics import collapses, summary_of
from prunebench.evaluation.summary import Summary, known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.metric_names import columns_called
from prunebench.results import Row

if TYPE_CHECKING:
    import pandas as pd

# What other settings of a task say already.
_IMPLIED = ("fingerprint", "data_sha256", "name", "class_names", "shape")


@dataclass(frozen=True)
class Pair:
    """Two rows compared by one metric on the seeds that both have.

    Attributes:
        board: that both rows stand on; empty where two boards are compared.
        scorer: of both rows; empty where two scorers are compared.
        at: the step or steps.
        means: of the two on their common seeds.
        difference: of the two, paired.
        leads: 1 where the first is ahead by the test's rank sum, -1 where the second is, else 0.
        p: Holm-corrected over all pairs that are shown together.
    """

    board: str
    scorer: str
    at: str
    column: Column
    means: tuple[float, float]
    difference: Summary = field(hash=False)
    leads: int
    p: float

    @property
    def better(self) -> int:
        """1 where the first is significantly better, or larger, -1 where the second is, else 0."""
        return self.leads if self.p <= LEVEL else 0

    @property
    def more(self) -> str:
        """What a larger value is called: of controls, and of what is left, it is no better one."""
        return "better" if self.column.more_is_better else "larger"

    @property
    def seeds(self) -> int:
        """How many networks both have."""
        return len(self.difference.per_seed)

    def too_few(self, pairs: int) -> bool:
        """Whether no numbers of so few seeds could be significant among so many pairs."""
        return self.seeds < seeds_needed(pairs)


@dataclass(frozen=True)
class Pairs:
    """What `prunebench compare` shows: the names of the two, their pairs, and remarks."""

    first: str
    second: str
    pairs: tuple[Pair, ...]
    remarks: tuple[str, ...]

    def __repr__(self) -> str:
        better = [sum(pair.better == sign for pair in self.pairs) for sign in (1, -1)]
        said = f"{better[0]} better, {better[1]} worse, {len(self.pairs) - sum(better)} not significant"
        return f"<Pairs: {self.first} against {self.second}, {said}>"

    def _repr_html_(self) -> str:
        frame = self.to_dataframe()
        there = frame.notna() & (frame != "")
        frame = frame.loc[:, there.any() | (frame.columns == "better")]
        return frame.to_html(index=False, na_rep="", float_format=lambda value: f"{value:.4g}")

    @property
    def records(self) -> list[dict[str, Any]]:
        """Each pair; `difference` is the mean of `first - second`, `p` is Holm-corrected.

        `low` and `high` are the mean's; of accuracies the `median` of the differences has one instead.
        """
        return [
            {
                "board": pair.board,
                "scorer": pair.scorer,
                "at_step": pair.at,
                "metric": pair.column.name,
                "first": pair.means[0],
                "second": pair.means[1],
                "difference": pair.difference.mean,
                **{end: known(getattr(pair.difference, end)) for end in _ENDS},
                "seeds": pair.seeds,
                "p": pair.p,
                "better": {1: self.first, -1: self.second}.get(
                    pair.better if pair.column.more_is_better else 0
                ),
            }
            for pair in self.pairs
        ]

    def to_dataframe(self) -> "pd.DataFrame":
        """The `records`, a row each."""
        import pandas as pd

        return pd.DataFrame(self.records).astype(dict.fromkeys(_ENDS, "float64"))

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "first": self.first,
            "second": self.second,
            "comparisons": self.records,
            "remarks": self.remarks,
        }


_ENDS = ("low", "high", "median", "median_low", "median_high")

Side = tuple[Board, Row]
# A scorer, and its own step if it has one.
Named = tuple[str, int | None]
# The board or the scorer that both rows are of, and the two.
Match = tuple[str, str, Side, Side]


def compare_scorers(
    boards: Sequence[Board], first: str, second: str, metrics: Sequence[str], step: int | None
) -> Pairs:
    """Two scorers wherever both have results at the same step, or at steps of their own: `alignment@50`.

    `RequestError` for unknown scorers and metrics, and where there is nothing to compare.
    """
    rows = [row for board in boards for row in board.rows]
    one, other = _parse("first", first, rows), _parse("second", second, rows)
    if one == other:
        raise RequestError("second", second, "another scorer, or another step of the first, is needed")
    columns = columns_called(boards, metrics, "metrics")
    matches = _matches(boards, one, other, step)
    _check_step(step, matches or _matches(boards, one, other, None), matches)
    if not matches:
        accepted = f"no board has results of it and of {first}, at one step or at the steps named"
        raise RequestError("second", second, accepted)
    return _compared(first, second, matches, columns, [])


def _matches(boards: Sequence[Board], one: Named, other: Named, step: int | None) -> list[Match]:
    """The rows of two scorers, each at its own step or else at this one, or at all that both have."""
    (a, a_step), (b, b_step) = one, other
    matches: list[Match] = []
    for board in boards:
        found = {row.key: row for row in board.rows if row.status == "ok"}
        steps = sorted({at for _, at in found} if step is None else {step})
        both = [
            ((a, at if a_step is None else a_step), (b, at if b_step is None else b_step)) for at in steps
        ]
        for first, second in dict.fromkeys(both):
            if first != second and first in found and second in found:
                matches.append((board.name, "", (board, found[first]), (board, found[second])))
    return matches


def _check_step(step: int | None, matches: Sequence[Match], chosen: Sequence[Match]) -> None:
    if step is not None and matches and not chosen:
        there = sorted({row.at_step for match in matches for _, row in match[2:]})
        raise RequestError("at_step", step, f"steps with results of both: {', '.join(map(str, there))}")


def compare_boards(first: Board, second: Board, metrics: Sequence[str], step: int | None) -> Pairs:
    """Every scorer at every step that both boards have, seed by seed; controls are left out.

    `RequestError` for boards of different evaluators, and where there is nothing to compare.
    """
    if first.evaluator != second.evaluator:
        versions = f"evaluators {first.evaluator} and {second.evaluator}"
        raise RequestError("second", versions, "boards of one evaluator version; run the older one again")
    theirs = {row.key: row for row in second.rows}
    matches: list[Match] = [
        ("", row.scorer, (first, row), (second, theirs[row.key]))
        for row in first.rows
        if row.key in theirs and row.predicts
    ]
    columns, remarks = columns_called([first, second], metrics, "metrics"), _unlike(first, second)
    if not matches:
        raise RequestError("second", second.name, f"a board that shares results with {first.name} is needed")
    chosen = [match for match in matches if step in (None, match[2][1].at_step)]
    _check_step(step, matches, chosen)
    return _compared(first.name, second.name, chosen, columns, remarks)


def _compared(
    first: str, second: str, matches: list[Match], columns: list[Column], remarks: list[str]
) -> Pairs:
    found = [_pair(*match, column, remarks) for match in matches for column in columns]
    pairs = [pair for pair in found if pair is not None]
    remarks = list(dict.fromkeys(remarks))
    if not pairs:
        if remarks:
            raise RequestError("second", second, "; ".join(remarks))
        metrics = ", ".join(column.name for column in columns)
        raise RequestError("metrics", metrics, f"no results of {first} and {second} have this metric both")
    adjusted = holm([pair.p for pair in pairs])
    corrected = tuple(replace(pair, p=p) for pair, p in zip(pairs, adjusted, strict=True))
    return Pairs(first, second, corrected, tuple(remarks))


def _pair(
    board: str, scorer: str, side: Side, against: Side, column: Column, remarks: list[str]
) -> Pair | None:
    """None where nothing can be paired; the remarks say why."""
    (_, a), (_, b) = side, against
    at = str(a.at_step) if a.at_step == b.at_step else f"{a.at_step} / {b.at_step}"
    name = f"{board or scorer}, step {at}"
    if scorer and (a.version, a.source) != (b.version, b.source):
        remarks.append(f"{name}: the scorer's code is not the same on both boards")
    first, second = _by_seed(side, column), _by_seed(against, column)
    if not first or not second:
        return None
    seeds = sorted(set(first) & set(second))
    if not seeds:
        remarks.append(f"{name}: no common seeds, so nothing can be paired")
        return None
    if len(seeds) < max(len(first), len(second)):
        remarks.append(f"{name}: on the {len(seeds)} common seeds of {len(first)} and {len(second)}")
    values = np.array([(first[seed], second[seed]) for seed in seeds], dtype=float)
    means = float(values[:, 0, 0].mean()), float(values[:, 1, 0].mean())
    shown, tested = (values[:, 0] - values[:, 1]).T
    effect = summary_of(shown.tolist(), collapses(column.path))
    (p,), (leads,) = signed_ranks(tested[None])
    return Pair(board, scorer, at, column, means, effect, int(leads), float(p))


def _parse(option: str, text: str, rows: Sequence[Row]) -> Named:
    name, at, step = text.rpartition("@")
    name, number = (name, int(step)) if at and step.isdecimal() else (text, None)
    known = {row.scorer for row in rows}
    if name not in known:
        raise unknown_name(option, name, known, "scorers with results here")
    return name, number


def _by_seed(side: Side, column: Column) -> dict[int, tuple[float, float]]:
    """What is shown of each seed, and what is tested."""
    board, row = side
    summary = column.of_board(board).summary(row)
    if summary is None:
        return {}
    values = zip(row.seeds, summary.per_seed, summary.tested, strict=True)
    return {seed: (shown, one) for seed, shown, one in values if shown is not None and one is not None}


def _unlike(first: Board, second: Board) -> list[str]:
    """Settings in which two boards differ, in words."""
    settings = [
        board.task.record | board.recipe.record | {"network": board.recipe.network_spec}
        for board in (first, second)
    ]
    unlike = [
        f"The boards differ in {key}: {one} and {other}"
        for key in settings[0] | settings[1]
        if key not in _IMPLIED
        if (one := settings[0].get(key, "none")) != (other := settings[1].get(key, "none"))
    ]
    if first.recipe.network_spec != second.recipe.network_spec:
        unlike.append("Networks of different kinds share nothing but the number of their seed")
    if not unlike and first.task.fingerprint != second.task.fingerprint:
        return ["The boards differ in their data"]
    return unlike
