"""Running a scorer without trusting it."""

import contextlib
import random
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import PrunebenchError
from prunebench.networks import Networks
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot
from prunebench.training.stopwatch import Stopwatch


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of asking a scorer: scores, or the reason why there are none.

    Attributes:
        scores: higher = keep; None where the scorer failed.
        signs: predicted signs of the final output weights, for scorers that predict them.
        error: one line; None where all went well.
        broken: which requirement the error is about: raises, type, shape, dtype, device, grad, finite,
            constant, signs or changed.
        extra_gradient_steps: training of the scorer's own, in steps of each network.
        seconds: wall time of scoring, that training included, the compilation of kernels not.
    """

    scores: Float[Tensor, "seeds neurons"] | None
    signs: Float[Tensor, "seeds neurons"] | None
    error: str | None
    extra_gradient_steps: int
    seconds: float
    broken: str | None = None


Execute = Callable[[Scorer, Snapshot], Outcome]


class Elsewhere(Scorer):
    """A scorer that is not run in this process."""

    @abstractmethod
    def execute(self, snapshot: Snapshot) -> Outcome:
        """As `prunebench.scoring.execute.execute`."""


def execute(scorer: Scorer, snapshot: Snapshot) -> Outcome:
    """Score a private copy of the snapshot. Whatever goes wrong becomes the outcome's `error`.

    What the scorer prints goes to stderr, and the global random generators are left as they were.
    """
    if isinstance(scorer, Elsewhere):
        return scorer.execute(snapshot)
    private = snapshot.copy()
    scores = signs = problem = None
    stopwatch = Stopwatch()
    try:
        with contextlib.redirect_stdout(sys.stderr), global_generators_kept(private.networks.device):
            scores = scorer.score(private)
            signs = scorer.signs(private)
        problem = _problem(scores, snapshot.networks) or _problem_of_signs(signs, snapshot.networks)
        if problem is None and not same(private, snapshot):
            problem = "changed", "changed its snapshot in place; work on copies (tensor.clone())"
    except (Exception, SystemExit) as raised:
        message = " ".join(str(raised).split()) or "no message"
        own = isinstance(raised, PrunebenchError)  # says all in its message
        problem = "raises", message if own else f"{type(raised).__name__}: {message}"
    seconds = stopwatch.seconds
    if problem is not None:
        scores = signs = None
    broken, error = problem or (None, None)
    return Outcome(scores, signs, error, private.cost.gradient_steps, seconds, broken)


def same(a: Snapshot, b: Snapshot) -> bool:
    """Whether every tensor of the two snapshots is equal to the bit."""
    return all(
        x.shape == y.shape
        and x.dtype == y.dtype
        and torch.equal(x.cpu().view(torch.uint8), y.cpu().view(torch.uint8))
        for x, y in zip(a.tensors(), b.tensors(), strict=True)
    )


@contextlib.contextmanager
def global_generators_kept(device: torch.device) -> Iterator[None]:
    """Put the global generators (python, numpy, torch) back as they were: no scorer shifts another."""
    cuda = device if device.type == "cuda" else None
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 (to restore it)
    on_device = None if cuda is None else torch.cuda.get_rng_state(cuda)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        if cuda is not None and on_device is not None:
            torch.cuda.set_rng_state(on_device, cuda)


def _problem(scores: object, networks: Networks) -> tuple[str, str] | None:
    expected = (networks.seeds, networks.width)
    if not isinstance(scores, Tensor):
        return "type", f"returned {type(scores).__name__}; a torch.Tensor of shape {expected} is expected"
    if scores.shape != expected:
        return "shape", f"returned shape {tuple(scores.shape)}; (seeds, neurons) = {expected} is expected"
    if scores.dtype != networks.dtype:
        return "dtype", f"returned {scores.dtype}; the networks' {networks.dtype} is expected"
    if scores.device != networks.device:
        where = f"the networks' device, {networks.device}, is expected"
        return "device", f"returned scores on {scores.device}; {where}"
    if scores.requires_grad:
        return "grad", "returned scores that require grad; detach them"
    if not bool(torch.isfinite(scores).all()):
        return "finite", f"returned {int((~torch.isfinite(scores)).sum())} scores that are NaN or infinite"
    constant = [s for s, row in enumerate(scores) if networks.width > 1 and bool((row == row[0]).all())]
    if constant:
        counts = f"{len(constant)} of {len(scores)} networks"
        return "constant", f"returned a constant score for {counts}; it ranks nothing"
    return None


def _problem_of_signs(signs: object, networks: Networks) -> tuple[str, str] | None:
    expected = (networks.seeds, networks.width)
    if signs is not None and (not isinstance(signs, Tensor) or signs.shape != expected):
        return "signs", f"signs() must return None or a tensor of shape {expected}"
    return None
