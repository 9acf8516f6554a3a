"""What was computed of the same numbers before, found by their content.

The scorers of a board ask for the same gradients and sums of the same networks, each on a private copy that
it could have changed. So what is kept is named by a hash of all numbers that it was computed of, and
only copies are handed out.
"""

import hashlib
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, MutableMapping, Sequence

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from prunebench.bits import same_bits
from prunebench.counting import count

# What is kept takes at most this, and so does what it was computed of; the longest unused goes first.
BYTES = 150_000_000

Results = tuple[Tensor, ...]
# With the seconds that it took.
_kept: OrderedDict[bytes, tuple[Results, float]] = OrderedDict()
# Large inputs by their hash, the latest few: to find one takes a tenth of the time of a hash.
LARGE, FEW = 2**17, 16
_hashed: OrderedDict[bytes, Tensor] = OrderedDict()
# Tensors that are there still: an address is used again.
_numbers: MutableMapping[Tensor, int] = WeakTensorKeyDictionary()
_unused = itertools.count()
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
        count(passes, _very(name, inputs))
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


def _very(name: str, inputs: Sequence[Tensor]) -> Hashable:
    """A name for these very tensors as they are now; None where there is none."""
    if any(tensor.is_inference() for tensor in inputs):  # whose changes torch does not count
        return None
    with _lock:
        return name, *((_numbers.setdefault(one, next(_unused)), one._version) for one in inputs)


def _hash(name: str, inputs: Sequence[Tensor]) -> bytes:
    return hashlib.sha256(b"".join([name.encode(), *map(_hash_of, inputs)])).digest()


def _hash_of(tensor: Tensor) -> bytes:
    if _size([tensor]) < LARGE:
        return _digest(tensor)
    with _lock:
        for known, before in reversed(_hashed.items()):
            if same_bits(before, tensor):
                _hashed.move_to_end(known)
                return known
    found = _digest(tensor)
    if _size([tensor]) <= BYTES:
        with _lock:
            _hashed[found] = tensor.clone()
            while len(_hashed) > FEW or _size(_hashed.values()) > BYTES:
                _hashed.popitem(last=False)
    return found


def _digest(tensor: Tensor) -> bytes:
    digest = hashlib.sha256(repr((tuple(tensor.shape), tensor.dtype)).encode())
    digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


def _copy(results: Results) -> Results:
    return tuple(tensor.clone() for tensor in results)


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
