"""Merging neurons into effective neurons (paper, section 4 and appendix G)."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks, NormKind, shallow_networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import orientation
from prunebench.theory.groups import ROUNDING, check_threshold, unit_rows

DROPPED = -1


def merge(networks: Networks, labels: Int64[Tensor, "seeds neurons"]) -> Networks:
    """One effective neuron for each group: neuron g of the result stands for the neurons labelled g.

    `v_j relu(w_j.x + b_j) = |w_j| v_j relu(w_j.x/|w_j| + b_j/|w_j|)`, so a group becomes the neuron with the
    mean of `w_j/|w_j|` and of `b_j/|w_j|`, weighted by the effective norms `|w_j||v_j|`, and
    `v = sum_j |w_j| v_j`. That is exact for parallel neurons, and for any whose outgoing weights are parallel
    as long as their gates agree (which is why the mean direction is not normalised again). A neuron that is
    alone keeps its very bits.

    Args:
        labels: 0 to G-1 in each network, -1 for neurons that are dropped. Where networks have different
            numbers of groups, those with fewer end in neurons that are all 0.

    Raises:
        RequestError: labels below -1, nothing but dropped neurons, or a neuron with w = 0 in a group.
    """
    if labels.shape != networks.bias.shape or int(labels.min()) < DROPPED or int(labels.max()) < 0:
        raise RequestError(
            "labels", tuple(labels.shape), "a group from 0 up, or -1, is needed for every neuron"
        )
    labels, count = labels.to(networks.device), int(labels.max()) + 1
    precise = networks.to(dtype=torch.float64)
    incoming, outgoing = shares(precise.norms("incoming"), precise.norms("outgoing"), labels)
    groups = torch.where(labels < 0, count, labels)  # those that are dropped add up to what is cut off

    def total(values: Float[Tensor, "seeds neurons *own"], side: Tensor) -> Tensor:
        """Sums over each group, one network after the other: float64 of all of them would take long."""
        found = []
        for numbers, group, share in zip(values, groups, side, strict=True):
            parts = share.reshape(-1, *[1] * (numbers.ndim - 1)) * numbers.double()
            sums = parts.new_zeros(count + 1, *parts.shape[1:]).index_add_(0, group, parts)
            found.append(sums[:count].to(values.dtype))
        return torch.stack(found)

    w_out = total(networks.w_out.mT, outgoing).mT.contiguous()
    return shallow_networks(total(networks.w_in, incoming), total(networks.bias, incoming), w_out)


def shares(
    incoming: Float[Tensor, "#batch neurons"],
    outgoing: Float[Tensor, "#batch neurons"],
    labels: Int64[Tensor, "batch neurons"],
) -> tuple[Float[Tensor, "batch neurons"], Float[Tensor, "batch neurons"]]:
    """What each neuron brings into its group's effective neuron (see `merge`), from the norms in float64.

    Returns `a` and `c` of `(w, b) = sum_j a_j (w_j, b_j)` and `v = sum_j c_j v_j`: 1 for a neuron that is
    alone, 0 for one that is dropped. Raises `RequestError` for a neuron with w = 0 in a group.
    """
    present = labels >= 0
    at, count = labels.clamp(min=0), int(labels.max()) + 1

    def total(values: Tensor) -> Tensor:
        """Sums over each group, for every member of it."""
        sums = values.new_zeros(len(labels), count).scatter_add_(1, at, torch.where(present, values, 0.0))
        return sums.gather(1, at)

    incoming, outgoing = incoming.expand(labels.shape), outgoing.expand(labels.shape)
    alone = present & (total(torch.ones_like(incoming)) == 1)
    if bool(((incoming == 0) & present & ~alone).any()):
        raise RequestError(
            "labels", "a group with a neuron of w = 0", "it has no direction and must be alone"
        )
    effective = incoming * outgoing
    # Where no member has outgoing weights all count the same: what they point at does not matter.
    weight = torch.where(total(effective) > 0, effective, 1.0)
    mean = weight / total(weight) / torch.where(incoming > 0, incoming, 1.0)
    return (
        torch.where(alone, 1.0, torch.where(present, mean, 0.0)),
        torch.where(alone, 1.0, torch.where(present, incoming, 0.0)),
    )


def fold(
    networks: Networks,
    task: Task,
    keep_indices: Int64[Tensor, "seeds kept"],
    threshold: float = 0.95,
) -> Networks:
    """Keep k neurons and merge each of the others into the kept one that it is most parallel to.

    Only into one of equal orientation (of more than two classes there is none) and with a cosine of the
    incoming weights >= threshold; a neuron that has none is dropped. The result has the k kept neurons in the
    order of `keep_indices`.
    """
    check_threshold("fold threshold", threshold)
    networks.keep(keep_indices)  # raises for indices that are out of range
    if any(len(row.unique()) < len(row) for row in keep_indices):
        raise RequestError("keep indices", keep_indices.tolist(), "a neuron can be kept only once")
    keep_indices = keep_indices.to(networks.device)
    signs = orientation(networks, task) if networks.outputs == 2 else torch.ones_like(networks.bias)
    labels = [
        nearest(parallel(w_in.double(), sign), kept[None], threshold)
        for w_in, sign, kept in zip(networks.w_in, signs, keep_indices, strict=True)
    ]
    return merge(networks, torch.cat(labels))


def parallel(
    w_in: Float[Tensor, "neurons inputs"], signs: Float[Tensor, " neurons"]
) -> Float[Tensor, "neurons neurons"]:
    """Cosines of incoming weights, -1 between neurons of different orientation."""
    units = unit_rows(w_in)
    cosines = units @ units.T
    cosines[signs[:, None] != signs[None, :]] = -1.0
    return cosines


def nearest(
    cosines: Float[Tensor, "neurons neurons"], kept: Int64[Tensor, "choices kept"], threshold: float
) -> Int64[Tensor, "choices neurons"]:
    """For each neuron the place of the most parallel among the kept ones; for a kept one its own.

    -1 where no cosine reaches the threshold.
    """
    best = cosines[:, kept].max(dim=2)
    labels = torch.where(best.values >= threshold - ROUNDING, best.indices, DROPPED).T.contiguous()
    return labels.scatter_(1, kept, torch.arange(kept.shape[1], device=kept.device).expand_as(kept))


def _lengths(networks: Networks, side: NormKind) -> Float[Tensor, "seeds units"]:
    """Norms of one side, in float64 where the squares are too small for the networks' own float32.

    Elsewhere they are those of float32, from which the numbers on boards come.
    """
    norms = networks.norms(side).double()
    if bool((norms > 0).all()):
        return norms
    return torch.where(norms > 0, norms, networks.to(dtype=torch.float64).norms(side))


def merge_layers(networks: Networks, labels: Int64[Tensor, "1 units"]) -> Networks:
    """As `merge`, one network of any layers: units are numbered through all of them, and so are groups.

    No group has units of several layers, and none is empty. What a group's units bring into it is as in
    `merge`: the incoming sides are added up with `a`, the outgoing sides with `c` (see `shares`). These act
    on different axes of every tensor, so it does not matter which layer comes first.
    """
    incoming, outgoing = shares(_lengths(networks, "incoming"), _lengths(networks, "outgoing"), labels)
    sizes = [layer.units for layer in networks.layers]
    of_layers = (values[0].split(sizes) for values in (labels, incoming, outgoing))
    tensors, widths = dict(networks.tensors), {}
    for layer, own, *sides in zip(networks.layers, *of_layers, strict=True):
        units = (own >= 0).nonzero()[:, 0]
        groups, place = own[units].unique(return_inverse=True)
        widths[layer.name] = len(groups)
        a, c = (
            share.new_zeros(len(groups), layer.units).index_put_((place, units), share[units])
            for share in sides
        )
        for part in layer.parts:
            if part.tensor in tensors:
                weights = c if part.role == "outgoing" else a
                tensors[part.tensor] = part.combined(tensors[part.tensor], weights[None])
    return Networks(networks.architecture.narrowed(widths), tensors)
