"""Protocol `labels`: what a score is worth that was asked for with labels that say nothing."""

import numpy as np
import torch
from jaxtyping import Float

from prunebench.tasks.task import Task
from prunebench.training.initial import LABEL_STREAM, generator

# Another order of the same sums moves a score by rounding; what reads labels moves nearly all by much more.
ROUNDING, MOVED = 1e-3, 0.01


def shuffle_labels(task: Task, seed: int) -> Task:
    """The task with its training labels in an order drawn from the seed's own stream.

    As many samples of each class as there were. An order that leaves every label as it was, which two samples
    may draw, is drawn again.
    """
    draw, y = generator(seed, LABEL_STREAM), task.y_train
    while True:
        order = torch.from_numpy(draw.permutation(len(y)))
        if not torch.equal(y[order], y):
            return task.permuted(order)


def reads_labels(scores: Float[np.ndarray, "draws units"], again: Float[np.ndarray, "draws units"]) -> bool:
    """Whether the scores for shuffled labels are others, for more units than rounding could move."""
    return bool(np.mean(np.abs(again - scores) > ROUNDING * np.abs(scores)) > MOVED)
