"""A metric over the seeds, as documents and boards hold it (docs/statistics.md)."""

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

# So that it is finite in %, too. A whole number stays one: what is read and written again is the same.
_LARGEST = sys.float_info.max / 100
Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Amount = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
Count = Annotated[int, Meta(ge=0)]


T = TypeVar("T")


def known(value: T | UnsetType) -> T | None:
    """What a record has, or None."""
    return None if value is UNSET else value


class Band(msgspec.Struct, frozen=True):
    """The range of a stochastic scorer's means over its draws: what chance alone gives."""

    low: Number
    high: Number


class Summary(msgspec.Struct, frozen=True, gc=False):
    """A metric over the seeds (docs/statistics.md).

    Attributes:
        low, high: the mean's 95 % interval; None where there is none.
        per_seed: None where a number is not defined; the mean of the draws of a stochastic scorer.
        median, median_low, median_high: with its interval, of metrics that collapse.
        kept: neurons kept.
        first_draw: per seed, where `per_seed` is of several draws.
        band: of correlations of several draws; None where one of them is not defined.
    """

    mean: Number
    low: Number | None
    high: Number | None
    per_seed: list[Number | None]
    median: Number | UnsetType = UNSET
    median_low: Number | UnsetType | None = UNSET
    median_high: Number | UnsetType | None = UNSET
    kept: Count | UnsetType = UNSET
    first_draw: list[Number | None] | UnsetType = UNSET
    band: Band | UnsetType | None = UNSET

    @property
    def middle(self) -> tuple[Number, Number | None, Number | None]:
        """What has an interval, and that interval's ends: the median of accuracies, the mean of all else."""
        if self.median is UNSET:
            return self.mean, self.low, self.high
        return self.median, known(self.median_low), known(self.median_high)

    def __repr__(self) -> str:
        return f"<Summary: {self.in_words('{:.4g}'.format)} of {len(self.per_seed)} networks>"

    def in_words(self, number: Callable[[Number], str]) -> str:
        """`mean [low, high]`, of accuracies `mean · median [low, high]`; the mean alone of too few seeds."""
        middle, low, high = self.middle
        if low is None or high is None:
            return number(self.mean)
        median = "" if self.median is UNSET else f" · {number(middle)}"
        return f"{number(self.mean)}{median} [{number(low)}, {number(high)}]"

    @property
    def tested(self) -> list[Number | None]:
        """The value per seed that tests may look at: of a stochastic scorer, of its first draw alone.

        `per_seed` holds the mean of its draws, which is less spread out and less skewed than any single draw:
        two scorers that draw alike would not differ symmetrically, as the signed-rank test takes for granted.
        Boards of evaluators before 3 have nothing else.
        """
        return self.per_seed if self.first_draw is UNSET else self.first_draw
