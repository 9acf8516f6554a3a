"""How much memory training takes: peak resident memory of a process of its own."""

import subprocess
import sys

import pytest

# Of this program alone: what `getrusage` calls a process's peak includes that of the one it was forked from.
PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
"""
# A small training first, so that what the libraries take is there before the measurement.
SCRIPT = """
import sys, torch
import prunebench as pb

def make(samples, inputs):
    x = torch.rand(samples, inputs)
    return pb.Task(x, torch.arange(samples) % 2, x[:2], torch.arange(2))

seeds, samples, inputs, width, batch, steps, engine = sys.argv[1:]
small = pb.Recipe(width=2, steps=2)
pb.train(make(20, 3), small, seeds=(0, 1), device="cpu", engine=engine)
task = make(int(samples), int(inputs))
before = peak()
recipe = pb.Recipe(width=int(width), batch_size=int(batch), steps=int(steps))
pb.train(task, recipe, seeds=range(int(seeds)), snapshot_steps=(0,), device="cpu", engine=engine)
print(before, peak())
"""


def peaks(seeds: int, samples: int, inputs: int, width: int, batch: int, engine: str) -> tuple[int, int]:
    """Peak memory in bytes before the training, and after it."""
    numbers = map(str, (seeds, samples, inputs, width, batch, 2))
    command = [sys.executable, "-c", PEAK + SCRIPT, *numbers, engine]
    before, after = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(before), int(after)


@pytest.mark.parametrize("engine", ["blocked", "batched_blocks"])
def test_no_network_has_a_copy_of_the_task(engine: str) -> None:
    samples, inputs, seeds = 50_000, 300, 12
    before, after = peaks(seeds, samples, inputs, width=2, batch=4, engine=engine)
    # One copy for all has the inputs of the biases as a column more.
    assert after - before < 3 * 4 * samples * inputs


@pytest.mark.slow
def test_256_networks_of_the_paper_s_size_train_in_less_than_4_gb() -> None:
    for samples in (800, 4000):
        assert peaks(256, samples, 1024, width=300, batch=4, engine="blocked")[1] < 4e9


@pytest.mark.slow
def test_the_full_batch_of_a_large_task() -> None:
    """Even then no more than a few networks' inputs are in memory at once."""
    for engine in ("blocked", "batched_blocks"):
        assert peaks(12, 50_000, 1024, width=8, batch=50_000, engine=engine)[1] < 4e9


SCORING = """
import torch
import prunebench as pb
torch.set_num_threads(1)
task = pb.load_task("mnist5k", classes="all", samples=1000)
networks = pb.initialise(pb.Recipe(network=pb.load_network("vgg")), task.shape, range(4), outputs=10)
gradient = networks.gradient(task.x_train, task.y_train, loss="even")
networks.hessian_vector_product(gradient, task.x_train, task.y_train, loss="even")
print(peak())
"""


@pytest.mark.slow
def test_small_vggs_are_scored_in_little_memory() -> None:
    """One at a time, few samples at a time: 20 take what 4 do, but for their weights."""
    command = [sys.executable, "-c", PEAK + SCORING]
    assert int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < 2e9
