"""Scorers on networks of several layers, in float64, against plain autograd on the modules themselves."""

import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from layered import CLASSES, KINDS, data, make
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks.normalisation import recalibrated

Numbers = Mapping[str, Tensor]
SIDES = {
    "both": ("incoming", "bias", "scale", "outgoing"),
    "incoming": ("incoming", "bias", "scale"),
    "outgoing": ("outgoing",),
}


@functools.cache
def _example(kind: str) -> tuple[pb.Snapshot, list[nn.Module]]:
    networks, modules = make(kind)
    x, y = data(24)
    task = pb.Task(x.numpy(), y.numpy(), x[:6].numpy(), y[:6].numpy(), name="layered")
    recipe = pb.Recipe(learning_rate=0.02, batch_size=8, steps=9)
    return pb.Snapshot(task, recipe, 0, networks, networks), modules


def example(kind: str) -> tuple[pb.Snapshot, list[nn.Module]]:
    """A snapshot in memory of its own, and copies of its modules."""
    snapshot, modules = _example(kind)
    return snapshot.copy(), copy.deepcopy(modules)


def by_unit(networks: pb.Networks, numbers: Numbers, *roles: str) -> Tensor:
    """Sums over each unit's numbers of one network, part by part and index by index."""
    rows = []
    for layer in networks.layers:
        row = torch.zeros(layer.units, dtype=torch.float64)
        for part in layer.of(*roles):
            values = numbers[part.tensor].movedim(part.axis, 0)
            for i in range(layer.units):
                row[i] += values[i * part.repeat : (i + 1) * part.repeat].sum()
        rows.append(row)
    return torch.cat(rows)


def cross_entropy(module: nn.Module, snapshot: pb.Snapshot, temperature: float = 1.0) -> Tensor:
    return nn.functional.cross_entropy(module(snapshot.x) / temperature, snapshot.y)


def even(module: nn.Module, snapshot: pb.Snapshot) -> Tensor:
    logits = module(snapshot.x)
    own = logits[torch.arange(len(logits)), snapshot.y]
    return (logits.mean(dim=1) - own).mean()


def parameters(module: nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters())


def gradients(module: nn.Module, loss: Tensor, create_graph: bool = False) -> dict[str, Tensor]:
    known = parameters(module)
    found = torch.autograd.grad(loss, list(known.values()), create_graph=create_graph, materialize_grads=True)
    return dict(zip(known, found, strict=True))


def products(
    module: nn.Module, loss: Callable[[nn.Module], Tensor], direction: Numbers | None = None
) -> Numbers:
    """The Hessian times a direction, the gradient itself by default: `loss.backward()` twice."""
    first = gradients(module, loss(module), create_graph=True)
    direction = {name: g.detach() for name, g in first.items()} if direction is None else direction
    return gradients(module, sum((first[name] * direction[name]).sum() for name in first))


# The published formulas for single weights (and, in the same way, for biases and gains).


def snip(module: nn.Module, snapshot: pb.Snapshot) -> Numbers:
    """`|c dL/dc|` for a factor c = 1 on every number (Lee et al., equation 4)."""
    cross_entropy(module, snapshot).backward()
    return {name: (p * p.grad).abs().detach() for name, p in parameters(module).items()}


def grasp(module: nn.Module, snapshot: pb.Snapshot) -> Numbers:
    """`theta H g` at temperature 200 (Wang et al., algorithm 2), with the sign turned: higher = keep."""
    hg = products(module, lambda m: cross_entropy(m, snapshot, 200.0))
    return {name: p.detach() * hg[name] for name, p in parameters(module).items()}


def synflow(module: nn.Module, snapshot: pb.Snapshot) -> Numbers:
    """`theta dR/dtheta` of the network with absolute weights, for ones (Tanaka et al., section 5).

    The published code takes a new network, whose statistics are 0 and 1, in evaluation mode.
    """
    for inside in module.modules():
        if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
            inside.reset_running_stats()
    with torch.no_grad():
        for p in module.parameters():
            p.abs_()
    module(torch.ones(1, *snapshot.x.shape[1:], dtype=torch.float64)).sum().backward()
    return {name: (p * p.grad).detach() for name, p in parameters(module).items()}


def obd(module: nn.Module, snapshot: pb.Snapshot) -> Numbers:
    """Squares of single samples' gradients in the place of the Hessian's diagonal."""
    squares = {name: torch.zeros_like(p) for name, p in parameters(module).items()}
    for x, y in zip(snapshot.x, snapshot.y, strict=True):
        found = gradients(module, nn.functional.cross_entropy(module(x[None]), y[None]))
        squares = {name: squares[name] + found[name] ** 2 / len(snapshot.x) for name in squares}
    return {name: p.detach() ** 2 * squares[name] / 2 for name, p in parameters(module).items()}


PER_WEIGHT = {"snip": snip, "grasp": grasp, "synflow": synflow, "fisher": obd}


def assert_equal(scores: Tensor, expected: Tensor) -> None:
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(scores, expected, rtol=1e-9, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("weights", SIDES)
@pytest.mark.parametrize("scorer", PER_WEIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_the_published_scores_of_single_weights(kind: str, scorer: str, weights: str) -> None:
    snapshot, modules = example(kind)
    scores = pb.load_scorer(f"{scorer}[weights={weights}]").score(snapshot)
    for row, module in zip(scores, modules, strict=True):
        assert_equal(row, by_unit(snapshot.networks, PER_WEIGHT[scorer](module, snapshot), *SIDES[weights]))


@pytest.mark.parametrize("weights", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_norm(kind: str, weights: str) -> None:
    snapshot, modules = example(kind)
    scores = pb.load_scorer(f"gradient_norm[weights={weights}]").score(snapshot)
    for row, module in zip(scores, modules, strict=True):
        squares = {name: g**2 for name, g in gradients(module, cross_entropy(module, snapshot)).items()}
        assert_equal(row, by_unit(snapshot.networks, squares, *SIDES[weights]).sqrt())


def gated_effects(networks: pb.Networks, module: nn.Module, snapshot: pb.Snapshot) -> Tensor:
    """`dl_s/dgate_i`, by central differences of a factor on what reads the unit: (samples, units)."""
    step, columns = 1e-5, []
    for layer in networks.layers:
        for i in range(layer.units):
            losses = []
            for factor in (1 + step, 1 - step):
                changed = copy.deepcopy(module)
                with torch.no_grad():
                    for part in layer.of("outgoing"):
                        tensor = parameters(changed)[part.tensor].movedim(part.axis, 0)
                        tensor[i * part.repeat : (i + 1) * part.repeat] *= factor
                    logits = changed(snapshot.x)
                losses.append(nn.functional.cross_entropy(logits, snapshot.y, reduction="none"))
            columns.append((losses[0] - losses[1]) / (2 * step))
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_by_gates(kind: str) -> None:
    snapshot, modules = example(kind)
    effects = torch.stack([gated_effects(snapshot.networks, module, snapshot) for module in modules])
    expected = {
        "taylor": effects.abs().mean(dim=1),
        "taylor[per=batch]": effects.mean(dim=1).abs(),
        "snip[weights=gate]": effects.mean(dim=1).abs(),
        "gradient_norm[weights=gate]": effects.mean(dim=1).abs(),
        "fisher": effects.square().mean(dim=1) / 2,
    }
    for spec, values in expected.items():
        scores = pb.load_scorer(spec).score(snapshot)
        torch.testing.assert_close(scores, values, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("kind", ["mlp", "lenet"])
def test_taylor_by_the_gradients_of_feature_maps(kind: str) -> None:
    """Molchanov et al., equation 8: the activations' own gradients, over positions first."""
    snapshot, modules = example(kind)
    scores = pb.load_scorer("taylor").score(snapshot)
    for row, module in zip(scores, modules, strict=True):
        expected = []
        for layer in snapshot.networks.layers:
            maps: list[Tensor] = []

            def keep(*given: Tensor, maps: list[Tensor] = maps) -> Tensor:
                maps.append(torch.relu(given[-1]))
                maps[0].retain_grad()
                return maps[0]  # the ReLU that follows leaves it as it is

            hook = module.get_submodule(layer.parts[0].tensor.rpartition(".")[0]).register_forward_hook(keep)
            nn.functional.cross_entropy(module(snapshot.x), snapshot.y, reduction="sum").backward()
            hook.remove()
            effect = (maps[0] * maps[0].grad).detach()
            effect = effect.sum(dim=(2, 3)) if effect.ndim == 4 else effect
            expected.append(effect.abs().mean(dim=0))
        torch.testing.assert_close(row, torch.cat(expected), rtol=1e-9, atol=1e-12)


def has_gain(networks: pb.Networks) -> Tensor:
    return torch.cat([torch.full((layer.units,), bool(layer.of("scale"))) for layer in networks.layers])


def products_by_unit(networks: pb.Networks, a: Numbers, b: Numbers, *roles: str) -> Tensor:
    return by_unit(networks, {name: a[name] * b[name] for name in a}, *roles)


@pytest.mark.parametrize("kind", KINDS)
def test_alignment_growth_and_growing_mode_by_the_even_loss(kind: str) -> None:
    snapshot, modules = example(kind)
    found = {name: pb.load_scorer(name).score(snapshot) for name in ("alignment", "growth", "growing_mode")}
    for i, module in enumerate(modules):
        own = {name: p.detach() for name, p in parameters(module).items()}
        g = gradients(module, even(module, snapshot))
        h = products(module, lambda m: even(m, snapshot))
        dot = functools.partial(products_by_unit, snapshot.networks)
        cosine = dot(own, g, "incoming") / (dot(own, own, "incoming") * dot(g, g, "incoming")).sqrt()
        assert_equal(found["alignment"][i], -torch.arccos(cosine.abs().nan_to_num()))  # dead: a right angle
        gain = has_gain(snapshot.networks)
        pull = torch.where(gain, dot(own, g, "scale"), dot(own, g, "incoming"))
        length = torch.where(gain, dot(own, own, "scale"), dot(own, own, "incoming")).sqrt()
        rate = -0.2 * pull / (length * dot(own, own, "outgoing").sqrt())
        assert_equal(found["growth"][i], rate)
        sigma = (dot(h, h, "incoming", "outgoing") / dot(g, g, "incoming", "outgoing")).sqrt()
        grown = dot(g, g, "incoming", "outgoing") * 2 - dot(g, h, "incoming", "outgoing") * 2 / sigma
        torch.testing.assert_close(found["growing_mode"][i], grown.nan_to_num().sqrt(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-7])
@pytest.mark.parametrize("kind", KINDS)
def test_growing_mode_is_the_same_in_float32(kind: str, scale: float) -> None:
    """With tiny weights, too, where float32 has no room for the Hessian's products."""
    snapshot, _ = example(kind)
    names = snapshot.networks.architecture.weights
    tiny = {n: t * scale if n in names else t for n, t in snapshot.networks.tensors.items()}
    networks = snapshot.networks.like(tiny).to(dtype=torch.float32)
    scorer = pb.load_scorer("growing_mode")
    exact = scorer.score(dataclasses.replace(snapshot, networks=networks.to(dtype=torch.float64)))
    found = scorer.score(dataclasses.replace(snapshot, networks=networks))
    largest = exact.max(dim=1, keepdim=True).values
    assert float(((found - exact) / largest).abs().max()) < 1e-4


@pytest.mark.parametrize("kind", ["lenet", "vgg"])
def test_hutchinson_by_the_whole_hessian(kind: str) -> None:
    """Of the vectors that were drawn, `z * H z`; its mean over all vectors is the diagonal, which is >= 0."""
    snapshot, modules = example(kind)
    snapshot = snapshot.network(2)
    own = {name: p.detach() for name, p in parameters(modules[2]).items()}
    sizes = [p.numel() for p in own.values()]

    def loss(flat: Tensor) -> Tensor:
        split = zip(own, flat.split(sizes), strict=True)
        weights = {name: part.reshape(own[name].shape) for name, part in split}
        logits = torch.func.functional_call(modules[2], weights, (snapshot.x,))
        return nn.functional.cross_entropy(logits, snapshot.y)

    theta = torch.cat([p.flatten() for p in own.values()])
    hessian = torch.autograd.functional.hessian(loss, theta, vectorize=True)
    assert float(hessian.diagonal().min()) > -1e-12

    def scores_of(curvature: Tensor) -> Tensor:
        split = zip(own, (theta**2 * curvature / 2).split(sizes), strict=True)
        saliency = {name: part.reshape(own[name].shape) for name, part in split}
        return by_unit(snapshot.networks, saliency, *SIDES["both"])

    draws = snapshot.generators(5)[0]
    estimates = []
    for _ in range(3):
        z = torch.cat([torch.from_numpy(draws.integers(0, 2, size)) for size in sizes]).double() * 2 - 1
        estimates.append(z * (hessian @ z))
    scores = pb.load_scorer("hutchinson[vectors=3,draw=5]").score(snapshot)[0]
    assert_equal(scores, scores_of(torch.stack(estimates).mean(dim=0)))
    errors = [
        float(
            (
                pb.load_scorer(f"hutchinson[vectors={n}]").score(snapshot)[0] - scores_of(hessian.diagonal())
            ).norm()
        )
        for n in (4, 200)
    ]
    assert errors[1] < 0.4 * errors[0]


@pytest.mark.parametrize("kind", KINDS)
def test_lookahead_by_two_steps_on_the_module(kind: str) -> None:
    snapshot, modules = example(kind)
    scores = pb.load_scorer("lookahead[samples=12,c=0.7]").score(snapshot)
    for row, module in zip(scores, modules, strict=True):
        for _ in range(2):
            loss = nn.functional.cross_entropy(module(snapshot.x[::2]), snapshot.y[::2])
            found = gradients(module, loss)
            with torch.no_grad():
                for name, p in parameters(module).items():
                    if name.endswith("weight"):
                        p.sub_(0.7 * p.norm() / found[name].norm() * found[name])
                for inside in module.modules():
                    if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
                        inside.momentum = 1.0
                module.train()(snapshot.x[::2])
                module.eval()
        squares = {name: p.detach() ** 2 for name, p in parameters(module).items()}
        sums = {role: by_unit(snapshot.networks, squares, role) for role in ("incoming", "scale", "outgoing")}
        incoming = torch.where(has_gain(snapshot.networks), sums["scale"], sums["incoming"])
        assert_equal(row, (incoming * sums["outgoing"]).sqrt())


def test_lookahead_takes_one_step_where_it_is_told_to() -> None:
    snapshot, _ = example("mlp")
    scores = [pb.load_scorer(f"lookahead[steps={steps}]").score(snapshot) for steps in (1, 2)]
    assert not torch.allclose(*scores)


def test_lookahead_spreads_its_samples_over_all_there_are() -> None:
    """Ten of 24, which ten does not divide: none of the last is left out."""
    snapshot, _ = example("mlp")
    spread = torch.tensor([0, 2, 4, 7, 9, 12, 14, 16, 19, 21])
    those = dataclasses.replace(snapshot, task=snapshot.task.only(spread))
    assert_equal(*(pb.load_scorer("lookahead[samples=10]").score(each) for each in (snapshot, those)))


@pytest.mark.parametrize("scorer", ["lookahead", "rehearsal"])
def test_steps_of_float32_networks_are_in_float64(scorer: str) -> None:
    """What moves is little beside the weights, and float32 would round it."""
    snapshot, _ = example("mlp")
    single = snapshot.networks.to(dtype=torch.float32)
    given, exact = (
        pb.load_scorer(scorer).score(dataclasses.replace(snapshot, networks=single.to(dtype=dtype)))
        for dtype in (torch.float32, torch.float64)
    )
    assert given.dtype == torch.float32
    assert torch.equal(given, exact.float())


def in_turn(y: Tensor, draw: np.random.Generator) -> list[int]:
    """Samples in a drawn order, but the first of each class before all second ones, and so on."""
    order = draw.permutation(len(y)).tolist()
    queues = [[i for i in order if y[i] == label] for label in range(CLASSES)]
    turns = [[queue[k] for queue in queues if k < len(queue)] for k in range(len(y))]
    return [i for turn in turns for i in sorted(turn, key=order.index)]


@pytest.mark.parametrize(("kind", "scale"), [*((kind, 1.0) for kind in KINDS), ("mlp", 1e-4)])
def test_rehearsal_by_steps_on_the_module(kind: str, scale: float) -> None:
    """Four steps of 8 out of 24 samples, so that all come and some again; then the way to its end.

    Short as the way is where weights are small, each tensor's is as long as the tensor.
    """
    snapshot, modules = example(kind)
    tensors = dict(snapshot.networks.tensors)
    for name in snapshot.networks.architecture.weights:
        tensors[name] = scale * tensors[name]
        for module in modules:
            module.get_parameter(name).data.mul_(scale)
    snapshot = dataclasses.replace(snapshot, networks=snapshot.networks.like(tensors))
    scores = pb.load_scorer("rehearsal[steps=4,batch_size=8,reach=0.9]").score(snapshot)
    for row, module, draw in zip(scores, modules, snapshot.generators(), strict=True):
        order = [i for _ in range(2) for i in in_turn(snapshot.y, draw)][:32]
        loss = nn.functional.cross_entropy(module(snapshot.x[order]), snapshot.y[order])
        slope, loss = gradients(module, loss), loss.detach()
        before = {name: p.detach().clone() for name, p in parameters(module).items()}
        moving = [name for name in before if name.endswith("weight")]
        for step in range(4):
            batch = order[8 * step : 8 * step + 8]
            found = gradients(
                module, nn.functional.cross_entropy(module(snapshot.x[batch]), snapshot.y[batch])
            )
            lengths = [
                torch.cat([tensors[name].flatten() for name in moving]).norm()
                for tensors in (parameters(module), found)
            ]
            with torch.no_grad():
                for name in moving:
                    by = 0.9 * (step + 1) / 10 * lengths[0] / lengths[1]
                    parameters(module)[name].sub_(by * found[name])
                for inside in module.modules():
                    if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
                        inside.momentum = 1.0
                module.train()(snapshot.x[batch])
                module.eval()
        ways = {name: parameters(module)[name].detach() - before[name] for name in moving}
        ways = {name: way / way.norm() * before[name].norm() for name, way in ways.items()}
        c = loss / abs(sum((slope[name] * way).sum() for name, way in ways.items()))
        squares = {n: (p + c * ways[n]) ** 2 if n in ways else p for n, p in before.items()}
        sums = {role: by_unit(snapshot.networks, squares, role) for role in ("incoming", "scale", "outgoing")}
        incoming = torch.where(has_gain(snapshot.networks), sums["scale"], sums["incoming"])
        assert_equal(row, (incoming * sums["outgoing"]).sqrt())


def test_rehearsal_of_small_weights_ranks_alike_at_any_scale() -> None:
    """Where classes stay even, a network that is twice as small takes the same way at half the length."""
    snapshot, _ = example("mlp")
    names = snapshot.networks.architecture.weights
    scores = []
    for scale in (1e-3, 1e-6):
        tensors = {n: t * (scale if n in names else 0) for n, t in snapshot.networks.tensors.items()}
        small = dataclasses.replace(snapshot, networks=snapshot.networks.like(tensors))
        scores.append(pb.load_scorer("rehearsal").score(small))
    norms = snapshot.networks.norms()
    one, other, still = (each / each.max(dim=1, keepdim=True).values for each in (*scores, norms))
    torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)
    assert bool(((one - still).abs().amax(dim=1) > 0.1).all())  # small as its gradients are, it goes


def test_rehearsal_of_a_network_that_has_learnt_is_its_norm() -> None:
    """Its loss is nearly 0, so there is nowhere to go."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((30, 5)) + 4 * np.eye(5)[0] * np.tile((1, -1), 15)[:, None]
    task = pb.Task(x, np.tile((0, 1), 15), x, np.tile((0, 1), 15))
    sides = torch.from_numpy(np.tile((1.0, -1.0), 6))
    w_in = torch.from_numpy(draw.standard_normal((1, 12, 5)) * 0.1)
    w_in[0, :, 0] += sides * torch.from_numpy(draw.uniform(1, 5, 12))
    w_out = torch.stack((sides, -sides))[None] * 5
    learnt = pb.shallow_networks(w_in, torch.zeros(1, 12, dtype=torch.float64), w_out)
    snapshot = pb.Snapshot(task, pb.Recipe(width=12, steps=9), 0, learnt, learnt)
    scores = pb.load_scorer("rehearsal").score(snapshot)
    torch.testing.assert_close(scores, learnt.norms(), rtol=0.02, atol=0.0)


def test_rehearsal_stays_where_the_loss_at_the_start_falls_nowhere() -> None:
    """No unit sees the samples that it is taken of, so a way that a later one pulls along has no end."""
    y, draw = torch.arange(24) % CLASSES, torch.Generator().manual_seed(2)
    w_in, w_out = (torch.rand(shape, generator=draw, dtype=torch.float64) for shape in ((1, 6, 4), (1, 3, 6)))
    networks = pb.shallow_networks(w_in, torch.zeros(1, 6, dtype=torch.float64), w_out)
    x = -torch.rand((24, 4), generator=draw)
    task, recipe = pb.Task(x, y, x, y), pb.Recipe(width=6, steps=9)
    (order,) = pb.Snapshot(task, recipe, 0, networks, networks).generators()
    x[in_turn(y, order)[15]] = 1.0
    snapshot = pb.Snapshot(pb.Task(x, y, x, y), recipe, 0, networks, networks)
    scores = pb.load_scorer("rehearsal[steps=12,batch_size=2]").score(snapshot)
    torch.testing.assert_close(scores, networks.norms(), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_imp_prunes_over_all_layers_what_the_masks_say(kind: str) -> None:
    snapshot, _ = example(kind)
    scorer = pb.load_scorer("imp[sparsity=0.6,rounds=2]")
    masks, scores = scorer.masks(snapshot), scorer.score(snapshot)
    for i in range(snapshot.networks.seeds):
        total = sum(mask[i].numel() for mask in masks[-1].tensors.values())
        for done, found in enumerate(masks, start=1):
            left = sum(int(mask[i].sum()) for mask in found.tensors.values())
            assert left == round(0.4 ** (done / 2) * total)
        # One threshold: the smallest trained weight that is left is above the largest that went.
        trained = snapshot.train(snapshot.networks, masks=masks[0])
        sizes = torch.cat([trained[name][i].abs().flatten() for name in masks[0].tensors])
        before, after = (torch.cat([m[i].flatten() for m in found.tensors.values()]) for found in masks)
        assert float(sizes[after].min()) >= float(sizes[before & ~after].max())
        numbers = {name: mask[i].double() for name, mask in masks[-1].tensors.items()}
        zeros = {name: torch.zeros_like(t[i]) for name, t in snapshot.networks.tensors.items()}
        assert torch.equal(scores[i], by_unit(snapshot.networks, zeros | numbers, *SIDES["both"]))
    whole = snapshot.networks.full_masks()
    shares = [masks[-1].unit_sums(side) / whole.unit_sums(side) for side in ("incoming", "outgoing")]
    normalised = pb.load_scorer("imp[sparsity=0.6,rounds=2,normalise=true]").score(snapshot)
    torch.testing.assert_close(normalised, shares[0] + shares[1], check_dtype=False)


def test_the_gain_of_batch_normalisation() -> None:
    snapshot, modules = example("vgg")
    gains = [
        module.get_submodule(path).weight.detach().abs() for module in modules for path in ("1", "5", "10")
    ]
    scores = pb.load_scorer("bn_scale").score(snapshot)
    assert_equal(scores.flatten(), torch.cat(gains))


@pytest.mark.parametrize("scorer", ["snip", "taylor", "growing_mode", "fisher", "alignment"])
@pytest.mark.parametrize("kind", KINDS)
def test_sampled_is_the_scorer_with_fewer_samples(kind: str, scorer: str) -> None:
    snapshot, _ = example(kind)
    found = pb.load_scorer(f"sampled[samples=10,scorer={scorer}]").score(snapshot)
    x, y = snapshot.x.numpy(), snapshot.y.numpy()
    for i, draw in enumerate(snapshot.generators()):
        seen = in_turn(snapshot.y, draw)[:10]
        assert np.ptp(np.bincount(y[seen], minlength=CLASSES)) <= 1
        task = pb.Task(x[seen], y[seen], x[:2], y[:2])
        alone = dataclasses.replace(snapshot.network(i), task=task)
        assert_equal(found[i], pb.load_scorer(scorer).score(alone)[0])


def test_sampled_of_all_samples_is_the_scorer_itself() -> None:
    snapshot, _ = example("lenet")
    found = pb.load_scorer("sampled[samples=1000,scorer=grasp]").score(snapshot)
    torch.testing.assert_close(found, pb.load_scorer("grasp").score(snapshot))


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_scores_after_training_of_its_own(kind: str) -> None:
    snapshot, _ = example(kind)
    scores = pb.load_scorer("probe[steps=4,scorer=snip]").score(snapshot)
    assert snapshot.cost.gradient_steps == 3 * 4
    seeds = [int(draw.integers(2**63)) for draw in snapshot.generators()]
    probed = pb.train(
        snapshot.task,
        pb.Recipe(learning_rate=0.02, batch_size=8, steps=4, network=snapshot.recipe.network),
        seeds=seeds,
        start=pb.State(snapshot.networks),
        dtype=torch.float64,
        device="cpu",
    )
    end = recalibrated(probed.final, snapshot.x)
    later = pb.Snapshot(snapshot.task, snapshot.recipe, 4, end, snapshot.networks)
    torch.testing.assert_close(scores, pb.load_scorer("snip").score(later), rtol=1e-9, atol=1e-12)
    assert not torch.allclose(scores, pb.load_scorer("snip").score(snapshot))


def test_a_probe_ends_where_training_does() -> None:
    snapshot, _ = example("mlp")
    pb.load_scorer("probe[steps=1000]").score(snapshot)
    assert snapshot.cost.gradient_steps == 3 * 9


@pytest.mark.parametrize(
    "scorer",
    [
        "snip",
        "grasp",
        "synflow",
        "gradient_norm",
        "taylor",
        "growing_mode",
        "alignment",
        "growth",
        "fisher",
        "hutchinson",
        "lookahead",
        "rehearsal",
        "sampled[samples=8]",
        "contribution",
        "magnitude",
        "oracle",
        "twin",
        "random",
        "probe",
        "imp",
        "bn_scale",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_all_units_that_leave_everything_as_it_is(kind: str, scorer: str) -> None:
    """Running statistics too; a network alone scores as in its batch."""
    snapshot, _ = example(kind)
    method = pb.load_scorer(scorer)
    snapshot = (
        snapshot
        if not method.sees_end
        else pb.Snapshot(
            snapshot.task,
            snapshot.recipe,
            0,
            snapshot.networks,
            snapshot.initial,
            final=snapshot.networks,
            twin=snapshot.networks,
        )
    )
    reason = method.unfit(snapshot.networks, snapshot.task)
    if reason is not None:
        assert (scorer, kind in ("mlp", "lenet")) == ("bn_scale", True)
        return
    before = [tensor.clone() for tensor in snapshot.tensors()]
    scores = method.score(snapshot)
    assert scores.shape == (3, snapshot.networks.units)
    assert scores.dtype == torch.float64
    assert torch.isfinite(scores).all()
    assert all(torch.equal(a, b) for a, b in zip(before, snapshot.tensors(), strict=True))
    if scorer != "imp":
        torch.testing.assert_close(method.score(snapshot.network(1))[0], scores[1], rtol=1e-9, atol=1e-12)


def test_what_is_unfit_says_why() -> None:
    snapshot, _ = example("mlp")
    for spec, reason in {
        "cluster_alignment": "shallow network with two classes",
        "growing_mode[within_signs=true]": "shallow network with two classes",
        "bn_scale": "no batch normalisation",
        "probe[scorer=bn_scale]": "no batch normalisation",
        "sampled[scorer=bn_scale]": "no batch normalisation",
        "sampled[samples=2]": "one of each",
    }.items():
        assert reason in str(pb.load_scorer(spec).unfit(snapshot.networks, snapshot.task))
    assert math.prod(snapshot.x.shape[1:]) == 144
    assert snapshot.networks.outputs == CLASSES


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("probe[scorer=oracle]", "does not see the end"),
        ("probe[scorer=imp]", "looks at the weights of its step"),
        ("probe[scorer=probe]", "looks at the weights of its step"),
        ("probe[scorer=snipp]", "did you mean 'snip'"),
        ("probe[steps=0]", "from 1 up"),
        ("lookahead[steps=0]", "from 1 to 1,000"),
        ("lookahead[c=0]", "above 0 and up to 1,000"),
        ("lookahead[samples=0]", "from 1 up"),
        ("rehearsal[batch_size=1]", "from 2 up"),
        ("rehearsal[steps=0]", "from 1 to 100,000"),
        ("rehearsal[reach=0]", "above 0 and up to 1,000"),
        ("sampled[scorer=oracle]", "does not see the end"),
        ("sampled[scorer=random]", "draws nothing"),
        ("sampled[scorer=sampled]", "draws nothing"),
        ("sampled[samples=1]", "from 2 up"),
        ("hutchinson[vectors=0]", "from 1"),
        ("fisher[weights=all]", "one of both, incoming, outgoing, gate"),
    ],
)
def test_parameters_that_mean_nothing(spec: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.load_scorer(spec)


@pytest.mark.parametrize(
    "spec", ["lookahead[c=1,steps=2,samples=300]", "rehearsal[steps=32,batch_size=20,reach=0.5]"]
)
def test_a_name_alone_is_the_scorer_that_boards_were_made_with(spec: str) -> None:
    """Another default would be another scorer under the same name."""
    assert pb.load_scorer(spec.partition("[")[0]) == pb.load_scorer(spec)


def test_a_probe_is_of_the_code_of_its_scorer() -> None:
    one, other = (pb.load_scorer(f"probe[scorer={name}]").version for name in ("snip", "taylor"))
    assert one != other
    assert type(pb.load_scorer("probe")).version == "1"
