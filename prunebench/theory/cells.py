"""Cells of weight space, and an estimate of how many of them are stable (paper, lemma 3.1 and appendix D)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.tasks.task import Task

CHUNK = 4096  # probes worked on together: bounds the memory at any number of probes
# Above this many distinct patterns float32 does: it takes half the time, and its rounding only moves a probe
# that lies on a cell's border. The cells that are left in the end are always told apart in float64.
ROUGH_ABOVE = 10_000


@dataclass(frozen=True, eq=False)
class CellCount:
    """Where the probes of one orientation ended.

    Attributes:
        cells: distinct gating patterns at the end, the estimate of the number of stable cells.
        fixed: those whose target vector has exactly their own pattern; the others are parts of cycles.
        cells_90: the fewest cells that together hold 90 % of the probes that did not fall silent.
        silent: probes whose target vector gates no sample. They are in no cell.
        converged: whether the count stood still for `patience` iterations before the limit was reached.
        history: distinct patterns before the first iteration and after each.
        holdings: probes in each cell, largest first.
    """

    cells: int
    fixed: int
    cells_90: int
    silent: int
    converged: bool
    history: tuple[int, ...]
    holdings: Int64[np.ndarray, " cells"]


@dataclass(frozen=True, eq=False)
class StableCells:
    """The estimate for both orientations of the outgoing weights (+1: class 1, -1: class 2)."""

    probes: int
    positive: CellCount
    negative: CellCount

    @property
    def cells(self) -> int:
        """Stable cells of the two orientations together."""
        return self.positive.cells + self.negative.cells

    @property
    def cells_90(self) -> int:
        """Cells that hold 90 % of the probes, of the two orientations together."""
        return self.positive.cells_90 + self.negative.cells_90


def stable_cells(
    task: Task, probes: int = 10_000, seed: int = 0, patience: int = 10, max_iterations: int = 500
) -> StableCells:
    """Estimate the number of stable cells by iterating the target map on random probes (algorithm 1).

    Probes are uniform on the unit sphere. Each iteration replaces a probe by its target vector
    `T(p) = +-normalise(sum_{s: x_s.p > 0} y_s x_s)` until the number of distinct gating patterns has not
    fallen for `patience` iterations. A target vector depends on the pattern alone, so equal patterns are
    iterated once, with the number of their probes: that makes 100,000 probes a matter of seconds. Probes
    that cycle among a few patterns never stop, but the count of distinct patterns does.

    Raises `RequestError` for fewer than one probe, patience or iteration.
    """
    for option, value in (("probes", probes), ("patience", patience), ("max_iterations", max_iterations)):
        if value < 1:
            raise RequestError(option, value, "a whole number from 1 up is needed")
    x = task.x_train.double()
    signs = task.signs.double()
    draw = np.random.default_rng([seed])
    patterns = []
    for begin in range(0, probes, CHUNK):
        size = (min(CHUNK, probes - begin), task.inputs)
        probe = torch.from_numpy(draw.standard_normal(size, dtype=np.float32))
        patterns.append(np.packbits((probe @ task.x_train.T > 0).numpy(), axis=1))
    start = _distinct(np.concatenate(patterns), np.ones(probes, dtype=np.int64))
    counts = [_iterate(x, c * signs, *start, patience, max_iterations) for c in (1.0, -1.0)]
    return StableCells(probes, *counts)


def cell_count(samples: int, inputs: int) -> int:
    """`2 sum_{k < D} (N-1 choose k)`: cells cut by N planes through the origin of D dimensions (Cover 1965).

    The upper bound of lemma 3.1. It is exact where the samples are in general position (any D of them are
    linearly independent), as images without duplicates are; duplicate, opposite or otherwise dependent
    samples only make fewer cells. For N <= D it is 2^N.
    """
    for option, value in (("samples", samples), ("inputs", inputs)):
        if value < 1:
            raise RequestError(option, value, "a whole number from 1 up is needed")
    return 2 * sum(math.comb(samples - 1, k) for k in range(min(inputs, samples)))


def _iterate(
    x: Float[Tensor, "samples inputs"],
    signed: Float[Tensor, " samples"],
    patterns: UInt8[np.ndarray, "patterns bytes"],
    holdings: Int64[np.ndarray, " patterns"],
    patience: int,
    max_iterations: int,
) -> CellCount:
    image = _TargetMap(x, signed)
    rough = _TargetMap(x.float(), signed.float()) if len(patterns) > ROUGH_ABOVE else image
    history = [len(patterns)]
    stood = 0
    while stood < patience and len(history) <= max_iterations:
        target = rough if len(patterns) > ROUGH_ABOVE else image
        patterns, holdings = _distinct(target(patterns), holdings)
        stood = 0 if len(patterns) < history[-1] else stood + 1
        history.append(len(patterns))
    alive = patterns.any(axis=1)
    silent = int(holdings[~alive].sum())
    patterns, holdings = patterns[alive], holdings[alive]
    largest_first = np.sort(holdings)[::-1].copy()
    held = np.cumsum(largest_first)
    return CellCount(
        cells=len(patterns),
        fixed=int((image(patterns) == patterns).all(axis=1).sum()),
        cells_90=int(np.searchsorted(held, 0.9 * held[-1])) + 1 if len(held) else 0,
        silent=silent,
        converged=stood >= patience,
        history=tuple(history),
        holdings=largest_first,
    )


class _TargetMap:
    """From the gating patterns of vectors to those of their target vectors; lengths do not matter."""

    def __init__(self, x: Float[Tensor, "samples inputs"], signed: Float[Tensor, " samples"]) -> None:
        # x T(p) = x x^T (y g): in one product with the Gram matrix, or in two where that is less work.
        signed_x = signed[:, None] * x
        self._factors = (signed_x @ x.T,) if len(x) <= 2 * x.shape[1] else (signed_x, x.T)

    def __call__(self, patterns: UInt8[np.ndarray, "patterns bytes"]) -> UInt8[np.ndarray, "patterns bytes"]:
        parts = [self._chunk(patterns[i : i + CHUNK]) for i in range(0, len(patterns), CHUNK)]
        return np.concatenate(parts) if parts else patterns

    def _chunk(self, patterns: UInt8[np.ndarray, "patterns bytes"]) -> UInt8[np.ndarray, "patterns bytes"]:
        first = self._factors[0]
        projections = torch.from_numpy(np.unpackbits(patterns, axis=1, count=len(first))).to(first)
        for factor in self._factors:
            projections = projections @ factor
        return np.packbits((projections > 0).numpy(), axis=1)


def _distinct(
    patterns: UInt8[np.ndarray, "patterns bytes"], holdings: Int64[np.ndarray, " patterns"]
) -> tuple[UInt8[np.ndarray, "distinct bytes"], Int64[np.ndarray, " distinct"]]:
    """Each pattern once, with all its probes."""
    keys = np.ascontiguousarray(patterns).view(np.dtype((np.void, patterns.shape[1]))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return patterns[first], np.bincount(inverse, weights=holdings).astype(np.int64)
