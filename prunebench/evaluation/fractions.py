"""How many neurons are kept: exactly k, and the same k for every scorer."""

from collections.abc import Iterable

from prunebench.errors import RequestError

# Shares of the neurons to keep. Down to 1 %: pruned early, even 10 % reach full accuracy whatever the score.
FRACTIONS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def kept_count(width: int, fraction: float) -> int:
    """k for a share of the neurons: rounded, and never an empty layer."""
    if not isinstance(fraction, int | float) or not 0 < fraction <= 1:
        raise RequestError("fractions", fraction, "a share above 0 and up to 1 is needed")
    return max(1, round(width * fraction))


def label(fraction: float) -> str:
    """A share as it is written in the results: `0.5`, `0.01`."""
    return f"{fraction:g}"


def check_fractions(fractions: Iterable[float]) -> tuple[float, ...]:
    """Distinct shares from the largest down."""
    distinct = set(fractions)
    for fraction in distinct:
        kept_count(1, fraction)
    return tuple(sorted(distinct, reverse=True))
