"""Merging neurons into effective neurons (paper, section 4 and appendix G)."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
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
    count = int(labels.max()) + 1
    rows = [
        _merge_one(w_in, bias, w_out, label, count)
        for w_in, bias, w_out, label in zip(*networks.tensors, labels.to(networks.device), strict=True)
    ]
    return Networks(*(torch.stack(part) for part in zip(*rows, strict=True)))


def fold(
    networks: Networks,
    task: Task,
    keep_indices: Int64[Tensor, "seeds kept"],
    threshold: float = 0.95,
    signs: Float[Tensor, "seeds neurons"] | None = None,
) -> Networks:
    """Keep k neurons and merge each of the others into the kept one that it is most parallel to.

    Only into one of equal orientation and with a cosine of the incoming weights >= threshold; a neuron that
    has none is dropped (DESIGN 5). The result has the k kept neurons in the order of `keep_indices`. `signs`
    are the networks' orientations, where they are known already.
    """
    check_threshold("fold threshold", threshold)
    networks.keep(keep_indices)  # raises for indices that are out of range
    if any(len(row.unique()) < len(row) for row in keep_indices):
        raise RequestError("keep indices", keep_indices.tolist(), "a neuron can be kept only once")
    keep_indices = keep_indices.to(networks.device)
    signs = orientation(networks, task) if signs is None else signs
    labels = torch.full_like(networks.bias, DROPPED, dtype=torch.int64)
    for label, w_in, sign, kept in zip(labels, networks.w_in, signs, keep_indices, strict=True):
        units = unit_rows(w_in.double())
        cosine = units @ units[kept].T
        cosine[sign[:, None] != sign[kept][None, :]] = DROPPED
        best = cosine.max(dim=1)
        label.copy_(torch.where(best.values >= threshold - ROUNDING, best.indices, DROPPED))
        label[kept] = torch.arange(len(kept), device=label.device)
    return merge(networks, labels)


def _merge_one(
    w_in: Float[Tensor, "neurons inputs"],
    bias: Float[Tensor, " neurons"],
    w_out: Float[Tensor, "outputs neurons"],
    labels: Int64[Tensor, " neurons"],
    count: int,
) -> tuple[Tensor, Tensor, Tensor]:
    present = labels >= 0
    w_in, bias, w_out, labels = w_in[present], bias[present], w_out[:, present], labels[present]
    alone = torch.bincount(labels, minlength=count)[labels] == 1
    w, v = w_in.double(), w_out.double()
    w_norm = torch.linalg.vector_norm(w, dim=1)
    if bool(((w_norm == 0) & ~alone).any()):
        raise RequestError(
            "labels", "a group with a neuron of w = 0", "it has no direction and must be alone"
        )
    scale = torch.where(w_norm > 0, w_norm, 1.0)
    effective = w_norm * torch.linalg.vector_norm(v, dim=0)

    def total(values: Tensor) -> Tensor:
        """Sums over each group."""
        return values.new_zeros(count, *values.shape[1:]).index_add_(0, labels, values)

    # Where no member has outgoing weights all count the same: what they point at does not matter.
    weight = torch.where(total(effective)[labels] > 0, effective, 1.0)
    weight = weight / total(weight)[labels]
    mixing = w.new_zeros(count, len(w))
    mixing[labels, torch.arange(len(w), device=w.device)] = weight / scale
    merged_w = (mixing @ w).to(w_in.dtype)
    merged_b = total(weight * bias.double() / scale).to(bias.dtype)
    merged_v = total((scale * v).T).T.to(w_out.dtype).contiguous()
    merged_w[labels[alone]] = w_in[alone]
    merged_b[labels[alone]] = bias[alone]
    merged_v[:, labels[alone]] = w_out[:, alone]
    return merged_w, merged_b, merged_v
