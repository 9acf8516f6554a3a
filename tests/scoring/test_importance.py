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


def images(spec: str) -> tuple[pb.Task, nn.Module]:
    """Three classes, and an untrained network of this kind for them."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(24, 1, 16, 16, generator=draw), torch.arange(24) % 3
    task = pb.Task(x, y, x[:3], y[:3], name="images")
    recipe = pb.Recipe(network=pb.load_network(spec), batch_size=4, steps=20)
    return task, pb.initialise(recipe, task.shape, (5,), outputs=3).to_module(0)


def layered(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(7, 8), *between, nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))


def assert_pruned_by(scorer: str, model: nn.Module, x: torch.Tensor, task: pb.Task) -> None:
    """Half of every layer's units went, those of the lowest scores."""
    networks = pb.from_module(model, x)
    recipe = pb.Recipe(batch_size=4, steps=20)
    snapshot = pb.Snapshot.taken(task, recipe, 0, networks, networks, (3,))
    scores = pb.load_scorer(scorer).score(snapshot).split([layer.units for layer in networks.layers], dim=1)
    kept = networks.keep(
        {
            layer.name: part.topk(layer.units - layer.units // 2, dim=1).indices.sort().values
            for layer, part in zip(networks.layers, scores, strict=True)
        }
    )
    importance = pb.ScorerImportance(scorer, task, recipe=recipe, seed=3)
    tp.pruner.BasePruner(model, x[:2], importance=importance, pruning_ratio=0.5).step()
    torch.testing.assert_close(model.eval()(x), kept.logits(x)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scorer", ["growing_mode", "snip", "random"])
@pytest.mark.parametrize("spec", ["lenet", "vgg[width=0.25]", "resnet[depth=8,width=0.5]", "mlp[widths=8-6]"])
def test_any_network_is_pruned_layer_by_layer(spec, scorer) -> None:
    task, model = images(spec)
    assert_pruned_by(scorer, model, task.x_train.reshape(-1, *task.shape), task)


@pytest.mark.parametrize(
    "model",
    [
        layered(nn.ReLU()),
        layered(nn.BatchNorm1d(8), nn.ReLU()),
        nn.Sequential(nn.Linear(7, 8), nn.Tanh(), nn.Linear(8, 2, bias=False)),
        nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(7, 8), nn.Linear(8, 2, bias=False)),
    ],
)
def test_so_is_any_module(model, task) -> None:
    assert_pruned_by("growing_mode", model, task.x_train, task)


def test_a_model_is_scored_once_a_step(task) -> None:
    class Counting(pb.Scorer):
        name = "counting"
        asked = 0

        def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
            Counting.asked += 1
            return snapshot.networks.norms()

    importance = pb.ScorerImportance(Counting(), task)
    options = {"importance": importance, "pruning_ratio": 0.5, "iterative_steps": 2}
    pruner = tp.pruner.BasePruner(layered(nn.ReLU()), task.x_train[:2], **options)
    for step in (1, 2):
        pruner.step()
        assert Counting.asked == step


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(7, 6), nn.ReLU(), nn.PReLU(), nn.Linear(6, 2, bias=False)], "parameter weight of PReLU"),
        ([nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2, bias=False)], r"inputs of shape \(7,\)"),
        ([nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3, bias=False)], "model's outputs: got 3; the task's, 2"),
    ],
)
def test_models_that_cannot_be_taken(layers, message, task) -> None:
    model = nn.Sequential(*layers)
    with pytest.raises(pb.RequestError, match=message):
        prune(model, pb.ScorerImportance("magnitude", task))


def test_a_scorer_of_the_papers_network_alone_says_so(task) -> None:
    with pytest.raises(pb.PrunebenchError, match="orientations are of the shallow network"):
        tp.pruner.BasePruner(
            layered(nn.ReLU()),
            task.x_train[:2],
            importance=pb.ScorerImportance("cluster_alignment", task),
            pruning_ratio=0.5,
        ).step()


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
    without = copy.deepcopy(model)
    without[0].bias = None
    with pytest.raises(pb.RequestError, match=r"initial.*without 0\.bias"):
        prune(model, pb.ScorerImportance(Moved(), task, initial=without))


def test_a_scorer_that_fails_says_why(task, model) -> None:
    before = copy.deepcopy(model)
    with pytest.raises(pb.PrunebenchError, match="moved: returned a constant score"):
        prune(model, pb.ScorerImportance(Moved(), task))
    assert_equals(model, pb.from_module(before))
