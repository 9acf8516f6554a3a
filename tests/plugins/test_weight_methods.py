"""SNIP, GraSP, SynFlow, gradient norm and Taylor against autograd on a plain module."""

import dataclasses
import functools

import pytest
import torch
from plain_network import PlainNetwork
from scipy.stats import spearmanr

import prunebench as pb

WEIGHTS = ("both", "incoming", "outgoing", "gate")


def per_neuron(hidden_weight, hidden_bias, output_weight):
    """Values of every parameter as sums over each neuron."""
    incoming, outgoing = hidden_weight.sum(dim=1) + hidden_bias, output_weight.sum(dim=0)
    return {"both": incoming + outgoing, "incoming": incoming, "outgoing": outgoing}


def expect(scorer, snapshot, reference, rtol=1e-5, options=""):
    """Equal for each of the networks and every choice of weights."""
    scores = {w: pb.load_scorer(f"{scorer}[weights={w}{options}]").score(snapshot) for w in WEIGHTS}
    for i in range(snapshot.networks.seeds):
        expected = reference(PlainNetwork(snapshot.networks, i), snapshot.task)
        assert expected.keys() == set(WEIGHTS)
        for weights, values in expected.items():
            assert float(values.abs().max()) > 0
            assert scores[weights].dtype == snapshot.networks.dtype
            close = {"rtol": rtol, "atol": 1e-4 * rtol * float(values.abs().max()), "check_dtype": False}
            torch.testing.assert_close(scores[weights][i], values, **close)


def snip(net, task):
    net.loss(task).backward()
    products = [(p * p.grad).detach() for p in net.parameters()]
    scores = per_neuron(*(p.abs() for p in products))
    return scores | {"gate": per_neuron(*products)["incoming"].abs()}


def gradient_norm(net, task):
    net.loss(task).backward()
    scores = {k: v.sqrt() for k, v in per_neuron(*(p.grad**2 for p in net.parameters())).items()}
    products = [(p * p.grad).detach() for p in net.parameters()]
    return scores | {"gate": per_neuron(*products)["incoming"].abs()}


def grasp(net, task, temperature=200.0):
    """By the whole Hessian, with no product of it with a vector."""
    names, values = zip(*net.named_parameters(), strict=True)
    sizes, shapes = [v.numel() for v in values], [v.shape for v in values]
    x, y = task.x_train.double(), task.y_train

    def loss(flat):
        parts = [p.reshape(s) for p, s in zip(flat.split(sizes), shapes, strict=True)]
        logits = torch.func.functional_call(net, dict(zip(names, parts, strict=True)), (x,))
        return torch.nn.functional.cross_entropy(logits / temperature, y)

    theta = torch.cat([v.detach().flatten() for v in values]).requires_grad_()
    gradient = torch.autograd.grad(loss(theta), theta)[0]
    scores = theta.detach() * (torch.autograd.functional.hessian(loss, theta.detach()) @ gradient)
    sums = per_neuron(*(p.reshape(s) for p, s in zip(scores.split(sizes), shapes, strict=True)))
    return sums | {"gate": sums["incoming"]}


def synflow(net, task):
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    net(torch.ones(1, task.inputs, dtype=torch.float64)).sum().backward()
    sums = per_neuron(*((p * p.grad).detach() for p in net.parameters()))
    return sums | {"gate": sums["incoming"]}


REFERENCES = {"snip": snip, "grasp": grasp, "synflow": synflow, "gradient_norm": gradient_norm}


@pytest.mark.parametrize("scorer", REFERENCES)
def test_against_autograd_on_a_plain_module(scorer, snapshot):
    expect(scorer, snapshot, REFERENCES[scorer])


@pytest.mark.parametrize("scorer", REFERENCES)
def test_against_autograd_in_float64(scorer, precise):
    expect(scorer, precise, REFERENCES[scorer], rtol=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_grasp_at_other_temperatures(temperature, precise):
    reference = functools.partial(grasp, temperature=temperature)
    expect("grasp", precise, reference, rtol=1e-9, options=f",temperature={temperature}")


def test_grasps_temperature_is_that_of_the_published_codes():
    """Wang et al.'s and Synaptic-Flow's: 200; rows without it are another version's."""
    scorer = pb.load_scorer("grasp")
    assert (scorer.temperature, scorer.version) == (200.0, "2")


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_taylor_against_the_gradient_of_the_activations(per, snapshot):
    scores = pb.load_scorer(f"taylor[per={per}]").score(snapshot)
    for i in range(snapshot.networks.seeds):
        net = PlainNetwork(snapshot.networks, i)
        net.loss(snapshot.task, reduction="sum").backward()
        change = (net.activation * net.activation.grad).detach()
        expected = change.abs().mean(dim=0) if per == "sample" else change.mean(dim=0).abs()
        torch.testing.assert_close(scores[i], expected, rtol=1e-5, atol=1e-12, check_dtype=False)


def test_taylor_of_the_batch_is_the_gate_form_of_snip(snapshot):
    one, two = pb.load_scorer("taylor[per=batch]"), pb.load_scorer("snip[weights=gate]")
    torch.testing.assert_close(one.score(snapshot), two.score(snapshot), rtol=1e-5, atol=1e-9)


def test_grasp_is_high_where_scaling_a_neuron_down_loses_gradient_flow(precise):
    """The sign: `d/d eps |g|^2/2` along `theta_i (1 - eps)` is minus the score."""
    scores = pb.load_scorer("grasp[temperature=1]").score(precise)
    networks, eps = precise.networks, 1e-6

    def flow(nets):
        gradient = nets.gradient(precise.x, precise.y)
        return sum(g.square().flatten(1).sum(dim=1) for g in gradient.tensors.values()) / 2

    for neuron in range(networks.units):
        shrunk = [pb.shallow_networks(*(t.clone() for t in networks.tensors.values())) for _ in range(2)]
        for sign, nets in zip((1, -1), shrunk, strict=True):
            nets.w_in[:, neuron] *= 1 - sign * eps
            nets.bias[:, neuron] *= 1 - sign * eps
            nets.w_out[:, :, neuron] *= 1 - sign * eps
        slope = (flow(shrunk[0]) - flow(shrunk[1])) / (2 * eps)
        torch.testing.assert_close(-slope, scores[:, neuron], rtol=1e-4, atol=1e-7)


def test_grasp_is_the_squared_gradient_norm_of_a_tiny_network():
    """Theory: the network is homogeneous of degree 2 and p = 1/2, so `theta.Hg = |g|^2` for each neuron.

    Dividing the logits by T divides each neuron's gradient by T.
    """
    torch.manual_seed(0)
    x, y = torch.rand(120, 64) * 2 - 1, torch.arange(120) % 2
    recipe = pb.Recipe(steps=1)
    networks = pb.initialise(recipe, 64, range(3))
    tiny = pb.Snapshot(pb.Task(x, y, x, y), recipe, 0, networks, networks)
    grasp, norm = (pb.load_scorer(name).score(tiny) for name in ("grasp", "gradient_norm"))
    torch.testing.assert_close(grasp, (norm / 200) ** 2, rtol=1e-4, atol=0)
    for one, two in zip(grasp, norm, strict=True):
        assert spearmanr(one.numpy(), two.numpy()).statistic >= 0.995


@pytest.mark.parametrize(
    "scorer", ["snip", "grasp", "synflow", "gradient_norm", "taylor", "growth", "growing_mode", "alignment"]
)
def test_the_snapshots_own_weights_are_scored(scorer, snapshot):
    """Public SNIP and GraSP re-initialise first: their scores are of another network."""
    method = pb.load_scorer(scorer)
    scores = method.score(snapshot)
    torch.manual_seed(5)
    elsewhere = dataclasses.replace(snapshot, initial=snapshot.initial.zeros_like())
    assert torch.equal(method.score(elsewhere), scores)
    at_start = method.score(dataclasses.replace(snapshot, networks=snapshot.initial))
    assert not torch.allclose(at_start, scores, rtol=1e-2)


def test_pruned_small_networks_do_not_underflow():
    """At init_std 1e-5 products of weights are below 1e-20; the scores must still rank."""
    torch.manual_seed(0)
    x, y = torch.rand(40, 16) * 2 - 1, torch.arange(40) % 2
    recipe = pb.Recipe(width=30, steps=1)
    networks = pb.initialise(recipe, 16, range(2))
    tiny = pb.Snapshot(pb.Task(x, y, x, y), recipe, 0, networks, networks)
    for scorer in ("snip", "grasp", "synflow", "gradient_norm", "taylor", "growing_mode"):
        for row in pb.load_scorer(scorer).score(tiny):
            assert len(row.unique()) == 30
