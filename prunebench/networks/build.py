"""Batches of networks from ordinary modules, and modules from networks."""

import copy
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from prunebench.counting import counted
from prunebench.errors import RequestError, in_words
from prunebench.networks.architecture import Architecture
from prunebench.networks.attention import PlainAttention
from prunebench.networks.claims import check_claims
from prunebench.networks.global_generators import global_generators_kept
from prunebench.networks.layers import Layer
from prunebench.networks.memory_format import takes_channels_last
from prunebench.networks.module import name_of, normalisations, own_tensors
from prunebench.networks.network import Network
from prunebench.networks.networks import Networks
from prunebench.networks.proof import check_draws, check_forward, check_units, explained, logits_of
from prunebench.networks.redraw import redraw
from prunebench.plugin.frames import file_of, place
from prunebench.plugin.spec import canonical

_BUILT: dict[tuple[object, ...], Architecture] = {}


def architecture(network: Network, shape: tuple[int, ...], outputs: int) -> Architecture:
    """What all networks of this kind share that take samples of this shape; one for equal arguments.

    Raises `RequestError` for what cannot be taken, as `architecture_of` does, and for a module that does not
    give so many outputs.
    """
    key = (type(network), canonical(network), shape, outputs)
    if key not in _BUILT:
        x = torch.zeros(2, *shape)  # two: normalisation needs more than one
        found = architecture_of(module_of(network, shape, outputs), x, network.layers, network.name)
        if found.outputs != outputs:
            accepted = f"{outputs} are needed, one for each class of the task"
            raise RequestError("network", f"{network.name} with {found.outputs} outputs", accepted)
        _BUILT[key] = found
    return _BUILT[key]


def architecture_of(
    module: nn.Module, x: Float[Tensor, "samples ..."], find: Callable[..., tuple[Layer, ...]], name: str
) -> Architecture:
    """What all networks share that are built as this module is, for samples like `x`; `find` its layers.

    Raises `RequestError` for one that gives no logits, that draws random numbers in training, or whose units
    cannot be removed.
    """
    module, x = _uncounted(copied(module)).cpu().eval(), x.cpu()  # a property of code, wherever it will run
    layers = _found(module, x, find, name)
    with global_generators_kept(x.device):
        check_forward(module, x)
        check_draws(module, x)
    with PlainAttention() as attention:
        outputs = logits_of(module, x).shape[1]
    tensors = {name: tensor.detach()[None] for name, tensor in _tensors(module).items()}
    last = takes_channels_last(module, x)
    module, shape = module.to("meta"), tuple(x.shape[1:])
    found = Architecture(name, module, layers, outputs, shape, last, attention.met)
    check_units(Networks(found, tensors), x)
    return found


def build(
    network: Network,
    shape: tuple[int, ...],
    outputs: int,
    draws: Sequence[int],
    scale: float = 1.0,
    init: str = "module",
) -> Networks:
    """A batch of untrained networks, in float32, one from each number that a generator is seeded with.

    `init` draws the weights by another method than the module's (`redraw`), and `scale` multiplies all
    weights and biases.
    """
    modules = [module_of(network, shape, outputs, draw, init) for draw in draws]
    networks = stack(architecture(network, shape, outputs), modules)
    check_alike(networks, [module.eval() for module in modules], torch.zeros(2, *shape), "network")
    return networks if scale == 1 else _scaled(networks, scale)


@torch.no_grad()
def check_alike(
    networks: Networks, modules: Sequence[nn.Module], x: Float[Tensor, "samples ..."], option: str
) -> None:
    """Raises `RequestError` for `option` where a network does not compute what its module does.

    The networks share all but tensors: what one module has beside them is not another's. The modules are in
    evaluation mode, and have the networks' device and dtype; `x` gives the samples' shape.
    """
    # Of either sign, and a few: where nothing is negative, one nonlinearity may be as another.
    shape = (max(len(x), 4), *x.shape[1:])
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(x)
    with counted():
        found = networks.logits(x)
    for number, module in enumerate(modules):
        own = module(x).nan_to_num()
        near = torch.isclose(found[number].nan_to_num(), own, rtol=1e-3, atol=1e-3 * float(own.abs().max()))
        if not bool(near.all()):
            accepted = (
                "its tensors give other logits in another module: all must be built alike, and what "
                "they draw must be parameters or buffers (register_buffer)"
            )
            raise RequestError(option, f"module {number} of {networks.architecture.name}", accepted)


def stack(architecture: Architecture, modules: Sequence[nn.Module]) -> Networks:
    """The modules' tensors as one batch, copied. `RequestError`: they are not of this architecture."""
    states = [_tensors(module) for module in modules]
    for state in states:
        if sorted(state) != sorted(architecture.names):
            other = sorted(set(state) ^ set(architecture.names))
            raise RequestError("modules", ", ".join(other), "modules built alike are needed")
        for name in state:
            if state[name].shape != states[0][name].shape:
                shapes = [tuple(states[0][name].shape), tuple(state[name].shape)]
                raise RequestError(f"modules {name}", shapes, "equal shapes are needed")
            if len(kinds := {_kind(states[0][name]), _kind(state[name])}) > 1:
                accepted = "one dtype and one device are needed, and all frozen or none"
                raise RequestError(f"modules {name}", ", ".join(sorted(kinds)), accepted)
    return Networks(
        architecture, {name: torch.stack([s[name].detach() for s in states]) for name in architecture.names}
    )


@torch.random.fork_rng(devices=[])
def module_of(
    network: Network, shape: tuple[int, ...], outputs: int, draw: int | None = None, init: str = "module"
) -> nn.Module:
    """The network's own module; layers that learn their sizes from the first samples are shown some.

    `draw` seeds the generator that its weights are drawn from; what is drawn elsewhere is not disturbed.
    `RequestError`: its code raises, or it gives no module.
    """
    if draw is not None:
        torch.default_generator.manual_seed(draw)  # `torch.manual_seed` seeds those of GPUs, too
    try:
        module = network.build(shape, outputs)
        if not isinstance(module, nn.Module):
            raise RequestError(
                "network", canonical(network), f"it built {module!r}: a torch.nn.Module is needed"
            )
        if any(map(is_lazy, own_tensors(module).values())):
            with torch.no_grad():
                module.eval()(torch.zeros(2, *shape))
    except RequestError:
        raise
    except Exception as error:  # whatever its author's code raises
        why = in_words(error, place(error, file_of(type(network))))
        accepted = f"it does not build for samples of shape {shape}: {why}"
        raise RequestError("network", canonical(network), accepted) from error
    redraw(module, init)
    return module


def copied(module: nn.Module) -> nn.Module:
    """A copy. `RequestError`: there is what PyTorch cannot copy, as a tensor that is computed of others."""
    computed = (
        f"a tensor {name} of {type(inside).__name__} ({path or 'the module itself'})"
        for path, inside in module.named_modules()
        for name, value in vars(inside).items()
        if isinstance(value, Tensor) and not value.is_leaf
    )
    with explained(next(computed, type(module).__name__), "it cannot be copied"):
        return copy.deepcopy(module)


def _found(
    module: nn.Module, x: Float[Tensor, "samples ..."], find: Callable[..., tuple[Layer, ...]], name: str
) -> tuple[Layer, ...]:
    """What `find` says, which may be an author's own. `RequestError`: it raises, or says what is not so."""
    try:
        layers = tuple(find(module, x))
    except RequestError:
        raise
    except Exception as error:
        accepted = f"its layers(module, x) raises {in_words(error, place(error, None))}"
        raise RequestError("network", name, accepted) from error
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise RequestError("network", f"layers of {name}: {layers}", "one Layer at least is needed")
    check_claims(layers, module, x)
    return layers


def _kind(tensor: Tensor) -> str:
    """What tensors of one batch share beside their shape."""
    return f"{tensor.dtype} on {tensor.device}" + (", trained" if tensor.requires_grad else "")


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """By name: what is trained, then the buffers."""
    counters = {name_of(path, "num_batches_tracked") for path in normalisations(module)}
    return {name: tensor for name, tensor in own_tensors(module).items() if name not in counters}


def _scaled(networks: Networks, scale: float) -> Networks:
    """Weights and biases times `scale`; gains and statistics of normalisation, which nobody draws, stay."""
    gains = {name_of(path, "weight") for path in normalisations(networks.architecture.module)}
    drawn = set(networks.architecture.trainable) - gains
    return networks.like({name: t * scale if name in drawn else t for name, t in networks.tensors.items()})


def _uncounted(module: nn.Module) -> nn.Module:
    """Without the counters of batches, which nothing here reads: running statistics move by `momentum`."""
    for inside in normalisations(module).values():
        inside.num_batches_tracked = None
    return module
