"""How inputs are scaled before training."""

import numpy as np
from jaxtyping import Float64


def scale(
    train: Float64[np.ndarray, "train *shape"],
    test: Float64[np.ndarray, "test *shape"],
    scaling: str,
    low: float,
    high: float,
) -> tuple[Float64[np.ndarray, "train *shape"], Float64[np.ndarray, "test *shape"]]:
    """Both splits, scaled by what is known of the training samples alone.

    `unit` takes [low, high] to [0, 1] and `symmetric` to [-1, 1]; `centred` is `unit` less the mean training
    sample; `standard` gives every input mean 0 and standard deviation 1 over the training samples, and an
    input that is constant there is 0 everywhere.
    """
    train, test = ((x - low) / (high - low) for x in (train, test))
    if scaling == "unit":
        return train, test
    if scaling == "symmetric":
        return 2 * train - 1, 2 * test - 1
    mean = train.mean(axis=0)
    if scaling == "centred":
        return train - mean, test - mean
    # By value: rounding leaves a constant input with a tiny standard deviation that would blow up.
    varies = train.max(axis=0) > train.min(axis=0)
    deviation = np.where(varies, train.std(axis=0), 1.0)
    train, test = (np.where(varies, (x - mean) / deviation, 0.0) for x in (train, test))
    return train, test
