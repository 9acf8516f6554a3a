"""What several experiments take from a training."""

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from prunebench.training.train import Trajectory


def final_share(run: Trajectory) -> Float[Tensor, "seeds neurons"]:
    """Final norms as shares of each network's largest."""
    norms = run.final.norms()
    return norms / norms.max(dim=1, keepdim=True).values


def neuron_rows(run: Trajectory, **columns: Tensor | float | int | str) -> pd.DataFrame:
    """A row for each neuron of the first network, from (seeds, neurons); single values are repeated."""
    first = {name: column[0] if isinstance(column, Tensor) else column for name, column in columns.items()}
    rows = pd.DataFrame(first)
    return pd.DataFrame({"seed": run.seeds[0], "neuron": range(len(rows))}).join(rows)
