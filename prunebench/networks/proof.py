"""What is tried out on a module before it is trained: what forward does, and that its units can go."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn
from torch.func import functional_call, vmap

from prunebench.counting import counted
from prunebench.errors import RequestError, one_line
from prunebench.networks.global_generators import generator_states
from prunebench.networks.layers import Layer
from prunebench.networks.module import own_tensors, with_tensors
from prunebench.networks.networks import Networks, Side

# Of the largest effect that units have, and of the largest logit: in float64 far above rounding, and far
# below what a unit does.
TOLERANCE, ROUNDING = 1e-8, 1e-12
# Of the largest logit: what may differ between equal forward passes in float32.
_REPEATED = 1e-4
# The cosine of what a unit reads by and its gradient, where its length means nothing: 0, but for what keeps a
# normalisation from dividing by 0. Normalised before the nonlinearity that is the weights', behind it the
# weights' and the bias's together.
_NO_LENGTH = 1e-3
_READ_BY: tuple[tuple[Side, ...], ...] = (("incoming",), ("incoming", "bias"))
_REMOVED = (
    "the network must be the same whether they are switched off or removed: what reads them is no layer but "
    "a normalisation, softmax or mean over units, say, they are added to the inputs, or a size is written "
    "into forward"
)
_LINEAR = (
    "what reads them must be linear in its weights for them: normalised weights, or powers of them, are not "
    "as long as norms and scorers say"
)
_ATTRIBUTES = (
    "without some of them it is another network as a module than as tensors: forward reads a size from an "
    "attribute (self.in_features), where the shape of a tensor is needed"
)


@torch.no_grad()
def logits_of(
    module: nn.Module, x: Float[Tensor, "samples ..."], when: str = ""
) -> Float[Tensor, "samples outputs"]:
    """What the module gives. Raises `RequestError` where that is none, or no logits."""
    with explained(f"inputs of shape {tuple(x.shape[1:])}", f"it cannot take them{when}"):
        logits = module(x)
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
        accepted = "logits of shape (samples, classes) are needed"
        raise RequestError("network", f"outputs of {found}{when}", accepted)
    return logits


def order_of(module: nn.Module, x: Float[Tensor, "samples ..."], paths: Iterable[str]) -> list[str]:
    """Paths of modules inside it in the order in which they run, one for each time."""
    order: list[str] = []
    with ExitStack() as stack:
        for path in paths:
            inside = module.get_submodule(path)
            hook = inside.register_forward_hook(lambda *_, path=path: order.append(path))
            stack.callback(hook.remove)
        logits_of(module, x)
    return order


def check_forward(module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError` for a module that gives no logits, or that changes its inputs, in training too.

    Nor may it put other tensors in place of its own, or change these in evaluation.
    """
    for training in (False, True):
        own, given = copy.deepcopy(module).train(training), _samples(x)
        tensors = own_tensors(own)
        before = {name: tensor.clone() for name, tensor in tensors.items()}
        logits = logits_of(own, given, " in training" * training)
        if bool((logits >= 0).all()) and torch.allclose(logits.sum(dim=1), logits.new_ones(len(logits))):
            accepted = "logits are needed, as they are before softmax, which the loss takes itself"
            raise RequestError("network", "outputs that are probabilities", accepted)
        if not training:
            logits_of(own, given[:1], " for one sample")
        if not torch.equal(given, _samples(x)):
            accepted = "forward must leave its inputs as they are: all networks read the same"
            raise RequestError("network", "inputs that are changed in place", accepted)
        if training:
            _check_used(own, given)
        replaced = [name for name, tensor in own_tensors(own).items() if tensor is not tensors.get(name)]
        if replaced:
            accepted = "it must be written into (copy_, mul_): what is put in its place is not kept"
            raise RequestError("network", f"a forward pass that assigns to {replaced[0]}", accepted)
        changed = [name for name, tensor in tensors.items() if not _same(tensor, before[name])]
        if changed and not training:
            accepted = "in evaluation a network must leave its own numbers as they are"
            raise RequestError("network", f"a forward pass that changes {changed[0]}", accepted)


def _check_used(module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    trained = {name: tensor for name, tensor in module.named_parameters() if tensor.requires_grad}
    if not trained:
        raise RequestError("network", "nothing that is trained", "parameters that need a gradient are needed")
    logits = module(x)
    idle = next(iter(trained), None)
    if logits.requires_grad:
        with explained("a forward pass that has no gradient", "training needs one, and here it raises"):
            found = torch.autograd.grad(logits.sum(), list(trained.values()), allow_unused=True)
        idle = next((name for name, own in zip(trained, found, strict=True) if own is None), None)
    if idle is not None:
        accepted = "the logits must depend on all that is trained (requires_grad_(False) leaves it as it is)"
        raise RequestError("network", f"no gradient of {idle}", accepted)


def check_draws(module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError` for a module that draws random numbers when it is trained, naming the place.

    Engines would draw others, and a network would no longer be what its seed says. That a generator moved is
    seen where what was drawn changed nothing, too, as most layers that are left out by chance. So it is with
    all else that a forward pass depends on beside inputs and tensors, as a count of its calls.
    """
    module, x = copy.deepcopy(module).train(), _samples(x)
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    states: list[tuple[object, ...]] = []
    drew: list[str] = []

    def begins(*_: object) -> None:
        states.append(generator_states())

    def ends(path: str, inside: nn.Module) -> None:
        if states.pop() != generator_states():
            drew.append(f"random numbers of {type(inside).__name__} ({path or 'the module itself'})")

    for path, inside in module.named_modules():
        inside.register_forward_pre_hook(begins)
        inside.register_forward_hook(lambda inside, *_, path=path: ends(path, inside))
    with torch.no_grad():
        once = module(x).clone()
        for buffer, before in buffers:
            buffer.copy_(before)
        again = module(x)
    if drew:  # the innermost ends first
        accepted = "training draws the order of the samples alone: leave it out, or dropout with p=0"
        raise RequestError("network", drew[0], accepted)
    once, again = once.nan_to_num(), again.nan_to_num()
    if not _equal(once, again, _REPEATED * once.abs().max()):
        accepted = "in training it may depend on inputs and tensors alone, on no noise and no count of calls"
        raise RequestError("network", "a forward pass that is another one when repeated", accepted)


def check_units(networks: Networks, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError` for what networks of one seed cannot do, naming the layer where it is of one.

    Samples must not depend on each other, forward must not depend on numbers, there must be gradients, in
    float64, a unit that is gated and one that is removed must be the same, as must a unit and two that share
    what reads it, and its incoming weights must have a length that means something. On other weights than
    the networks' own: those may hide what units do.
    """
    draw = torch.Generator().manual_seed(0)
    trainable = networks.architecture.trainable
    networks = networks.like(
        {name: _drawn(tensor, name in trainable, draw) for name, tensor in networks.tensors.items()}
    )
    given = _samples(x)
    x = given.double()
    with counted(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is slow when it is mapped
        _check_dtype(networks, given)
        _check_samples(networks, x)
        _check_training(networks, x)
        if (fault := _fault(networks, x, networks.layers, draw)) is not None:
            for layer in networks.layers:
                if (own := _fault(networks, x, [layer], draw)) is not None:
                    raise RequestError("network", f"units of layer {layer.name}", own)
            raise RequestError("network", "units", fault)
        _check_lengths(networks, x, draw)


def _samples(x: Float[Tensor, "samples ..."]) -> Float[Tensor, "samples ..."]:
    """Inputs shaped like these, the same at every call."""
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(x)


def _drawn(tensor: Shaped[Tensor, "1 ..."], trained: bool, draw: torch.Generator) -> Shaped[Tensor, "1 ..."]:
    """Other numbers: of weights and biases any, of the rest in place of equal ones, such as zeros."""
    if not tensor.is_floating_point():
        return tensor.cpu()
    other = torch.randn(tensor.shape, generator=draw).double()
    if trained and tensor.ndim > 2:
        return other.mul_((2 / tensor[0, 0].numel()) ** 0.5)
    if trained:
        return other.abs_().add_(0.1)
    equal = bool((tensor == tensor.flatten()[:1]).all())
    return tensor.cpu().double() + (0.1 * other.abs() if equal else 0)


def _check_dtype(networks: Networks, x: Float[Tensor, "samples ..."]) -> None:
    """All must do in the floating type of the inputs: networks are trained in float32, whatever they were."""
    what = f"a forward pass in {str(x.dtype).removeprefix('torch.')}"
    with explained(what, "networks are trained in it, and here it raises"), torch.no_grad():
        networks.to(dtype=x.dtype).logits(x)


def _check_samples(networks: Networks, x: Float[Tensor, "samples ..."]) -> None:
    """Each sample alone must give what it gives among others, in a forward pass that `vmap` can take."""
    module, one = networks.architecture.own_module, {n: tensor[0] for n, tensor in networks.tensors.items()}
    with explained("a forward pass in float64", "scorers compute in it, and here it raises"):
        together = functional_call(module, one, (x,))
    what = "a forward pass that torch.func.vmap cannot take"
    with explained(what, "it must do the same whatever numbers it is given"), torch.no_grad():
        alone = vmap(lambda sample: functional_call(module, one, (sample[None],))[0])(x)
    if not _equal(together, alone, ROUNDING * together.abs().max()):
        accepted = "in evaluation a sample's logits must be the same whatever others are beside it"
        raise RequestError("network", "samples that depend on each other", accepted)


def _check_training(networks: Networks, x: Float[Tensor, "samples ..."]) -> None:
    """Several networks must be able to train at once: to be mapped is more than evaluation asks for."""
    module = copy.deepcopy(networks.architecture.module).train()
    trained = {name: tensor.detach().requires_grad_() for name, tensor in networks.trained.tensors.items()}
    rest = {name: tensor.clone() for name, tensor in networks.tensors.items() if name not in trained}

    def output(trained: dict[str, Tensor], rest: dict[str, Tensor]) -> Tensor:
        return functional_call(module, (trained, rest), (x,)).sum()

    what = "a training that torch.func.vmap cannot take"
    with explained(what, "forward must do the same whatever numbers it is given, and have a gradient"):
        # `vmap(grad(output))` would do, too, but it imports PyTorch's compiler, for a second.
        torch.autograd.grad(vmap(output)(trained, rest).sum(), list(trained.values()))


def half_of(
    networks: Networks, layers: Sequence[Layer], draw: torch.Generator
) -> tuple[dict[str, Int64[Tensor, "seeds kept"]], Float[Tensor, "seeds units"]]:
    """Any half of these layers' units, in any order, to be kept; and gates that switch off the others."""
    kept, gates = {}, torch.ones(networks.seeds, networks.units)
    for layer, own in networks.architecture.by_layer(gates):
        if layer in layers:
            orders = [torch.randperm(layer.units, generator=draw) for _ in range(networks.seeds)]
            kept[layer.name] = torch.stack(orders)[:, : max(1, layer.units // 2)]
            own.zero_().scatter_(1, kept[layer.name], 1)
    return kept, gates


def _fault(
    networks: Networks, x: Float[Tensor, "samples ..."], layers: Sequence[Layer], draw: torch.Generator
) -> str | None:
    """What should be so, where any half of these layers' units, in any order, is not what units must be."""
    kept, gates = half_of(networks, layers, draw)
    gated = networks.gated(gates).logits(x)
    effect, largest = (gated - networks.logits(x)).abs().max(), gated.abs().max()
    allowed = torch.maximum(TOLERANCE * effect, ROUNDING * largest)
    few = networks.keep(kept)
    try:
        removed = few.logits(x)
    except RequestError:
        raise
    except Exception:  # whatever a module raises whose sizes do not fit any more
        return _REMOVED
    if not _equal(gated, removed, allowed):
        return _REMOVED
    shared = _shared(networks, kept, draw)
    module = with_tensors(shared.architecture.module, {name: own[0] for name, own in shared.tensors.items()})
    with explained("a module of fewer units", "it is what a pruned network is, and here it raises"):
        alone = logits_of(module, x)
    if _equal(removed[0], alone, allowed):
        return None
    return _ATTRIBUTES if _equal(removed, shared.logits(x), allowed) else _LINEAR


def _shared(
    networks: Networks, kept: dict[str, Int64[Tensor, "seeds kept"]], draw: torch.Generator
) -> Networks:
    """Of the units that are kept, half beside a copy: one is read by more than its weights, one by the rest.

    Together they are the unit, for what reads them is linear. They are no more than there were before.
    """
    copies = {name: own[:, : (own.shape[1] + 1) // 2] for name, own in kept.items()}
    both = networks.keep({name: torch.cat([own, copies[name]], dim=1) for name, own in kept.items()})
    shares = torch.ones(networks.seeds, both.units)
    for layer, own in both.architecture.by_layer(shares):
        if layer.name in kept:
            number = copies[layer.name].shape[1]
            share = torch.rand((networks.seeds, number), generator=draw) + 1.5
            own[:, :number] = share
            own[:, -number:] = 1 - share  # negative: what reads by the size of weights alone is found, too
    return both.gated(shares)


def _check_lengths(networks: Networks, x: Float[Tensor, "samples ..."], draw: torch.Generator) -> None:
    """The length of what a unit reads by must move the logits, unless batch normalisation follows."""
    weights = torch.randn(len(x), networks.outputs, generator=draw)
    with explained("a gradient in float64", "scorers need it, and here it raises"):
        y = torch.zeros(len(x), dtype=torch.int64)
        gradient = networks.gradient(x, y, loss=lambda logits, _: (logits * weights.to(logits)).sum((1, 2)))
    pairs = (networks, gradient), (networks, networks), (gradient, gradient)
    products = [one.map(torch.mul, other) for one, other in pairs]
    for sides in _READ_BY:
        along, lengths, pulls = (product.unit_sums(*sides)[0] for product in products)
        means_nothing = along.abs() <= _NO_LENGTH * (lengths * pulls).sqrt()
        for number, layer in enumerate(networks.layers):
            own = networks.architecture.layer_of == number
            if not layer.of("statistic") and pulls[own].any() and means_nothing[own].all():
                accepted = (
                    "the length of their weights must mean something: no normalisation but that of batches"
                )
                raise RequestError("network", f"units of layer {layer.name}", accepted)


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _equal(one: Tensor, other: Tensor, tolerance: Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= tolerance)


@contextmanager
def explained(what: str, accepted: str) -> Iterator[None]:
    """Raises what a module raises as one line that says what it was about."""
    try:
        yield
    except RequestError:
        raise
    except Exception as error:
        raise RequestError("network", what, f"{accepted}: {one_line(str(error), 200)}") from error
