import pytest
import torch

import prunebench as pb
from prunebench.theory import orientation, second_order_targets, target_vectors


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-30)


def test_is_the_ridge_solution_on_the_effective_dataset(networks: pb.Networks, task: pb.Task) -> None:
    nets = networks.to(dtype=torch.float64)
    targets, signs = second_order_targets(nets, task, ridge=0.3), orientation(nets, task)
    gates = pb.theory.gates(nets, task)
    x, y = task.x_train.double(), task.signs.double()
    for s, i in ((0, 0), (1, 7), (2, 15)):
        gated = gates[s, :, i]
        moments = x[gated].T @ x[gated]
        size = (x[gated] ** 2).sum(dim=1).mean()
        solution = torch.linalg.solve(
            moments + 0.3 * size * torch.eye(7, dtype=torch.float64), y[gated] @ x[gated]
        )
        torch.testing.assert_close(targets[s, i], signs[s, i] * solution)


def test_no_ridge_is_the_steady_state_of_the_linearised_error(networks: pb.Networks, task: pb.Task) -> None:
    """More gated samples than inputs: at the solution the gated error y - x.a has no pull left (eq. 59)."""
    nets = networks.to(dtype=torch.float64)
    targets, gates = second_order_targets(nets, task, ridge=0.0), pb.theory.gates(nets, task)
    x, y = task.x_train.double(), task.signs.double()
    checked = 0
    for i in range(nets.units):
        gated = gates[0, :, i]
        if gated.sum() > 10:
            solution = targets[0, i] * orientation(nets, task)[0, i]
            assert float(((y[gated] - x[gated] @ solution) @ x[gated]).abs().max()) < 1e-8
            checked += 1
    assert checked > 5


def test_a_large_ridge_gives_the_first_target_back(networks: pb.Networks, task: pb.Task) -> None:
    far, first = second_order_targets(networks, task, ridge=1e6), target_vectors(networks, task)
    torch.testing.assert_close(unit(far), unit(first), rtol=1e-3, atol=1e-4)


def test_silent_neurons_and_duplicates(networks: pb.Networks, task: pb.Task) -> None:
    for ridge in (0.0, 1.0):
        assert bool((second_order_targets(networks, task, ridge)[:, [3, 5]] == 0).all())
    twice = pb.Task(task.x_train.repeat(2, 1), task.y_train.repeat(2), task.x_test, task.y_test)
    once, double = (unit(second_order_targets(networks, t, 0.0)) for t in (task, twice))
    torch.testing.assert_close(once, double, rtol=1e-4, atol=1e-4)


def test_where_the_ridge_does_not_help_the_solution_is_that_of_smallest_norm() -> None:
    """Samples of zeros, which a bias gates, have no length to take a share of; duplicates hide tiny ones."""
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0], [1.0, 2.0]])
    task = pb.Task(x, torch.tensor([0, 1, 0, 1]), x, torch.tensor([0, 1, 0, 1]))
    w_in = torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]])
    nets = pb.shallow_networks(w_in, torch.tensor([[1.0, -0.5]]), torch.tensor([[[1.0, 1.0], [0.0, 0.0]]]))
    assert bool((second_order_targets(nets, task)[:, 0] == 0).all())
    least = second_order_targets(nets, task, 0.0)
    torch.testing.assert_close(second_order_targets(nets, task, 1e-17), least)


def test_a_negative_ridge_is_refused(networks: pb.Networks, task: pb.Task) -> None:
    with pytest.raises(pb.RequestError, match="ridge"):
        second_order_targets(networks, task, -1.0)
