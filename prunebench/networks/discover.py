"""Layers and parts of any module, found by Torch-Pruning's dependency graph (Fang et al. 2023, DepGraph)."""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, get_args

from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import RequestError
from prunebench.networks.layers import Layer, Part, Role
from prunebench.networks.module import (
    CONVOLUTIONS,
    NORMALISATIONS,
    NORMALISED,
    PRODUCERS,
    name_of,
    normalisations,
    own_tensors,
)
from prunebench.networks.proof import explained, order_of

_KNOWN = PRODUCERS + NORMALISATIONS
# What a unit's numbers are to it, in a layer that produces it, and in one that reads it.
_PRODUCED: dict[str, Role] = {"weight": "incoming", "bias": "bias"}
_READ: dict[str, Role] = {"weight": "outgoing"}

_NEEDED = "needed are linear layers, ordinary convolutions and batch normalisation, each used once"
# Where the rest of the network may well have layers that can be pruned.
_OR_NAMED = "; or name the layers to prune by layers() (docs/writing-a-network.md)"
# The graph says that it is so, not why.
_APART = (
    "units that are not read whole, one beside the other, as they are made",
    "they may not be concatenated, split, transposed, normalised together or flattened with positions before "
    "them, nor may a function read by the weights of a layer" + _OR_NAMED,
)


def find_layers(module: nn.Module, x: Float[Tensor, "samples ..."]) -> tuple[Layer, ...]:
    """The prunable layers in the order in which they run on `x`, which only its shape counts of.

    Linear layers and convolutions produce units; what reads them, and batch normalisation in between, belongs
    to the units; those that are added up by shortcuts are one. What produces the output is not prunable.

    Raises `RequestError`, naming the place in the module, for what cannot be taken: grouped and transposed
    convolutions, modules that are used twice or never, tied parameters, attention and recurrence,
    normalisation over units, parameters of no such module, units that are concatenated, reshaped on one of
    two ways that meet, or read both with and without batch normalisation, and nothing to prune. Whoever knows
    which layers can be pruned beside such things names them by `Network.layers`.
    """
    module = copy.deepcopy(module).eval()
    _check_modules(module)
    module.requires_grad_()  # what is frozen counts, and Torch-Pruning goes by what leads to gradients
    modules = module.named_modules()
    names: dict[nn.Module, str] = {one: path for path, one in modules if isinstance(one, _KNOWN)}
    tensors = own_tensors(module)
    order = _order(module, x, names)
    layers = []
    for group in _groups(module, x, names):
        found = list(_parts(group, names))
        produced = [path for path, (_, _, role), _ in found if role == "incoming"]
        if not any(role == "outgoing" for _, (_, _, role), _ in found):
            continue  # the output
        first = min(produced, key=order.index)
        _check_normalised(group, first)
        units = len(tensors[name_of(first, "weight")])
        parts = []
        for path, (tensor, axis, role), indices in found:
            repeat = len(indices) // units
            all_of_them = sorted(indices) == list(range(tensors[tensor].shape[axis]))
            whole = all_of_them and len(indices) == repeat * units
            if not whole or (repeat > 1 and role == "incoming"):
                raise _refused(path, *_APART)
            parts.append(Part(tensor, axis, role, repeat))
        parts.sort(key=lambda part: get_args(Role).index(part.role))
        layers.append(Layer(first, units, tuple(parts)))
    _check_layers(layers, module)
    return tuple(sorted(layers, key=lambda layer: order.index(layer.name)))


_Found = tuple[str, tuple[str, int, Role], list[int]]


def _groups(module: nn.Module, x: Tensor, names: dict[nn.Module, str]) -> Iterator[Any]:
    """Tensors' axes that can only be pruned together, one group for each layer."""
    import torch_pruning

    _leave_positions()
    with explained(type(module).__name__, "Torch-Pruning cannot follow it"):
        graph = torch_pruning.DependencyGraph().build_dependency(module, example_inputs=x)
    _check_ways(graph, names)
    yield from graph.get_all_groups(root_module_types=list(PRODUCERS))


def _leave_positions() -> None:
    """Have slices of positions, as of circular padding, do nothing to units in Torch-Pruning's graphs.

    It takes them for slices of units in volumes, and in sequences of convolutions, where units come before
    positions and not after; to follow those of circular padding then has no end. In all graphs of this
    process, for scorers make their own.
    """
    from torch_pruning.dependency import index_mapping

    original = index_mapping.update_slice_index_mapping
    if original.__module__ == __name__:
        return

    def corrected(graph: Any, node: Any) -> None:
        axes = len(node.grad_fn._saved_self_sym_sizes)
        of_units = 1 if axes > 3 or (axes == 3 and _is_of_convolution(node)) else axes - 1
        if (node.module.dim if node.module.dim < axes else axes - 1) == of_units:
            original(graph, node)

    index_mapping.update_slice_index_mapping = corrected


def _is_of_convolution(node: Any) -> bool:
    """Whether the nearest producer of what a node reads is a convolution, whatever stands in between."""
    near, seen = list(node.inputs), {node}
    for one in near:
        if isinstance(one.module, PRODUCERS):
            return isinstance(one.module, CONVOLUTIONS)
        seen.add(one)
        near += [other for other in one.inputs if other not in seen]
    return False


def _check_ways(graph: Any, names: dict[nn.Module, str]) -> None:
    """Raises `RequestError` where a unit has other columns on two ways that meet.

    So it is in the graphs of `local_response_norm`, of gates made by reshaping and of units that a slice of
    them multiplies. To follow such ways has no end: with every round the columns are more, or further on.
    """
    from torch_pruning.dependency.index_mapping import update_index_mapping

    update_index_mapping(graph)
    for module, root in graph.module2node.items():
        if not isinstance(module, PRODUCERS):
            continue
        start = (root, graph.get_pruner_of_module(module).prune_out_channels)
        ways, left = {start: (Fraction(1), Fraction(0))}, [start]
        while left:
            node, handler = state = left.pop()
            for dependency in node.dependencies:
                if not dependency.is_triggered_by(handler):
                    continue
                columns, first = ways[state]
                for mapping in dependency.index_mapping:
                    columns, first = _followed(mapping, columns, first)
                target = (dependency.target, dependency.handler)
                if target not in ways:
                    ways[target] = columns, first
                    left.append(target)
                elif ways[target][0] != columns:
                    raise _refused(
                        f"after {names[module]}", "units that are reshaped on one of two ways that meet"
                    )
                elif ways[target][1] != first:
                    raise _refused(names[module], *_APART)


def _followed(mapping: Any, columns: Fraction, first: Fraction) -> tuple[Fraction, Fraction]:
    """How many columns a unit has behind a step of the graph, and where those of the first one begin.

    A flatten multiplies both, and a slice moves the units.
    """
    back = getattr(mapping, "reverse", False)
    if (stride := getattr(mapping, "_stride", None)) is not None:
        return (columns / stride, first / stride) if back else (columns * stride, first * stride)
    if (begin := getattr(mapping, "start", None)) is not None:
        step = Fraction(mapping.step)
        return columns, first * step + begin if back else (first - begin) / step
    return columns, first


def _parts(group: Any, names: dict[nn.Module, str]) -> Iterator[_Found]:
    """The path of a module, the name, axis and role of its tensor, and the indices there."""
    for dependency, indices in group:
        inside = dependency.target.module
        if inside not in names:
            continue  # an operation without numbers of its own
        path, roles = names[inside], _PRODUCED
        if isinstance(inside, NORMALISATIONS):
            roles = NORMALISED
        elif dependency.handler.__name__ == "prune_in_channels":
            roles = _READ
        for name, role in roles.items():
            if getattr(inside, name) is not None:
                yield path, (name_of(path, name), int(role == "outgoing"), role), list(indices)


def _check_normalised(group: Any, name: str) -> None:
    """Raises `RequestError` for units that are read both with and without batch normalisation.

    Where it follows, its gain stands for the length of what a unit reads by, and where it does not, the
    length itself: one number for a unit cannot be both. What units are multiplied by, as by
    squeeze-and-excitation, is no length.
    """
    nodes = [dependency.target for dependency, _ in group]
    if not any(isinstance(node.module, NORMALISATIONS) for node in nodes):
        return
    made = [d.target for d, _ in group if d.handler.__name__ == "prune_out_channels"]
    left = [reads for node in made if isinstance(node.module, PRODUCERS) for reads in node.outputs]
    seen = set(left)
    while left:
        node = left.pop()
        if isinstance(node.module, PRODUCERS):
            raise _refused(name, "units that are read both with and without batch normalisation")
        multiplies = "MulBackward" in getattr(node.module, "_grad_fn", "")
        if not (multiplies or isinstance(node.module, NORMALISATIONS)):
            left += (more := [reads for reads in node.outputs if reads not in seen])
            seen.update(more)


def _order(module: nn.Module, x: Tensor, names: dict[nn.Module, str]) -> list[str]:
    """Paths of the modules in the order in which they run. `RequestError`: one of them runs twice."""
    order = order_of(module, x, names.values())
    times = Counter(order)
    for path in names.values():
        if not times[path]:
            raise _refused(path, "a module that is used never")
        if times[path] > 1:
            raise _refused(path, "a module that is used twice", _NEEDED + _OR_NAMED)
    return order


def _check_modules(module: nn.Module) -> None:
    for path, inside in module.named_modules():
        own = [name for name, _ in inside.named_parameters(recurse=False)]
        known = ("weight", "bias") if isinstance(inside, _KNOWN) else ()
        if other := [name for name in own if name not in known]:
            what = f"the parameter {other[0]} of {type(inside).__name__}"
            raise _refused(path, what, _NEEDED + _OR_NAMED)
        if isinstance(inside, CONVOLUTIONS) and inside.groups != 1:
            raise _refused(path, "a grouped convolution", _NEEDED + _OR_NAMED)
    for path, inside in module.named_modules():
        if isinstance(inside, nn.LocalResponseNorm | nn.CrossMapLRN2d):  # it does too little to be found out
            raise _refused(path, "normalisation over units", _NEEDED + _OR_NAMED)
        if isinstance(inside, NORMALISATIONS) and not (inside.track_running_stats and inside.momentum):
            raise _refused(path, "batch normalisation without running statistics that move by a momentum")
    for path, inside in normalisations(copy.deepcopy(module).train()).items():
        if not inside.training:
            raise _refused(path, "batch normalisation that stays in evaluation mode in training")
    first: dict[Tensor, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if first.setdefault(parameter, name) != name:
            raise _refused(name, f"a parameter that is {first[parameter]}, too")
    for path, inside in module.named_modules():
        for own, buffer in inside.named_buffers(path, recurse=False, remove_duplicate=False):
            if first.setdefault(buffer, own) != own:
                raise _refused(own, f"a buffer that is {first[buffer]}, too")


def _check_layers(layers: Sequence[Layer], module: nn.Module) -> None:
    if not layers:
        raise RequestError(
            "network", type(module).__name__, "a hidden layer is needed; it has an output alone"
        )
    for layer in layers:
        if layer.units < 2:
            raise RequestError("network", f"layer {layer.name}", "2 units at least are needed to rank them")


def _refused(path: str, what: str, accepted: str = _NEEDED) -> RequestError:
    return RequestError("network", f"{what} ({path or 'the module itself'})", accepted)
