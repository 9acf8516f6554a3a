"""What came of asking a scorer: scores that are what they should be, or the reason why there are none."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunebench.errors import one_line
from prunebench.networks import Networks

# No scorer trains for longer, and JSON has no larger whole numbers.
_MOST_STEPS = 2**53
# Whole numbers are mostly an argsort: the units in an order, not a score for each of them.
FLOATING = "floating numbers are expected"
# What is expected of the scores themselves, and why they usually are not so.
REQUIREMENTS = {
    "raises": ("scores", "run it under a debugger: pb.load_scorer(...).score(snapshot)"),
    "type": (
        "a torch.Tensor or a numpy array",
        "it returns a list, or nothing; use torch.stack or torch.tensor",
    ),
    "layout": ("a dense tensor", "sparse operations were used; return scores.to_dense()"),
    "shape": ("one score per neuron, (seeds, neurons)", "a sum over the wrong axis, or a missing seed axis"),
    "dtype": ("floating numbers", "argsort gives int64, and so do counts: .to(networks.dtype)"),
    "device": ("the networks' device", "a tensor made without device=; use .to(snapshot.networks.device)"),
    "finite": ("finite scores", "a division by a norm or a log that is 0 for a dead neuron"),
    "constant": ("scores that differ between neurons", "a sum over the neurons, or gradients that are 0"),
    "signs": ("signs() that gives None or (seeds, neurons)", "the seed axis is missing, or a sign of NaN"),
    "cost": (
        "counts of steps and of sample gradients as snapshot.cost",
        "it was set to something else; snapshot.train and networks count themselves",
    ),
    "unfit": ("networks and a task that it can score", "unfit() says that it cannot take these"),
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
        sample_gradients: what all of its passes and its training took, for each network; None where it left
            no number.
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
    sample_gradients: float | None = None


class _Unmet(Exception):
    """One of the `REQUIREMENTS` is not met; the message says how."""

    def __init__(self, requirement: str, message: str) -> None:
        self.requirement = requirement
        super().__init__(message)


def judge(
    scores: object, signs: object, steps: object, passes: object, seconds: float, networks: Networks
) -> Outcome:
    """The outcome of what a scorer gave for these networks, checked and in the form that they are used in.

    Arrays become tensors, floating numbers of any precision the networks' own, and gradients are dropped.
    `steps` are what it counted as its cost, `passes` that in sample gradients; both for each network.
    """
    try:
        taken = _taken(scores, networks)
        constant = int(_constant(taken, networks).sum()) if networks.units > 1 else 0
        if constant:
            counts = f"{constant} of {networks.seeds} networks"
            raise _Unmet("constant", f"returned a constant score for {counts}; it ranks nothing")
        predicted = None if signs is None else _taken(signs, networks, signs=True)
        if (spent := whole(steps)) is None:
            left = f"left {one_line(repr(steps), 40)} gradient steps as its cost"
            raise _Unmet("cost", f"{left}; a count is needed")
        if (amount := _amount(passes)) is None:
            left = f"left {one_line(repr(passes), 40)} sample gradients as its cost"
            raise _Unmet("cost", f"{left}; a number from 0 up is needed")
    except _Unmet as unmet:
        return failure(str(unmet), unmet.requirement, seconds, steps)
    return Outcome(taken, predicted, None, spent, seconds, sample_gradients=amount)


def copied(given: object) -> object:
    """What a scorer gave, safe from what it writes into the same tensor or array the next time."""
    if isinstance(given, Tensor):
        with torch._C.DisableTorchFunctionSubclass():  # a subclass may answer anything
            return given.detach().clone()
    return given.copy() if isinstance(given, np.ndarray) else given


def _constant(scores: Float[Tensor, "seeds units"], networks: Networks) -> Bool[Tensor, " seeds"]:
    """Whether a network's scores differ within none of its layers."""
    of_layers = networks.architecture.by_layer(scores)
    return torch.stack([(own == own[:, :1]).all(dim=1) for _, own in of_layers]).all(dim=0)


def failure(
    error: str, broken: str, seconds: float, steps: object = 0, traceback: str | None = None
) -> Outcome:
    """The outcome of a scorer that failed; what it counted as its cost (`steps`) stays, if it is a count."""
    return Outcome(None, None, one_line(error), whole(steps) or 0, seconds, broken, traceback)


def whole(steps: object) -> int | None:
    """A count of steps, if it is one."""
    return int(steps) if isinstance(steps, int | np.integer) and 0 <= steps < _MOST_STEPS else None


def _amount(passes: object) -> float | None:
    """To two decimals: thirds of whole numbers are counted."""
    if isinstance(passes, bool) or not isinstance(passes, int | float | np.integer | np.floating):
        return None
    return round(float(passes), 2) if 0 <= passes < _MOST_STEPS else None


def _taken(given: object, networks: Networks, *, signs: bool = False) -> Float[Tensor, "seeds neurons"]:
    """What was given as a plain tensor. Raises `_Unmet`."""
    expected = (networks.seeds, networks.units)
    verb = "signs() returned" if signs else "returned"

    def unmet(requirement: str, what: str) -> _Unmet:
        return _Unmet("signs" if signs else requirement, f"{verb} {what}")

    if isinstance(given, np.ndarray) and given.dtype.kind == "f":
        given = torch.from_numpy(np.array(given, np.float64)).to(networks.device)
    if isinstance(given, np.ndarray):
        raise unmet("dtype", f"an array of {given.dtype}; {FLOATING}")
    if not isinstance(given, Tensor):
        what = f"a tensor or an array of shape {expected} is expected"
        raise unmet("type", f"{type(given).__name__}; {what}")
    if given.layout != torch.strided:
        raise unmet("layout", f"a tensor of layout {given.layout}; a dense one is expected")
    scores = given.detach().as_subclass(Tensor)
    if scores.shape != expected:
        raise unmet("shape", f"shape {tuple(scores.shape)}; (seeds, neurons) = {expected} is expected")
    if not scores.is_floating_point():
        raise unmet("dtype", f"{scores.dtype}; {FLOATING}")
    if scores.device != networks.device:
        where = f"the networks' device, {networks.device}, is expected"
        raise unmet("device", f"scores on {scores.device}; {where}")
    scores = scores.to(networks.dtype)
    if bad := int((~torch.isfinite(scores)).sum()):
        raise unmet("finite", f"{bad} scores that are NaN or infinite")
    return scores
