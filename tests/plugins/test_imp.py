"""Iterative magnitude pruning against `torch.optim.SGD` on a plain module."""

import dataclasses
import sys

import pytest
import torch
from plain_network import PlainNetwork, train_masked

import prunebench as pb


def reference_masks(snapshot, index, sparsity, rounds, rewind="initial"):
    """Round by round, weight by weight."""
    start, step = (snapshot.initial, 0) if rewind == "initial" else (snapshot.networks, snapshot.step)
    net = PlainNetwork(start, index)
    masks = [torch.ones_like(w.weight, dtype=torch.bool) for w in (net.hidden, net.output)]
    found = []
    for done in range(1, rounds + 1):
        if rewind != "never":
            net = PlainNetwork(start, index)
        trained = train_masked(net, snapshot.task, snapshot.recipe, snapshot.seeds[index], step, masks)
        magnitudes = {
            (layer, position): abs(float(weight.flatten()[position]))
            for layer, (weight, mask) in enumerate(zip(trained, masks, strict=True))
            for position in range(weight.numel())
            if mask.flatten()[position]
        }
        total = sum(mask.numel() for mask in masks)
        # Of equal magnitudes the lower number stays.
        ranked = sorted(magnitudes, key=lambda w: (magnitudes[w], [-n for n in w]))
        already = total - len(magnitudes)
        for layer, position in ranked[: round(total * (1 - (1 - sparsity) ** (done / rounds))) - already]:
            masks[layer].view(-1)[position] = False
        found.append([mask.clone() for mask in masks])
    return found


@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("rewind", ["initial", "snapshot"])
def test_against_sgd_on_a_plain_module(sparsity, rewind, precise):
    scorer = pb.load_scorer(f"imp[sparsity={sparsity},rewind={rewind}]")
    scores, masks = scorer.score(precise), scorer.masks(precise)
    for i in range(precise.networks.seeds):
        expected = reference_masks(precise, i, sparsity, 3, rewind)
        for got, (w_in, w_out) in zip(masks, expected, strict=True):
            assert torch.equal(got.w_in[i], w_in)
            assert torch.equal(got.w_out[i], w_out)
        assert scores[i].tolist() == (expected[-1][0].sum(dim=1) + expected[-1][1].sum(dim=0)).tolist()


def test_pruning_without_rewinding_would_find_other_weights(precise):
    """So the test above tells the two apart."""
    scorer = pb.load_scorer("imp[sparsity=0.7]")
    mine = scorer.masks(precise)[-1]
    w_in, _ = reference_masks(precise, 0, 0.7, 3, rewind="never")[-1]
    assert not torch.equal(mine.w_in[0], w_in)


@pytest.mark.parametrize("rewind", ["initial", "snapshot"])
def test_every_round_starts_from_the_rewound_weights(rewind, snapshot, monkeypatch):
    calls = []
    train = pb.Snapshot.train

    def spy(self, networks, *, from_step=0, masks=None):
        calls.append((networks.masked(masks), from_step, masks))
        return train(self, networks, from_step=from_step, masks=masks)

    monkeypatch.setattr(pb.Snapshot, "train", spy)
    pb.load_scorer(f"imp[rewind={rewind}]").score(snapshot)
    expected = (snapshot.initial, 0) if rewind == "initial" else (snapshot.networks, snapshot.step)
    assert len(calls) == 3
    for networks, step, masks in calls:
        assert step == expected[1]
        for got, want in zip(
            networks.tensors.values(), expected[0].masked(masks).tensors.values(), strict=True
        ):
            assert torch.equal(got, want)


@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.7])
def test_sparsity_is_exact_after_every_round(sparsity, monkeypatch):
    """At full size, on random weights in place of training: 0.331, 0.552, 0.700 for 70 %."""
    recipe = pb.Recipe(steps=1)
    networks = pb.initialise(recipe, 1024, [0, 1])
    x, y = torch.rand(8, 1024), torch.arange(8) % 2
    snapshot = pb.Snapshot(pb.Task(x, y, x, y), recipe, 0, networks, networks)
    torch.manual_seed(0)

    def drawn(self, networks, *, from_step=0, masks=None):
        return pb.shallow_networks(*(torch.randn_like(t) for t in networks.tensors.values())).masked(masks)

    monkeypatch.setattr(pb.Snapshot, "train", drawn)
    total = 300 * 1024 + 2 * 300
    found = pb.load_scorer(f"imp[sparsity={sparsity}]").masks(snapshot)
    for done, masks in enumerate(found, start=1):
        expected = round(total * (1 - sparsity) ** (done / 3))
        assert masks.unit_sums().sum(dim=1).tolist() == [expected, expected]
        if done > 1:
            before = found[done - 2]
            assert not bool((masks.w_in & ~before.w_in).any() | (masks.w_out & ~before.w_out).any())
    if sparsity == 0.7:
        shares = [1 - float(masks.unit_sums()[0].sum()) / total for masks in found]
        assert shares == pytest.approx([0.331, 0.552, 0.700], abs=0.001)


def test_its_training_is_counted_as_cost(snapshot):
    for rewind, rounds, steps in (("initial", 3, 75), ("snapshot", 2, 34)):
        fresh = snapshot.copy()
        pb.load_scorer(f"imp[rewind={rewind},rounds={rounds}]").score(fresh)
        assert fresh.cost.gradient_steps == fresh.networks.seeds * steps
        assert fresh.cost.seconds > 0


def test_what_is_counted(snapshot):
    def score(options):
        return pb.load_scorer(f"imp[sparsity=0.7{options}]").score(snapshot)

    incoming, outgoing = score(",weights=incoming"), score(",weights=outgoing")
    assert torch.equal(score(""), incoming + outgoing)
    torch.testing.assert_close(score(",normalise=true"), incoming / 6 + outgoing / 2)
    assert float(incoming.max()) <= 6


def test_it_knows_nothing_of_the_reference_training_but_its_start(snapshot):
    """Not even the snapshot's weights, when it rewinds to the start; never the end."""
    scorer = pb.load_scorer("imp")
    blind = dataclasses.replace(snapshot, networks=snapshot.networks.zeros_like(), final=None)
    assert torch.equal(scorer.score(blind), scorer.score(snapshot))


def test_dead_weights_are_pruned_only_once(snapshot):
    """Weights of 0 that are alive still count: the sparsity is that of the mask."""
    silent = dataclasses.replace(snapshot, initial=snapshot.initial.zeros_like())
    masks = pb.load_scorer("imp").masks(silent)[-1]
    total = 11 * 6 + 2 * 11
    assert masks.unit_sums().sum(dim=1).tolist() == [round(0.5 * total)] * 3


def test_what_is_pruned_stays_so(snapshot):
    """Also where weights that are left are 0, and of higher numbers."""
    prune = sys.modules[type(pb.load_scorer("imp")).__module__]._prune
    networks = snapshot.networks.zeros_like()
    masks = networks.full_masks()
    masks.w_in[:, :5] = False
    left = prune(networks, masks, 0.5)
    assert left.unit_sums().sum(dim=1).tolist() == [44] * 3
    assert not left.w_in[:, :5].any()
