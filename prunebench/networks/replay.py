"""Runs of one network on the same samples, of which only what a change reaches is computed again."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, functionalize
from torch.utils._python_dispatch import TorchDispatchMode

from prunebench.networks.products import flat


class Replay:
    """The run of a module without gradients, and others of it in which a few tensors are different.

    Which operations these are must not depend on the numbers: no branches, no draws.

    Attributes:
        logits: of the first run.
    """

    def __init__(
        self, module: nn.Module, tensors: Mapping[str, Tensor], x: Float[Tensor, "samples ..."]
    ) -> None:
        self._module, self._tensors, self._x = module, dict(tensors), x
        recorded = _Recorded()
        with recorded:
            self.logits = self._run({})
        self._results = recorded.results

    @property
    def bytes(self) -> int:
        """What is kept of the first run, if no two operations share memory."""
        return sum(one.nbytes for one in flat(self._results) if isinstance(one, Tensor))

    def logits_with(self, changed: Mapping[str, Tensor]) -> Float[Tensor, "samples outputs"]:
        """What comes out with these tensors in place of those of the same names."""
        with _Replayed(self._results, changed.values()):
            return self._run(changed)

    @torch.no_grad()
    def _run(self, changed: Mapping[str, Tensor]) -> Float[Tensor, "samples outputs"]:
        tensors = self._tensors | dict(changed)
        # Nothing is written in place, so that what is kept stays what it was.
        return functionalize(lambda x: functional_call(self._module, tensors, (x,)))(self._x)


class _Recorded(TorchDispatchMode):
    """Meanwhile the results of all operations are collected."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        self.results: list[Any] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        """Call it."""
        result = function(*arguments, **(keywords or {}))
        self.results.append(result)
        return result


class _Replayed(TorchDispatchMode):
    """Meanwhile operations that no changed tensor enters have their recorded results."""

    def __init__(self, results: Iterable[Any], changed: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        self._results = iter(results)
        self._changed = {id(tensor): tensor for tensor in changed}  # kept, so that no other gets its `id`

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        """Call it if something has changed."""
        recorded = next(self._results)
        changed = any(id(given) in self._changed for given in flat(arguments))
        if not changed and not function.is_view:  # PyTorch does not take a view twice; one costs nothing
            return recorded
        result = function(*arguments, **(keywords or {}))
        if changed:
            self._changed.update({id(one): one for one in flat([result])})
        return result
