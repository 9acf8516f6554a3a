"""How far the networks that a GPU trains are from the CPU's: `python ci/gpu.py` prints tables in Markdown.

The tasks are real (scikit-learn's digits, and MNIST's for networks of several layers), and the numbers are
those that a board depends on: the weights, and the ranks of the units by final norm. Then how much faster 20
networks of several layers are together than one after another.
"""

import time
from collections.abc import Iterator
from typing import Any

import torch
from scipy import stats

import prunebench as pb
from prunebench.networks import Networks

SEEDS = 20
# (device, engine, dtype) by what the table calls it; the first one is what the others are compared with.
CPU = ("cpu", "plain", torch.float64)
RUNS: dict[str, tuple[str, str | None, torch.dtype]] = {
    "CPU, plain loop, float64": CPU,
    "CPU, the engine it chooses": ("cpu", None, torch.float32),
    "GPU, the engine it chooses": ("cuda", None, torch.float32),
    "GPU, batched": ("cuda", "batched", torch.float32),
    "GPU, the engine it chooses, float64": ("cuda", None, torch.float64),
}
# Networks of several layers, with few steps: in many, rounding alone sends networks different ways.
LAYERED = {
    "lenet[width=0.5]": {},
    "vgg[width=0.25]": {},
    "resnet[depth=8,width=0.25]": {"optimizer": "adam"},
}
LAYERED_STEPS, LAYERED_SEEDS = 50, 5
# Whose speed is measured, each by so many steps of 20 networks together.
SPEEDS = {"mlp": 1000, "lenet": 1000, "vgg": 200, "resnet[depth=8,width=0.5]": 200}
LAYERED_RUNS: dict[str, tuple[str, str | None, torch.dtype]] = {
    "CPU, plain": ("cpu", "plain", torch.float32),  # what rounding alone does
    "GPU, plain": ("cuda", "plain", torch.float32),
    "GPU, plain, float64": ("cuda", "plain", torch.float64),
    "GPU, together": ("cuda", None, torch.float32),
    "GPU, together, float64": ("cuda", None, torch.float64),
}


def main() -> None:
    """Print the tables."""
    task = pb.load_task("digits", samples=400)
    (first, reference), *others = finals(task, pb.Recipe(steps=4000), RUNS, SEEDS).items()
    print(f"Final networks of {task.name} ({SEEDS} seeds, 4,000 steps) against {first}, the worst seed:\n")
    head()
    for name, networks in others:
        print(compared(name, networks, reference))
    task = pb.load_task("mnist5k", classes="all", samples=400)
    size = f"{LAYERED_SEEDS} seeds, {LAYERED_STEPS} steps, batch 16"
    print(f"\nNetworks of several layers ({size}) against the same:\n")
    head()
    for line in compared_layered(task, LAYERED_STEPS):
        print(line)
    speed(task)


def compared_layered(task: pb.Task, steps: int) -> Iterator[str]:
    """The lines of the networks of several layers."""
    for spec, options in LAYERED.items():
        recipe = layered(spec, 16, steps, **options)
        (_, reference), *others = finals(task, recipe, {"CPU": CPU, **LAYERED_RUNS}, LAYERED_SEEDS).items()
        for name, networks in others:
            yield compared(f"{spec}, {name}", networks, reference)


def layered(spec: str, batch: int, steps: int, **options: Any) -> pb.Recipe:
    """A recipe for a network of several layers."""
    return pb.Recipe(
        network=pb.load_network(spec), learning_rate=0.01, batch_size=batch, steps=steps, **options
    )


def finals(
    task: pb.Task, recipe: pb.Recipe, runs: dict[str, tuple[str, str | None, torch.dtype]], seeds: int
) -> dict[str, Networks]:
    """The trained networks of each run, on the CPU."""
    found = {}
    for name, (device, engine, dtype) in runs.items():
        run = pb.train(task, recipe, seeds=range(seeds), device=device, engine=engine, dtype=dtype)
        found[name] = run.final.to("cpu", torch.float64)
    return found


def head() -> None:
    """Of the tables."""
    print("| | difference of a number, as a share of its tensor's largest | rank correlation of norms |")
    print("|---|---|---|")


def compared(name: str, networks: Networks, reference: Networks) -> str:
    """A line of the tables; running statistics are numbers too."""
    far = max(
        float((p - q).abs().max() / q.abs().max().clamp(min=1e-30))
        for p, q in zip(networks.tensors.values(), reference.tensors.values(), strict=True)
    )
    pairs = zip(networks.norms(), reference.norms(), strict=True)
    ranks = min(float(stats.spearmanr(a.numpy(), b.numpy()).statistic) for a, b in pairs)
    return f"| {name} | {far:.1e} | {ranks:.6f} |"


def speed(task: pb.Task) -> None:
    """Networks together, and one after another by a plain loop, both on the GPU."""
    print("\nMilliseconds of a network-step on the GPU, 20 networks together and one by a plain loop:\n")
    print("| network | batch | one after another | together | faster |")
    print("|---|---|---|---|---|")
    for spec, steps_together in SPEEDS.items():
        for batch in (4, 16, 64):
            alone, many = (
                seconds(task, layered(spec, batch, steps), engine, count) / (count * steps)
                for engine, count, steps in (("plain", 1, 200), ("together", SEEDS, steps_together))
            )
            print(f"| {spec} | {batch} | {1000 * alone:.3f} | {1000 * many:.4f} | {alone / many:.1f} |")


def seconds(task: pb.Task, recipe: pb.Recipe, engine: str, count: int) -> float:
    """Of the second training; the first one compiles and chooses kernels."""
    for _ in range(2):
        began = time.perf_counter()
        run = pb.train(task, recipe, seeds=range(count), device="cuda", engine=engine, record_every=0)
        assert bool(run.final.finite().all())  # which waits for the device
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
