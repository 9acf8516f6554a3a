"""Networks that plug in, built and trained."""

import dataclasses
from typing import get_args

import pytest
import torch
from torch import nn

import prunebench as pb
from prunebench.fields import annotations
from prunebench.training.initial import WEIGHT_STREAM, generator
from prunebench.training.state import State

SPECS = {
    "mlp[widths=9-7]": (1, 6, 6),
    "lenet[width=0.5]": (1, 12, 12),
    "vgg[width=0.25]": (1, 16, 16),
    "vgg[width=0.25,batch_norm=false]": (2, 16, 16),
    "resnet[depth=8,width=0.25]": (1, 8, 8),
}
SPEC = pytest.mark.parametrize("spec", SPECS)
SEEDS = (4, 9)


def problem(spec: str, classes: int = 3, samples: int = 19) -> tuple[pb.Task, pb.Recipe]:
    """19 samples in minibatches of 4: the last one of an epoch is smaller."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn((samples + 5, *SPECS[spec]), generator=draw)
    y = torch.arange(samples + 5) % classes
    task = pb.Task(x[:samples], y[:samples], x[samples:], y[samples:], name="toy")
    return task, pb.Recipe(network=pb.load_network(spec), learning_rate=0.02, batch_size=4, steps=23)


def trained(spec: str, seeds: tuple[int, ...] = SEEDS, **options: object) -> pb.Trajectory:
    task, recipe = problem(spec)
    return pb.train(
        task, recipe, seeds=seeds, dtype=torch.float64, device="cpu", snapshot_steps=(7,), **options
    )


@SPEC
def test_the_engine_is_sgd_on_the_module(spec: str) -> None:
    """Weights and running statistics of `torch.optim.SGD`, the ordinary way, from the same initial module."""
    task, recipe = problem(spec)
    run = trained(spec)
    for place, seed in enumerate(SEEDS):
        module = run.initial.to_module(place).train()
        optimiser = torch.optim.SGD(module.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
        x = task.x_train.double().reshape(-1, *task.shape)
        for row in pb.minibatch_order(task.samples, recipe.batch_size, recipe.steps, seed):
            batch = row[row >= 0]
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(x[batch]), task.y_train[batch]).backward()
            optimiser.step()
        for name, tensor in module.state_dict().items():
            if name.endswith("num_batches_tracked"):  # which no network has
                continue
            torch.testing.assert_close(run.final[name][place], tensor, rtol=1e-12, atol=1e-14)


@SPEC
def test_engines_agree_with_masks_too(spec: str) -> None:
    draw = torch.Generator().manual_seed(1)
    _, recipe = problem(spec)
    masks = trained(spec).initial.full_masks().map(lambda m: torch.rand(m.shape, generator=draw) < 0.7)
    plain, together = (trained(spec, masks=masks, engine=engine) for engine in ("plain", "together"))
    for name, tensor in plain.final.tensors.items():
        torch.testing.assert_close(together.final[name], tensor, rtol=1e-12, atol=1e-14)
    for name, mask in masks.tensors.items():
        assert not bool(together.final[name][~mask].any())
        assert bool((together.final[name][mask] != 0).any())
    torch.testing.assert_close(plain.history.loss, together.history.loss)
    assert recipe.steps == together.gradient_steps


@SPEC
def test_a_seed_alone_is_the_seed_in_a_batch(spec: str) -> None:
    alone, batch = trained(spec, (9,)), trained(spec)
    for name, tensor in alone.initial.tensors.items():
        assert torch.equal(tensor[0], batch.initial[name][1])
    for name, tensor in alone.final.tensors.items():
        torch.testing.assert_close(tensor[0], batch.final[name][1], rtol=1e-12, atol=1e-14)


@SPEC
def test_training_goes_on_from_a_state(spec: str) -> None:
    whole = trained(spec)
    on = trained_from(spec, whole.states[7])
    for name, tensor in whole.final.tensors.items():
        torch.testing.assert_close(on.final[name], tensor, rtol=1e-12, atol=1e-14)


def trained_from(spec: str, state: State) -> pb.Trajectory:
    task, recipe = problem(spec)
    return pb.train(task, recipe, seeds=SEEDS, dtype=torch.float64, device="cpu", start=state)


def test_a_training_may_end_where_it_begins() -> None:
    """So the twins of networks do whose loss is below --until-loss before the first step."""
    task, recipe = problem("mlp[widths=9-7]")
    recipe = dataclasses.replace(recipe, until_loss=100.0)
    run = pb.train(task, recipe, seeds=SEEDS, snapshot_steps=(0,))
    assert run.gradient_steps == 0
    snapshot = run.snapshot(0)
    for name, tensor in snapshot.train(snapshot.networks, until=0).tensors.items():
        assert torch.equal(tensor, snapshot.networks[name])


def test_no_training_begins_behind_its_end() -> None:
    """It would come back untrained, without a word."""
    with pytest.raises(pb.RequestError, match="start step: got 24; a step up to the end, 23, is needed"):
        trained_from("mlp[widths=9-7]", State(trained("mlp[widths=9-7]").final, 24))


def test_a_loss_ends_training_once_all_networks_are_below_it() -> None:
    """Not where one is, nor their mean, nor where the last one is at it; from any step that it starts at."""
    task, recipe = problem("mlp[widths=9-7]")
    recipe = dataclasses.replace(recipe, steps=30, learning_rate=0.02)
    settings = {"seeds": SEEDS, "dtype": torch.float64, "device": "cpu", "record_every": 5}
    whole = pb.train(task, recipe, snapshot_steps=(3,), **settings)  # type: ignore[arg-type]
    bound = float(whole.history.loss[:, 3].max())
    below = whole.history.loss < bound
    assert below[:, :4].all(dim=0).tolist() == [False] * 4
    assert bool(below[:, 3].any())
    assert float(whole.history.loss[:, 3].mean()) < bound
    assert bool(below[:, 4].all())
    recipe = dataclasses.replace(recipe, until_loss=bound)
    for start in (None, whole.states[3]):
        run = pb.train(task, recipe, start=start, **settings)  # type: ignore[arg-type]
        assert int(run.history.steps[-1]) == 20
        assert run.gradient_steps == (20 if start is None else 17)


def test_what_is_drawn_elsewhere_is_not_disturbed() -> None:
    task, recipe = problem("lenet[width=0.5]")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = pb.initialise(recipe, task.shape, (0, 1), outputs=3)
    assert torch.equal(torch.rand(3), expected)
    again = pb.initialise(recipe, task.shape, (1,), outputs=3)
    for name, tensor in again.tensors.items():
        assert torch.equal(tensor[0], first[name][1])
        assert tensor[0].numel() == 1 or not torch.equal(first[name][0], first[name][1])
    half = pb.initialise(dataclasses.replace(recipe, scale=0.5), task.shape, (1,), outputs=3)
    assert torch.equal(half["conv1.weight"], 0.5 * again["conv1.weight"])
    assert torch.equal(half["conv1.bias"], 0.5 * again["conv1.bias"])
    task, recipe = problem("vgg[width=0.25]")
    whole, half = (
        pb.initialise(dataclasses.replace(recipe, scale=scale), task.shape, (1,), outputs=3)
        for scale in (1.0, 0.5)
    )
    gains = [part.tensor for layer in whole.layers for part in layer.of("scale", "statistic")]
    assert gains
    assert all(torch.equal(half[name], whole[name]) for name in gains)


METHODS = {
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "xavier": lambda weight: nn.init.xavier_normal_(weight, 2**0.5),
    "orthogonal": lambda weight: nn.init.orthogonal_(weight, 2**0.5),
}


@SPEC
@pytest.mark.parametrize("init", METHODS)
def test_weights_are_drawn_by_a_method_and_all_else_by_the_module(spec: str, init: str) -> None:
    task, recipe = problem(spec)
    own, drawn, half = (
        pb.initialise(dataclasses.replace(recipe, **options), task.shape, SEEDS, outputs=3)
        for options in ({}, {"init": init}, {"init": init, "scale": 0.5})
    )
    parameters = dict(own.to_module(0).named_parameters())
    for name, tensor in own.tensors.items():
        if name in parameters and tensor.ndim > 2:
            assert not torch.equal(drawn[name], tensor)
            assert not torch.equal(drawn[name][0], drawn[name][1])
            assert torch.equal(half[name], 0.5 * drawn[name])
        else:
            assert torch.equal(drawn[name], tensor)


@pytest.mark.parametrize("init", METHODS)
def test_a_method_is_that_of_torch(init: str) -> None:
    """Of the seed's own stream, from where the module's draws end."""
    task, recipe = problem("mlp[widths=9-7]")
    draw = int(generator(9, WEIGHT_STREAM).integers(2**63))
    torch.manual_seed(draw)
    module = pb.load_network("mlp[widths=9-7]").build(task.shape, 3)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            METHODS[init](parameter)
    drawn = pb.initialise(dataclasses.replace(recipe, init=init), task.shape, SEEDS, outputs=3)
    for name, parameter in module.named_parameters():
        assert torch.equal(drawn[name][1], parameter)


def test_the_names_of_methods_are_those_of_a_recipe() -> None:
    known = get_args(get_args(annotations(pb.Recipe)["init"])[0])
    assert {"module", *METHODS} == set(known)


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        ("mlp[widths=9-1]", (3,), r"mlp\[widths\]: got '9-1'; numbers from 2 to"),
        ("mlp[widths=]", (3,), "write each parameter once"),
        ("mlp[widths=9-9999999]", (3,), "numbers from 2 to 1,000,000 with dashes"),
        ("lenet[width=0]", (1, 12, 12), r"lenet\[width\]: got 0.0; a number above 0"),
        ("vgg[width=-1]", (1, 12, 12), r"vgg\[width\]: got -1.0; a number"),
        ("resnet[width=1e9]", (1, 12, 12), r"resnet\[width\]: got 1000000000.0; a number"),
        ("lenet[widths=2]", (1, 12, 12), "lenet has no parameter 'widths'; its parameters: width=1"),
        ("lenet", (30,), r"network: got 'lenet for samples of shape \(30,\)'; images"),
        (
            "vgg[depth=12]",
            (1, 32, 32),
            r"vgg\[depth\]: got '12'; did you mean '19'\? one of 7, 11, 13, 16, 19",
        ),
        ("vgg", (1, 4, 4), "images .* of 8 x 8 or more"),
        ("resnet", (1, 2, 2), "images .* of 4 x 4 or more"),
        ("torchvision[model=resnet]", (3, 32, 32), "one of .*resnet18"),
        ("torchvision[model=densenet121]", (3, 32, 32), "concatenated"),
        ("torchvision[model=mobilenet_v2]", (3, 32, 32), "grouped convolution"),
        ("lenet5", (1, 12, 12), "'lenet5'; did you mean 'lenet'"),
    ],
)
def test_refused(spec: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.initialise(pb.Recipe(network=pb.load_network(spec)), shape, (0,))
