"""Protocol `rank`: does the score order the neurons as their final norms do?"""

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from prunebench.evaluation.fractions import kept_count, label
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.selection import top_k
from prunebench.networks import Networks

OVERLAPS = (0.1, 0.2, 0.5)
SMALLEST_GROUP = 3

Values = Float[np.ndarray, "choices neurons"]


def rank(scores: Float[Tensor, "choices neurons"], final: Networks) -> Metrics:
    """Agreement of scores with one network's final effective norms `u_i = |w_i||v_i|`.

    `spearman`; `kendall` (tau-b); `spearman_within_groups`, the mean, weighted by group size, over the two
    groups of neurons with equal final output sign `sign(v_i . (1,-1))`; `top_k_overlap`, the share of the
    truly largest k that are among the k best scores. Ties take average ranks. NaN where a correlation is not
    defined.
    """
    truth = final.norms("effective")
    values, norms = scores.cpu().double().numpy(), truth[0].cpu().double().numpy()
    metrics: Metrics = {
        ("spearman",): spearman(values, norms),
        ("kendall",): np.array([_kendall(row, norms) for row in values]),
    }
    if final.outputs == 2:
        groups = output_sign(final)[0].cpu().numpy()
        metrics["spearman_within_groups",] = spearman_within(values, norms, groups)
    for fraction in OVERLAPS:
        k = kept_count(final.units, fraction)
        largest = torch.zeros(final.units, dtype=torch.bool, device=truth.device)
        largest[top_k(truth, k)[0]] = True
        metrics["top_k_overlap", label(fraction)] = per_seed(largest[top_k(scores, k)].double().mean(dim=1))
    return metrics


def sign_agreement(signs: Float[Tensor, "choices neurons"], final: Networks) -> Metrics:
    """Share of neurons whose predicted sign is the final output sign's, half where one of the two is 0.

    Of a network of two outputs; of others nothing.
    """
    if final.outputs != 2:
        return {}
    away = (torch.sign(signs) - output_sign(final)[0]).abs().double()
    return {("sign_agreement",): per_seed(1 - away.mean(dim=1) / 2)}


def output_sign(networks: Networks) -> Float[Tensor, "seeds neurons"]:
    """`sign(v . (1,-1))`: the class of two that a neuron speaks for."""
    return torch.sign(networks.w_out[:, 0] - networks.w_out[:, 1])


def spearman(
    scores: Float[np.ndarray | Tensor, "*rows neurons"], truth: Float[np.ndarray | Tensor, "*#rows neurons"]
) -> Float[np.ndarray, "*rows"]:
    """Rank correlation of each row, ties at average ranks; NaN where one of the two is constant.

    A truth of one row stands for that of all.
    """
    ranks, true_ranks = (
        ranks - ranks.mean(axis=-1, keepdims=True)
        for ranks in (stats.rankdata(scores, axis=-1), stats.rankdata(truth, axis=-1))
    )
    scale = np.sqrt((ranks**2).sum(axis=-1) * (true_ranks**2).sum(axis=-1))
    products = (ranks * true_ranks).sum(axis=-1)
    return np.where(scale > 0, np.clip(products / np.where(scale > 0, scale, 1.0), -1, 1), np.nan)


def _kendall(scores: Float[np.ndarray, " neurons"], truth: Float[np.ndarray, " neurons"]) -> float:
    if np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(stats.kendalltau(scores, truth).statistic)


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
