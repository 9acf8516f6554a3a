"""Rank correlation against what it took, per network."""

from prunebench.leaderboard.charts.correlation import panel
from prunebench.leaderboard.charts.look import Look, Spec, percent, whole

SHARES = (0, 0.0001, 0.001, 0.01, 0.1, 1, 10)
WRITTEN = "datum.value < 1 ? format(1000 * datum.value, '~g') + ' ms' : format(datum.value, ',~g') + ' s'"
SECONDS = {"tickCount": 4, "labelExpr": WRITTEN}
POWERS = (0, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def by_steps(look: Look) -> Spec:
    """In gradient steps, to the snapshot and the scorer's own."""
    return panel(
        look, "steps", "gradient steps per network", {"type": "symlog", "constant": 10}, whole(POWERS)
    )


def by_gradients(look: Look) -> Spec:
    """In gradients of one sample, passes of the scorer included, of those that a training takes."""
    scale = {"type": "symlog", "constant": SHARES[1]}
    return panel(look, "share", "sample gradients, % of one training", scale, percent(SHARES))


def by_seconds(look: Look) -> Spec:
    """In seconds."""
    return panel(look, "seconds", "seconds per network", {"type": "log"}, SECONDS)
