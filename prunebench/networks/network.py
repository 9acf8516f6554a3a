"""The one class that a new reference network implements."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from prunebench.networks.discover import find_layers
from prunebench.networks.layers import Layer
from prunebench.plugin.plugin import Plugin


class Network(Plugin):
    """A kind of network that is trained, scored and pruned.

    A subclass has a `name`, parameters as fields (`mlp[widths=100-100]` on the command line), and `build`.
    """

    @abstractmethod
    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """A module for inputs of this shape (without the samples' axis) that gives `outputs` logits.

        Initialised as it pleases: whatever it draws from PyTorch's global generator comes from the seed's own
        stream. Raise `RequestError` for a shape that it cannot take.
        """

    def layers(self, module: nn.Module, x: Float[Tensor, "samples ..."]) -> tuple[Layer, ...]:
        """The prunable layers of a module that was built; found from the module itself unless overridden."""
        return find_layers(module, x)
