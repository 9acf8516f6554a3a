"""Data and networks at the edge: right, or a clear error."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench import theory
from prunebench.experiments.catalogue import load_experiment
from prunebench.experiments.lab import Lab

EXPERIMENTS = ("fig1", "fig4", "fig6", "cells", "merging", "racing", "capacity", "second_order", "growth_law")


def unequal(samples: int) -> pb.Task:
    """Nine of ten samples are of class 1."""
    draw = np.random.default_rng(0)
    y = (torch.arange(samples) % 10 == 0).to(torch.int64)
    x = torch.from_numpy(draw.normal(size=(samples, 6)).astype(np.float32))
    x[:, 0] += 1.5 - 3.0 * y
    return pb.Task(x, y, x, y)


def duplicated(samples: int) -> pb.Task:
    """Every sample ten times: fewer distinct samples than neurons."""
    task = unequal(samples)
    few = torch.tensor([0, 1, 10, 11]).repeat(samples // 4)
    return pb.Task(task.x_train[few], task.y_train[few], task.x_test, task.y_test)


@pytest.mark.parametrize("load", [unequal, duplicated])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_on_awkward_data(
    make_lab: Callable[..., Lab], name: str, load: Callable[[int], pb.Task]
) -> None:
    lab = awkward(make_lab, load)
    experiment = load_experiment(name)
    tables = experiment.compute(lab)
    assert list(experiment.verdicts(tables))


LABS: dict[str, Lab] = {}


def awkward(make_lab: Callable[..., Lab], load: Callable[[int], pb.Task]) -> Lab:
    if load.__name__ not in LABS:
        LABS[load.__name__] = make_lab(load=load)
    return LABS[load.__name__]


def test_fewer_samples_than_neurons_than_inputs() -> None:
    """N = 4, d = 10, D = 50: targets, race and merging are finite; all neurons fit the data."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(4, 50, generator=draw), torch.tensor([0, 1, 0, 1])
    task = pb.Task(x, y, x, y)
    recipe = pb.Recipe(width=10, init_std=1e-3, learning_rate=0.01, batch_size=2, steps=400)
    run = pb.train(task, recipe, seeds=[0], snapshot_steps=(0,), device="cpu")
    assert float(run.final.accuracy(x, y)) == 1
    for nets in (run.initial, run.final):
        assert bool(theory.second_order_targets(nets, task, ridge=0.0).isfinite().all())
        assert bool(theory.race(nets, task, recipe.flow_rate, [0.0, 100.0]).isfinite().all())
        assert all(bool(field.isfinite().all()) for field in theory.polar_gradient(nets, task))
    found = theory.stable_cells(task, probes=300)
    assert found.cells <= theory.cell_count(4, 50) == 16


def test_a_neuron_that_is_never_active_stays_out_of_everything(task: pb.Task, networks: pb.Networks) -> None:
    """Neuron 5 of the fixture gates no sample."""
    assert not theory.gates(networks, task)[:, :, 5].any()
    assert bool((theory.alignment_angle(networks, task)[:, 5] == np.pi / 2).all())
    assert bool((theory.second_order_targets(networks, task)[:, 5] == 0).all())
    path = theory.race(networks, task, 1e-3, [0.0, 50.0])
    assert torch.equal(path[0, :, 5], path[1, :, 5])


def test_data_of_one_sample_are_refused() -> None:
    one = torch.ones(1, 3)
    with pytest.raises(pb.RequestError, match="both classes"):
        pb.Task(one, torch.tensor([0]), one, torch.tensor([0]))
