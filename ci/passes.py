"""Times what `prunebench.counting` counts: forward passes and Hessian-vector products, by a gradient's time.

    python ci/passes.py

On one thread, the shortest of several runs each; docs/protocols.md has the table.
"""

import time
import timeit
from collections.abc import Callable
from itertools import count

import torch
from torch import Tensor

import prunebench as pb
from prunebench.networks import Networks

RUNS = 5
NETWORKS = ("shallow", "mlp", "lenet", "vgg[width=0.25]")


def seconds(work: Callable[[], object]) -> float:
    """CPU time of the fastest run."""
    return min(timeit.repeat(work, timer=time.process_time, repeat=RUNS, number=1))


def in_gradients(networks: Networks, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Times of a forward pass and of a Hessian-vector product, by that of a gradient."""
    direction, draws = networks.gradient(x, y), count(1)
    # By a temperature of its own each time: what is equal is remembered.
    gradient = seconds(lambda: networks.gradient(x, y, temperature=1 + 1e-6 * next(draws)))
    with torch.no_grad():
        forward = seconds(lambda: networks.logits(x))
    product = seconds(lambda: networks.hessian_vector_product(direction, x, y))
    return forward / gradient, product / gradient


def main() -> None:
    """A line for each network and precision."""
    torch.set_num_threads(1)
    task = pb.load_task("mnist5k", classes=tuple((digit,) for digit in range(10)), samples=1000)
    for name in NETWORKS:
        recipe = pb.Recipe() if name == "shallow" else pb.Recipe(network=pb.load_network(name))
        for dtype in (torch.float32, torch.float64):
            networks = pb.initialise(recipe, task.shape, (0,), outputs=10).to(dtype=dtype)
            forward, product = in_gradients(networks, task.x_train, task.y_train)
            print(f"{name}, {dtype}: forward {forward:.2f}, Hessian product {product:.2f}")


if __name__ == "__main__":
    main()
