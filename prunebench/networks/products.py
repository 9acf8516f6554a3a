"""Which matrices multiply the vectors that run through a module."""

from collections.abc import Iterable, Iterator, Mapping
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
        elsewhere: whether a leaf takes part in anything else, in two of them, or as an argument by name.
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
        used = {name for one in flat((*arguments, *keywords.values())) if (name := self._names.get(id(one)))}
        if not used:
            return result
        self.elsewhere |= function is not linear or bool(keywords) or not used.isdisjoint(self._seen)
        if function is linear:
            given = dict(zip(("input", "weight", "bias"), arguments, strict=False)) | keywords
            weight, bias = (self._names.get(id(given.get(name))) for name in ("weight", "bias"))
            self.products.append(Product(given["input"].detach(), result, weight, bias))
            self._seen |= used
            self.elsewhere |= id(given["input"]) in self._names
        return result


def flat(values: Iterable[Any]) -> Iterator[Any]:
    """What PyTorch's functions take or give: numbers and tensors, some in lists."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from value
        else:
            yield value
