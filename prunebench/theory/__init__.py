"""The mathematics behind the benchmark, each function with its equation."""

from prunebench.theory.alignment import alignment_angle, gates, orientation, target_vectors
from prunebench.theory.cells import CellCount, StableCells, cell_count, stable_cells
from prunebench.theory.gradients import (
    PolarGradient,
    PolarSpeed,
    angles,
    from_angles,
    polar_gradient,
    polar_speed,
)
from prunebench.theory.groups import Linkage, group_counts, groups, rank_within
from prunebench.theory.growth import (
    asinh_growth,
    conserved,
    growing_mode,
    growth_rate,
    predicted_asinh_growth,
)
from prunebench.theory.merging import fold, merge
from prunebench.theory.racing import race
from prunebench.theory.second_order import second_order_targets

__all__ = [
    "CellCount",
    "Linkage",
    "PolarGradient",
    "PolarSpeed",
    "StableCells",
    "alignment_angle",
    "angles",
    "asinh_growth",
    "cell_count",
    "conserved",
    "fold",
    "from_angles",
    "gates",
    "group_counts",
    "groups",
    "growing_mode",
    "growth_rate",
    "merge",
    "orientation",
    "polar_gradient",
    "polar_speed",
    "predicted_asinh_growth",
    "race",
    "rank_within",
    "second_order_targets",
    "stable_cells",
    "target_vectors",
]
