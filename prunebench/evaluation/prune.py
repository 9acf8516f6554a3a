"""Protocol `prune_early`: accuracy of networks that keep the best neurons from the snapshot on."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.evaluation.fractions import kept_count, label
from prunebench.evaluation.metrics import Metrics, Path, per_seed
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
        states, chosen = run.states[step], []
        # By network and neurons: scorers that choose the same ones share their training.
        starts: dict[tuple[int, ...], tuple[int, State]] = {}
        for scores in candidates:
            choice = {(at, *kept.tolist()): kept[None] for at, kept in enumerate(top_k(scores, k))}
            chosen.append(list(choice))
            starts |= {
                key: (run.seeds[key[0]], states.select(key[0]).keep(kept))
                for key, kept in choice.items()
                if key not in starts
            }
        if control:
            fresh = _fresh_state(run, step, k)
            chosen.append([(at,) for at in range(len(run.seeds))])
            starts |= {(at,): (seed, fresh.select(at)) for at, seed in enumerate(run.seeds)}
        metrics = _train_on(run, list(starts.values()), fraction)
        place = {key: number for number, key in enumerate(starts)}
        for result, keys in zip(results, chosen, strict=True):
            result |= {path: values[[place[key] for key in keys]] for path, values in metrics.items()}
    return results


def _train_on(run: Trajectory, starts: Sequence[tuple[int, State]], fraction: float) -> Metrics:
    """Train networks, each on its seed's order, side by side as far as memory is good for that."""
    task, parts = run.task, defaultdict[Path, list[np.ndarray]](list)
    splits = {"accuracy": (task.x_test, task.y_test), "train_accuracy": (task.x_train, task.y_train)}
    at_once = max(1, WEIGHTS_AT_ONCE // starts[0][1].networks.w_in.numel())
    for first in range(0, len(starts), at_once):
        seeds, states = zip(*starts[first : first + at_once], strict=True)
        trained = run_loop(task, run.recipe, State.cat(states), seeds).final
        for name, data in splits.items():
            parts[name, "prune_early", label(fraction)].append(per_seed(trained.accuracy(*data)))
    return {path: np.concatenate(values) for path, values in parts.items()}


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
