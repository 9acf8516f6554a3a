"""The network that a recipe names, and what it is for samples of a shape."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from prunebench.errors import RequestError
from prunebench.networks import Architecture
from prunebench.networks.build import architecture
from prunebench.networks.network import Network
from prunebench.networks.shallow import shallow_architecture
from prunebench.plugin.record import PluginRecord
from prunebench.reference_networks import load_network
from prunebench.training.recipe import Recipe


def loaded(recipe: Recipe, files: Iterable[str | Path] = ()) -> Recipe:
    """The recipe with its network itself, where it has the record of one.

    Networks come from packages and `files`. `RequestError`: it is not here, or its code is another one.
    """
    wanted = recipe.network
    if not isinstance(wanted, PluginRecord):
        return recipe
    network = load_network(wanted.spec, files)
    found = PluginRecord.of(network)
    for name in ("version", "source"):
        if getattr(wanted, name) not in (None, getattr(found, name)):
            accepted = f"it was of {name} {getattr(wanted, name)}, and here it is of {getattr(found, name)}"
            raise RequestError("network", wanted.spec, accepted)
    return replace(recipe, network=network)


def network_of(recipe: Recipe) -> Network | None:
    """The recipe's network, loaded if it has to be; None for the shallow one. Raises as `loaded` does."""
    network = loaded(recipe).network
    if not isinstance(network, Network | None):
        raise RequestError("network", network, "a class that derives from prunebench.Network is needed")
    return network


def architecture_of(recipe: Recipe, shape: tuple[int, ...], outputs: int) -> Architecture:
    """What all networks of a recipe share that take samples of this shape and tell so many classes apart."""
    network = network_of(recipe)
    return (
        shallow_architecture(recipe.width, outputs)
        if network is None
        else architecture(network, shape, outputs)
    )
