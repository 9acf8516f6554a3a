"""What a network's layers are said to be, held against its module: names, order, sizes and roles."""

from collections import Counter
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import RequestError
from prunebench.networks.layers import Layer, Part, Role
from prunebench.networks.module import NORMALISED, PRODUCERS, name_of, normalisations, own_tensors
from prunebench.networks.proof import order_of

# The sides of a unit. A tensor has some numbers of each unit on one side once at most.
_SIDES: dict[str, tuple[Role, ...]] = {
    "incoming": ("incoming", "bias", "scale", "statistic"),
    "outgoing": ("outgoing",),
}


def check_claims(layers: Sequence[Layer], module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError` for layers that are not what they are said to be.

    What is no error of sizes passes all that is tried out on a network, and gives other norms: so a bias that
    is said to be incoming, or layers whose names are each other's.
    """
    tensors, roles = own_tensors(module), _roles(module)
    for layer in layers:
        for part in layer.parts:
            sizes = tensors[part.tensor].shape if part.tensor in tensors else ()
            if not -1 < part.axis < len(sizes) or sizes[part.axis] != layer.units * part.repeat:
                needed = f"a tensor of {layer.units * part.repeat} along axis {part.axis} is needed"
                raise _refused(layer, f"{part.tensor} {tuple(sizes)}", needed)
            accepted = roles.get((part.tensor, part.axis)) or _roles_by_shape(tensors[part.tensor], part)
            if part.role not in accepted:
                said = f"{part.tensor} as {part.role} along axis {part.axis}"
                raise _refused(layer, said, f"it is {' or '.join(accepted)} there")
        roles_there = {part.role for part in layer.parts}
        if missing := [side for side in _SIDES if side not in roles_there]:
            raise _refused(layer, f"no {missing[0]} part", "units have incoming and outgoing weights")
    for side, of_side in _SIDES.items():
        counts = Counter(part.tensor for layer in layers for part in layer.of(*of_side))
        if twice := [name for name, count in counts.items() if count > 1]:
            needed = "every tensor is on one incoming and one outgoing side at most"
            raise RequestError("network", f"{twice[0]} on {counts[twice[0]]} {side} sides", needed)
    _check_names(layers, module, x)


def _roles(module: nn.Module) -> dict[tuple[str, int], tuple[Role, ...]]:
    """By tensor and axis, what the tensors of ordinary modules are to the units that are numbered there."""
    found: dict[tuple[str, int], tuple[Role, ...]] = {}
    for path, inside in module.named_modules():
        if isinstance(inside, PRODUCERS):
            weight = name_of(path, "weight")
            found |= {(weight, 0): ("incoming",), (weight, 1): ("outgoing",)}
    for path in normalisations(module):
        found |= {(name_of(path, name), 0): (role,) for name, role in NORMALISED.items()}
    return found


def _roles_by_shape(tensor: Tensor, part: Part) -> tuple[Role, ...]:
    """The same of all others: of weights nothing says on which side of a unit they are."""
    return ("bias",) if tensor.numel() == tensor.shape[part.axis] else ("incoming", "outgoing")


def _check_names(layers: Sequence[Layer], module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    """Results are kept by the names of layers: none has another module's. Layers stand as they run."""
    for layer in layers:
        if "/" in layer.name:
            raise RequestError("network", f"layer {layer.name}", "results are kept by names without a /")
    named = {layer.name for layer in layers}
    if "" in named or len(named) < len(layers):
        given = f"layers {', '.join(layer.name or '(no name)' for layer in layers)}"
        raise RequestError("network", given, "each needs a name of its own")
    makers = {layer.name: _makers(layer) for layer in layers}
    order = order_of(module, x, {path for paths in makers.values() for path in paths})
    others, begins = {path for path, _ in module.named_modules()}, dict[str, int]()
    for name, own in makers.items():
        if name in others and not any(path == name or path.startswith(f"{name}.") for path in own):
            needed = f"the path of another module; its units are made in {' and '.join(own) or 'none'}"
            raise RequestError("network", f"layer {name}", needed)
        if ran := [path for path in order if path in own]:
            begins[name] = order.index(ran[0])
    if (wanted := sorted(begins, key=lambda name: begins[name])) != [*begins]:
        needed = f"they stand in the order in which they run: {', '.join(wanted)}"
        raise RequestError("network", f"layers {', '.join(begins)}", needed)


def _makers(layer: Layer) -> list[str]:
    """Paths of the modules that make its units; the module itself, which has no path, names nothing."""
    paths = [part.tensor.rpartition(".")[0] for part in layer.of("incoming")]
    return [path for path in dict.fromkeys(paths) if path]


def _refused(layer: Layer, what: str, accepted: str) -> RequestError:
    return RequestError("network", f"layer {layer.name}: {what}", accepted)
