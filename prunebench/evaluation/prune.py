"""Protocols `prune_final` and `prune_early`: accuracy with only the best neurons."""

from collections.abc import Sequence

from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.evaluation.keep import best, kept_count, label
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.training.initial import REINITIALISED_STREAM, initialise
from prunebench.training.loop import run_loop
from prunebench.training.state import State
from prunebench.training.train import Trajectory

# Narrow networks train side by side, about this many weights at once (400 MB with velocities in float32).
WEIGHTS_AT_ONCE = 50_000_000


def accuracies(networks: Networks, task: Task, protocol: str, fraction: float | None = None) -> Metrics:
    """Test and train accuracy of networks, under the names of the results."""
    where = (protocol,) if fraction is None else (protocol, label(fraction))
    return {
        ("accuracy", *where): per_seed(networks.accuracy(task.x_test, task.y_test)),
        ("train_accuracy", *where): per_seed(networks.accuracy(task.x_train, task.y_train)),
    }


def prune_final(
    scores: Float[Tensor, "seeds neurons"], final: Networks, task: Task, fractions: Sequence[float]
) -> Metrics:
    """Keep the trained network's best neurons, without retraining (DESIGN 5)."""
    metrics: Metrics = {}
    for fraction in fractions:
        kept = final.keep(best(scores, kept_count(final.width, fraction)))
        metrics |= accuracies(kept, task, "prune_final", fraction)
    return metrics


def prune_early(
    candidates: Sequence[Float[Tensor, "seeds neurons"]],
    run: Trajectory,
    step: int,
    fractions: Sequence[float],
    *,
    control: bool = True,
) -> list[Metrics]:
    """Keep the best neurons at `step` and train the narrow networks to the end on the same order (DESIGN 5).

    The kept neurons carry their velocities on, so keeping all of them repeats the dense training exactly.
    Returns the metrics of each candidate's scores, and last (with `control`) those of the lottery-ticket
    control: the same number of neurons with freshly drawn weights, trained over the same steps. Neurons are
    exchangeable at initialisation, so re-initialising the neurons that a scorer chose is this same control
    for every scorer.
    """
    results: list[Metrics] = [{} for _ in range(len(candidates) + control)]
    for fraction in fractions:
        k = kept_count(run.recipe.width, fraction)
        starts = [_kept_state(run, step, best(scores, k)) for scores in candidates]
        if control:
            starts.append(_fresh_state(run, step, k))
        weights = starts[0].networks.w_in.numel()
        at_once = max(1, WEIGHTS_AT_ONCE // weights)
        for first in range(0, len(starts), at_once):
            chunk = starts[first : first + at_once]
            joined = State.cat(chunk)
            trained = run_loop(run.task, run.recipe, joined, run.seeds * len(chunk)).state.networks
            for position in range(len(chunk)):
                part = slice(position * len(run.seeds), (position + 1) * len(run.seeds))
                results[first + position] |= accuracies(
                    trained.select(part), run.task, "prune_early", fraction
                )
    return results


def _kept_state(run: Trajectory, step: int, indices: Int64[Tensor, "seeds kept"]) -> State:
    return run.states[step].keep(indices)


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
    return State(Networks(fresh.w_in[:, :k], fresh.bias[:, :k], fresh.w_out[:, :, :k]), step)
