"""Units of layered networks: gates, norms, sums, gradients, and what is left when some are kept."""

import copy
import re

import pytest
import torch
from layered import KINDS, data, make
from torch import nn

import prunebench as pb
from prunebench.networks import Networks
from prunebench.networks.outcomes import LOSSES

KIND = pytest.mark.parametrize("kind", KINDS)


def some_units(networks: Networks) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Half of the units of every layer, others in each network; and gates that say the same."""
    draw = torch.Generator().manual_seed(2)
    kept = {
        layer.name: torch.stack(
            [torch.randperm(layer.units, generator=draw)[: layer.units // 2] for _ in range(networks.seeds)]
        )
        for layer in networks.layers
    }
    zeros = [torch.zeros(networks.seeds, layer.units, dtype=torch.float64) for layer in networks.layers]
    gates = [
        gate.scatter(1, kept[layer.name], 1.0) for gate, layer in zip(zeros, networks.layers, strict=True)
    ]
    return kept, torch.cat(gates, dim=1)


@KIND
def test_logits_are_the_modules(kind: str) -> None:
    networks, modules = make(kind)
    x, _ = data(5)
    with torch.no_grad():
        assert torch.equal(networks.logits(x), torch.stack([module(x) for module in modules]))


@KIND
def test_keeping_units_is_gating_the_others(kind: str) -> None:
    networks, _ = make(kind)
    x, _ = data(5)
    kept, gates = some_units(networks)
    narrow, gated = networks.keep(kept).logits(x), networks.gated(gates).logits(x)
    assert (narrow - gated).abs().max() < 1e-13
    assert (narrow - networks.logits(x)).abs().max() > 1e-3
    assert networks.keep(kept).units == sum(units.shape[1] for units in kept.values())


@KIND
def test_the_order_of_units_changes_nothing(kind: str) -> None:
    networks, _ = make(kind)
    x, _ = data(5)
    for layer in networks.layers:
        turned = torch.stack([torch.randperm(layer.units) for _ in range(networks.seeds)])
        assert (networks.keep({layer.name: turned}).logits(x) - networks.logits(x)).abs().max() < 1e-13


@KIND
def test_a_seed_alone_is_the_seed_in_a_batch(kind: str) -> None:
    networks, _ = make(kind)
    x, y = data(5)
    alone, batch = networks.select(1), networks
    assert torch.equal(alone.logits(x)[0], batch.logits(x)[1])
    assert torch.equal(alone.norms()[0], batch.norms()[1])
    for name, tensor in alone.gradient(x, y).tensors.items():
        assert torch.equal(tensor[0], batch.gradient(x, y)[name][1])


@KIND
def test_gradients_and_products_are_autograds(kind: str) -> None:
    """Loss with a temperature, by the module itself and `torch.autograd` twice."""
    networks, modules = make(kind)
    x, y = data(6)
    gradient = networks.gradient(x, y, temperature=3.0)
    products = networks.hessian_vector_product(gradient, x, y, temperature=3.0)
    for seed, module in enumerate(modules):
        weights = dict(module.named_parameters())
        loss = nn.functional.cross_entropy(module(x) / 3.0, y)
        own = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        again = torch.autograd.grad(own, list(weights.values()), [g.detach() for g in own])
        for name, g, h in zip(weights, own, again, strict=True):
            torch.testing.assert_close(gradient[name][seed], g.detach(), rtol=1e-9, atol=1e-14)
            torch.testing.assert_close(products[name][seed], h, rtol=1e-9, atol=1e-14)


@KIND
def test_the_even_loss_is_the_limit_of_a_high_temperature(kind: str) -> None:
    networks, _ = make(kind)
    x, y = data(6)
    even, hot = networks.gradient(x, y, loss="even"), networks.gradient(x, y, temperature=1e6)
    for name, tensor in even.tensors.items():
        torch.testing.assert_close(tensor, 1e6 * hot[name], rtol=1e-3, atol=1e-5)


@KIND
def test_derivatives_are_the_same_in_inference_mode(kind: str) -> None:
    """Where autograd records nothing, and what is made is never recorded."""
    networks, _ = make(kind, seeds=2)
    x, y = data(4)

    def derivatives(of: pb.Networks) -> list[torch.Tensor]:
        gradient = of.gradient(x, y)
        found = gradient, of.hessian_vector_product(gradient, x, y), of.fisher_diagonal(x, y)
        return [tensor for each in found for tensor in each.tensors.values()] + [of.gate_gradients(x, y)]

    expected = derivatives(networks)
    with torch.inference_mode():
        found = derivatives(networks.map(lambda tensor: 1 * tensor))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)


@KIND
def test_derivatives_by_gates_are_differences_of_losses(kind: str) -> None:
    """Sample by sample, central differences."""
    networks, _ = make(kind, seeds=2)
    x, y = data(4)
    found = networks.gate_gradients(x, y)
    for unit in range(networks.units):
        losses = []
        for gate in (1 + 1e-6, 1 - 1e-6):
            gates = torch.ones(2, networks.units, dtype=torch.float64)
            gates[:, unit] = gate
            outputs = networks.gated(gates).logits(x)
            losses.append(
                torch.stack([nn.functional.cross_entropy(one, y, reduction="none") for one in outputs])
            )
        torch.testing.assert_close(found[:, :, unit], (losses[0] - losses[1]) / 2e-6, rtol=1e-5, atol=1e-8)


@KIND
def test_every_trained_number_is_on_one_side_of_one_unit(kind: str) -> None:
    """Added up as ones: all but the output's are incoming, all but the first layer's weights outgoing."""
    networks, _ = make(kind)
    for roles in (("incoming", "bias", "scale"), ("outgoing",)):
        named = [part.tensor for layer in networks.layers for part in layer.of(*roles)]
        assert len(named) == len(set(named))
    ones = networks.trained.map(torch.ones_like)
    sizes = {name: tensor[0].numel() for name, tensor in ones.tensors.items()}
    *hidden, weight, _bias = sizes
    assert int(ones.unit_sums("incoming", "bias")[0].sum()) == sum(sizes[name] for name in hidden)
    inputs = {"mlp": "1", "lenet": "0", "vgg": "0", "resnet": "stem"}[kind]
    read = [name for name in networks.architecture.weights if name != f"{inputs}.weight"]
    assert weight in read
    assert int(ones.unit_sums("outgoing")[0].sum()) == sum(sizes[name] for name in read)


def test_gradients_are_of_all_samples_whatever_runs_together() -> None:
    """Of a mean by its name, in parts that are not alike; and of a sum, which is taken whole."""
    (x, y), networks = data(70), make("lenet")[0]

    def total(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits[0], labels, reduction="sum")[None]

    mean, whole = networks.gradient(x, y), networks.gradient(x, y, loss=total)
    for name, tensor in mean.tensors.items():
        torch.testing.assert_close(whole[name] / 70, tensor)


def test_normalisation_without_gains_leaves_the_norm_to_what_reads() -> None:
    module = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5, affine=False), nn.ReLU(), nn.Linear(5, 2))
    networks = pb.from_module(module, torch.randn(6, 4))
    assert networks.norms("incoming").tolist() == [[1.0] * 5]
    assert torch.equal(networks.norms(), networks.norms("outgoing"))


def test_norms_with_normalisation_are_its_gains() -> None:
    networks, modules = make("vgg")
    first, second, third = networks.norms("incoming").split([4, 6, 8], dim=1)
    for seed, module in enumerate(modules):
        for norms, place in ((first, 1), (second, 5), (third, 10)):
            torch.testing.assert_close(norms[seed], module[place].weight.detach().abs())
    read = modules[0][4].weight.detach()  # (6, 4, 3, 3) reads the first layer
    torch.testing.assert_close(networks.norms("outgoing")[0, :4], read.square().sum(dim=(0, 2, 3)).sqrt())


def test_a_channel_owns_its_columns_after_a_flatten() -> None:
    networks, modules = make("lenet")
    layer = networks.layers[1]
    assert [part.repeat for part in layer.of("outgoing")] == [4]
    columns = modules[0][7].weight.detach()[:, 4:8]  # of the second channel: 2 x 2 places
    torch.testing.assert_close(networks.norms("outgoing")[0, 4 + 1], columns.square().sum().sqrt())


def test_units_that_a_shortcut_joins_are_one() -> None:
    networks, _ = make("resnet")
    assert [(layer.name, layer.units) for layer in networks.layers] == [
        ("stem", 4), ("one.first", 4), ("two.first", 6), ("two.second", 6),
    ]  # fmt: skip
    stream = {part.tensor for part in networks.layers[0].of("incoming")}
    assert stream == {"stem.weight", "one.second.weight"}


@KIND
def test_a_module_of_the_kept_units_computes_the_same(kind: str) -> None:
    networks, _ = make(kind)
    x, _ = data(5)
    kept, _ = some_units(networks)
    narrow = networks.keep(kept)
    module = narrow.to_module(1).eval()
    with torch.no_grad():
        torch.testing.assert_close(module(x), narrow.logits(x)[1])


@KIND
def test_torch_pruning_prunes_the_same_units(kind: str) -> None:
    torch_pruning = pytest.importorskip("torch_pruning")
    networks, modules = make(kind, seeds=1)
    x, _ = data(5)
    kept, _ = some_units(networks)
    graph = torch_pruning.DependencyGraph().build_dependency(modules[0], example_inputs=x[:1])
    for layer in networks.layers:
        gone = sorted(set(range(layer.units)) - set(kept[layer.name][0].tolist()))
        producer = modules[0].get_submodule(layer.name)
        prune = (
            torch_pruning.prune_linear_out_channels
            if isinstance(producer, nn.Linear)
            else torch_pruning.prune_conv_out_channels
        )
        graph.get_pruning_group(producer, prune, idxs=gone).prune()
    ordered = {name: units.sort(dim=1).values for name, units in kept.items()}
    with torch.no_grad():
        torch.testing.assert_close(modules[0].eval()(x), networks.keep(ordered).logits(x)[0])


def test_what_is_of_the_shallow_network_says_so() -> None:
    networks, _ = make("mlp")
    with pytest.raises(
        pb.RequestError, match=re.escape("w_in: got 'example'; only the shallow network has it")
    ):
        _ = networks.w_in
    with pytest.raises(pb.RequestError, match="one tensor"):
        networks.keep(torch.zeros(3, 1, dtype=torch.int64))
    with pytest.raises(pb.RequestError, match="'9'; one of the layers 1, 3"):
        networks.keep({"9": torch.zeros(3, 1, dtype=torch.int64)})
    with pytest.raises(pb.RequestError, match="units are numbered 0 to 8"):
        networks.keep({"1": torch.full((3, 1), 9)})
    with pytest.raises(pb.RequestError, match=r"shape \(3, 16\) is needed"):
        networks.gated(torch.ones(3, 9))


def test_a_loss_of_nothing_has_gradient_0() -> None:
    networks, _ = make("lenet", seeds=1)
    gradient = networks.gradient(*data(6), loss=lambda logits, _: logits.new_zeros(1))
    assert not any(tensor.any() for tensor in gradient.tensors.values())


def test_the_papers_networks_take_all_samples_together() -> None:
    """To the bit: stored scores are of this rounding."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(150, 9, generator=draw), torch.arange(150) % 2
    networks = pb.initialise(pb.Recipe(width=6, init_std=0.5), 9, [0])
    own = networks.gradient(x, y, loss=LOSSES["cross_entropy"])
    assert all(map(torch.equal, networks.gradient(x, y).tensors.values(), own.tensors.values()))


def test_derivatives_part_by_part_are_those_of_all_samples() -> None:
    """Of more samples than are taken together."""
    networks, modules = make("lenet", seeds=1)
    x, y = data(150)
    weights = list(modules[0].parameters())
    own = torch.autograd.grad(nn.functional.cross_entropy(modules[0](x), y), weights, create_graph=True)
    again = torch.autograd.grad(own, weights, [g.detach() for g in own])
    gradient = networks.gradient(x, y)
    products = networks.hessian_vector_product(gradient, x, y)
    for name, g, h in zip(gradient.tensors, own, again, strict=True):
        torch.testing.assert_close(gradient[name][0], g.detach(), rtol=1e-9, atol=1e-14)
        torch.testing.assert_close(products[name][0], h, rtol=1e-9, atol=1e-14)


def test_frozen_parameters_stay() -> None:
    """Their gradient is 0, no engine moves them, and they are still frozen in a module."""
    module = KINDS["mlp"]()
    module[1].weight.requires_grad_(False)

    class Frozen(pb.Network):
        name = "frozen"

        def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
            return copy.deepcopy(module)

    x, y = data(12)
    task = pb.Task(x[:9].float(), y[:9], x[9:].float(), y[9:])
    recipe = pb.Recipe(network=Frozen(), batch_size=4, steps=6, learning_rate=0.1)
    for engine in ("plain", "together"):
        run = pb.train(task, recipe, seeds=(0, 1), device="cpu", engine=engine)
        assert torch.equal(run.final["1.weight"], run.initial["1.weight"])
        assert not torch.equal(run.final["1.bias"], run.initial["1.bias"])
        assert not run.final.gradient(x, y)["1.weight"].any()
        assert [p.requires_grad for p in run.final.to_module(0).parameters()] == [False] + [True] * 5


def test_batches_are_taken_apart_and_put_together() -> None:
    networks, _ = make("mlp")
    parts = [networks.select(0), networks.select([1]), networks.select(-1)]
    again = Networks.cat(parts)
    for name, tensor in networks.tensors.items():
        assert torch.equal(again[name], tensor)
    assert networks.to(dtype=torch.float64) is networks
    masks = networks.full_masks().to(dtype=torch.float32)
    assert {mask.dtype for mask in masks.tensors.values()} == {torch.bool}


def test_weights_are_drawn_from_the_generator_of_the_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`torch.manual_seed` would seed the user's of every GPU."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", pytest.fail)
    before = torch.get_rng_state()
    one, other = (pb.initialise(pb.Recipe(network="mlp"), (1, 3, 3), range(2)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, one.tensors.values(), other.tensors.values()))
