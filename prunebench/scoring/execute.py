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

from prunebench.errors import in_words, one_line
from prunebench.networks import Networks
from prunebench.plugin.frames import file_of, place, trace
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot
from prunebench.training.stopwatch import Stopwatch

# No scorer trains for longer, and JSON has no larger whole numbers.
_MOST_STEPS = 2**53


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of asking a scorer: scores, or the reason why there are none.

    Attributes:
        scores: higher = keep, dense, in the networks' dtype; None where the scorer failed.
        signs: predicted signs of the final output weights, for scorers that predict them.
        error: one line; None where all went well.
        extra_gradient_steps: training of the scorer's own, in steps of each network.
        seconds: wall time of scoring, that training included, the compilation of kernels not.
        broken: which requirement the error is about: raises, type, layout, shape, dtype, device, finite,
            constant, signs, cost or changed.
        traceback: of what the scorer raised, many lines.
    """

    scores: Float[Tensor, "seeds neurons"] | None
    signs: Float[Tensor, "seeds neurons"] | None
    error: str | None
    extra_gradient_steps: int
    seconds: float
    broken: str | None = None
    traceback: str | None = None


# Whole numbers of so many bytes: what is compared are bits, in which NaN equals itself, and 0 is not -0.
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}

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
    stopwatch = Stopwatch()
    try:
        with contextlib.redirect_stdout(sys.stderr), global_generators_kept(private.networks.device):
            scores: object = scorer.score(private)
            signs: object = scorer.signs(private)
        seconds = stopwatch.seconds
        outcome = judge(scores, signs, _steps(private), seconds, snapshot.networks)
        if outcome.error is None and not same(private, snapshot):
            error = "changed its snapshot in place; work on copies (tensor.clone())"
            return failure(error, "changed", seconds, outcome.extra_gradient_steps)
        return outcome
    except KeyboardInterrupt:  # from the terminal; in a worker, which has none, it is an error like others
        raise
    except BaseException as raised:
        seconds = stopwatch.seconds
        error = in_words(raised, place(raised, file_of(type(scorer))))
        return failure(error, "raises", seconds, _steps(private), trace(raised))


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


def _steps(snapshot: Snapshot) -> object:
    """What a scorer left as its cost, which may be anything."""
    return getattr(snapshot.cost, "gradient_steps", None)


def _counted(steps: object) -> int | None:
    return int(steps) if isinstance(steps, int | np.integer) and 0 <= steps < _MOST_STEPS else None


def same(a: Snapshot, b: Snapshot) -> bool:
    """Whether every tensor of the two snapshots is equal to the bit."""
    return all(
        x.shape == y.shape
        and x.dtype == y.dtype
        and torch.equal(x.cpu().view(_BITS[x.element_size()]), y.cpu().view(_BITS[x.element_size()]))
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
