"""Rank correlation against the time of the snapshot, with the noise ceiling where it was measured."""

from prunebench.leaderboard.charts.correlation import panel
from prunebench.leaderboard.charts.cost import POWERS
from prunebench.leaderboard.charts.look import Look, Spec, whole


def by_step(look: Look) -> Spec:
    """In gradient steps."""
    return panel(look, "step", "step of the snapshot", {"type": "symlog", "constant": 10}, whole(POWERS))


def by_plateau(look: Look) -> Spec:
    """As a share of the plateau: at 1 the loss first drops."""
    ticks = (0, 0.03, 0.1, 0.3, 1, 3, 10, 30)
    scale = {"type": "symlog", "constant": 0.03}
    return panel(look, "relative", "step / end of the plateau (t / t_drop)", scale, whole(ticks))
