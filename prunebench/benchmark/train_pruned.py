"""What is measured by training again: networks that keep the units that scores choose."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float

from prunebench.benchmark.measures import values_of
from prunebench.evaluation.prune import finetune, prune_early
from prunebench.store.records import Measure, Values
from prunebench.training.train import Trajectory


def train_pruned(
    measure: Measure,
    scores: Sequence[Float[np.ndarray, "_ seeds units"]],
    run: Trajectory,
    step: int,
    *,
    control: bool = False,
    exact: bool = False,
) -> list[list[Values]]:
    """What a measure of `TRAINED` gives with all draws of each scorer, network by network.

    `step` is that of the scores, at which `prune_early` prunes; its control comes last. Where a loss ended
    the training sooner, `finetune` repeats all of it, unless the measure's steps are to be `exact`:
    `RequestError` then.
    """
    candidates = [torch.from_numpy(draw).to(run.final.device) for draws in scores for draw in draws]
    share, recalibrate = float(measure.keep), measure.recalibrated
    if measure.name == "finetune":
        steps = measure.steps if exact else min(measure.steps, run.gradient_steps)
        found = finetune(candidates, run, steps, share, recalibrate=recalibrate)
    else:
        found = prune_early(candidates, run, step, share, control=control, recalibrate=recalibrate)
    rest = iter(found)
    each = [list(islice(rest, count)) for count in (*map(len, scores), *([1] if control else []))]
    return [[values_of(draws, at) for at in range(len(run.seeds))] for draws in each]
