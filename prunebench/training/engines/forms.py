"""What every blocked engine decides alike: how long a block is, and what it carries (docs/engine.md)."""

from prunebench.training.engines.base import Problem

# Samples in a block: with fewer the matrix products are slow, with more the corrections are.
BLOCK_SAMPLES = 100
# Bytes that the dual form may take for all networks together; it needs more memory than the primal one.
DUAL_LIMIT = 2e9


def block_steps(batch_size: int, curve_every: int) -> int:
    """Steps in a block, so that the grid of curves cuts no block in two."""
    steps = max(1, round(BLOCK_SAMPLES / batch_size))
    return -(-curve_every // -(-curve_every // steps)) if curve_every else steps


def dual_is_cheaper(problem: Problem, neurons: int) -> bool:
    """Whether to carry the pre-activations of N samples, or else the D + 1 incoming weights of every neuron.

    A step multiplies each number of the state four times per sample of its minibatch in the dual form, eight
    times in the primal form, which also pays for every curve by 2 N (D + 1) (docs/engine.md). `neurons` are
    those of all networks.
    """
    samples, inputs = problem.x.shape
    batch = problem.orders.shape[2]
    size = samples * (samples + 4 * neurons) * problem.x.element_size()
    curves = 2 * samples * (inputs + 1) / problem.curve_every if problem.curve_every else 0
    return size <= DUAL_LIMIT and 4 * batch * samples <= 8 * batch * (inputs + 1) + curves
