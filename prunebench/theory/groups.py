"""Groups of neurons that point the same way (paper, section 5, "Reduced effective capacity")."""

from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import orientation

Linkage = Literal["complete", "average", "single"]

# Cosines of float64 vectors are off by this at most: equal vectors are in one group at threshold 1.
ROUNDING = 1e-12


def groups(
    networks: Networks,
    task: Task,
    threshold: float = 0.95,
    linkage: Linkage = "complete",
    signs: Float[Tensor, "seeds neurons"] | None = None,
) -> Int64[Tensor, "seeds neurons"]:
    """A group number for every neuron, per network, counted 0, 1, ... in the order of first members.

    A group's neurons have equal orientation and incoming weights of cosine >= threshold: under `complete`
    linkage every pair of them, under `average` the mean pair, under `single` (connected components) each
    with some other. Complete is the default: it alone promises what a merge relies on, that no member is far
    from the merged direction; connected components chain into groups whose ends are not parallel at all.
    Neurons with w = 0 have no direction and are each alone. `signs` are the networks' orientations, where
    they are known already.

    Raises `RequestError` for a threshold outside (0, 1] and for an unknown linkage.
    """
    check_threshold("groups threshold", threshold)
    if linkage not in get_args(Linkage):
        raise RequestError("groups linkage", linkage, f"one of {', '.join(get_args(Linkage))}")
    signs = orientation(networks, task) if signs is None else signs
    rows = [
        _one_network(w_in.cpu().double(), sign, threshold, linkage)
        for w_in, sign in zip(networks.w_in, signs.cpu().numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(rows)).to(networks.device)


def group_counts(
    networks: Networks, labels: Int64[Tensor, "seeds neurons"], minimum_norm: float = 0.01
) -> tuple[Int64[Tensor, " seeds"], Int64[Tensor, " seeds"]]:
    """Groups per network: over all neurons, and over those that matter.

    The second counts groups with a neuron whose effective norm is at least `minimum_norm` of the network's
    largest: inert neurons that never turned otherwise dominate the count.
    """
    norms = networks.norms("effective")
    matters = norms >= minimum_norm * norms.max(dim=1, keepdim=True).values
    every = [len(row.unique()) for row in labels]
    relevant = [len(row[keep].unique()) for row, keep in zip(labels, matters, strict=True)]
    return torch.tensor(every), torch.tensor(relevant)


def rank_within(
    values: Float[Tensor, "seeds neurons"], labels: Int64[Tensor, "seeds neurons"]
) -> Float[Tensor, "seeds neurons"]:
    """Rank of each value within its group, over the size of the group: 1 for the largest; ties average."""
    ranks = torch.empty_like(values)
    for row, value, label in zip(ranks, values, labels, strict=True):
        for group in label.unique():
            members = label == group
            rank = rankdata(value[members].detach().double().cpu().numpy()) / int(members.sum())
            row[members] = torch.from_numpy(rank).to(row)
    return ranks


def check_threshold(option: str, threshold: float) -> None:
    """A cosine above 0 and up to 1."""
    if not 0 < threshold <= 1:
        raise RequestError(option, threshold, "a cosine above 0 and up to 1 is needed")


def unit_rows(vectors: Float[Tensor, "neurons inputs"]) -> Float[Tensor, "neurons inputs"]:
    """Each row over its norm; rows of 0 stay 0."""
    norms = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / torch.where(norms > 0, norms, 1.0)


def _one_network(
    w_in: Float[Tensor, "neurons inputs"], signs: np.ndarray, threshold: float, linkage: Linkage
) -> np.ndarray:
    units = unit_rows(w_in)
    directed = units.abs().amax(dim=1).numpy() > 0
    labels = np.arange(len(units))
    for sign in np.unique(signs):
        members = np.flatnonzero(directed & (signs == sign))
        if len(members) > 1:
            part = units[torch.from_numpy(members)]
            distance = (1 - part @ part.T).clamp(min=0).numpy()
            tree = scipy_linkage(squareform(distance, checks=False), linkage)
            cluster = fcluster(tree, 1 - threshold + ROUNDING, criterion="distance")
            labels[members] = members[np.unique(cluster, return_index=True)[1]][cluster - 1]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
