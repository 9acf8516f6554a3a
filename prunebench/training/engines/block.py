"""The steps inside a block, compiled for the blocked engine (docs/engine.md has the mathematics)."""

from typing import no_type_check

import numpy as np

from prunebench.training.engines.kernels import add_product, compiled, copy, multiply, rectify, step_outputs


@compiled
@no_type_check
def add_pairs(pairs, coefficient, out):
    """`out = w + coefficient m` for rows that hold [w, m]."""
    width = out.shape[1]
    for q in range(len(out)):
        row, pair = out[q], pairs[q]
        for i in range(width):
            row[i] = pair[i] + coefficient * pair[width + i]


@compiled
@no_type_check
def step_networks(hidden, w_out, velocity, labels, index, rooms, learning_rate, momentum, delta):
    """One step of every network's outgoing weights; `delta` is what is propagated back to its neurons."""
    outputs, neurons = w_out.shape[1:]
    h, d = rooms[0, : len(hidden)], rooms[1, : len(hidden)]
    residual = np.empty((len(hidden), outputs), hidden.dtype)
    for network in range(len(w_out)):
        first = network * neurons
        for q in range(len(h)):
            copy(hidden[q], first, h[q], 0, neurons)
        step_outputs(
            h, w_out[network], velocity[network], labels, index, residual, d, learning_rate, momentum
        )
        for q in range(len(h)):
            copy(d[q], 0, delta[q], first, neurons)


@compiled
@no_type_check
def train_block(
    gemm, features, dual, labels, order, state, w_out, velocity, learning_rate, momentum, geometric
):
    """One block: `len(order)` steps of networks side by side. Returns (samples, their steps, their deltas).

    `w_out` and `velocity` are (networks, outputs, neurons); everything else that has neurons has those of all
    networks in a row. `state` holds the rows [w, m] of the samples (dual form; `features` is the Gram matrix)
    or of the inputs (primal form; `features` are the samples), and is brought up to date at the end by one
    matrix product.
    """
    dtype = state.dtype.type
    steps, batch = order.shape
    width = w_out.shape[0] * w_out.shape[2]
    # By j steps: velocity left, mu^j, and weight moved, -lr (1 + mu + ... + mu^(j-1)).
    left, moved = geometric[0], geometric[1]
    index = np.empty(steps * batch, np.int64)
    taken = np.empty(steps * batch, np.int64)
    n = 0
    for j in range(steps):
        for q in range(batch):
            if order[j, q] >= 0:
                index[n], taken[n] = order[j, q], j
                n += 1
    index, taken = index[:n], taken[:n]
    rows = np.empty((n, features.shape[1]), state.dtype)
    for s in range(n):
        copy(features[index[s]], 0, rows[s], 0, rows.shape[1])
    base = np.empty((n, 2 * width), state.dtype)
    inner = np.empty((n, n if steps > 1 else 0), state.dtype)
    if dual:
        for s in range(n):
            copy(state[index[s]], 0, base[s], 0, base.shape[1])
            for p in range(inner.shape[1]):
                inner[s, p] = rows[s, index[p]]
    else:
        multiply(gemm, rows, False, state, False, dtype(0), base)
        if steps > 1:
            multiply(gemm, rows, False, rows, True, dtype(0), inner)
    delta = np.empty((n, width), state.dtype)
    hidden = np.empty((batch, width), state.dtype)
    rooms = np.empty((2, batch, w_out.shape[2]), state.dtype)
    weight = np.empty((batch, n), state.dtype)
    start = 0
    for j in range(steps):
        stop = start
        while stop < n and taken[stop] == j:
            stop += 1
        h = hidden[: stop - start]
        add_pairs(base[start:stop], momentum * moved[j], h)
        for q in range(stop - start):
            for s in range(start):
                weight[q, s] = moved[j - taken[s]] * inner[start + q, s]
        add_product(h, weight, delta[:start])
        rectify(h)
        step_networks(
            h, w_out, velocity, labels, index[start:stop], rooms, learning_rate, momentum, delta[start:stop]
        )
        start = stop
    for s in range(n):
        pair, d, ago = base[s], delta[s], steps - taken[s]
        for i in range(width):
            pair[i], pair[width + i] = moved[ago] * d[i], left[ago - 1] * d[i]
    for x in range(len(state)):
        pair = state[x]
        for i in range(width):
            pair[i] += momentum * moved[steps] * pair[width + i]
            pair[width + i] *= left[steps]
    multiply(gemm, rows, True, base, False, dtype(1), state)
    return index, taken, delta


@no_type_check
def coast(steps, learning_rate, momentum):
    """What `steps` steps without a gradient make of a pair: `w += moved m; m *= left`. (left, moved)"""
    left = momentum**steps
    return left, -learning_rate * momentum * (1 - left) / (1 - momentum)


coast_compiled = compiled(coast)


@compiled
@no_type_check
def train(
    gemm, features, dual, labels, order, state, w_out, velocity, learning_rate, momentum, geometric,
    begun, coefficients, touched,
):  # fmt: skip
    """All steps of `order` of networks side by side, in blocks that end at multiples of a whole block.

    In the dual form `coefficients` keep, as pairs [w, m], how much of each sample is in the incoming weights
    and their velocity, as of the step when it was last `touched`.
    """
    length = geometric.shape[1] - 1
    first = 0
    while first < len(order):
        last = min(len(order), first + length - (begun + first) % length)
        index, taken, delta = train_block(
            gemm, features, dual, labels, order[first:last],
            state, w_out, velocity, learning_rate, momentum, geometric,
        )  # fmt: skip
        if dual:
            for s in range(len(index)):
                x, step, d = index[s], begun + first + taken[s] + 1, delta[s]
                left, moved = coast_compiled(
                    step - touched[x], np.float64(learning_rate), np.float64(momentum)
                )
                left, moved = state.dtype.type(left), state.dtype.type(moved)
                touched[x] = step
                w, m = coefficients[x, 0], coefficients[x, 1]
                for i in range(len(d)):
                    w[i] += moved * m[i] - learning_rate * d[i]
                    m[i] = left * m[i] + d[i]
        first = last
