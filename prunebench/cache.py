"""What was computed of the same numbers before, found by their content.

The scorers of a board ask for the same gradients and sums of the same networks, each on a private copy that
it could have changed. So what is kept is named by a hash of all numbers that it was computed of, and
only copies are handed out.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from prunebench.counting import count

# What is kept takes at most this; the longest unused goes first.
BYTES = 150_000_000

Results = tuple[Tensor, ...]
# With the seconds that it took.
_kept: OrderedDict[bytes, tuple[Results, float]] = OrderedDict()
_lock = threading.Lock()


def cached(
    name: str, inputs: Sequence[Tensor], compute: Callable[[], Results], *, passes: float = 0.0
) -> Results:
    """The results of `compute`, or a copy of what it gave for these inputs.

    `name` says what is computed, `passes` what that takes in sample gradients: these, and the seconds, are
    counted for all that ask, even if others asked before, and once for one that asks again. On a GPU, where
    inputs would have to be fetched to be hashed, and where autograd follows them, it is computed each time.
    """
    if any(tensor.device.type != "cpu" or tensor.requires_grad for tensor in inputs):
        count(passes)
        return compute()
    key = _hash(name, inputs)
    with _lock:
        if (found := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            results, seconds = found
            count(passes, key, seconds)
            return _copy(results)
    count(passes, key)
    began = time.perf_counter()
    results = compute()
    if _size(results) <= BYTES:
        with _lock:
            _kept[key] = _copy(results), time.perf_counter() - began
            while sum(_size(kept) for kept, _ in _kept.values()) > BYTES:
                _kept.popitem(last=False)
    return results


def _hash(name: str, inputs: Sequence[Tensor]) -> bytes:
    digest = hashlib.sha256(name.encode())
    for tensor in inputs:
        digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


def _copy(results: Results) -> Results:
    return tuple(tensor.clone() for tensor in results)


def _size(results: Results) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in results)
