"""Protocol `prune_early`: accuracy of networks that keep the best neurons from the snapshot on."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.evaluation.fractions import kept_count, label
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.selection import top_k
from prunebench.training.initial import REINITIALISED_STREAM, initialise
from prunebench.training.loop import run_loop
from prunebench.training.state import State
from prunebench.training.train import Trajectory

# Narrow networks train side by side, about this many weights at once (400 MB with velocities in float32).
WEIGHTS_AT_ONCE = 50_000_000


def prune_early(
    candidates: Sequence[Float[Tensor, "seeds neurons"]],
    run: Trajectory,
    step: int,
    fractions: Sequence[float],
    *,
    control: bool = True,
) -> list[Metrics]:
    """Keep the best neurons at `step` and train the narrow networks to the end on the same order.

    The kept neurons carry their velocities on, so keeping all of them repeats the dense training exactly.
    Returns the metrics of each candidate's scores, and last (with `control`) those of the lottery-ticket
    control: the same number of neurons with freshly drawn weights, trained over the same steps. Neurons are
    exchangeable at initialisation, so re-initialising the neurons that a scorer chose is this same control
    for every scorer.
    """
    results: list[Metrics] = [{} for _ in range(len(candidates) + control)]
    for fraction in fractions:
        k = kept_count(run.recipe.width, fraction)
        chosen, which = _distinct([top_k(scores, k) for scores in candidates], len(run.seeds))
        state = run.states[step]
        starts = [(run.seeds[at], state.select(at).keep(kept[None])) for at, kept in chosen]
        if control:
            fresh = _fresh_state(run, step, k)
            which.append(range(len(starts), len(starts) + len(run.seeds)))
            starts += [(seed, fresh.select(at)) for at, seed in enumerate(run.seeds)]
        metrics = _train_on(run, starts, fraction)
        for result, places in zip(results, which, strict=True):
            result |= {path: values[list(places)] for path, values in metrics.items()}
    return results


def _distinct(
    candidates: Sequence[Int64[Tensor, "seeds kept"]], seeds: int
) -> tuple[list[tuple[int, Int64[Tensor, " kept"]]], list[Sequence[int]]]:
    """The choices of neurons that differ, each with its network's position, and where each candidate's are.

    Scorers that choose the same neurons of a network share its training.
    """
    place: dict[tuple[int, ...], int] = {}
    chosen: list[tuple[int, Int64[Tensor, " kept"]]] = []
    which: list[Sequence[int]] = []
    for candidate in candidates:
        mine = []
        for at, kept in enumerate(candidate):
            key = (at, *kept.tolist())
            if key not in place:
                place[key] = len(chosen)
                chosen.append((at, kept))
            mine.append(place[key])
        which.append(mine)
    return chosen, which


def _train_on(run: Trajectory, starts: Sequence[tuple[int, State]], fraction: float) -> Metrics:
    """Train networks, each on its seed's order, side by side as far as memory is good for that."""
    parts: list[Metrics] = []
    at_once = max(1, WEIGHTS_AT_ONCE // starts[0][1].networks.w_in.numel())
    for first in range(0, len(starts), at_once):
        seeds, states = zip(*starts[first : first + at_once], strict=True)
        trained = run_loop(run.task, run.recipe, State.cat(states), seeds).final
        task, where = run.task, ("prune_early", label(fraction))
        parts.append(
            {
                ("accuracy", *where): per_seed(trained.accuracy(task.x_test, task.y_test)),
                ("train_accuracy", *where): per_seed(trained.accuracy(task.x_train, task.y_train)),
            }
        )
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]}


def _fresh_state(run: Trajectory, step: int, k: int) -> State:
    dense = run.states[step].networks
    fresh = initialise(
        run.recipe,
        dense.inputs,
        run.seeds,
        outputs=dense.outputs,
        dtype=dense.dtype,
        stream=REINITIALISED_STREAM,
    ).to(dense.device)
    return State(fresh.keep(torch.arange(k).expand(fresh.seeds, -1)), step)
