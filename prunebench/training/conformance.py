"""What every reference network must satisfy, checked on two of them and a few training steps."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.device import torch_threads
from prunebench.errors import RequestError, in_words
from prunebench.networks import Networks
from prunebench.networks.build import architecture, build, module_of
from prunebench.networks.global_generators import by_global_seeds, generator_states
from prunebench.networks.module import own_tensors
from prunebench.networks.network import Network
from prunebench.networks.proof import half_of
from prunebench.plugin.conformance import Checks, Remark, Violation
from prunebench.tasks.task import Task
from prunebench.training.order import PAD, minibatch_order
from prunebench.training.recipe import Recipe
from prunebench.training.state import State
from prunebench.training.train import train
from prunebench.words import plural

# Of a sample: a network is checked on the first that it takes, or on the one that is asked for.
SHAPES = ((1, 12, 12), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 224, 224), (30,), (1, 8, 8), (6, 8))
OUTPUTS, SEEDS, SAMPLES, STEPS = 3, (3, 11), 12, 6
NAMED = 6  # of many tensors
# Rounding in float64, as a share of the largest number that is compared.
TOLERANCE = 1e-9

_shapes: ContextVar[tuple[tuple[int, ...], ...]] = ContextVar("shapes", default=SHAPES)


@contextmanager
def _samples_of(shape: Sequence[int] | None = None) -> Iterator[None]:
    """On samples of this shape alone; None: of those above. On one thread."""
    token = _shapes.set(SHAPES if shape is None else (tuple(shape),))
    try:
        with torch_threads():
            yield
    finally:
        _shapes.reset(token)


NETWORK_CHECKS: Checks[Network] = Checks(
    raised=("a module that is built, computes and learns", "see the traceback"),
    lost=(
        f"an answer for {len(SEEDS)} networks and {SAMPLES} samples in a moment",
        "a loop that does not end, a call that ends the process, or a network that is large (--timeout)",
    ),
    during=_samples_of,
)
_BUILDS = ("builds",)
_COMPUTES = ("builds", "seeds", "no draws", "samples")


@NETWORK_CHECKS.add("builds")
def _builds(network: Network) -> str:
    found = architecture(network, _shape(network), OUTPUTS)
    layers = ", ".join(f"{layer.name} ({layer.units})" for layer in found.layers)
    return f"for samples of {found.shape} layers {layers}"


@NETWORK_CHECKS.add("seeds", _BUILDS)
def _seeds(network: Network) -> str:
    batch, alone = _networks(network, *SEEDS), _networks(network, SEEDS[1])
    cause = "numbers drawn by numpy or random, or state that is kept between calls: draw by torch alone"
    for name, tensor in batch.tensors.items():
        if not torch.equal(tensor[1], alone[name][0]):
            seen = f"{name} of seed {SEEDS[1]} alone and in a batch with {SEEDS[0]} differ"
            raise Violation(seen, "the seed's network, whatever was built before it", cause)
    same = {n: tensor[0] for n, tensor in batch.trained.tensors.items() if torch.equal(tensor[0], tensor[1])}
    # Zeros, ones and the identity are meant to be the same: they have no more than two values.
    drawn = [name for name, tensor in same.items() if len(tensor.unique()) > 2]
    if drawn or len(same) == len(batch.trained.tensors):
        cause = "torch.manual_seed in build, a generator of its own seed, or weights that are not drawn"
        seen = f"two seeds have the same weights: {_in_words(drawn or [*same])}"
        raise Violation(seen, "other initial weights for each seed", cause)
    return "a seed alone is the seed in a batch, to the bit"


@NETWORK_CHECKS.add("no draws", _BUILDS)
def _no_draws(network: Network) -> str:
    module, x = _module(network, SEEDS[0]), _samples(_shape(network))
    expected, cause = "logits that depend on samples and weights alone", "numbers drawn in forward"
    moved = []

    def compute() -> Tensor:
        before = generator_states()
        logits: Tensor = copy.deepcopy(module).train()(x)
        moved.append(generator_states() != before)
        return logits

    with torch.no_grad():
        one, other = by_global_seeds(compute, x.device)
    if any(moved):
        raise Violation("a global generator of torch, Python or NumPy has moved", expected, cause)
    _compare(one, other, "with other random seeds the logits differ by", expected, cause)
    return "forward draws nothing, in training either"


@NETWORK_CHECKS.add("samples", _BUILDS)
def _samples_are_independent(network: Network) -> str:
    module, x = _module(network, SEEDS[0]).eval(), _samples(_shape(network))
    with torch.no_grad():
        together, alone = module(x), torch.cat([module(sample[None]) for sample in x])
    expected = "in evaluation mode, the same logits for a sample alone and among others"
    cause = "a mean over the batch, or statistics of the batch in evaluation mode"
    _compare(together, alone, "a sample's logits alone and among others differ by", expected, cause)
    return "a sample's logits do not depend on the others, in evaluation mode"


@NETWORK_CHECKS.add("parts", _BUILDS)
def _parts(network: Network) -> str:
    found = architecture(network, _shape(network), OUTPUTS)
    parts = {part.tensor for layer in found.layers for part in layer.parts}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.module.named_parameters()}
    rest = [name for name in found.trainable if name not in parts and shapes[name] != (OUTPUTS,)]
    if rest:
        raise Remark(f"of no unit, and left as it is by pruning: {_in_words(rest)}")
    return f"{len(parts)} tensors, every weight in a part"


@NETWORK_CHECKS.add("keep = gate", _COMPUTES)
def _keep_is_gate(network: Network) -> str:
    networks, x = _networks(network, *SEEDS).to(dtype=torch.float64), _samples(_shape(network))
    kept, gates = half_of(networks, networks.layers, torch.Generator().manual_seed(5))
    seen = "with a half of the units removed, and with the others gated, the logits differ by"
    cause = "units that are read by something that is no layer, or an override of layers() that misses a part"
    _compare(networks.gated(gates).logits(x), networks.keep(kept).logits(x), seen, "the same logits", cause)
    return "removing units is switching them off"


@NETWORK_CHECKS.add("unit order", _COMPUTES)
def _order_is_nothing(network: Network) -> str:
    networks, x = _networks(network, *SEEDS).to(dtype=torch.float64), _samples(_shape(network))
    draw = torch.Generator().manual_seed(6)
    orders = {
        layer.name: torch.stack([torch.randperm(layer.units, generator=draw) for _ in SEEDS])
        for layer in networks.layers
    }
    seen, cause = "with the units in another order the logits differ by", "a unit's number used in forward"
    _compare(networks.logits(x), networks.keep(orders).logits(x), seen, "the same logits in any order", cause)
    return "units in any order give the same logits"


@NETWORK_CHECKS.add("training", _COMPUTES)
def _training(network: Network) -> str:
    shape = _shape(network)
    x, y = _samples(shape, SAMPLES).float(), torch.arange(SAMPLES) % OUTPUTS
    task = Task(x, y, x, y, name="conformance")
    recipe = Recipe(network=network, learning_rate=0.01, batch_size=5, steps=STEPS)
    start = State(_networks(network, *SEEDS).to(dtype=torch.float64))
    trained = partial(train, task, recipe, seeds=SEEDS, start=start, device="cpu", dtype=torch.float64)
    finals = {engine: trained(engine=engine).final for engine in ("plain", "together")}
    expected = "the weights that torch.optim.SGD gives"
    cause = "a forward pass that changes tensors in place, or that does not go through torch.func"
    for place, seed in enumerate(SEEDS):
        module = _module(network, seed).train()
        optimiser = torch.optim.SGD(module.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
        for row in minibatch_order(SAMPLES, recipe.batch_size, STEPS, seed):
            batch = row[row != PAD]
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(x[batch].double()), y[batch]).backward()
            optimiser.step()
        own = own_tensors(module)
        for engine, final in finals.items():
            for name, tensor in final.tensors.items():
                seen = f"{name} differs after {STEPS} steps of the engine {engine} by"
                _compare(own[name].detach(), tensor[place], seen, expected, cause)
    return "alone and together it trains as torch.optim.SGD does"


@NETWORK_CHECKS.add("derivatives", _COMPUTES)
def _derivatives(network: Network) -> str:
    networks, x = _networks(network, SEEDS[0]), _samples(_shape(network))
    y = torch.arange(len(x)) % OUTPUTS
    taken: dict[str, Callable[[], Mapping[str, Tensor]]] = {
        "a gradient": lambda: networks.gradient(x, y).tensors,
        "a product with the Hessian": lambda: networks.hessian_vector_product(networks, x, y).tensors,
        "a gradient of each sample": lambda: networks.fisher_diagonal(x, y).tensors,
        "a gradient by gates": lambda: {"gates on units": networks.gate_gradients(x, y)},
    }
    expected = "finite derivatives by weights and gates, and second ones: scorers ask for them"
    lacking = []
    for what, take in taken.items():
        try:
            found = take()
        except Exception as error:  # whatever PyTorch raises where an operation has no such derivative
            lacking.append(f"no {what.removeprefix('a ')}, for which some scorers ask ({in_words(error)})")
            continue
        if wrong := [name for name, tensor in found.items() if not tensor.isfinite().all()]:
            cause = "a root, a logarithm or a division at 0 in forward"
            raise Violation(f"{what} is not finite: {_in_words(wrong)}", expected, cause)
    if lacking:
        raise Remark("; ".join(lacking))
    return f"{', '.join(taken)}: all finite"


@NETWORK_CHECKS.add("size", _COMPUTES, reports=True)
def _size(network: Network) -> str:
    networks, shape = _networks(network, SEEDS[0]), _shape(network)
    numbers = sum(tensor.numel() for tensor in networks.trained.tensors.values())
    x, y = _samples(shape, 32), torch.arange(32) % OUTPUTS
    began = time.perf_counter()
    networks.gradient(x, y)
    seconds = time.perf_counter() - began
    return (
        f"{plural(len(networks.layers), 'layer')}, {plural(networks.units, 'unit')}, "
        f"{plural(numbers, 'trained number')}; a gradient of 32 samples of {shape} takes "
        f"{1000 * seconds:.0f} ms on one thread"
    )


def _shape(network: Network) -> tuple[int, ...]:
    """Of a sample: the first that it takes, of those that are tried."""
    refused: dict[str, str] = {}  # what is said of several shapes is told of the first
    for shape in _shapes.get():
        try:
            architecture(network, shape, OUTPUTS)
        except RequestError as error:
            refused.setdefault(str(error).replace(str(shape), ""), f"{shape}: {error}")
        else:
            return shape
    raise Violation(
        "; ".join(refused.values()),
        f"logits (samples, {OUTPUTS}), and units that can be removed, for samples of one of these shapes",
        "a module that cannot be taken, or an error in build",
    )


def _in_words(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _networks(network: Network, *draws: int) -> Networks:
    return build(network, _shape(network), OUTPUTS, draws)


def _module(network: Network, seed: int) -> nn.Module:
    """The author's own module, in float64."""
    return module_of(network, _shape(network), OUTPUTS, seed).double()


def _samples(shape: tuple[int, ...], samples: int = 6) -> Float[Tensor, "samples ..."]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn((samples, *shape), generator=draw, dtype=torch.float64)


def _compare(a: Tensor, b: Tensor, seen: str, expected: str, cause: str) -> None:
    """Raises a `Violation` where the two differ by more than rounding; what is `seen` ends with "by"."""
    a, b = a.double(), b.double()  # buffers may be masks, of yes and no
    difference = float(torch.where(a == b, 0.0, (a - b).abs()).max())  # infinite constants are equal ones
    largest = float(torch.where(a.isfinite(), a, 0.0).abs().max())
    if not difference <= TOLERANCE * largest:
        raise Violation(f"{seen} {difference:.2g}, where the largest is {largest:.2g}", expected, cause)
