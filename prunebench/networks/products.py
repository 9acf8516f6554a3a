"""Which matrices multiply the vectors that run through a module."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode


class Product(NamedTuple):
    """`result = given weight^T + bias`, both by the names of the leaves; None for what is none of them."""

    given: Tensor
    result: Tensor
    weight: str | None
    bias: str | None

    @property
    def samples(self) -> int:
        """Of vectors, one of each; -1 of anything else, as positions of images."""
        return len(self.given) if self.given.ndim == 2 else -1


class Products(TorchFunctionMode):
    """Sees all of PyTorch's functions that are called meanwhile.

    Attributes:
        products: those with a leaf in them.
        elsewhere: whether a leaf takes part in anything else, or in two of them.
    """

    def __init__(self, leaves: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._names = {id(leaf): name for name, leaf in leaves.items()}
        self._seen = set[str]()
        self.products: list[Product] = []
        self.elsewhere = False

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        """Call it."""
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        used = [name for one in _flat((*arguments, *keywords.values())) if (name := self._names.get(id(one)))]
        if used and (function is not linear or keywords or self._seen.intersection(used)):
            self.elsewhere = True
        elif used:
            given, weight, bias = (*arguments, None)[:3]
            self.products.append(
                Product(given.detach(), result, self._names.get(id(weight)), self._names.get(id(bias)))
            )
            self._seen.update(used)
            self.elsewhere |= id(given) in self._names
        return result


def _flat(arguments: tuple[Any, ...]) -> list[Any]:
    """What stands among the arguments, or in a list among them."""
    return [
        one
        for argument in arguments
        for one in (argument if isinstance(argument, list | tuple) else (argument,))
    ]
