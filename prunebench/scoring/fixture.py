"""The networks that scorers are checked on: shallow with a dead and a dominant neuron, and layered."""

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from prunebench.networks import Networks, shallow_networks
from prunebench.networks.network import Network
from prunebench.tasks.task import Task
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot
from prunebench.training.state import State
from prunebench.training.train import Trajectory, train
from prunebench.training.twins import train_twins, twin_orders

SEEDS = (3, 11, 4)
EARLY = 10
# The dominant neuron points at its target and is several times as long as the others; the dead one has no
# outgoing weights and a bias that keeps it silent on every sample.
DOMINANT, DEAD = 4, 9


def small_snapshot(step: int, *, with_final: bool = False) -> Snapshot:
    """Three networks of 12 neurons at step 0 or `EARLY`, in memory of their own; the end is a twin's, too."""
    return _of_run(_small_run(), step, with_final=with_final)


def layered_snapshot(kind: Literal["linear", "convolution"], step: int, *, with_final: bool) -> Snapshot:
    """Three networks of several layers and three classes at step 0 or `EARLY`, in memory of their own."""
    return _of_run(_layered_run(kind), step, with_final=with_final)


def large_snapshot(*, with_final: bool = False) -> Snapshot:
    """Networks of the usual size, to measure time and memory: untrained, but with norms that differ."""
    task, recipe = _task(samples=800, inputs=256), Recipe(width=300, init_std=1e-2, steps=100)
    networks = initialise(recipe, task.inputs, range(5))
    end = networks.clone() if with_final else None
    return Snapshot(task, recipe, 0, networks, networks.clone(), final=end, twin=end)


def _of_run(run: Trajectory, step: int, *, with_final: bool) -> Snapshot:
    snapshot = run.snapshot(step, with_final=with_final).copy()
    return snapshot.with_twin(_twin(run, step)) if with_final else snapshot


@functools.cache
def _twin(run: Trajectory, step: int) -> Networks:
    return train_twins(run, step, twin_orders(run.seeds, 0)).final


@functools.cache
def _small_run() -> Trajectory:
    task = _task(samples=60, inputs=9)
    recipe = Recipe(width=12, init_std=0.02, learning_rate=0.02, batch_size=5, steps=60)
    start = State(_with_dead_and_dominant(initialise(recipe, task.inputs, SEEDS), task))
    return train(
        task, recipe, seeds=SEEDS, snapshot_steps=(0, EARLY), start=start, device="cpu", engine="plain"
    )


@dataclass(frozen=True)
class _Layered(Network):
    """Two hidden linear layers, or a convolution with batch normalisation and a linear layer."""

    name = "conformance"

    kind: Literal["linear", "convolution"]

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        if self.kind == "convolution":
            before = [nn.Conv2d(shape[0], 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten()]
            inputs = 5 * (shape[1] - 2) * (shape[2] - 2)
        else:
            before = [nn.Flatten(), nn.Linear(math.prod(shape), 8), nn.ReLU()]
            inputs = 8
        return nn.Sequential(*before, nn.Linear(inputs, 6), nn.ReLU(), nn.Linear(6, outputs))


@functools.cache
def _layered_run(kind: Literal["linear", "convolution"]) -> Trajectory:
    draw = np.random.default_rng(12)
    x = draw.uniform(-1, 1, size=(45, 2, 4, 4)).astype(np.float32)
    y = (x.reshape(45, -1) @ draw.standard_normal((32, 3))).argmax(axis=1)
    task = Task(x[:36], y[:36], x[36:], y[36:], name="conformance")
    recipe = Recipe(network=_Layered(kind), learning_rate=0.02, batch_size=6, steps=24)
    return train(task, recipe, seeds=SEEDS, snapshot_steps=(0, EARLY), device="cpu", engine="plain")


def _task(samples: int, inputs: int) -> Task:
    draw = np.random.default_rng(12)
    x = draw.uniform(-1, 1, size=(samples + 50, inputs)).astype(np.float32)
    y = (x @ draw.standard_normal(inputs) + 0.3 * draw.standard_normal(len(x)) < 0).astype(np.int64)
    return Task(x[:samples], y[:samples], x[samples:], y[samples:], name="conformance")


def _with_dead_and_dominant(networks: Networks, task: Task) -> Networks:
    w_in, bias, w_out = networks.clone().tensors.values()
    target = (task.signs[:, None] * task.x_train).sum(dim=0)
    length = 5 * networks.norms("incoming").mean()
    w_in[:, DOMINANT] = length * target / target.norm()
    w_out[:, :, DOMINANT] = length * torch.tensor([1.0, -1.0]) / 2**0.5
    w_out[:, :, DEAD], bias[:, DEAD] = 0, -1
    return shallow_networks(w_in, bias, w_out)
