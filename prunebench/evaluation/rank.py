"""Protocol `rank`: does the score order the neurons as their final norms do?"""

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from prunebench.evaluation.fractions import kept_count, written_share
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.selection import top_k
from prunebench.networks import Networks
from prunebench.networks.architecture import SHALLOW

OVERLAPS = (0.1, 0.2, 0.5)
SMALLEST_GROUP = 3

Values = Float[np.ndarray, "choices neurons"]


def rank(scores: Float[Tensor, "choices units"], final: Networks) -> Metrics:
    """Agreement of scores with one network's final effective norms `u_i = |w_i||v_i|`.

    `spearman`; `kendall` (tau-b); `top_k_overlap`, the share of the truly largest k that are among the k best
    scores. Ties take average ranks. NaN where a correlation is not defined.

    In networks of several layers all of these are within layers: the mean weighted by their units, without
    layers where it is not defined. `spearman_by_layer` is of each, `spearman_over_layers` the plain mean.

    In shallow networks of two classes `spearman_within_groups` is the mean, weighted by group size, over the
    two groups of neurons with equal final output sign `sign(v_i . (1,-1))`; without those that have none.
    """
    norms, layers = final.norms("effective")[0], final.layers
    units = [layer.units for layer in layers]
    own = _of_layers(scores, norms, units)
    within = np.stack([spearman(*each) for each in own])
    kendall = np.stack([[_kendall(row, of.numpy()) for row in rows.numpy()] for rows, of in own])
    metrics: Metrics = {("spearman",): _mean(within, units), ("kendall",): _mean(kendall, units)}
    if len(layers) > 1:
        metrics |= {
            ("spearman_by_layer", layer.name): each for layer, each in zip(layers, within, strict=True)
        }
        metrics["spearman_over_layers",] = _mean(within, [1] * len(layers))
    if _has_signs(final):
        groups = output_sign(final)[0].cpu().numpy()
        signed = groups != 0
        metrics["spearman_within_groups",] = spearman_within(
            scores.cpu().numpy()[:, signed], norms.cpu().numpy()[signed], groups[signed]
        )
    for fraction in OVERLAPS:
        shared = [_overlap(rows, of, kept_count(len(of), fraction)) for rows, of in own]
        metrics["top_k_overlap", written_share(fraction)] = _mean(np.stack(shared), units)
    return metrics


def within_layers(
    scores: Float[Tensor, "choices units"], truth: Float[Tensor, " units"], units: list[int]
) -> Float[np.ndarray, " choices"]:
    """`rank`'s `spearman` alone, with any truth; `units` of each layer."""
    return _mean(np.stack([spearman(*own) for own in _of_layers(scores, truth, units)]), units)


def _of_layers(
    scores: Float[Tensor, "choices units"], truth: Float[Tensor, " units"], units: list[int]
) -> list[tuple[Tensor, Tensor]]:
    """Scores and truth of each layer, on the CPU."""
    return list(zip(scores.cpu().split(units, dim=1), truth.cpu().split(units), strict=True))


def _mean(by_layer: Float[np.ndarray, "layers choices"], weights: list[int]) -> Float[np.ndarray, " choices"]:
    """Weighted mean over the layers where a number is defined; NaN where it is in none."""
    if len(by_layer) == 1:
        return by_layer[0]
    there = np.isfinite(by_layer)
    total = np.array(weights, dtype=float) @ there
    sums = np.array(weights, dtype=float) @ np.where(there, by_layer, 0.0)
    return np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan)


def _overlap(
    scores: Float[Tensor, "choices units"], truth: Float[Tensor, " units"], k: int
) -> Float[np.ndarray, " choices"]:
    return per_seed(torch.isin(top_k(scores, k), top_k(truth[None], k)).double().mean(dim=1))


def sign_agreement(signs: Float[Tensor, "choices neurons"], final: Networks) -> Metrics:
    """Share of neurons whose predicted sign is the final output sign's, half where one of the two is 0.

    Of a shallow network of two outputs; of others nothing.
    """
    if not _has_signs(final):
        return {}
    away = (torch.sign(signs) - output_sign(final)[0]).abs().double()
    return {("sign_agreement",): per_seed(1 - away.mean(dim=1) / 2)}


def _has_signs(networks: Networks) -> bool:
    return networks.architecture.name == SHALLOW and networks.outputs == 2


def output_sign(networks: Networks) -> Float[Tensor, "seeds neurons"]:
    """`sign(v . (1,-1))`: the class of two that a neuron speaks for."""
    return torch.sign(networks.w_out[:, 0] - networks.w_out[:, 1])


def spearman(
    scores: Float[np.ndarray | Tensor, "*rows neurons"], truth: Float[np.ndarray | Tensor, "*#rows neurons"]
) -> Float[np.ndarray, "*rows"]:
    """Rank correlation of each row, ties at average ranks; NaN where one of the two is constant.

    A truth of one row stands for that of all.
    """
    # In float64: of float32 SciPy makes ranks of float64 up to 1.17, and of float32 from 1.18 on.
    ranks, true_ranks = (
        ranks - ranks.mean(axis=-1, keepdims=True)
        for ranks in (stats.rankdata(np.asarray(each, np.float64), axis=-1) for each in (scores, truth))
    )
    scale = np.sqrt((ranks**2).sum(axis=-1) * (true_ranks**2).sum(axis=-1))
    products = (ranks * true_ranks).sum(axis=-1)
    return np.where(scale > 0, np.clip(products / np.where(scale > 0, scale, 1.0), -1, 1), np.nan)


def _kendall(scores: Float[np.ndarray, " neurons"], truth: Float[np.ndarray, " neurons"]) -> float:
    if np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(stats.kendalltau(scores.astype(np.float64), truth.astype(np.float64)).statistic)


def spearman_within(
    scores: Values, truth: Float[np.ndarray, " neurons"], groups: np.ndarray, smallest: int = SMALLEST_GROUP
) -> Float[np.ndarray, " choices"]:
    """Mean rank correlation over the groups of `smallest` neurons or more, weighted by their sizes."""
    total, weight = (np.zeros(len(scores)) for _ in range(2))
    for group in np.unique(groups):
        members = groups == group
        if members.sum() >= smallest:
            values = spearman(scores[:, members], truth[members])
            defined = np.isfinite(values)
            total[defined] += members.sum() * values[defined]
            weight[defined] += members.sum()
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
