"""What numba compiles for every engine: matrix products, and forward and backward pass of the outputs.

Everything runs without the GIL on one thread and one network. `reassoc` lets sums be vectorised; nothing is
assumed about NaN or infinity, so a training that diverges shows it. The mathematics is in docs/engine.md.
"""

import math
from collections.abc import Callable
from typing import Any, no_type_check

import numba.experimental.function_type  # noqa: F401 (registers the protocol below for arguments)
import numpy as np
from numba import njit, types
from numba.extending import get_cython_function_address

from prunebench.training.engines.kernel_cache import cache_of
from prunebench.training.stopwatch import watch_compilation

watch_compilation()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first call, and keep the machine code on disk where a folder for it is writable."""
    dispatcher: Any = njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})(function)
    kept = cache_of(function)
    if kept is not None:
        dispatcher._cache = kept  # what njit(cache=True) does, with a cache of our own
    return dispatcher


class Gemm(types.WrapperAddressProtocol):
    """SciPy's BLAS matrix product (`sgemm`, `dgemm`), in a form that compiled code takes as an argument."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._name = {"float32": "sgemm", "float64": "dgemm"}[dtype.name]

    def __wrapper_address__(self) -> int:
        return get_cython_function_address("scipy.linalg.cython_blas", self._name)

    def signature(self) -> Any:
        """Thirteen pointers, as in Fortran."""
        return types.void(*[types.voidptr] * 13)


@compiled
@no_type_check
def multiply(gemm, a, a_transposed, b, b_transposed, keep, out):
    """`out = keep * out + a b`, each factor transposed where told; all row-major and contiguous.

    BLAS is column-major: it is asked for `out^T = b^T a^T`.
    """
    flags = np.array([78, 84], np.uint8)  # N, T
    inner = a.shape[0] if a_transposed else a.shape[1]
    # 64-bit integers read right by 32-bit BLAS too: little-endian, and none is large.
    sizes = np.array([out.shape[1], out.shape[0], inner, b.shape[1], a.shape[1]], np.int64)
    scales = np.empty(2, out.dtype)
    scales[0], scales[1] = 1, keep
    gemm(
        flags[int(b_transposed) :].ctypes,
        flags[int(a_transposed) :].ctypes,
        sizes.ctypes,
        sizes[1:].ctypes,
        sizes[2:].ctypes,
        scales.ctypes,
        b.ctypes,
        sizes[3:].ctypes,
        a.ctypes,
        sizes[4:].ctypes,
        scales[1:].ctypes,
        out.ctypes,
        sizes.ctypes,
    )


@compiled
@no_type_check
def add_product(out, weights, rows):
    """`out[q] += sum_s weights[q, s] rows[s]`, four by four, in registers."""
    fours = len(out) - len(out) % 4
    count = len(rows)
    whole = count - count % 4
    for q in range(0, fours, 4):
        o0, o1, o2, o3 = out[q], out[q + 1], out[q + 2], out[q + 3]
        w0, w1, w2, w3 = weights[q], weights[q + 1], weights[q + 2], weights[q + 3]
        for s in range(0, whole, 4):
            r0, r1, r2, r3 = rows[s], rows[s + 1], rows[s + 2], rows[s + 3]
            a0, a1, a2, a3 = w0[s], w0[s + 1], w0[s + 2], w0[s + 3]
            b0, b1, b2, b3 = w1[s], w1[s + 1], w1[s + 2], w1[s + 3]
            c0, c1, c2, c3 = w2[s], w2[s + 1], w2[s + 2], w2[s + 3]
            d0, d1, d2, d3 = w3[s], w3[s + 1], w3[s + 2], w3[s + 3]
            for i in range(len(o0)):
                x0, x1, x2, x3 = r0[i], r1[i], r2[i], r3[i]
                o0[i] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
                o1[i] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
                o2[i] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
                o3[i] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3
    for q in range(len(out)):
        o, w = out[q], weights[q]
        first = whole if q < fours else 0
        for s in range(first, whole, 4):
            r0, r1, r2, r3 = rows[s], rows[s + 1], rows[s + 2], rows[s + 3]
            a0, a1, a2, a3 = w[s], w[s + 1], w[s + 2], w[s + 3]
            for i in range(len(o)):
                o[i] += a0 * r0[i] + a1 * r1[i] + a2 * r2[i] + a3 * r3[i]
        for s in range(whole, count):
            r, a = rows[s], w[s]
            for i in range(len(o)):
                o[i] += a * r[i]


@compiled
@no_type_check
def residuals(hidden, w_out, labels, index, out):
    """`softmax(V h) - one_hot(y)` of the samples `index`; returns (sum of losses, number right).

    Largest logits that tie share the credit for being right.
    """
    dtype = hidden.dtype.type
    loss, right = 0.0, 0.0
    for q in range(len(hidden)):
        h, row, label = hidden[q], out[q], labels[index[q]]
        best = 0
        for c in range(len(w_out)):
            v = w_out[c]
            logit = dtype(0)
            for i in range(len(h)):
                logit += v[i] * h[i]
            row[c] = logit
            if not logit <= row[best]:
                best = c
        own = row[label]
        top, total = row[best], dtype(0)
        ties = 0
        for c in range(len(row)):
            ties += row[c] == top
            row[c] = math.exp(row[c] - top)
            total += row[c]
        for c in range(len(row)):
            row[c] /= total
        row[label] -= dtype(1)
        loss += math.log(total) - (own - top)
        if own == top:
            right += 1.0 / ties
    return loss, right


@compiled
@no_type_check
def copy(row, start, out, start_out, count):
    """`out[start_out : start_out + count] = row[start : start + count]`.

    It compiles in a fraction of the time that numba's slices take.
    """
    for i in range(count):
        out[start_out + i] = row[start + i]


@compiled
@no_type_check
def rectify(values):
    """ReLU in place. NaN stays, as in PyTorch."""
    zero = values.dtype.type(0)
    for q in range(len(values)):
        row = values[q]
        for i in range(len(row)):
            row[i] = zero if row[i] <= zero else row[i]


@compiled
@no_type_check
def evaluate(pre_activations, w_out, labels):
    """(sum of losses, number right) over samples whose pre-activations, (samples, neurons), are given."""
    hidden = np.empty((1, w_out.shape[1]), w_out.dtype)
    residual = np.empty((1, len(w_out)), w_out.dtype)
    index = np.empty(1, np.int64)
    loss, right = 0.0, 0.0
    for sample in range(len(labels)):
        copy(pre_activations[sample], 0, hidden[0], 0, hidden.shape[1])
        rectify(hidden)
        index[0] = sample
        more = residuals(hidden, w_out, labels, index, residual)
        loss += more[0]
        right += more[1]
    return loss, right


@compiled
@no_type_check
def step_outputs(hidden, w_out, velocity, labels, index, residual, delta, learning_rate, momentum):
    """SGD step of the outgoing weights by the samples `index`; `delta` is what they propagate back."""
    residuals(hidden, w_out, labels, index, residual)
    share = hidden.dtype.type(1) / hidden.dtype.type(max(len(hidden), 1))
    for q in range(len(hidden)):
        for c in range(len(w_out)):
            residual[q, c] *= share
    back_propagate(residual, w_out, hidden, delta)
    step_outgoing(w_out, velocity, residual, hidden, learning_rate, momentum)


@compiled
@no_type_check
def step_outgoing(w_out, velocity, residual, hidden, learning_rate, momentum):
    """SGD step of the outgoing weights: gradient `residual^T hidden`."""
    for c in range(len(w_out)):
        m, v = velocity[c], w_out[c]
        for i in range(len(m)):
            m[i] *= momentum
        for q in range(len(hidden)):
            r, h = residual[q, c], hidden[q]
            for i in range(len(m)):
                m[i] += r * h[i]
        for i in range(len(m)):
            v[i] -= learning_rate * m[i]


@compiled
@no_type_check
def back_propagate(residual, w_out, hidden, out):
    """`out = (V^T residual) [hidden > 0]` for each sample."""
    zero = out.dtype.type(0)
    for q in range(len(hidden)):
        h, row = hidden[q], out[q]
        for i in range(len(row)):
            row[i] = zero
        for c in range(len(w_out)):
            r, v = residual[q, c], w_out[c]
            for i in range(len(row)):
                row[i] += r * v[i]
        for i in range(len(row)):
            row[i] = zero if h[i] <= zero else row[i]
