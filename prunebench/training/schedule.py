"""How the learning rate goes over the steps of a training."""

import math
from typing import Literal

Schedule = Literal["constant", "cosine", "step"]


def share_of_rate(schedule: Schedule, step: int, steps: int) -> float:
    """What the learning rate is multiplied by at the step that follows `step` others, of `steps` in all.

    `cosine`: half a wave, `(1 + cos(pi step / steps)) / 2` (Loshchilov and Hutter 2017, without restarts).
    `step`: 1, then 0.1 from half of the steps on, then 0.01 from three quarters on. After the end it stays
    what it came to.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * min(step / steps, 1))) / 2
    if schedule == "step":
        return 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps))
    return 1.0
