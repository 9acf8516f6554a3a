"""Running statistics of batch normalisation, estimated again."""

import pytest
import torch
from layered import Example, data, make
from torch import nn

import prunebench as pb
from prunebench.networks import Networks, normalisation
from prunebench.networks.normalisation import recalibrated


def statistics(networks: Networks) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in networks.tensors.items() if "running" in name}


@pytest.mark.parametrize("kind", ["vgg", "resnet"])
def test_they_are_those_of_one_batch_of_all_samples(kind: str) -> None:
    networks, modules = make(kind)
    before = networks.clone()
    x, _ = data(50)
    found = recalibrated(networks, x)
    for s, module in enumerate(modules):
        for inside in module.modules():
            if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
                inside.momentum = 1.0
        module.train()(x)
        for name, tensor in statistics(found).items():
            torch.testing.assert_close(tensor[s], module.state_dict()[name])
    for name, tensor in before.tensors.items():
        assert torch.equal(networks[name], tensor)
        assert torch.equal(found[name], tensor) or "running" in name


def test_samples_that_do_not_fit_are_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, _ = make("vgg")
    x, _ = data(51)
    whole = recalibrated(networks, x)
    monkeypatch.setattr(normalisation, "SAMPLES_AT_ONCE", 10)  # 50 + 1: no pass may be of one sample
    parts = recalibrated(networks, x)
    torch.testing.assert_close(parts["1.running_mean"], whole["1.running_mean"])
    torch.testing.assert_close(parts["1.running_var"], whole["1.running_var"], rtol=1e-3, atol=0)
    for name, tensor in statistics(whole).items():
        torch.testing.assert_close(parts[name], tensor, rtol=0.2, atol=0.1)


@pytest.mark.parametrize("at_once", [20, 1024])
def test_means_far_from_zero_leave_variances_their_digits(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normalisation, "SAMPLES_AT_ONCE", at_once)
    x = torch.randn((60, 5), generator=torch.Generator().manual_seed(0))
    x = x * torch.tensor([1.0, 1.0, 1.0, 50.0, 0.0]) + torch.tensor([1e4, 2e3, 0.5, 1.0, 7.0])
    module = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    found = recalibrated(pb.from_module(module, x), x)
    expected = x.double().var(dim=0)
    if at_once == 20:  # within each pass torch divides by one less than there are
        parts = x.double().split(20)
        expected = (sum(part.var(dim=0) for part in parts) / 3) + torch.stack(
            [part.mean(dim=0) - x.double().mean(dim=0) for part in parts]
        ).square().mean(dim=0)
    torch.testing.assert_close(found["0.running_var"][0].double(), expected, rtol=2e-3, atol=1e-6)


def test_networks_without_normalisation_are_themselves() -> None:
    networks, _ = make("lenet")
    assert recalibrated(networks, data(5)[0]) is networks


@pytest.fixture
def trained() -> pb.Trajectory:
    x, y = data(80)
    task = pb.Task(x[:50].float(), y[:50], x[50:].float(), y[50:], name="noise")
    recipe = pb.Recipe(network=Example("vgg"), learning_rate=0.05, batch_size=10, steps=20)
    return pb.train(task, recipe, seeds=(0, 1), snapshot_steps=(0, 10), device="cpu")


def test_a_snapshot_has_statistics_of_its_own_weights(trained: pb.Trajectory) -> None:
    for step in (0, 10):
        snapshot, stored = trained.snapshot(step), trained.snapshots[step]
        expected = recalibrated(stored, trained.task.x_train)
        for name, tensor in expected.tensors.items():
            assert torch.equal(snapshot.networks[name], tensor)
        assert not torch.allclose(snapshot.networks["1.running_var"], stored["1.running_var"])
        initial = recalibrated(trained.initial, trained.task.x_train)
        assert torch.equal(snapshot.initial["1.running_mean"], initial["1.running_mean"])


def test_a_hook_sees_what_scorers_see(trained: pb.Trajectory) -> None:
    seen: list[pb.Snapshot] = []
    hooks = {10: seen.append}
    pb.train(trained.task, trained.recipe, seeds=(0, 1), hooks=hooks, device="cpu")
    for name, tensor in trained.snapshot(10).networks.tensors.items():
        assert torch.equal(seen[0].networks[name], tensor)


@pytest.mark.parametrize("scorer", ["snip", "grasp", "taylor", "synflow", "growing_mode"])
def test_scoring_leaves_statistics_alone(scorer: str, trained: pb.Trajectory) -> None:
    """And does not see the minibatch: statistics that scoring moved would change the next score."""
    snapshot = trained.snapshot(10)
    before = snapshot.networks.clone()
    first, second = (pb.load_scorer(scorer).score(snapshot) for _ in range(2))
    for name, tensor in before.tensors.items():
        assert torch.equal(snapshot.networks[name], tensor)
    assert torch.equal(first, second)
