"""Networks with frozen parameters, and with buffers of all kinds: trained, scored and kept as they are."""

import dataclasses
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks import Networks
from prunebench.networks.build import architecture, build
from prunebench.store.network_files import pack, unpack
from prunebench.training.state import State

SEEDS = (3, 11, 2, 5, 7)


class Odd(nn.Module):
    """Normalised inputs; a first layer that is never trained, behind it a gain that is not either."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.first, self.gain = nn.BatchNorm1d(30), nn.Linear(30, 8), nn.BatchNorm1d(8)
        self.second, self.output = nn.Linear(8, 6), nn.Linear(6, 3)
        for frozen in (self.first.weight, self.first.bias, self.gain.weight):
            frozen.requires_grad_(False)
        self.register_buffer("shift", torch.ones(30), persistent=False)
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("scale", torch.tensor(2.0))
        self.register_buffer("mean", torch.zeros(30))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.get_buffer("calls").add_(1)
            self.mean.mul_(0.9).add_(0.1 * x.detach().mean(dim=0))
        hidden = self.gain(self.scale * self.first(self.inputs(x) + self.shift - self.mean))
        return self.output(torch.relu(self.second(torch.relu(hidden))))


@dataclass(frozen=True)
class OddNetwork(pb.Network):
    name = "odd"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Odd()


@pytest.fixture(scope="module")
def task() -> pb.Task:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((40, 30), generator=draw), torch.arange(40) % 3
    return pb.Task(x[:30], y[:30], x[30:], y[30:], name="odd")


@pytest.mark.parametrize("engine", ["plain", "together"])
@pytest.mark.parametrize("seeds", [SEEDS, SEEDS[:1]])
def test_it_trains_as_the_module_does(task: pb.Task, engine: str, seeds: tuple[int, ...]) -> None:
    recipe = pb.Recipe(network=OddNetwork(), learning_rate=0.05, batch_size=7, steps=8)
    run = pb.train(task, recipe, seeds=seeds, dtype=torch.float64, engine=engine, device="cpu")
    for place, seed in enumerate(seeds):
        module = run.initial.to_module(place).train()
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        optimiser = torch.optim.SGD(trained, recipe.learning_rate, recipe.momentum)
        for row in pb.minibatch_order(task.samples, recipe.batch_size, recipe.steps, seed):
            batch = row[row >= 0]
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(task.x_train[batch].double()), task.y_train[batch]).backward()
            optimiser.step()
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if "num_batches" not in name:
                torch.testing.assert_close(run.final[name][place], tensor.detach(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("samples", "batch"), [(29, 7), (30, 1)])
def test_a_minibatch_of_one_sample_cannot_be_normalised(task: pb.Task, samples: int, batch: int) -> None:
    few = pb.Task(task.x_train[:samples], task.y_train[:samples], task.x_test, task.y_test, name="few")
    recipe = pb.Recipe(network=OddNetwork(), batch_size=batch, steps=8)
    with pytest.raises(pb.RequestError, match=rf"batch_size: got {batch}; of {samples} samples a minibatch"):
        pb.train(few, recipe, seeds=(0,), device="cpu")
    if batch > 1:  # none of one sample is reached
        pb.train(few, dataclasses.replace(recipe, steps=4), seeds=(0,), device="cpu")


@pytest.mark.parametrize("engine", ["plain", "together"])
def test_masks_hold_what_is_frozen_too(task: pb.Task, engine: str) -> None:
    recipe = pb.Recipe(network=OddNetwork(), learning_rate=0.05, batch_size=7, steps=4)
    start = pb.initialise(recipe, task.shape, SEEDS, outputs=3)
    draw = torch.Generator().manual_seed(1)
    masks = start.full_masks().map(lambda mask: torch.rand(mask.shape, generator=draw) < 0.5)
    final = pb.train(task, recipe, seeds=SEEDS, masks=masks, engine=engine, device="cpu").final
    assert torch.equal(final["first.weight"], start["first.weight"] * masks["first.weight"])
    assert torch.equal(final["second.weight"] != 0, masks["second.weight"])


def test_what_is_frozen_has_gradient_0() -> None:
    networks, x = build(OddNetwork(), (30,), 3, SEEDS).to(dtype=torch.float64), torch.randn(9, 30)
    y = torch.arange(9) % 3
    gradient = networks.gradient(x, y)
    assert not any(gradient[name].any() for name in ("first.weight", "first.bias", "gain.weight"))
    module = networks.to_module(1).eval()
    nn.functional.cross_entropy(module(x.double()), y).backward()
    expected = module.get_parameter("second.weight").grad
    torch.testing.assert_close(gradient["second.weight"][1], expected, rtol=1e-9, atol=1e-12)
    task, recipe = pb.Task(x, y, x, y, name="few"), pb.Recipe(network=OddNetwork(), batch_size=3, steps=4)
    snapshot = pb.Snapshot(task=task, recipe=recipe, step=0, networks=networks, initial=networks)
    for name in ("growth", "lookahead", "snip", "growing_mode", "imp"):
        assert pb.load_scorer(name).score(snapshot).shape == (len(SEEDS), networks.units)


def test_rehearsal_goes_as_far_as_what_it_can_move_is_long(task: pb.Task) -> None:
    """Frozen weights may be of any length: the buffer behind them takes it back, to the bit."""
    recipe = pb.Recipe(network=OddNetwork(), batch_size=7, steps=4)
    networks = pb.initialise(recipe, task.shape, SEEDS, outputs=3, dtype=torch.float64)
    factors = {"first.weight": 8.0, "first.bias": 8.0, "scale": 1 / 8}
    longer = networks.like({name: t * factors.get(name, 1) for name, t in networks.tensors.items()})
    scores = [
        pb.load_scorer("rehearsal").score(pb.Snapshot(task, recipe, 0, each, each))
        for each in (networks, longer)
    ]
    torch.testing.assert_close(*scores, rtol=1e-12, atol=0.0)


def test_the_scale_is_of_what_is_drawn(task: pb.Task) -> None:
    recipe = pb.Recipe(network=OddNetwork(), scale=0.5)
    networks = pb.initialise(recipe, task.shape, (0,), outputs=3)
    assert bool((networks["inputs.weight"] == 1).all())
    whole = pb.initialise(pb.Recipe(network=OddNetwork()), task.shape, (0,), outputs=3)
    assert torch.equal(networks["second.weight"], whole["second.weight"] * 0.5)


@pytest.mark.parametrize("engine", ["plain", "together", None])
def test_a_start_with_too_few_outputs_is_refused(task: pb.Task, engine: str | None) -> None:
    recipe = pb.Recipe(width=8, init_std=0.1, batch_size=4, steps=5)
    start = State(pb.initialise(recipe, task.shape, range(2), outputs=2))
    with pytest.raises(pb.RequestError, match=r"start: got 'networks of 2 outputs'; 3 are needed"):
        pb.train(task, recipe, seeds=2, start=start, engine=engine, device="cpu")


@pytest.mark.parametrize("engine", ["plain", "batched", "masked"])
def test_masks_mean_the_same_to_every_engine(task: pb.Task, engine: str) -> None:
    recipe = pb.Recipe(width=8, init_std=0.1, batch_size=4, steps=5)
    start = pb.initialise(recipe, task.shape, range(2), outputs=3)
    full = start.full_masks()

    def trained(masks: dict[str, Tensor]) -> Networks:
        given = full.like(masks)
        return pb.train(task, recipe, seeds=2, masks=given, engine=engine, device="cpu").final

    alone = trained({"w_in": full["w_in"].clone().index_fill_(2, torch.tensor([3]), value=False)})
    assert not bool(alone.w_in[:, :, 3].any())
    assert bool(alone.w_out.all())
    for masks in ({"bias": start.bias > 0}, {"w_in": full["w_in"][:1]}):
        with pytest.raises(pb.RequestError, match=r"masks: got '(bias|w_in) .*: w_in \(2, 8, 30\)"):
            trained(masks)


def test_a_number_that_is_not_finite_is_found_in_any_tensor() -> None:
    networks = build(OddNetwork(), (30,), 3, SEEDS[:3])
    assert networks.finite().tolist() == [True] * 3
    broken = dict(networks.tensors) | {"scale": torch.tensor([1.0, torch.nan, 1.0])}
    assert networks.like(broken).finite().tolist() == [True, False, True]


def test_buffers_are_kept_as_they_are() -> None:
    networks = build(OddNetwork(), (30,), 3, SEEDS[:1])
    found = unpack(pack(State(networks), 0, velocity=True), 0, architecture(OddNetwork(), (30,), 3))
    assert found.networks["calls"].dtype == torch.int64
    assert all(torch.equal(found.networks[name], tensor) for name, tensor in networks.tensors.items())
