"""The steps inside a block as one Triton kernel, a network to each program (see inner_steps.py).

A program holds its network's outgoing weights in registers from the first step to the last. Threads share the
neurons between them; they meet for the sums over neurons, and where a step's deltas are ready to be read.
"""

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from prunebench.training.engines.inner_steps import Block, Rates

# Numbers of a step, padded samples x outputs x neurons, that fit the registers of 16 warps.
LARGEST = 2**14
# Earlier deltas that are read together.
AT_ONCE = 16


@triton.jit
@no_type_check
def _kernel(
    z, corrections, targets, share, w_out, velocity, delta, rates, steps, width,
    BATCH: tl.constexpr, OUTPUTS: tl.constexpr,
    ROWS: tl.constexpr, CLASSES: tl.constexpr, COLUMNS: tl.constexpr, AT_ONCE: tl.constexpr,
):  # fmt: skip
    network = tl.program_id(0).to(tl.int64)
    samples = steps * BATCH
    z += network * samples * width
    delta += network * samples * width
    corrections += network * samples * samples
    targets += network * samples * OUTPUTS
    share += network * samples
    w_out += network * OUTPUTS * width
    velocity += network * OUTPUTS * width
    learning_rate = tl.load(rates)
    momentum = tl.load(rates + 1)
    q = tl.arange(0, ROWS)[:, None]
    c = tl.arange(0, CLASSES)[None, :]
    i = tl.arange(0, COLUMNS)[None, :]
    outgoing = tl.arange(0, CLASSES)[:, None]
    weights = outgoing * width + i
    real_weights = (outgoing < OUTPUTS) & (i < width)
    real = (q < BATCH) & (i < width)
    v = tl.load(w_out + weights, mask=real_weights, other=0)
    m = tl.load(velocity + weights, mask=real_weights, other=0)
    for step in range(steps):
        row = step * BATCH + q
        h = tl.load(z + row * width + i, mask=real, other=0)
        for first in range(0, step * BATCH, AT_ONCE):
            for p in tl.static_range(AT_ONCE):  # unrolled, so that their loads are under way together
                past = first + p
                known = past < step * BATCH
                factor = tl.load(corrections + row * samples + past, mask=known & (q < BATCH), other=0)
                h += factor * tl.load(delta + past * width + i, mask=known & (i < width), other=0)
        h = tl.where(h <= 0, 0, h)  # NaN stays
        logits = tl.sum(h[:, None, :] * v[None, :, :], axis=2)
        logits = tl.where(c < OUTPUTS, logits, float("-inf"))
        grown = tl.exp(logits - tl.max(logits, axis=1, keep_dims=True))
        residual = grown / tl.sum(grown, axis=1, keep_dims=True)
        residual *= tl.load(share + row, mask=q < BATCH, other=0)
        residual -= tl.load(targets + row * OUTPUTS + c, mask=(q < BATCH) & (c < OUTPUTS), other=0)
        back = tl.sum(residual[:, :, None] * v[None, :, :], axis=1)
        tl.store(delta + row * width + i, tl.where(h <= 0, 0, back), mask=real)
        m = momentum * m + tl.sum(residual[:, :, None] * h[:, None, :], axis=0)
        v -= learning_rate * m
        tl.debug_barrier()  # the deltas just written are read by other threads
    tl.store(w_out + weights, v, mask=real_weights)
    tl.store(velocity + weights, m, mask=real_weights)


def fits(batch: int, outputs: int, width: int) -> bool:
    """Whether a step's numbers fit a program's registers."""
    rows, classes, columns = _padded(batch, outputs, width)
    return rows * classes * columns <= LARGEST


def take_steps(block: Block, rates: Rates) -> Float[Tensor, "seeds samples neurons"]:
    """As `inner_steps.take_steps`."""
    z, corrections, targets, share, w_out, velocity, batch = block
    delta = torch.empty_like(z)
    networks, samples, width = z.shape
    outputs = w_out.shape[1]
    rows, classes, columns = _padded(batch, outputs, width)
    _kernel[(networks,)](
        z, corrections, targets, share, w_out, velocity, delta, rates.tensor, samples // batch, width,
        BATCH=batch, OUTPUTS=outputs, ROWS=rows, CLASSES=classes, COLUMNS=columns, AT_ONCE=AT_ONCE,
        num_warps=min(16, max(1, rows * classes * columns // 512)), num_stages=1,
    )  # fmt: skip
    return delta


def _padded(batch: int, outputs: int, width: int) -> tuple[int, int, int]:
    return triton.next_power_of_2(batch), triton.next_power_of_2(outputs), triton.next_power_of_2(width)
