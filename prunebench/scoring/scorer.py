"""The one class that a new method implements."""

from abc import ABC
from dataclasses import Field, dataclass, fields
from inspect import get_annotations
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.training.snapshot import Snapshot


class Scorer(ABC):
    """Predicts from a snapshot how much each hidden neuron will matter at the end: higher = keep.

    A subclass has a `name`, is a dataclass whose fields are its parameters (`imp[sparsity=0.5]` on the
    command line), and overrides `score`, or `score_network` to be handed one network at a time. Frozen or
    not is its own choice, and the decorator may be left out.

    Class attributes:
        name: how the command line and the boards call it.
        version: raised whenever the scores change, so that old results are not mixed with new ones.
        paper: where the method comes from, for `prunebench list scorers`.
        stochastic: the scores are drawn; they depend on a field `draw`, and the board averages over several.
        sees_end: `snapshot.final` is filled in. Marked on every board.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    paper: ClassVar[str] = ""
    stochastic: ClassVar[bool] = False
    sees_end: ClassVar[bool] = False

    def __new__(cls, *_args: object, **_parameters: object) -> "Scorer":
        """An instance; the class becomes a dataclass first where its author left the decorator out."""
        cls.parameters()
        return super().__new__(cls)

    @classmethod
    def parameters(cls) -> "tuple[Field[Any], ...]":
        """The parameters, as dataclass fields."""
        for each in reversed(cls.__mro__):  # bases first: only dataclasses hand fields down
            if "__dataclass_fields__" not in vars(each) and (each is cls or _has_fields(each)):
                inherited = getattr(each, "__dataclass_params__", None)
                dataclass(frozen=inherited is not None and inherited.frozen)(each)
        return tuple(f for f in fields(cls) if f.init)  # type: ignore[arg-type]  # a dataclass by now

    @property
    def initial_only(self) -> bool:
        """Whether it looks at the initial weights alone: it is then asked once, at step 0, for every step.

        For scorers that train.
        """
        return False

    def score(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"]:
        """Scores of every neuron of every network, on the networks' device.

        A numpy array is taken too. Gradients are dropped, and floating numbers become the networks' own.
        """
        return torch.stack([self.score_network(snapshot.network(i)) for i in range(snapshot.networks.seeds)])

    def score_network(self, snapshot: Snapshot) -> Float[Tensor, " neurons"]:
        """Scores of one network, for those who do not want the seed axis: `snapshot` is a batch of one."""
        raise TypeError(f"{type(self).__name__} overrides neither score nor score_network")

    def signs(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"] | None:
        """The predicted sign of `v.u` at the end (+1: class 1), or None if the method predicts none."""
        return None


def _has_fields(base: type) -> bool:
    """Whether a scorer's base class would be given fields as a dataclass."""
    hints = get_annotations(base) if issubclass(base, Scorer) and base is not Scorer else {}
    return any("ClassVar" not in str(hint) for hint in hints.values())
