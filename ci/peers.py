"""The peers that engine_bench.py measures: each trains networks of the same shape on the same data."""

import itertools
from collections.abc import Callable

import torch

import prunebench as pb
from prunebench.device import resolve_device
from prunebench.training.loop import run_loop
from prunebench.training.order import minibatch_orders
from prunebench.training.state import State

BATCH = 4
Slice = Callable[[], int]  # trains a little and returns the network-steps taken


def make_task(samples: int, inputs: int) -> pb.Task:
    """Random data: training time does not depend on what the numbers are."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(samples, inputs, generator=draw) * 2 - 1
    y = torch.arange(samples) % 2
    return pb.Task(x, y, x[:2], y[:2])


def torch_loop(task: pb.Task, recipe: pb.Recipe, steps: int, device: str, *, loader: bool) -> Slice:
    """One network in plain PyTorch: `nn.Sequential`, `torch.optim.SGD`."""
    model = torch.nn.Sequential(
        torch.nn.Linear(task.inputs, recipe.width),
        torch.nn.ReLU(),
        torch.nn.Linear(recipe.width, 2, bias=False),
    ).to(device)
    optimiser = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    data = torch.utils.data.TensorDataset(task.x_train, task.y_train)
    batches = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    order = pb.minibatch_order(task.samples, BATCH, steps, 0).to(device)
    x_train, y_train = task.x_train.to(device), task.y_train.to(device)

    def run() -> int:
        minibatches = (
            itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), steps)
            if loader
            else ((x_train[row], y_train[row]) for row in order)
        )
        for x, y in minibatches:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x.to(device)), y.to(device)).backward()
            optimiser.step()
        return steps

    return run


def ours(
    task: pb.Task,
    recipe: pb.Recipe,
    seeds: int,
    steps: int,
    device: str,
    engine: str | None = None,
    *,
    masked: bool = False,
) -> Slice:
    """`seeds` networks by one of our engines, as `pb.train` runs them (None: the one it chooses)."""
    networks = pb.initialise(recipe, task.inputs, range(seeds))
    start = State(networks).to(resolve_device(device))
    masks = None
    if masked:
        draw = torch.Generator().manual_seed(1)
        masks = networks.full_masks().map(lambda t: torch.rand(t.shape, generator=draw) < 0.5)

    def run() -> int:
        run_loop(task, recipe, start, tuple(range(seeds)), masks=masks, until=steps, engine=engine)
        return seeds * steps

    return run


def jax_scan(task: pb.Task, recipe: pb.Recipe, seeds: int, steps: int, device: str) -> Slice | None:
    """`lax.scan` over the steps of `vmap`ped networks; None where JAX is not installed."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    kind = "cpu" if device == "cpu" else "cuda"
    jax.config.update("jax_default_device", jax.devices(kind)[0])
    networks = pb.initialise(recipe, task.inputs, range(seeds))
    weights = tuple(jnp.asarray(t.numpy()) for t in networks.tensors.values())
    orders = jnp.asarray(minibatch_orders(task.samples, BATCH, steps, range(seeds)).numpy())
    x, y = jnp.asarray(task.x_train.numpy()), jnp.asarray(task.y_train.numpy())

    def loss(parameters, batch):  # type: ignore[no-untyped-def]  # jax has no types here
        w_in, bias, w_out = parameters
        logits = jax.nn.relu(x[batch] @ w_in.T + bias) @ w_out.T
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[batch][:, None], axis=1).mean()

    def step(carry, batch):  # type: ignore[no-untyped-def]  # jax has no types here
        parameters, velocity = carry
        gradient = jax.grad(loss)(parameters, batch)
        velocity = tuple(recipe.momentum * v + g for v, g in zip(velocity, gradient, strict=True))
        parameters = tuple(p - recipe.learning_rate * v for p, v in zip(parameters, velocity, strict=True))
        return (parameters, velocity), None

    def train(parameters, order):  # type: ignore[no-untyped-def]  # jax has no types here
        start = (parameters, tuple(jnp.zeros_like(p) for p in parameters))
        return jax.lax.scan(step, start, order)[0]

    compiled = jax.jit(jax.vmap(train))

    def run() -> int:
        jax.block_until_ready(compiled(weights, orders))
        return seeds * steps

    return run


def everybody(task: pb.Task, recipe: pb.Recipe, seeds: int, device: str) -> dict[str, Slice]:
    """All who are here, each with enough steps for a slice of about a second."""
    scale = min(1.0, 300 / recipe.width)
    slow, batched = (max(50, int(count * scale)) for count in (1000, 4000 // seeds))
    found = {
        "PyTorch + DataLoader": torch_loop(task, recipe, slow, device, loader=True),
        "PyTorch": torch_loop(task, recipe, slow, device, loader=False),
        "batched PyTorch": ours(task, recipe, seeds, batched, device, "batched"),
        "JAX scan + vmap": jax_scan(task, recipe, seeds, batched, device),
        "engine, masked": ours(
            task, recipe, seeds, engine_steps(recipe, seeds, device) // 4, device, masked=True
        ),
        "engine": ours(task, recipe, seeds, engine_steps(recipe, seeds, device), device),
    }
    return {name: run for name, run in found.items() if run is not None}


def engine_steps(recipe: pb.Recipe, seeds: int, device: str) -> int:
    """Steps for a slice of the engine. A training has thousands: far fewer would measure how it is set up."""
    if device != "cpu":
        return 16_000
    return max(2000, int(40_000 * min(1.0, 300 / recipe.width)) // seeds)
