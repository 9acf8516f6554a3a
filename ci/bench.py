"""Training speed, side by side in one run: `python ci/bench.py [--quick] [--out FILE]`.

Every peer trains networks of the same shape on the same data: a plain PyTorch loop with a DataLoader (as
people write it), the same without one, batched PyTorch in closed form, JAX `lax.scan` + `vmap` where JAX is
installed, and the engine that `pb.train` chooses. Peers take turns, several short slices each; the table has
the median network-steps per second, and the ratio of the engine to each peer in the same turn.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

import prunebench as pb
from prunebench.networks import Masks
from prunebench.training.loop import run_loop
from prunebench.training.state import State

BATCH = 4
Slice = Callable[[], int]  # trains a little and returns the network-steps taken


def make_task(samples: int, inputs: int) -> pb.Task:
    """Random data: training time does not depend on what the numbers are."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(samples, inputs, generator=draw) * 2 - 1
    y = torch.arange(samples) % 2
    return pb.Task(x, y, x[:2], y[:2])


def torch_loop(task: pb.Task, recipe: pb.Recipe, steps: int, *, loader: bool) -> Slice:
    """One network in plain PyTorch: `nn.Sequential`, `torch.optim.SGD`."""
    model = torch.nn.Sequential(
        torch.nn.Linear(task.inputs, recipe.width),
        torch.nn.ReLU(),
        torch.nn.Linear(recipe.width, 2, bias=False),
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    data = torch.utils.data.TensorDataset(task.x_train, task.y_train)
    batches = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    order = pb.minibatch_order(task.samples, BATCH, steps, 0)

    def run() -> int:
        minibatches = (
            itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), steps)
            if loader
            else ((task.x_train[row], task.y_train[row]) for row in order)
        )
        for x, y in minibatches:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()
        return steps

    return run


def ours(
    task: pb.Task, recipe: pb.Recipe, seeds: int, steps: int, engine: str | None, *, masked: bool = False
) -> Slice:
    """`seeds` networks by one of our engines, as `pb.train` runs them (None: the one that it chooses)."""
    networks = pb.initialise(recipe, task.inputs, range(seeds))
    masks = None
    if masked:
        draw = torch.Generator().manual_seed(1)
        maskable = (networks.w_in, networks.w_out)
        masks = Masks(*(torch.rand(t.shape, generator=draw) < 0.5 for t in maskable))

    def run() -> int:
        run_loop(task, recipe, State(networks), tuple(range(seeds)), masks=masks, until=steps, engine=engine)
        return seeds * steps

    return run


def jax_scan(task: pb.Task, recipe: pb.Recipe, seeds: int, steps: int) -> Slice | None:
    """`lax.scan` over the steps of `vmap`ped networks; None where JAX is not installed."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    networks = pb.initialise(recipe, task.inputs, range(seeds))
    weights = tuple(jnp.asarray(t.numpy()) for t in networks.tensors)
    orders = jnp.asarray(
        torch.stack([pb.minibatch_order(task.samples, BATCH, steps, s) for s in range(seeds)]).numpy()
    )
    x, y = jnp.asarray(task.x_train.numpy()), jnp.asarray(task.y_train.numpy())

    def loss(parameters, batch):  # type: ignore[no-untyped-def]
        w_in, bias, w_out = parameters
        logits = jax.nn.relu(x[batch] @ w_in.T + bias) @ w_out.T
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[batch][:, None], axis=1).mean()

    def step(carry, batch):  # type: ignore[no-untyped-def]
        parameters, velocity = carry
        gradient = jax.grad(loss)(parameters, batch)
        velocity = tuple(recipe.momentum * v + g for v, g in zip(velocity, gradient, strict=True))
        parameters = tuple(p - recipe.learning_rate * v for p, v in zip(parameters, velocity, strict=True))
        return (parameters, velocity), None

    def train(parameters, order):  # type: ignore[no-untyped-def]
        start = (parameters, tuple(jnp.zeros_like(p) for p in parameters))
        return jax.lax.scan(step, start, order)[0]

    compiled = jax.jit(jax.vmap(train))

    def run() -> int:
        jax.block_until_ready(compiled(weights, orders))
        return seeds * steps

    return run


def peers(task: pb.Task, recipe: pb.Recipe, seeds: int, scale: float) -> dict[str, Slice]:
    """Everybody who is there, each with enough steps for a slice of about a second."""
    slow, batched = (max(50, int(count * scale)) for count in (1000, 4000 // seeds))
    # A training has thousands of steps: much shorter slices would measure how our engines are set up.
    fast = max(2000, int(40_000 * scale) // seeds)
    found = {
        "PyTorch + DataLoader": torch_loop(task, recipe, slow, loader=True),
        "PyTorch": torch_loop(task, recipe, slow, loader=False),
        "batched PyTorch": ours(task, recipe, seeds, batched, "batched"),
        "JAX scan + vmap": jax_scan(task, recipe, seeds, batched),
        "engine, masked": ours(task, recipe, seeds, fast // 4, None, masked=True),
        "engine": ours(task, recipe, seeds, fast, None),
    }
    return {name: run for name, run in found.items() if run is not None}


def measure(runs: dict[str, Slice], turns: int) -> dict[str, list[float]]:
    """Network-steps per second of each peer in each turn; a first turn warms up and is not counted."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            steps = run()
            if turn:
                speeds[name].append(steps / (time.perf_counter() - began))
    return speeds


def gemm_rate() -> float:
    """The machine's float32 matrix products, in flop/s: the limit that the engine is held against."""
    a, b = torch.rand(1200, 1200), torch.rand(1200, 1200)
    best = 0.0
    for _ in range(20):
        began = time.perf_counter()
        torch.mm(a, b)
        best = max(best, 2 * 1200**3 / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only S = 20, d = 300, N = 800")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    options = parser.parse_args()
    grid = [(20, 300, 800)]
    if not options.quick:
        grid += [
            (20, 300, 200),
            (20, 300, 4000),
            (1, 300, 800),
            (5, 300, 800),
            (20, 50, 800),
            (20, 2000, 800),
        ]
    peak = gemm_rate()
    lines = [
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, {peak / 1e9:.0f} GFLOP/s in float32 "
        f"matrix products, load {os.getloadavg()[0]:.1f} at the start. D = 1024, batch {BATCH}. "
        f"Network-steps per second, median of {options.turns} turns; in brackets how many times faster the "
        "engine was in the same turn.",
        "",
    ]
    for row, (seeds, width, samples) in enumerate(grid):
        task, recipe = make_task(samples, 1024), pb.Recipe(width=width, steps=1_000_000)
        speeds = measure(peers(task, recipe, seeds, min(1.0, 300 / width)), options.turns)
        if row == 0:
            lines += [f"| S | d | N | {' | '.join(speeds)} |", "|" + "---|" * (3 + len(speeds))]
        cells = []
        for name, values in speeds.items():
            ratio = statistics.median(e / v for e, v in zip(speeds["engine"], values, strict=True))
            cells.append(
                f"{statistics.median(values):,.0f}" + ("" if name == "engine" else f" ({ratio:.1f})")
            )
        lines.append(f"| {seeds} | {width} | {samples} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
