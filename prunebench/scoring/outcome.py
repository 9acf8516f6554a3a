"""What came of asking a scorer: scores that are what they should be, or the reason why there are none."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import one_line
from prunebench.networks import Networks

# No scorer trains for longer, and JSON has no larger whole numbers.
_MOST_STEPS = 2**53
# What is expected of the scores themselves, and why they usually are not so.
REQUIREMENTS = {
    "raises": ("scores", "run it under a debugger: pb.load_scorer(...).score(snapshot)"),
    "type": (
        "a torch.Tensor or a numpy array",
        "it returns a list, or nothing; use torch.stack or torch.tensor",
    ),
    "layout": ("a dense tensor", "sparse operations were used; return scores.to_dense()"),
    "shape": ("one score per neuron, (seeds, neurons)", "a sum over the wrong axis, or a missing seed axis"),
    "dtype": ("floating numbers", "argsort gives int64, and so do counts: .to(w_in)"),
    "device": ("the networks' device", "a tensor made without device=; use .to(snapshot.networks.w_in)"),
    "finite": ("finite scores", "a division by a norm or a log that is 0 for a dead neuron"),
    "constant": ("scores that differ between neurons", "a sum over the neurons, or gradients that are 0"),
    "signs": ("signs() that gives None or (seeds, neurons)", "the seed axis is missing, or a sign of NaN"),
    "cost": (
        "a count of steps as snapshot.cost",
        "it was set to something else; snapshot.train counts itself",
    ),
    "changed": ("a snapshot left as it was", "an in-place operation such as mul_ or x[...] = on its tensors"),
}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of asking a scorer: scores, or the reason why there are none.

    Attributes:
        scores: higher = keep, dense, in the networks' dtype; None where the scorer failed.
        signs: predicted signs of the final output weights, for scorers that predict them.
        error: one line; None where all went well.
        extra_gradient_steps: training of the scorer's own, in steps of each network.
        seconds: wall time of scoring, that training included, the compilation of kernels not.
        broken: which of the `REQUIREMENTS` the error is about.
        traceback: of what the scorer raised, many lines.
    """

    scores: Float[Tensor, "seeds neurons"] | None
    signs: Float[Tensor, "seeds neurons"] | None
    error: str | None
    extra_gradient_steps: int
    seconds: float
    broken: str | None = None
    traceback: str | None = None


def judge(scores: object, signs: object, steps: object, seconds: float, networks: Networks) -> Outcome:
    """The outcome of what a scorer gave for these networks, checked and in the form that they are used in.

    Arrays become tensors, floating numbers of any precision the networks' own, and gradients are dropped.
    `steps` are what it counted as its cost.
    """
    taken, problem = _taken("returned", scores, networks)
    predicted, of_signs = (None, None) if signs is None else _taken("signs() returned", signs, networks)
    if problem is None and taken is not None and networks.width > 1:
        constant = int((taken == taken[:, :1]).all(dim=1).sum())
        if constant:
            counts = f"{constant} of {networks.seeds} networks"
            problem = "constant", f"returned a constant score for {counts}; it ranks nothing"
    if problem is None and of_signs is not None:
        problem = "signs", of_signs[1]
    if problem is None and _counted(steps) is None:
        problem = "cost", f"left {one_line(repr(steps), 40)} gradient steps as its cost; a count is needed"
    if problem is not None:
        broken, error = problem
        return failure(error, broken, seconds, steps)
    return Outcome(taken, predicted, None, _counted(steps) or 0, seconds)


def failure(
    error: str, broken: str, seconds: float, steps: object = 0, traceback: str | None = None
) -> Outcome:
    """The outcome of a scorer that failed; what it counted as its cost (`steps`) stays, if it is a count."""
    return Outcome(None, None, one_line(error), _counted(steps) or 0, seconds, broken, traceback)


def _counted(steps: object) -> int | None:
    return int(steps) if isinstance(steps, int | np.integer) and 0 <= steps < _MOST_STEPS else None


def _taken(
    verb: str, given: object, networks: Networks
) -> tuple[Float[Tensor, "seeds neurons"] | None, tuple[str, str] | None]:
    """What was given as a plain tensor, or which requirement it does not meet and how."""
    expected = (networks.seeds, networks.width)
    if isinstance(given, np.ndarray) and given.dtype.kind == "f":
        given = torch.from_numpy(np.array(given, np.float64)).to(networks.device)
    if isinstance(given, np.ndarray):
        return None, ("dtype", f"{verb} an array of {given.dtype}; floating numbers are expected")
    if not isinstance(given, Tensor):
        what = f"a tensor or an array of shape {expected} is expected"
        return None, ("type", f"{verb} {type(given).__name__}; {what}")
    if given.layout != torch.strided:
        return None, ("layout", f"{verb} a tensor of layout {given.layout}; a dense one is expected")
    scores = given.detach().as_subclass(Tensor)
    if scores.shape != expected:
        shape = tuple(scores.shape)
        return None, ("shape", f"{verb} shape {shape}; (seeds, neurons) = {expected} is expected")
    if not scores.is_floating_point():
        return None, ("dtype", f"{verb} {scores.dtype}; floating numbers are expected")
    if scores.device != networks.device:
        where = f"the networks' device, {networks.device}, is expected"
        return None, ("device", f"{verb} scores on {scores.device}; {where}")
    scores = scores.to(networks.dtype)
    if not bool(torch.isfinite(scores).all()):
        return None, (
            "finite",
            f"{verb} {int((~torch.isfinite(scores)).sum())} scores that are NaN or infinite",
        )
    return scores, None
