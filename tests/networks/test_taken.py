"""Modules that can be taken, and those that cannot: one line says what is wrong with it, and where."""

import re
from dataclasses import dataclass

import pytest
import torch
from modules import (
    Assigning,
    Centred,
    ClassesReadAgain,
    Competing,
    Counting,
    CountingCalls,
    Does,
    Drawing,
    Following,
    Frozen,
    Halves,
    InDoublePrecision,
    InPlace,
    KeepingFeatures,
    Neighbours,
    Normalised,
    OfLengthOne,
    OtherInTraining,
    OverTheirLargest,
    Pair,
    RaisesInTraining,
    Raw,
    Reshaped,
    Scaled,
    Shift,
    Sized,
    Squared,
    Tied,
    Unused,
    Wrapped,
    branching_in_training,
    computed_weights,
    frozen,
    half_around,
    if_large,
    images,
    in_single_precision,
    read_by,
    small,
    small_differences,
    times_the_second,
    with_numbers_of_numpy,
    without_their_mean,
)
from torch import Tensor, nn
from torch.nn.functional import normalize

import prunebench as pb
from prunebench.counting import counted
from prunebench.networks import Layer, Part
from prunebench.networks.build import architecture, build

SHAPE = (2, 6, 6)
SAME_IF_REMOVED = (
    "the network must be the same whether they are switched off or removed: what reads them is no layer but "
    "a normalisation, softmax or mean over units, say"
)
LINEAR = "what reads them must be linear in its weights for them"
ZEROS = torch.zeros(8)
of_length_one = nn.Sequential(nn.Flatten(), OfLengthOne(72, 8), nn.ReLU(), nn.Linear(8, 3))
SCORERS = ("snip", "growing_mode", "contribution", "torch_pruning", "taylor")
_MADE: dict[str, nn.Module] = {}


@dataclass(frozen=True)
class Made(pb.Network):
    name = "made"
    which: str = ""

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return _MADE[self.which]


@dataclass(frozen=True)
class Kept(Made):
    name = "kept"
    which: str = "features"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (small(nn.Dropout(0.5)), "random numbers of Dropout (2)'; training draws the order"),
        (Drawing(), "random numbers of Drawing (the module itself)"),
        (Normalised(), "units of layer first'; the network must be the same whether"),
        (Competing(), "units of layer first'"),
        (Sized(), "units of layer first'"),
        (small(Centred()), "units of layer 1'"),
        (Raw(), f"units of layer conv'; {SAME_IF_REMOVED}, they are added to the inputs, or a size"),
        (Halves(), "one beside the other, as they are made (first)"),
        (Does(times_the_second), "one beside the other, as they are made (first)"),
        (Does(half_around), "units of layer first'"),
        (Does(lambda _, h: torch.relu(h).flip(1), units=7), "units of layer first'"),
        (Does(small_differences), "units of layer first'"),
        (Does(without_their_mean), "samples that depend on each other"),
        (Does(if_large), "a forward pass that torch.func.vmap cannot take"),
        (InDoublePrecision(), "a forward pass in float32'; networks are trained in it, and here it"),
        (Does(in_single_precision), "a forward pass in float64'; scorers compute in it, and here it raises"),
        (Does(lambda _, h: torch.relu(h).detach()), "a hidden layer is needed"),
        (Counting(), "a forward pass that changes calls"),
        (CountingCalls(), "a forward pass that is another one when repeated'; in training it may"),
        (Does(with_numbers_of_numpy), "a forward pass that is another one when repeated"),
        (Assigning(), "a forward pass that assigns to mean'; it must be written into"),
        (Does(lambda _, h: torch.relu(h).squeeze()), "outputs of (3,) for one sample'; logits of shape"),
        (Does(branching_in_training), "a training that torch.func.vmap cannot take"),
        (small(computed_weights()), "a tensor weight of Linear (2)'; it cannot be copied"),
        (small(Shift(ZEROS), nn.Tanh(), Shift(ZEROS)), "a buffer that is 2.shift, too (4.shift)"),
        (InPlace(), "inputs that are changed in place"),
        (Does(lambda _, h: torch.relu(h).mul_(2)), "a forward pass that has no gradient'; training needs"),
        (OtherInTraining(), "outputs of tuple in training"),
        (RaisesInTraining(), "it cannot take them in training: not now"),
        (ClassesReadAgain(), "units of layer classes'"),
        (Frozen(*images(nn.BatchNorm2d(8)).children()), "that stays in evaluation mode in training (1)"),
        (frozen(small()), "nothing that is trained"),
        (small(Scaled(8, 8)), "the parameter temperature of Scaled (2)"),
        (of_length_one, "units of layer 1'; the length of their weights must mean something"),
        (small(OfLengthOne(8, 8)), f"units of layer 1'; {LINEAR}"),
        (read_by(lambda own: normalize(own.weight, dim=0)), f"units of layer 1'; {LINEAR}"),
        (read_by(lambda own: own.weight**3), f"units of layer 1'; {LINEAR}"),
        (read_by(lambda own: own.weight.abs()), f"units of layer 1'; {LINEAR}"),
        (
            read_by(lambda own: own.weight / own.in_features**0.5),
            "units of layer 1'; without some of them it is another network as a module than as tensors",
        ),
        (images(nn.InstanceNorm2d(8)), "units of layer 0'; the length of their weights"),
        (images(nn.ReLU(), nn.InstanceNorm2d(8)), "units of layer 0'; the length of their weights"),
        (images(nn.ReLU(), OverTheirLargest()), "units of layer 0'; the length of their weights"),
        (small(nn.utils.spectral_norm(nn.Linear(8, 8))), "the parameter weight_orig of Linear (2)"),
        (images(nn.LayerNorm((4, 4), elementwise_affine=False)), "beside the other, as they are made (4)"),
        (Unused(), "a module that is used never (spare)"),
        (Tied(), "a parameter that is middle.weight, too (second.weight)"),
        (nn.Sequential(*small(), nn.Softmax(1)), "outputs that are probabilities'; logits are needed"),
        (Pair(), "outputs of tuple'; logits of shape (samples, classes) are needed"),
        (small(nn.LayerNorm(8)), "the parameter weight of LayerNorm (2)"),
        (images(nn.GroupNorm(2, 8)), "the parameter weight of GroupNorm (1)"),
        (images(nn.LocalResponseNorm(3)), "normalisation over units (1)"),
        (images(nn.CrossMapLRN2d(3)), "normalisation over units (1)"),
        (images(Neighbours()), "units that are reshaped on one of two ways that meet (after 0)"),
        (images(Reshaped()), "units that are reshaped on one of two ways that meet (after 0)"),
        (images(nn.BatchNorm2d(8, track_running_stats=False)), "without running statistics"),
        (small(nn.BatchNorm1d(8, momentum=None)), "without running statistics that move by a momentum (2)"),
        (images(nn.ConvTranspose2d(8, 8, 1)), "the parameter weight of ConvTranspose2d (1)"),
        (small(nn.Linear(8, 1), nn.ReLU(), nn.Linear(1, 8)), "layer 2'; 2 units at least"),
        (nn.Sequential(nn.Flatten(), nn.Linear(72, 3)), "a hidden layer is needed; it has an output alone"),
        (nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 1)), "outputs of (2, 3, 4, 4)'"),
        (nn.Sequential(*small()[:3], nn.Linear(8, 4)), "made with 4 outputs'; 3 are needed"),
        (Wrapped(inputs=5), "inputs of shape (2, 6, 6)'; it cannot take"),
        (nn.Sequential(nn.Flatten(), nn.GRU(72, 3)), "the parameter weight_ih_l0 of GRU (1)"),
    ],
)  # fmt: skip
def test_refused(module: nn.Module, message: str) -> None:
    which = re.sub(r"[,\[\]]", "", message)  # no parameter is written with these
    _MADE[which] = module
    with pytest.raises(pb.RequestError, match=re.escape(message)) as caught:
        architecture(Made(which), SHAPE, 3)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("network: got ")


@pytest.mark.parametrize(
    "module",
    [
        Squared(),
        Following(),
        Does(lambda _, h: h.sign()),  # no gradient says that a length means nothing
        small(nn.Dropout(0.0)),
        small(nn.BatchNorm1d(8, affine=False)),
        images(nn.Identity()),
        read_by(lambda own: own.weight / 8**0.5),
    ],
)
def test_taken(module: nn.Module) -> None:
    name = f"taken {type(module[-3] if isinstance(module, nn.Sequential) else module).__name__}"
    _MADE[name] = module
    with counted() as passes:
        found = architecture(Made(name), SHAPE, 3)
    assert found.units == 8
    assert passes.sample_gradients == 0  # it is nobody's cost
    assert all(tensor.device.type == "cpu" for tensor in module.state_dict().values())


@pytest.mark.parametrize("engine", ["plain", "together"])
def test_what_forward_leaves_in_attributes_is_in_nobody_s_way(engine: str) -> None:
    """It is part of a graph, or of a map over samples, and PyTorch copies neither."""
    ends = []
    x, y = torch.randn((30, *SHAPE), generator=torch.Generator().manual_seed(0)), torch.arange(30) % 3
    task = pb.Task(x[:20], y[:20], x[20:], y[20:], name="odd")
    for module in (KeepingFeatures(), Wrapped()):
        _MADE["features"] = module.requires_grad_()
        nn.init.trunc_normal_(module.first.weight, generator=torch.Generator().manual_seed(0))
        nn.init.trunc_normal_(module.output.weight, generator=torch.Generator().manual_seed(1))
        nn.init.zeros_(module.first.bias)
        nn.init.zeros_(module.output.bias)
        network = Kept() if isinstance(module, KeepingFeatures) else Made("features")
        recipe = pb.Recipe(network=network, learning_rate=0.01, batch_size=5, steps=6)
        trained = pb.train(task, recipe, seeds=5, snapshot_steps=(2,), engine=engine, device="cpu")
        found = [pb.load_scorer(name).score(trained.snapshot(2)) for name in SCORERS]
        again = pb.train(task, recipe, seeds=5, engine=engine, device="cpu").final
        ends.append([*found, *again.to_module(1).parameters()])
    for found, expected in zip(*ends, strict=True):
        torch.testing.assert_close(found, expected)


@dataclass(frozen=True)
class Lazy(pb.Network):
    name = "lazy"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(outputs))


@dataclass(frozen=True)
class LazyInputs(Lazy):
    """Statistics of inputs are all that waits for them."""

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(nn.LazyBatchNorm2d(affine=False), small())


def test_layers_that_learn_their_sizes() -> None:
    networks, alone = build(Lazy(), SHAPE, 3, [5, 6]), build(Lazy(), SHAPE, 3, [6])
    assert networks["3.weight"].shape == (2, 3, 64)
    assert torch.equal(networks["3.weight"][1], alone["3.weight"][0])
    assert not torch.equal(networks["3.weight"][0], networks["3.weight"][1])
    assert build(LazyInputs(), SHAPE, 3, [5])["0.running_mean"].shape == (1, 2)


@dataclass(frozen=True)
class Broken(pb.Network):
    name = "broken"
    how: str = "raises"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        if self.how == "raises":
            raise ValueError("no\nsuch thing")
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "raises",
            r"got 'broken'; it does not build for samples of shape \(2, 6, 6\): ValueError: no such",
        ),
        ("returns", r"got 'broken\[how=returns\]'; it built None: a torch.nn.Module is needed"),
    ],
)
def test_what_does_not_build(how: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message) as caught:
        architecture(Broken(how), SHAPE, 3)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True)
class Overridden(pb.Network):
    """Says itself what its layers are."""

    name = "overridden"
    how: str = "raises"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return small()

    def layers(self, module: nn.Module, x: Tensor) -> tuple[Layer, ...]:
        if self.how == "raises":
            raise KeyError("no such\nlayer")
        if self.how == "none":
            return ()
        reads = Part("5.weight" if self.how == "unknown" else "3.weight", 1, "outgoing")
        made = (Part("1.weight", 0, "incoming"), Part("1.bias", 0, "bias"))
        return (Layer("1", 7 if self.how == "narrow" else 8, (*made, reads)),)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "raises",
            r"got 'overridden'; its layers\(module, x\) raises KeyError: 'no such\\nlayer'",
        ),
        ("none", r"got 'layers of overridden: \(\)'; one Layer at least is needed"),
        ("unknown", r"got 'layer 1: 5.weight \(\)'; a tensor of 8 along axis 1 is needed"),
        ("narrow", r"got 'layer 1: 1.weight \(8, 72\)'; a tensor of 7 along axis 0 is needed"),
    ],
)
def test_layers_of_its_own_that_are_none(how: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message) as caught:
        architecture(Overridden(how), SHAPE, 3)
    assert "\n" not in str(caught.value)
    assert architecture(Overridden("right"), SHAPE, 3).units == 8


def test_logits_that_are_not_finite_are_no_error_of_torch() -> None:
    """Of 0 / 0 in the network, which asks whether its filters may be in another order."""
    module = images(nn.Conv2d(8, 8, 1))
    nn.init.constant_(module[0].weight, float("inf"))
    assert pb.from_module(module, torch.zeros(2, *SHAPE)).units > 0


def test_numbers_that_are_not_finite_are_told_by_the_training() -> None:
    module = small()
    nn.init.constant_(module[3].weight, float("nan"))
    assert pb.from_module(module, torch.zeros(2, *SHAPE)).units == 8
