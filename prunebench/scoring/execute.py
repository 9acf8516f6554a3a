"""Running a scorer without trusting it."""

import contextlib
import sys

from prunebench.bits import same_bits
from prunebench.counting import Passes, counted
from prunebench.device import finish, full_precision
from prunebench.errors import in_words, one_line
from prunebench.plugin.frames import file_of, place, trace
from prunebench.plugin.isolation import StandIn
from prunebench.scoring.elsewhere import execute_elsewhere, unfit_elsewhere
from prunebench.scoring.outcome import Outcome, copied, failure, judge, whole
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.surroundings import surroundings_kept
from prunebench.training.snapshot import Snapshot
from prunebench.training.stopwatch import Stopwatch


def unfit(scorer: Scorer, snapshot: Snapshot) -> str | None:
    """Why the scorer cannot take networks like the snapshot's, or its task, on one line; None where it can.

    One network, of any weights, is enough. A scorer that cannot be asked, or raises, is not unfit: asked for
    its scores it fails, with what it raised.
    """
    if isinstance(scorer, StandIn):
        return unfit_elsewhere(scorer, snapshot)
    private = snapshot.copy()
    try:
        with contextlib.redirect_stdout(sys.stderr), surroundings_kept(private.networks.device):
            return _reason(scorer, private)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def execute(scorer: Scorer, snapshot: Snapshot) -> Outcome:
    """Score a private copy of the snapshot. Whatever goes wrong becomes the outcome's `error`.

    What the scorer prints goes to stderr. The global random generators, torch's and NumPy's settings and the
    environment are left as they were.
    """
    if isinstance(scorer, StandIn):
        return execute_elsewhere(scorer, snapshot)
    private = snapshot.copy()
    device = private.networks.device
    finish(device)
    stopwatch = Stopwatch()
    try:
        with contextlib.redirect_stdout(sys.stderr), surroundings_kept(device), full_precision():
            if (reason := _reason(scorer, private)) is not None:
                return failure(reason, "unfit", stopwatch.seconds)
            with counted() as passes:  # those of signs are mostly the same once more
                scores = copied(scorer.score(private))
            signs = copied(scorer.signs(private))
        finish(device)
        seconds = stopwatch.seconds + passes.seconds  # whichever scorer asked first
        spent = _sample_gradients(private, passes)
        outcome = judge(scores, signs, _steps(private), spent, seconds, snapshot.networks)
        if outcome.error is None and altered(private, snapshot):
            error = "changed its snapshot in place; work on copies (tensor.clone())"
            return failure(error, "changed", seconds, outcome.extra_gradient_steps)
        return outcome
    except KeyboardInterrupt:  # in a process of its own, which has no terminal, it is an error like others
        raise
    except BaseException as raised:
        seconds = stopwatch.seconds
        error = in_words(raised, place(raised, file_of(type(scorer))))
        return failure(error, "raises", seconds, _steps(private), trace(raised))


def _reason(scorer: Scorer, private: Snapshot) -> str | None:
    given: object = scorer.unfit(private.networks, private.task)
    if given is not None and not isinstance(given, str):
        raise TypeError(f"unfit() gave {type(given).__name__}; a text or None is expected")
    return None if given is None else one_line(given)


def _steps(snapshot: Snapshot) -> object:
    """For each network: what a scorer left as its cost, which may be anything."""
    left: object = getattr(snapshot.cost, "gradient_steps", None)
    return left if (steps := whole(left)) is None else -(-steps // snapshot.networks.seeds)


def _sample_gradients(snapshot: Snapshot, passes: Passes) -> object:
    """For each network: what was counted, and what the scorer left besides, which may be anything."""
    own: object = getattr(snapshot.cost, "sample_gradients", None)
    if not isinstance(own, int | float):
        return own
    return (passes.sample_gradients + own) / snapshot.networks.seeds


def altered(a: Snapshot, b: Snapshot) -> list[str]:
    """Names of the tensors that are not in both snapshots, equal to the bit."""
    one, other = a.named_tensors(), b.named_tensors()
    return [
        name
        for name in one | other
        if not (name in one and name in other and same_bits(one[name], other[name]))
    ]
