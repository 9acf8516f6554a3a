"""What every scorer must satisfy, checked on small networks in seconds."""

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.device import torch_threads
from prunebench.networks.global_generators import by_global_seeds, global_generators_kept, seed_torch
from prunebench.plugin.conformance import Checks, Skip, Violation
from prunebench.plugin.plugin import changed
from prunebench.scoring.execute import altered, execute, unfit
from prunebench.scoring.fixture import (
    DEAD,
    DOMINANT,
    EARLY,
    large_snapshot,
    layered_snapshot,
    small_snapshot,
)
from prunebench.scoring.memory import with_peak
from prunebench.scoring.outcome import REQUIREMENTS, Outcome
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.scoring.surroundings import surroundings_kept
from prunebench.training.snapshot import Snapshot

# Scores that are the same but for float rounding differ by far less than this share of a network's range.
TOLERANCE = 1e-3
DRAWING = "draw from snapshot.generators(), never from torch.rand, np.random or random"
LAYERED: dict[Literal["linear", "convolution"], str] = {
    "linear": "two hidden layers and three classes",
    "convolution": "a convolution with batch normalisation",
}


SCORER_CHECKS: Checks[Scorer] = Checks(
    raised=REQUIREMENTS["raises"],
    lost=(
        "scores, for 3 networks of 12 neurons, in a moment",
        "a loop that does not end, or a call that ends the process",
    ),
    during=torch_threads,
)
# A comparison says something only about scores that are valid and repeat, and come in the neurons' order.
_REPEATS = ("scores", "unchanged", "deterministic", "global generator")
_COMPARES = (*_REPEATS, "neuron order", "seed batch")
# What is expected of the scores that are compared, and why some are not so.
_SAME = "the same scores for the same snapshot"
_ALONE = "each network scored as if it were alone"
_OVER_SEEDS = "a mean, norm or softmax over the seed axis (use dim=1), or a loop that carries a result over"


@SCORER_CHECKS.add("scores")
def _scores_are_valid(scorer: Scorer) -> str:
    for step in (0, EARLY):
        outcome = execute(scorer, _shallow(scorer, step))
        if outcome.broken is not None and outcome.broken != "changed":
            raise _violation(outcome, f"at step {step} it {_said(outcome)}")
    return "a finite float tensor (seeds, neurons) that ranks, at two steps"


@SCORER_CHECKS.add("unchanged", _REPEATS[:1])
def _snapshot_is_unchanged(scorer: Scorer) -> str:
    for step in (0, EARLY):
        original = _shallow(scorer, step)
        private = original.copy()
        with surroundings_kept(original.networks.device):
            scorer.score(private)
        if parts := altered(private, original):
            raise Violation(f"changed in place: {', '.join(parts)}", *REQUIREMENTS["changed"])
    return "every tensor of the snapshot is as it was"


@SCORER_CHECKS.add("deterministic", _REPEATS[:2])
def _deterministic(scorer: Scorer) -> str:
    snapshot = _shallow(scorer)
    first, again, fresh = (_scores(asked, snapshot) for asked in (scorer, scorer, changed(scorer)))
    for other, what in ((again, "a second call"), (fresh, "a new instance")):
        cause = f"numbers that depend on the time or on state kept between calls; {DRAWING}"
        _compare(first, other, 1e-6, f"{what} gives scores that differ by", _SAME, cause)
    if not scorer.stochastic:
        return "same snapshot, same scores"
    if "draw" not in {parameter.name for parameter in scorer.parameters()}:
        expected = "a parameter `draw: int = 0` that the numbers are drawn from"
        raise Violation("stochastic = True without it", expected, "it was left out")
    if _difference(first, _scores(drawn(scorer, 1), snapshot)) == 0:
        cause = "the generator is seeded without the draw"
        raise Violation("draw=1 repeats draw=0", "other scores in each draw", cause)
    return "same snapshot and draw, same scores; another draw, others"


@SCORER_CHECKS.add("global generator", _REPEATS[:3])
def _independent_of_global_generators(scorer: Scorer) -> str:
    snapshot = _shallow(scorer)
    one, other = by_global_seeds(lambda: _scores(scorer, snapshot), snapshot.networks.device)
    expected, cause = "scores that depend on the snapshot alone", f"it uses a global generator; {DRAWING}"
    _compare(one, other, 1e-6, "another torch.manual_seed changes the scores by", expected, cause)
    return "global random seeds change nothing"


@SCORER_CHECKS.add("neuron order", _REPEATS)
def _equivariant(scorer: Scorer) -> str:
    _skip_drawn(scorer)
    snapshot = _shallow(scorer)
    seen = "in another order, neurons get scores that differ by"
    cause = "scores that were sorted (return them in the order of the neurons), or a neuron's number used"
    before, after = _in_another_order(scorer, snapshot, _scores(scorer, snapshot))
    _compare(before, after, TOLERANCE, seen, "each neuron keeps its score in any order", cause)
    return "neurons in another order keep their scores"


@SCORER_CHECKS.add("seed batch", _REPEATS)
def _seeds_are_independent(scorer: Scorer) -> str:
    snapshot = _shallow(scorer)
    together = _scores(scorer, snapshot)
    outcomes = [execute(scorer, snapshot.network(i)) for i in range(snapshot.networks.seeds)]
    failed = next((outcome for outcome in outcomes if outcome.scores is None), None)
    if failed is not None:
        raise Violation(f"alone, network by network, it {_said(failed)}", _ALONE, _OVER_SEEDS)
    alone = torch.cat([outcome.scores for outcome in outcomes if outcome.scores is not None])
    which = int((together - alone).abs().amax(dim=1).argmax())
    seen = f"alone, network {which} gets scores that differ by"
    _compare(together, alone, TOLERANCE, seen, _ALONE, _OVER_SEEDS)
    backwards = list(range(snapshot.networks.seeds))[::-1]
    last_first = snapshot.map(lambda networks: networks.select(backwards), seeds=snapshot.seeds[::-1])
    back = _scores(scorer, last_first).flip(0)
    cause = "a loop over the seeds that carries a result over, or position used in place of snapshot.seeds"
    _compare(together, back, TOLERANCE, "with the seeds in reverse order, scores differ by", _ALONE, cause)
    return "each network gets the same scores alone, together and reversed"


@SCORER_CHECKS.add("higher = keep", _COMPARES)
def _higher_means_keep(scorer: Scorer) -> str:
    _skip_drawn(scorer)
    for step in (0, EARLY):
        scores = _scores(scorer, _shallow(scorer, step))
        gap = scores[:, DOMINANT] - scores[:, DEAD]
        if bool((gap <= 0).any()):
            dominant, dead = (scores[int(gap.argmin()), i].item() for i in (DOMINANT, DEAD))
            raise Violation(
                f"at step {step}: {dominant:.3g} for the dominant neuron, {dead:.3g} for the dead one",
                "a large, aligned neuron above one that is silent on every sample",
                "lower means keep in this score, or GraSP's original sign: return its negative",
            )
    return "the dominant neuron is above the dead one"


@SCORER_CHECKS.add("layers", _COMPARES)
def _takes_layers(scorer: Scorer) -> str:
    taken, reasons = [], []
    for kind, what in LAYERED.items():
        reason = unfit(scorer, layered_snapshot(kind, 0, with_final=False))
        if reason is not None:
            reasons.append(reason)
            continue
        for step in (0, EARLY):
            _check_layered(scorer, layered_snapshot(kind, step, with_final=scorer.sees_end), what, step)
        taken.append(what)
    if not taken:
        raise Skip(f"unfit: {'; '.join(dict.fromkeys(reasons))}")
    return f"{' and '.join(taken)}: every unit has its score, in any order, alone and together"


def _check_layered(scorer: Scorer, snapshot: Snapshot, what: str, step: int) -> None:
    """Valid scores that depend on the snapshot alone, and on no number of a unit or a network."""
    where = f"{what}, at step {step}"
    outcome = execute(scorer, snapshot)
    if outcome.scores is None:
        expected, cause = REQUIREMENTS[outcome.broken or "raises"]
        if outcome.broken == "raises":
            expected = "scores of all units of all layers, (seeds, units), or unfit() that says why not"
            cause = "w_in, bias and w_out are of the shallow network alone: see networks.layers, unit_sums"
        raise Violation(f"{where}: it {_said(outcome)}", expected, cause, outcome.traceback)
    scores = outcome.scores
    with global_generators_kept(snapshot.networks.device):
        seed_torch(1, snapshot.networks.device)
        again = _scores(scorer, snapshot)
    _compare(scores, again, 1e-6, f"{where}: a second call gives scores that differ by", _SAME, DRAWING)
    alone = torch.cat([_scores(scorer, snapshot.network(i)) for i in range(snapshot.networks.seeds)])
    seen = f"{where}: alone, a network gets scores that differ by"
    _compare(scores, alone, TOLERANCE, seen, _ALONE, _OVER_SEEDS)
    if scorer.stochastic:
        return
    seen = f"{where}: in another order, units get scores that differ by"
    cause = "scores in another order than that of networks.layers, or a unit's number used"
    before, after = _in_another_order(scorer, snapshot, scores)
    _compare(before, after, TOLERANCE, seen, "each unit keeps its score in any order", cause)


@SCORER_CHECKS.add("scale", _COMPARES, reports=True)
def _scale(scorer: Scorer) -> str:
    _skip_drawn(scorer)
    snapshot = _shallow(scorer)
    scaled = snapshot.map(lambda networks: networks.map(lambda tensor: 2 * tensor))
    small, large = _scores(scorer, snapshot), _scores(scorer, scaled)
    ranks = [t.argsort(dim=1).argsort(dim=1) for t in (small, large)]
    moved = float((ranks[0] != ranks[1]).double().mean())
    power = math.log2(float(large.abs().sum() / small.abs().sum()))
    how = "ranks stay" if moved == 0 else f"{moved:.0%} of the ranks change"
    return f"weights twice as large: scores grow like weights^{power:.2g}, {how}"


@SCORER_CHECKS.add("time and memory", _COMPARES, reports=True)
def _time_and_memory(scorer: Scorer) -> str:
    small = execute(scorer, _shallow(scorer))
    if small.extra_gradient_steps or small.seconds > 0.5:
        seen = f"{small.seconds:.2g} s for 3 networks of 12 neurons"
        if small.extra_gradient_steps:
            seen += f", {small.extra_gradient_steps} gradient steps of its own"
        return seen
    snapshot = large_snapshot(with_final=scorer.sees_end)
    outcome, megabytes = with_peak(lambda: execute(scorer, snapshot))
    networks = snapshot.networks
    size = f"{networks.seeds} networks of {networks.units} neurons, {networks.inputs} inputs, one thread"
    if outcome.error is not None:
        raise Violation(
            f"{size}: {outcome.error}",
            "scores at this size as well",
            "a fixed size in the code, or memory for all at once",
            outcome.traceback,
        )
    return f"{outcome.seconds:.2g} s and {megabytes:.0f} MB for {size}"


@SCORER_CHECKS.add("cuda", _COMPARES)
def _cuda(scorer: Scorer) -> str:
    if not torch.cuda.is_available():
        raise Skip("no CUDA device here")
    snapshot = _shallow(scorer)
    outcome = execute(scorer, snapshot.map(lambda networks: networks.to("cuda")))
    if outcome.scores is None:
        raise _violation(outcome, _said(outcome))
    difference = _difference(_scores(scorer, snapshot), outcome.scores.cpu())
    if difference > 10 * TOLERANCE and not outcome.extra_gradient_steps:
        seen = f"scores differ by {difference:.2g} of their range from the CPU's"
        raise Violation(seen, "the CPU's scores", "numbers drawn on the device, or half precision")
    return f"within {difference:.1g} of the CPU's scores, {outcome.seconds:.2g} s"


def _shallow(scorer: Scorer, step: int = EARLY) -> Snapshot:
    """Small shallow networks; skips where it cannot take them."""
    snapshot = small_snapshot(step, with_final=scorer.sees_end)
    if (reason := unfit(scorer, snapshot)) is not None:
        raise Skip(f"unfit: {reason}")
    return snapshot


def _skip_drawn(scorer: Scorer) -> None:
    if scorer.stochastic:
        raise Skip("scores are drawn (stochastic = True)")


def _scores(scorer: Scorer, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"]:
    outcome = execute(scorer, snapshot)
    if outcome.scores is None:
        raise Violation(_said(outcome), "scores as for the whole batch", "it cannot take networks like these")
    return outcome.scores


def _in_another_order(
    scorer: Scorer, snapshot: Snapshot, scores: Float[Tensor, "seeds neurons"]
) -> tuple[Float[Tensor, "seeds neurons"], Float[Tensor, "seeds neurons"]]:
    """The scores with each layer's units in another order, and what the scorer says in that order."""
    layers, draw = snapshot.networks.layers, np.random.default_rng(7)
    orders, before = {}, []
    for layer, own in zip(layers, scores.split([layer.units for layer in layers], dim=1), strict=True):
        orders[layer.name] = torch.from_numpy(draw.permutation(layer.units)).expand(len(scores), -1)
        before.append(own.gather(1, orders[layer.name]))
    permuted = snapshot.map(lambda networks: networks.keep(orders))
    return torch.cat(before, dim=1), _scores(scorer, permuted)


def _violation(outcome: Outcome, seen: str) -> Violation:
    return Violation(seen, *REQUIREMENTS[outcome.broken or "raises"], outcome.traceback)


def _said(outcome: Outcome) -> str:
    verb = {"raises": "raised ", "unfit": "says that it is unfit: "}.get(outcome.broken or "", "")
    return f"{verb}{outcome.error}"


def _compare(
    a: Float[Tensor, "seeds neurons"],
    b: Float[Tensor, "seeds neurons"],
    most: float,
    seen: str,
    expected: str,
    cause: str,
) -> None:
    """Raises a `Violation` where the two differ by more than `most`; what is `seen` ends with "by"."""
    if (difference := _difference(a, b)) > most:
        raise Violation(f"{seen} {difference:.2g} of their range", expected, cause)


def _difference(a: Float[Tensor, "seeds neurons"], b: Float[Tensor, "seeds neurons"]) -> float:
    """The largest difference, in units of the range of each network's scores."""
    a, b = a.double(), b.double()  # differences of the largest float32 numbers are infinite in float32
    spread = a.amax(dim=1) - a.amin(dim=1)
    shares = (a - b).abs().amax(dim=1) / spread
    return float(shares.nan_to_num(nan=math.inf).max())
