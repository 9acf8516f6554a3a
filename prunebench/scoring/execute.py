"""Running a scorer without trusting it."""

import time
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.networks import Networks
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of asking a scorer: scores, or the reason why there are none.

    Attributes:
        scores: higher = keep; None where the scorer failed.
        signs: predicted signs of the final output weights, for scorers that predict them.
        error: one line; None where all went well.
        extra_gradient_steps: training of the scorer's own, in steps of each network.
        seconds: wall time of scoring, that training included.
    """

    scores: Float[Tensor, "seeds neurons"] | None
    signs: Float[Tensor, "seeds neurons"] | None
    error: str | None
    extra_gradient_steps: int
    seconds: float


def execute(scorer: Scorer, snapshot: Snapshot) -> Outcome:
    """Score a private copy of the snapshot. Whatever goes wrong becomes the outcome's `error`."""
    private = snapshot.copy()
    began = time.perf_counter()
    scores = signs = error = None
    try:
        scores = scorer.score(private)
        signs = scorer.signs(private)
        error = _complaint(scores, snapshot.networks) or _sign_complaint(signs, snapshot.networks)
        if error is None and not _same(private, snapshot):
            error = "changed its snapshot in place; work on copies (tensor.clone())"
    except (Exception, SystemExit) as raised:
        message = " ".join(str(raised).split()) or "no message"
        error = f"{type(raised).__name__}: {message}"
    seconds = time.perf_counter() - began
    if error is not None:
        scores = signs = None
    return Outcome(scores, signs, error, private.cost.gradient_steps, seconds)


def _complaint(scores: object, networks: Networks) -> str | None:
    expected = (networks.seeds, networks.width)
    if not isinstance(scores, Tensor):
        return f"returned {type(scores).__name__}; a torch.Tensor of shape {expected} is expected"
    if scores.shape != expected:
        return f"returned shape {tuple(scores.shape)}; (seeds, neurons) = {expected} is expected"
    if scores.dtype != networks.dtype:
        return f"returned {scores.dtype}; the networks' {networks.dtype} is expected"
    if scores.device != networks.device:
        return f"returned scores on {scores.device}; the networks' device, {networks.device}, is expected"
    if scores.requires_grad:
        return "returned scores that require grad; detach them"
    if not bool(torch.isfinite(scores).all()):
        return f"returned {int((~torch.isfinite(scores)).sum())} scores that are NaN or infinite"
    constant = [s for s, row in enumerate(scores) if networks.width > 1 and bool((row == row[0]).all())]
    if constant:
        return f"returned a constant score for {len(constant)} of {len(scores)} networks; it ranks nothing"
    return None


def _sign_complaint(signs: object, networks: Networks) -> str | None:
    expected = (networks.seeds, networks.width)
    if signs is not None and (not isinstance(signs, Tensor) or signs.shape != expected):
        return f"signs() must return None or a tensor of shape {expected}"
    return None


def _same(a: Snapshot, b: Snapshot) -> bool:
    return all(
        x.shape == y.shape
        and x.dtype == y.dtype
        and torch.equal(x.cpu().view(torch.uint8), y.cpu().view(torch.uint8))
        for x, y in zip(a.tensors(), b.tensors(), strict=True)
    )
