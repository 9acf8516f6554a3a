"""The mathematics behind the benchmark, each function with its equation."""

from prunebench.theory.alignment import alignment_angle, gates, orientation, target_vectors
from prunebench.theory.groups import Linkage, group_counts, groups, rank_within
from prunebench.theory.growth import (
    asinh_growth,
    conserved,
    growing_mode,
    growth_rate,
    predicted_asinh_growth,
)
from prunebench.theory.merging import fold, merge

__all__ = [
    "Linkage",
    "alignment_angle",
    "asinh_growth",
    "conserved",
    "fold",
    "gates",
    "group_counts",
    "groups",
    "growing_mode",
    "growth_rate",
    "merge",
    "orientation",
    "predicted_asinh_growth",
    "rank_within",
    "target_vectors",
]
