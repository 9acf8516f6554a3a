"""How many units are kept: exactly k, and the same k for every scorer."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from prunebench.fields import convert

Share = Annotated[float, Meta(title="a share", gt=0, le=1)]
# Shares of the units to keep where nothing is said. Of the shallow network down to 1 %: pruned early, even
# 10 % reach full accuracy whatever the score. Of others, below the last all is at chance without retraining.
FRACTIONS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
LAYERED_FRACTIONS = (0.8, 0.65, 0.5, 0.35, 0.2)


def kept_count(width: int, fraction: float) -> int:
    """k for a share of a layer's units: rounded, and never an empty layer."""
    return max(1, round(width * convert("fractions", fraction, Share)))


def default_fractions(*, shallow: bool) -> tuple[float, ...]:
    """The shares to keep where nothing is said."""
    return FRACTIONS if shallow else LAYERED_FRACTIONS


def written_share(fraction: float) -> str:
    """A share as it is written in the results: `0.5`, `0.01`."""
    return f"{fraction:g}"


def check_fractions(fractions: Iterable[float], option: str = "fractions") -> tuple[float, ...]:
    """Distinct shares from the largest down, each as results have it: two that are written alike are one."""
    distinct = {float(written_share(convert(option, fraction, Share))) for fraction in fractions}
    return tuple(sorted(distinct, reverse=True))
