"""Protocol `rank`: does the score order the neurons as their final norms do?"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from prunebench.evaluation.keep import best, kept_count, label
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.networks import Networks

OVERLAPS = (0.1, 0.2, 0.5)
SMALLEST_GROUP = 3


def rank(
    scores: Float[Tensor, "seeds neurons"],
    final: Networks,
    signs: Float[Tensor, "seeds neurons"] | None = None,
) -> Metrics:
    """Agreement of scores with the final effective norms `u_i = |w_i||v_i|` (DESIGN 5).

    `spearman`; `kendall` (tau-b); `spearman_within_groups`, the mean, weighted by group size, over the two
    groups of neurons with equal final output sign `sign(v_i . (1,-1))`; `top_k_overlap`, the share of the
    truly largest k that are among the k best scores; and `sign_agreement` where signs are predicted, half
    where one of the two is 0. Ties take average ranks. NaN where a correlation is not defined.
    """
    truth = final.norms("effective")
    output_sign = torch.sign(final.w_out[:, 0] - final.w_out[:, 1]) if final.outputs == 2 else None
    score_rows, truth_rows = scores.cpu().double().numpy(), truth.cpu().double().numpy()
    pairs = list(zip(score_rows, truth_rows, strict=True))
    metrics: Metrics = {
        ("spearman",): np.array([_correlation(stats.spearmanr, s, t) for s, t in pairs]),
        ("kendall",): np.array([_correlation(stats.kendalltau, s, t) for s, t in pairs]),
    }
    if output_sign is not None:
        groups = output_sign.cpu().numpy()
        metrics["spearman_within_groups",] = np.array(
            [_within(s, t, g) for (s, t), g in zip(pairs, groups, strict=True)]
        )
    for fraction in OVERLAPS:
        k = kept_count(final.width, fraction)
        chosen, largest = best(scores, k), best(truth, k)
        hits = (chosen[:, :, None] == largest[:, None, :]).any(dim=2).double().mean(dim=1)
        metrics["top_k_overlap", label(fraction)] = per_seed(hits)
    if signs is not None and output_sign is not None:
        agreement = 1 - (torch.sign(signs) - output_sign).abs().double().mean(dim=1) / 2
        metrics["sign_agreement",] = per_seed(agreement)
    return metrics


def _correlation(statistic: Callable[..., Any], scores: np.ndarray, truth: np.ndarray) -> float:
    if len(scores) < 2 or np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return float(statistic(scores, truth).statistic)


def _within(scores: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> float:
    values, sizes = [], []
    for group in np.unique(groups):
        members = groups == group
        if members.sum() >= SMALLEST_GROUP:
            value = _correlation(stats.spearmanr, scores[members], truth[members])
            if np.isfinite(value):
                values.append(value)
                sizes.append(int(members.sum()))
    return float(np.average(values, weights=sizes)) if values else float("nan")
