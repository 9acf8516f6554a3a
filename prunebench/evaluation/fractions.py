"""How many neurons are kept: exactly k, and the same k for every scorer."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from prunebench.fields import convert

Share = Annotated[float, Meta(title="a share", gt=0, le=1)]
# Shares of the neurons to keep. Down to 1 %: pruned early, even 10 % reach full accuracy whatever the score.
FRACTIONS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def kept_count(width: int, fraction: float) -> int:
    """k for a share of the neurons: rounded, and never an empty layer."""
    return max(1, round(width * convert("fractions", fraction, Share)))


def label(fraction: float) -> str:
    """A share as it is written in the results: `0.5`, `0.01`."""
    return f"{fraction:g}"


def check_fractions(fractions: Iterable[float]) -> tuple[float, ...]:
    """Distinct shares from the largest down."""
    distinct = set(fractions)
    for fraction in distinct:
        kept_count(1, fraction)
    return tuple(sorted(distinct, reverse=True))
