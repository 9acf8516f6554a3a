"""Scorers as importances of Torch-Pruning's pruners, on plain modules."""

import copy

import pytest
import torch
from torch import nn

import prunebench as pb
from prunebench.evaluation.selection import top_k

tp = pytest.importorskip("torch_pruning")


class Autograd(pb.Scorer):
    """Uses autograd as anybody would, with no thought of `torch.no_grad()`."""

    name = "autograd"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        gates = torch.ones(snapshot.networks.units, requires_grad=True)
        hidden = torch.relu(snapshot.networks.pre_activations(snapshot.x)[0]) * gates
        loss = nn.functional.cross_entropy(hidden @ snapshot.networks.w_out[0].T, snapshot.y)
        return torch.autograd.grad(loss, gates)[0].abs()


class Moved(pb.Scorer):
    name = "moved"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return (snapshot.networks.w_in - snapshot.initial.w_in).norm(dim=2)


@pytest.fixture
def snapshot(run: pb.Trajectory) -> pb.Snapshot:
    """The second network of the run at step 15, as it would be alone."""
    return run.snapshot(15).network(1)


@pytest.fixture
def model(snapshot: pb.Snapshot) -> nn.Module:
    return snapshot.networks.to_module(0)


def prune(model: nn.Module, importance: pb.ScorerImportance, ratio: float = 0.5, **options) -> None:
    example = torch.zeros(2, model[0].in_features, dtype=model[0].weight.dtype)
    pruner = tp.pruner.BasePruner(model, example, importance=importance, pruning_ratio=ratio, **options)
    for _ in range(options.get("iterative_steps", 1)):
        pruner.step()


def assert_equals(model: nn.Module, networks: pb.Networks) -> None:
    for one, other in zip(pb.from_module(model).tensors.values(), networks.tensors.values(), strict=True):
        assert torch.equal(one, other)


def importance_at(spec: str, snapshot: pb.Snapshot) -> pb.ScorerImportance:
    """Every part of the snapshot counts: the recipe, the step, the weights at step 0 and the seed."""
    return pb.ScorerImportance(
        spec,
        snapshot.task,
        recipe=snapshot.recipe,
        step=snapshot.step,
        initial=snapshot.initial.to_module(0),
        seed=snapshot.seeds[0],
    )


@pytest.mark.parametrize(
    "spec",
    [
        "growing_mode",
        "alignment",
        "snip",
        "grasp",
        "taylor[per=batch]",
        "random[draw=2]",
        "torch_pruning[importance=Taylor]",
    ],
)
def test_it_prunes_what_the_scorer_would(spec, model, snapshot) -> None:
    kept = snapshot.networks.keep(top_k(pb.load_scorer(spec).score(snapshot), 8))
    prune(model, importance_at(spec, snapshot))
    assert (model[0].out_features, model[2].in_features, model[2].out_features) == (8, 8, 2)
    assert_equals(model, kept)
    assert torch.equal(model(snapshot.x), kept.logits(snapshot.x)[0])


def test_a_scorer_that_trains(model, snapshot) -> None:
    """Its scores count surviving weights and tie, and no two libraries cut through a tie alike."""
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=snapshot.x[:1])
    group = graph.get_pruning_group(model[0], tp.prune_linear_out_channels, idxs=list(range(16)))
    scores = importance_at("imp[sparsity=0.5]", snapshot)(group)
    assert torch.equal(scores, pb.load_scorer("imp[sparsity=0.5]").score(snapshot)[0])


@pytest.mark.parametrize("pruner", ["BasePruner", "MagnitudePruner", "GroupNormPruner"])
@pytest.mark.parametrize("ratio", [0.25, 0.9])
def test_with_every_pruner_of_the_library(pruner, ratio, model, snapshot) -> None:
    importance = pb.ScorerImportance("growing_mode", snapshot.task, recipe=snapshot.recipe)
    kept = int(16 * (1 - ratio))
    scores = pb.load_scorer("growing_mode").score(snapshot)
    options = {"importance": importance, "pruning_ratio": ratio, "ignored_layers": [model[2]]}
    getattr(tp.pruner, pruner)(model, snapshot.x[:1], **options).step()
    assert_equals(model, snapshot.networks.keep(top_k(scores, kept)))


def test_in_float64_and_several_steps(model, snapshot) -> None:
    """What is left is scored anew; with one score per neuron that does not change, as in one step."""
    model = model.double()
    networks = pb.from_module(model)
    importance = pb.ScorerImportance("magnitude", snapshot.task)
    prune(model, importance, 0.75, iterative_steps=3)
    assert_equals(model, networks.keep(top_k(networks.norms(), 4)))


def test_a_part_of_the_channels(model, snapshot) -> None:
    importance = pb.ScorerImportance("magnitude", snapshot.task)
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=snapshot.x[:1])
    group = graph.get_pruning_group(model[0], tp.prune_linear_out_channels, idxs=[2, 6, 9])
    assert torch.equal(importance(group), snapshot.networks.norms()[0, [2, 6, 9]])
    outputs = graph.get_pruning_group(model[2], tp.prune_linear_out_channels, idxs=[0, 1])
    assert importance(outputs) is None


def test_scorers_of_ones_own(model, snapshot) -> None:
    for scorer in (Autograd(), Moved()):
        pruned = copy.deepcopy(model)
        initial = snapshot.initial.to_module(0)
        prune(pruned, pb.ScorerImportance(scorer, snapshot.task, step=15, initial=initial))
        assert_equals(pruned, snapshot.networks.keep(top_k(scorer.score(snapshot), 8)))


def test_a_layer_of_a_larger_model_is_found(snapshot) -> None:
    """The group holds all that is needed: how the model is written does not matter."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, _, self.output = snapshot.networks.to_module(0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(torch.relu(self.hidden(x.flatten(1))))

    model = Model()
    importance = pb.ScorerImportance("magnitude", snapshot.task)
    tp.pruner.BasePruner(model, snapshot.x[:1, None], importance=importance).step()
    kept = snapshot.networks.keep(top_k(snapshot.networks.norms(), 8))
    assert torch.equal(model(snapshot.x), kept.logits(snapshot.x)[0])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 2)], "TanhBackward0.*nn.ReLU"),
        ([nn.Linear(7, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2, bias=False)], "BatchNorm"),
        ([nn.Linear(7, 6), nn.ReLU(), nn.PReLU(), nn.Linear(6, 2, bias=False)], "PreluKernel"),
        ([nn.Linear(7, 6), nn.Linear(6, 2, bias=False)], "group"),
        (
            [nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2, bias=False)],
            "output bias|inputs, outputs",
        ),
        ([nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 2)], "output bias"),
        ([nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2, bias=False)], "inputs, outputs"),
        ([nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3, bias=False)], "inputs, outputs"),
    ],
)
def test_models_that_are_no_such_network(layers, message, task) -> None:
    model = nn.Sequential(*layers)
    with pytest.raises(pb.RequestError, match=message):
        prune(model, pb.ScorerImportance("magnitude", task))


def test_what_cannot_be_asked(task, model) -> None:
    with pytest.raises(pb.RequestError, match=r"oracle.*trained networks"):
        pb.ScorerImportance("oracle", task)
    with pytest.raises(pb.RequestError, match="step"):
        pb.ScorerImportance("magnitude", task, step=-1)
    with pytest.raises(pb.RequestError, match="did you mean 'magnitude'"):
        pb.ScorerImportance("magnitud", task)
    narrower = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 2, bias=False))
    with pytest.raises(pb.RequestError, match="initial"):
        prune(model, pb.ScorerImportance(Moved(), task, initial=narrower))


def test_a_scorer_that_fails_says_why(task, model) -> None:
    before = copy.deepcopy(model)
    with pytest.raises(pb.PrunebenchError, match="moved: returned a constant score"):
        prune(model, pb.ScorerImportance(Moved(), task))
    assert_equals(model, pb.from_module(before))
