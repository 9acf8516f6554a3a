"""Whether a claim holds, by a criterion whose words and numbers are the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Outcome = Literal["holds", "fragile", "does not hold"]
Number = float | int | np.number  # a column of a table may be of any of them

# A rank correlation of 0.5 is large by Cohen's (1988) convention; below 0.2 it is hardly more than small.
LARGE, SMALL = 0.5, 0.2


@dataclass(frozen=True)
class Judgement:
    """An outcome, and the numbers it depends on."""

    outcome: Outcome
    bounds: tuple[Number, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds here.

    Attributes:
        claim: one sentence.
        judgement: by the criterion alone.
        found: the number, in words.
        rule: the criterion, fixed before the results were seen, with `{}` where a bound stands.
    """

    claim: str
    judgement: Judgement
    found: str
    rule: str

    @property
    def outcome(self) -> Outcome:
        """Of the judgement."""
        return self.judgement.outcome

    @property
    def criterion(self) -> str:
        """The rule with its numbers."""
        return self.rule.format(*self.judgement.bounds)


Verdicts = Iterator[Verdict]


def judge(holds: Any, fragile: Any, *bounds: Number) -> Judgement:
    """Given whether the strong and the weak criterion are met, which depend on these bounds."""
    return Judgement("holds" if holds else "fragile" if fragile else "does not hold", bounds)


def at_least(value: Number, holds: Number, fragile: Number) -> Judgement:
    """Holds from one bound up, is fragile from a lower one; NaN does not hold."""
    return judge(value >= holds, value >= fragile, holds, fragile)


def at_most(value: Number, holds: Number, fragile: Number) -> Judgement:
    """Holds up to one bound, is fragile up to a higher one; NaN does not hold."""
    return judge(value <= holds, value <= fragile, holds, fragile)


def in_all(met: Any) -> Judgement:
    """Holds if all (networks) meet it, is fragile if 80 % do; the bounds are in percent."""
    return at_least(100 * float(np.mean(met)), 100, 80)


def correlates(
    claim: str, values: Any, more: str, *, of: str = "", bounds: tuple[float, float] = (LARGE, SMALL)
) -> Verdict:
    """By the mean of rank correlations over seeds; `more` goes on after it, `of` says what it is of."""
    return Verdict(
        claim,
        at_least(values.mean(), *bounds),
        f"Spearman {mean_std(values)} {more}",
        f"mean rank correlation{of} >= {{}} (fragile: >= {{}})",
    )


def mean_std(values: Iterable[float | int], digits: int = 2) -> str:
    """`mean ± standard deviation` over seeds."""
    array = np.array(list(values), dtype=float)
    spread = array.std(ddof=1) if len(array) > 1 else 0.0
    return f"{array.mean():.{digits}f} ± {spread:.{digits}f}"
