"""How near training is to what the machine can do: `python ci/networks_rate.py [--quick] [--out FILE]`.

On one thread, by CPU time: large matrix products; the products and convolutions of a training step alone,
forward and backward, at the shapes that the built-in networks have; then the whole step by a module and
`torch.optim.SGD`, the same compiled by `torch.compile` (where there is a C++ compiler), JAX (where it is
installed; networks without batch normalisation) and the engine that `pb.train` chooses. All take turns in one
run, a slice each.
"""

import os
import shutil
import statistics
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is there: as importing prunebench does
# Before JAX is there: one thread for it too.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import networks_bench as bench
import torch
from engine_bench import gemm_rate
from torch import Tensor, nn

from prunebench.device import torch_threads
from prunebench.networks.module import PRODUCERS
from prunebench.training.engines import Problem
from prunebench.training.state import State

BATCHES = (4, 16, 64)
SIZE = 1200  # of matrices whose product is as fast as the machine can
WAYS = ("PyTorch", "torch.compile", "JAX", "engine")


def products() -> tuple[int, float]:
    """Large matrix products; a step is one of them."""
    a, b = torch.rand(2, SIZE, SIZE).unbind()
    for _ in range(5):
        torch.mm(a, b)
    return 5, 0.0


def bare_layers(problem: Problem, state: State, steps: int) -> tuple[bench.Slice, float]:
    """The layers of the first network with nothing in between, and their operations in a step.

    A multiply-add is two operations, made once forward, once for the weights' gradient, and once for the
    inputs' where there are weights before them.
    """
    module = state.networks.to_module(0).train()
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []
    operations = 0.0

    def record(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal operations
        x = inputs[0].detach().clone().requires_grad_(inputs[0].requires_grad)
        calls.append((layer, x, torch.rand_like(output)))
        weight = layer.get_parameter("weight")
        operations += 2 * output.numel() * weight[0].numel() * (2 + inputs[0].requires_grad)

    layers = [layer for layer in module.modules() if isinstance(layer, PRODUCERS)]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    module(problem.x[problem.orders[0, 0]])
    for hook in hooks:
        hook.remove()

    def run() -> tuple[int, float]:
        for _ in range(steps):
            for layer, x, upstream in calls:
                wanted = [*layer.parameters(), *([x] if x.requires_grad else [])]
                torch.autograd.grad(layer(x), wanted, upstream)
        return steps, 0.0

    return run, operations


def jax_loop(problem: Problem, state: State, steps: int) -> bench.Slice | None:
    """A step under `jax.jit`, in place; None without JAX, and for layers that JAX is not told of."""
    module = state.networks.to_module(0)
    if find_spec("jax") is None or not isinstance(module, nn.Sequential):
        return None
    jax: Any = import_module("jax")
    jnp = jax.numpy
    forward = [_in_jax(jax, layer) for layer in module]
    if None in forward:
        return None
    weights = [[jnp.asarray(t.detach().numpy()) for t in layer.parameters()] for layer in module]
    velocity = jax.tree.map(jnp.zeros_like, weights)
    x, y = jnp.asarray(problem.x.numpy()), jnp.asarray(problem.y.numpy())
    orders = [jnp.asarray(batch.numpy()) for batch in problem.orders[0, :steps]]

    def loss(weights: Any, batch: Any) -> Any:
        h = x[batch]
        for layer, own in zip(forward, weights, strict=True):
            assert layer is not None
            h = layer(h, *own)
        return -jnp.take_along_axis(jax.nn.log_softmax(h), y[batch][:, None], axis=1).mean()

    def step(weights: Any, velocity: Any, batch: Any) -> Any:
        gradient = jax.grad(loss)(weights, batch)
        velocity = jax.tree.map(lambda v, g: problem.recipe.momentum * v + g, velocity, gradient)
        return jax.tree.map(lambda w, v: w - problem.recipe.learning_rate * v, weights, velocity), velocity

    step = jax.jit(step, donate_argnums=(0, 1))

    def run() -> tuple[int, float]:
        nonlocal weights, velocity
        for batch in orders:
            weights, velocity = step(weights, velocity, batch)
        jax.block_until_ready(weights)
        return steps, 0.0

    return run


def _in_jax(jax: Any, layer: nn.Module) -> Callable[..., Any] | None:
    """The layer as a function of its inputs and its own weights; None for kinds that MLP and LeNet lack."""
    match layer:
        case nn.Flatten():
            return lambda h: h.reshape(len(h), -1)
        case nn.ReLU():
            return lambda h: jax.numpy.maximum(h, 0)
        case nn.Linear():
            return lambda h, weight, bias: h @ weight.T + bias
        case nn.MaxPool2d():
            size = (1, 1, layer.kernel_size, layer.kernel_size)
            return lambda h: jax.lax.reduce_window(h, -jax.numpy.inf, jax.lax.max, size, size, "VALID")
        case nn.Conv2d():
            padding = [(int(size), int(size)) for size in layer.padding]
            return lambda h, weight, bias: (
                jax.lax.conv_general_dilated(h, weight, (1, 1), padding) + bias[:, None, None]
            )
    return None


def compare(spec: str, batch: int, turns: int) -> tuple[bench.Costs, float]:
    """What a network-step costs each in each turn, and the operations of its layers."""
    problem, state = bench.problem_of(spec, batch, range(bench.SEEDS), bench.ORDERS)
    steps = bench.slice_steps(problem, state)
    bare, operations = bare_layers(problem, state, steps)
    can_compile = shutil.which("g++") is not None
    runs: dict[str, bench.Slice | None] = {
        "products": products,
        "bare layers": bare,
        "PyTorch": bench.torch_loop(problem, state, steps, 1),
        "torch.compile": bench.torch_loop(problem, state, steps, 1, compiled=True) if can_compile else None,
        "JAX": jax_loop(problem, state, steps),
        "engine": bench.ours(problem, state, max(1, steps // bench.SEEDS)),
    }
    return bench.measure({name: run for name, run in runs.items() if run is not None}, turns), operations


def row(spec: str, batch: int, costs: bench.Costs, operations: float) -> str:
    """Medians of milliseconds; in brackets the bare layers' part of them in the same turn."""
    large, bare = ([cpu for _, cpu in costs[name]] for name in ("products", "bare layers"))
    peak, rate = 2 * SIZE**3 / statistics.median(large), operations / statistics.median(bare)
    cells = [f"{operations / 1e6:,.1f}", f"{peak / 1e9:.0f}", f"{rate / 1e9:.0f} ({100 * rate / peak:.0f} %)"]
    for name in WAYS:
        cell = "-"
        if name in costs:
            share = statistics.median(least / cpu for least, (_, cpu) in zip(bare, costs[name], strict=True))
            cell = f"{1000 * statistics.median(cpu for _, cpu in costs[name]):.2f} ({100 * share:.0f} %)"
        cells.append(cell)
    return f"| {spec} | {batch} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, and write it where asked."""
    options = bench.read_options(str(__doc__), "one network, one batch size", 5)
    networks = options.network or (("lenet",) if options.quick else bench.NETWORKS)
    batches = options.batch or ((16,) if options.quick else BATCHES)
    load, count, everywhere = os.getloadavg()[0], torch.get_num_threads(), gemm_rate("cpu")
    with torch_threads(1):
        heads = ["network", "batch", "Mflop", "products, GFLOP/s", "bare layers, GFLOP/s", *WAYS]
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        print("\n".join(lines))
        for spec in networks:
            for batch in batches:
                lines.append(row(spec, batch, *compare(spec, batch, options.turns)))
                print(lines[-1], flush=True)
    head = (
        f"torch {torch.__version__}, load {load:.1f} at the start. On one thread, by CPU time, medians of "
        f"{options.turns} turns: the rate of matrix products of {SIZE:,} x {SIZE:,} (on the clock, {count} "
        f"threads: {everywhere / 1e9:.0f} GFLOP/s) and of a step's layers alone, in brackets its share of "
        "that; then milliseconds of a network-step, in brackets the share of it that the layers alone take."
    )
    print(head)
    if options.out:
        options.out.write_text("\n".join([head, "", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
