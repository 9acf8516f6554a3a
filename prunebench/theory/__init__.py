"""The mathematics behind the benchmark, each function with its equation."""

from prunebench.theory.alignment import alignment_angle as alignment_angle
from prunebench.theory.alignment import gates as gates
from prunebench.theory.alignment import orientation as orientation
from prunebench.theory.alignment import target_vectors as target_vectors
from prunebench.theory.cells import CellCount as CellCount
from prunebench.theory.cells import StableCells as StableCells
from prunebench.theory.cells import cell_count as cell_count
from prunebench.theory.cells import stable_cells as stable_cells
from prunebench.theory.gradients import PolarGradient as PolarGradient
from prunebench.theory.gradients import PolarSpeed as PolarSpeed
from prunebench.theory.gradients import polar_gradient as polar_gradient
from prunebench.theory.gradients import polar_speed as polar_speed
from prunebench.theory.groups import Linkage as Linkage
from prunebench.theory.groups import group_counts as group_counts
from prunebench.theory.groups import groups as groups
from prunebench.theory.groups import rank_within as rank_within
from prunebench.theory.growth import asinh_growth as asinh_growth
from prunebench.theory.growth import conserved as conserved
from prunebench.theory.growth import growing_mode as growing_mode
from prunebench.theory.growth import growth_rate as growth_rate
from prunebench.theory.growth import predicted_asinh_growth as predicted_asinh_growth
from prunebench.theory.merging import fold as fold
from prunebench.theory.merging import merge as merge
from prunebench.theory.racing import race as race
from prunebench.theory.second_order import second_order_targets as second_order_targets
