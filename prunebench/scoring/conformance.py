"""What every scorer must satisfy, checked on small networks in seconds."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import in_words
from prunebench.networks import Networks
from prunebench.plugin.frames import file_of, place, trace
from prunebench.scoring.execute import execute, global_generators_kept, same
from prunebench.scoring.fixture import DEAD, DOMINANT, EARLY, large_snapshot, small_snapshot
from prunebench.scoring.memory import peak_memory
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot

Status = Literal["passed", "failed", "skipped", "reported"]
# Scores that are the same but for float rounding differ by far less than this share of a network's range.
TOLERANCE = 1e-3
DRAWING = "draw from snapshot.generators(), never from torch.rand, np.random or random"
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


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: the check's name in `CHECKS`.
        seen: what was measured or seen, one line.
        expected: what should have been, where it failed.
        cause: what usually causes the failure.
        traceback: of what the scorer raised, many lines.
    """

    check: str
    status: Status
    seen: str = ""
    expected: str = ""
    cause: str = ""
    traceback: str | None = None

    def __str__(self) -> str:
        lines = [f"{self.check}: {self.status}" + (f": {self.seen}" if self.status != "failed" else "")]
        if self.status == "failed":
            parts = ("expected", self.expected), ("seen", self.seen), ("likely cause", self.cause)
            lines += [f"  {name}: {text}" for name, text in parts]
        return "\n".join(lines)


class _NoScores(Exception):
    """Scores were needed for a comparison, and the scorer gave none."""


def run_checks(scorer: Scorer) -> Iterator[Finding]:
    """Every check in turn. What a failed check leaves meaningless is skipped."""
    failed: set[str] = set()
    for name in CHECKS:
        needed = next((before for before in NEEDS.get(name, ()) if before in failed), None)
        if needed is not None:
            yield Finding(name, "skipped", f"it needs the check {needed!r} to pass")
            continue
        finding = run_check(scorer, name)
        if finding.status == "failed":
            failed.add(name)
        yield finding


def run_check(scorer: Scorer, name: str) -> Finding:
    """One check by its name, on one thread: networks this small only lose time on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return CHECKS[name](scorer)
    except _NoScores as error:
        return Finding(
            name, "failed", str(error), "scores as for the whole batch", "it cannot take networks like these"
        )
    except Exception as error:  # in code of the scorer that is not its score
        seen = in_words(error, place(error, file_of(type(scorer))))
        return Finding(name, "failed", seen, *REQUIREMENTS["raises"], traceback=trace(error))
    finally:
        torch.set_num_threads(threads)


def _scores_are_valid(scorer: Scorer) -> Finding:
    for step in (0, EARLY):
        outcome = execute(scorer, small_snapshot(step, with_final=scorer.sees_end))
        if outcome.broken is not None and outcome.broken != "changed":
            expected, cause = REQUIREMENTS[outcome.broken]
            seen = f"at step {step} it {_said(outcome.error)}"
            return Finding("scores", "failed", seen, expected, cause, outcome.traceback)
    return Finding("scores", "passed", "a finite float tensor (seeds, neurons) that ranks, at two steps")


def _snapshot_is_unchanged(scorer: Scorer) -> Finding:
    for step in (0, EARLY):
        original = small_snapshot(step, with_final=scorer.sees_end)
        private = original.copy()
        with global_generators_kept(original.networks.device):
            scorer.score(private)
        if not same(private, original):
            expected, cause = REQUIREMENTS["changed"]
            parts = _changed_parts(private, original)
            return Finding("unchanged", "failed", f"changed in place: {parts}", expected, cause)
    return Finding("unchanged", "passed", "every tensor of the snapshot is as it was")


def _deterministic(scorer: Scorer) -> Finding:
    snapshot = _early(scorer)
    first, again, fresh = (
        _scores(scorer, snapshot),
        _scores(scorer, snapshot),
        _scores(_new(scorer), snapshot),
    )
    for other, what in ((again, "a second call"), (fresh, "a new instance")):
        difference = _difference(first, other)
        if difference > 1e-6:
            seen = f"{what} gives scores that differ by {difference:.2g} of their range"
            cause = f"numbers that depend on the time or on state kept between calls; {DRAWING}"
            return Finding("deterministic", "failed", seen, "the same scores for the same snapshot", cause)
    if not scorer.stochastic:
        return Finding("deterministic", "passed", "same snapshot, same scores")
    if "draw" not in {parameter.name for parameter in scorer.parameters()}:
        expected = "a parameter `draw: int = 0` that the numbers are drawn from"
        return Finding("deterministic", "failed", "stochastic = True without it", expected, "it was left out")
    other_draw = _scores(replace(scorer, draw=1), snapshot)  # type: ignore[type-var]
    if _difference(first, other_draw) == 0:
        cause = "the generator is seeded without the draw"
        return Finding("deterministic", "failed", "draw=1 repeats draw=0", "other scores in each draw", cause)
    return Finding("deterministic", "passed", "same snapshot and draw, same scores; another draw, others")


def _independent_of_global_generators(scorer: Scorer) -> Finding:
    snapshot = _early(scorer)
    results = []
    with global_generators_kept(snapshot.networks.device):
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 (the very generator that a scorer must not use)
            torch.manual_seed(seed)
            results.append(_scores(scorer, snapshot))
    difference = _difference(*results)
    if difference > 1e-6:
        seen = f"another torch.manual_seed changes the scores by {difference:.2g} of their range"
        expected = "scores that depend on the snapshot alone"
        return Finding("global generator", "failed", seen, expected, f"it uses a global generator; {DRAWING}")
    return Finding("global generator", "passed", "global random seeds change nothing")


def _equivariant(scorer: Scorer) -> Finding:
    if scorer.stochastic:
        return Finding("neuron order", "skipped", "scores are drawn (stochastic = True)")
    snapshot = _early(scorer)
    order = torch.from_numpy(np.random.default_rng(7).permutation(snapshot.networks.width))
    rows = order.expand(snapshot.networks.seeds, -1)
    permuted = _map_networks(snapshot, lambda networks: networks.keep(rows))
    difference = _difference(_scores(scorer, snapshot)[:, order], _scores(scorer, permuted))
    if difference > TOLERANCE:
        seen = f"in another order, neurons get scores that differ by {difference:.2g} of their range"
        cause = "scores that were sorted (return them in the order of the neurons), or a neuron's number used"
        return Finding("neuron order", "failed", seen, "each neuron keeps its score in any order", cause)
    return Finding("neuron order", "passed", "neurons in another order keep their scores")


def _seeds_are_independent(scorer: Scorer) -> Finding:
    snapshot = _early(scorer)
    together = _scores(scorer, snapshot)
    expected = "each network scored as if it were alone"
    cause = "a mean, norm or softmax over the seed axis (use dim=1), or a loop that carries a result over"
    try:
        alone = torch.cat([_scores(scorer, snapshot.network(i)) for i in range(snapshot.networks.seeds)])
    except _NoScores as error:
        return Finding("seed batch", "failed", f"alone, network by network, it {error}", expected, cause)
    difference = _difference(together, alone)
    if difference > TOLERANCE:
        which = (together - alone).abs().amax(dim=1).argmax()
        seen = f"alone, network {int(which)} gets scores that differ by {difference:.2g} of their range"
        return Finding("seed batch", "failed", seen, expected, cause)
    back = _scores(scorer, _reversed(snapshot)).flip(0)
    difference = _difference(together, back)
    if difference > TOLERANCE:
        seen = f"with the seeds in reverse order, scores differ by {difference:.2g} of their range"
        cause = (
            "a loop over the seeds that carries a result over, or position used in place of snapshot.seeds"
        )
        return Finding("seed batch", "failed", seen, expected, cause)
    return Finding("seed batch", "passed", "each network gets the same scores alone, together and reversed")


def _higher_means_keep(scorer: Scorer) -> Finding:
    if scorer.stochastic:
        return Finding("higher = keep", "skipped", "scores are drawn (stochastic = True)")
    for step in (0, EARLY):
        scores = _scores(scorer, small_snapshot(step, with_final=scorer.sees_end))
        gap = scores[:, DOMINANT] - scores[:, DEAD]
        if bool((gap <= 0).any()):
            dominant, dead = (scores[int(gap.argmin()), i].item() for i in (DOMINANT, DEAD))
            seen = f"at step {step}: {dominant:.3g} for the dominant neuron, {dead:.3g} for the dead one"
            expected = "a large, aligned neuron above one that is silent on every sample"
            cause = "lower means keep in this score, or GraSP's original sign: return its negative"
            return Finding("higher = keep", "failed", seen, expected, cause)
    return Finding("higher = keep", "passed", "the dominant neuron is above the dead one")


def _scale(scorer: Scorer) -> Finding:
    if scorer.stochastic:
        return Finding("scale", "skipped", "scores are drawn (stochastic = True)")
    snapshot = _early(scorer)
    scaled = _map_networks(snapshot, lambda networks: Networks(*(2 * tensor for tensor in networks.tensors)))
    small, large = _scores(scorer, snapshot), _scores(scorer, scaled)
    ranks = [t.argsort(dim=1).argsort(dim=1) for t in (small, large)]
    moved = float((ranks[0] != ranks[1]).double().mean())
    power = math.log2(float(large.abs().sum() / small.abs().sum()))
    how = "ranks stay" if moved == 0 else f"{moved:.0%} of the ranks change"
    return Finding(
        "scale", "reported", f"weights twice as large: scores grow like weights^{power:.2g}, {how}"
    )


def _time_and_memory(scorer: Scorer) -> Finding:
    small = execute(scorer, _early(scorer))
    if small.extra_gradient_steps or small.seconds > 0.5:
        seen = f"{small.seconds:.2g} s for 3 networks of 12 neurons"
        if small.extra_gradient_steps:
            seen += f", {small.extra_gradient_steps} gradient steps of its own"
        return Finding("time and memory", "reported", seen)
    snapshot = large_snapshot(with_final=scorer.sees_end)
    with peak_memory(snapshot.networks.device) as peak:
        outcome = execute(scorer, snapshot)
    networks = snapshot.networks
    size = f"{networks.seeds} networks of {networks.width} neurons, {networks.inputs} inputs, one thread"
    if outcome.error is not None:
        expected, cause = "scores at this size as well", "a fixed size in the code, or memory for all at once"
        return Finding(
            "time and memory", "failed", f"{size}: {outcome.error}", expected, cause, outcome.traceback
        )
    return Finding(
        "time and memory", "reported", f"{outcome.seconds:.2g} s and {peak.megabytes:.0f} MB for {size}"
    )


def _cuda(scorer: Scorer) -> Finding:
    if not torch.cuda.is_available():
        return Finding("cuda", "skipped", "no CUDA device here")
    snapshot = _early(scorer)
    on_device = _map_networks(snapshot, lambda networks: networks.to("cuda"))
    outcome = execute(scorer, on_device)
    if outcome.broken is not None:
        expected, cause = REQUIREMENTS[outcome.broken]
        return Finding("cuda", "failed", _said(outcome.error), expected, cause, outcome.traceback)
    assert outcome.scores is not None
    difference = _difference(_scores(scorer, snapshot), outcome.scores.cpu())
    if difference > 10 * TOLERANCE and not outcome.extra_gradient_steps:
        seen = f"scores differ by {difference:.2g} of their range from the CPU's"
        return Finding(
            "cuda", "failed", seen, "the CPU's scores", "numbers drawn on the device, or half precision"
        )
    return Finding("cuda", "passed", f"within {difference:.1g} of the CPU's scores, {outcome.seconds:.2g} s")


CHECKS: dict[str, Callable[[Scorer], Finding]] = {
    "scores": _scores_are_valid,
    "unchanged": _snapshot_is_unchanged,
    "deterministic": _deterministic,
    "global generator": _independent_of_global_generators,
    "neuron order": _equivariant,
    "seed batch": _seeds_are_independent,
    "higher = keep": _higher_means_keep,
    "scale": _scale,
    "time and memory": _time_and_memory,
    "cuda": _cuda,
}
# A comparison says something only about scores that are valid and repeat, and come in the neurons' order.
_REPEATS = ("scores", "unchanged", "deterministic", "global generator")
_COMPARES = ("neuron order", "seed batch")
NEEDS = {
    name: _REPEATS[:index] if name in (*_REPEATS, *_COMPARES) else (*_REPEATS, *_COMPARES)
    for index, name in enumerate(CHECKS)
}


def _early(scorer: Scorer) -> Snapshot:
    return small_snapshot(EARLY, with_final=scorer.sees_end)


def _new(scorer: Scorer) -> Scorer:
    return type(scorer)(**{field.name: getattr(scorer, field.name) for field in scorer.parameters()})


def _scores(scorer: Scorer, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"]:
    outcome = execute(scorer, snapshot)
    if outcome.scores is None:
        raise _NoScores(_said(outcome.error))
    return outcome.scores


def _said(error: str | None) -> str:
    text = error or ""
    return text if text.startswith(("returned", "changed", "signs")) else f"raised {text}"


def _difference(a: Float[Tensor, "seeds neurons"], b: Float[Tensor, "seeds neurons"]) -> float:
    """The largest difference, in units of the range of each network's scores."""
    spread = a.amax(dim=1) - a.amin(dim=1)
    return float(((a - b).abs().amax(dim=1) / spread).max())


def _map_networks(snapshot: Snapshot, change: Callable[[Networks], Networks]) -> Snapshot:
    final = None if snapshot.final is None else change(snapshot.final)
    return replace(
        snapshot, networks=change(snapshot.networks), initial=change(snapshot.initial), final=final
    )


def _reversed(snapshot: Snapshot) -> Snapshot:
    backwards = list(range(snapshot.networks.seeds))[::-1]
    return replace(
        _map_networks(snapshot, lambda networks: networks.select(backwards)), seeds=snapshot.seeds[::-1]
    )


def _changed_parts(a: Snapshot, b: Snapshot) -> str:
    weights = ("w_in", "bias", "w_out")
    names = ["task.x_train", "task.y_train", "task.x_test", "task.y_test"]
    names += [f"{part}.{weight}" for part in ("networks", "initial", "final") for weight in weights]
    pairs = zip(names, a.tensors(), b.tensors(), strict=False)
    return ", ".join(name for name, x, y in pairs if x.shape != y.shape or not torch.equal(x, y))
