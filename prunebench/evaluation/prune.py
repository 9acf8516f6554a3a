"""Protocols `prune_early` and `finetune`: accuracy of networks that keep the best units, and train on."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.evaluation.fractions import written_share
from prunebench.evaluation.layered_subject import accuracy_of, taken
from prunebench.evaluation.metrics import SPLITS, Metrics, Path, per_seed
from prunebench.evaluation.protocols import Protocol
from prunebench.evaluation.selection import best_of_layers, by_layer, first_of_layers
from prunebench.networks import Networks
from prunebench.networks.normalisation import recalibrated
from prunebench.tasks.task import Task
from prunebench.training.initial import REINITIALISED_STREAM, initialise
from prunebench.training.loop import run_loop
from prunebench.training.state import State
from prunebench.training.train import Trajectory

# Narrow networks train side by side, about this many numbers at once (400 MB with velocities in float32).
NUMBERS_AT_ONCE = 50_000_000


def prune_early(
    candidates: Sequence[Float[Tensor, "seeds units"]],
    run: Trajectory,
    step: int,
    share: float,
    *,
    control: bool = True,
    recalibrate: bool = True,
) -> list[Metrics]:
    """Keep a share of each layer, the best at `step`, and train the narrow networks to the end on that order.

    The kept units carry their velocities on, so keeping all of them repeats the dense training exactly.
    Returns the metrics of each candidate's scores, and last (with `control`) those of the lottery-ticket
    control: the same number of units with freshly drawn weights, trained over the same steps. Units are
    exchangeable at initialisation, so re-initialising the units that a scorer chose is this same control
    for every scorer.
    """
    fresh = _fresh_state(run, step) if control else None
    return _trained(candidates, run, run.states[step], share, "prune_early", fresh, recalibrate)


def finetune(
    candidates: Sequence[Float[Tensor, "seeds units"]],
    run: Trajectory,
    steps: int,
    share: float,
    *,
    recalibrate: bool = True,
) -> list[Metrics]:
    """Keep a share of each layer of the trained networks, the best, and repeat the last `steps` of training.

    On the same minibatches and at the learning rates that these steps had ("learning rate rewinding": Renda,
    Frankle and Carbin 2020), from velocity 0.
    """
    if steps > run.gradient_steps:
        accepted = f"training ended by --until-loss after {run.gradient_steps} steps"
        raise RequestError("finetune_steps", steps, accepted)
    start = State(run.final, run.gradient_steps - steps)
    return _trained(candidates, run, start, share, "finetune", None, recalibrate)


def _trained(
    candidates: Sequence[Float[Tensor, "seeds units"]],
    run: Trajectory,
    states: State,
    share: float,
    protocol: Protocol,
    fresh: State | None,
    recalibrate: bool,
) -> list[Metrics]:
    """Metrics of each candidate, and of the networks of `fresh` weights, cut from these states."""
    layers = states.networks.layers
    units = [layer.units for layer in layers]
    # By network and units: scorers that choose the same ones share their training.
    chosen: list[list[tuple[int, ...]]] = [
        [(at, *own) for at, own in enumerate(best_of_layers(scores, units, share).tolist())]
        for scores in candidates
    ]
    starts: dict[tuple[int, ...], tuple[int, State]] = {
        (at, *own): (run.seeds[at], states.select(at).keep(by_layer(torch.tensor(own), layers)))
        for at, *own in dict.fromkeys(chain.from_iterable(chosen))
    }
    if fresh is not None:
        first = first_of_layers(layers, share)
        chosen.append([(at,) for at in range(len(run.seeds))])
        starts |= {(at,): (seed, fresh.select(at).keep(first)) for at, seed in enumerate(run.seeds)}
    metrics = _train_on(run, list(starts.values()), (protocol, written_share(share)), recalibrate)
    place = {key: number for number, key in enumerate(starts)}
    rows = [[place[key] for key in keys] for keys in chosen]
    return [{path: values[row] for path, values in metrics.items()} for row in rows]


def _train_on(run: Trajectory, starts: Sequence[tuple[int, State]], path: Path, recalibrate: bool) -> Metrics:
    """Train networks, each on its seed's order, side by side as far as memory is good for that.

    Those whose optimiser began later, as Adam's does with fresh weights, are a batch of their own.
    """
    numbers = sum(tensor.numel() for tensor in starts[0][1].networks.tensors.values())
    at_once = max(1, NUMBERS_AT_ONCE // numbers)
    found: Metrics = {(name, *path): np.empty(len(starts)) for name in SPLITS}
    for began in sorted({state.began for _, state in starts}):
        alike = [number for number, (_, state) in enumerate(starts) if state.began == began]
        for first in range(0, len(alike), at_once):
            batch = alike[first : first + at_once]
            seeds, states = zip(*(starts[number] for number in batch), strict=True)
            start = State.cat(states)
            trained = run_loop(run.task, run.recipe, start, seeds, until=run.gradient_steps).final
            for name, values in _accuracies(trained, run.task, recalibrate).items():
                found[name, *path][batch] = values
    return found


def _accuracies(
    networks: Networks, task: Task, recalibrate: bool
) -> dict[str, Float[np.ndarray, " networks"]]:
    """Networks whose training has diverged are at chance: like silent ones, they name no class."""
    data, fine = taken(task, networks), networks.finite().cpu().numpy()
    if recalibrate:
        networks = recalibrated(networks, data["train"][0])
    if networks.architecture.shape is None:
        found = {name: per_seed(networks.accuracy(*data[split])) for name, split in SPLITS.items()}
    else:
        found = {
            name: np.array([accuracy_of(networks, *data[split], index) for index in range(networks.seeds)])
            for name, split in SPLITS.items()
        }
    return {name: np.where(fine, values, 1 / networks.outputs) for name, values in found.items()}


def _fresh_state(run: Trajectory, step: int) -> State:
    dense = run.states[step].networks
    fresh = initialise(
        run.recipe,
        run.task.shape,
        run.seeds,
        outputs=dense.outputs,
        dtype=dense.dtype,
        stream=REINITIALISED_STREAM,
    )
    return State(fresh.to(dense.device), step)
