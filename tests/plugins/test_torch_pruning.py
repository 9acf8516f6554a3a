"""Importances of Torch-Pruning against Torch-Pruning's own recipes, and against our formulas."""

import pytest
import torch
from layered import KINDS, data, make
from scipy.stats import spearmanr
from torch import nn

import prunebench as pb
from prunebench.scoring.conformance import SCORER_CHECKS

tp = pytest.importorskip("torch_pruning")

REDUCTIONS = ("mean", "sum", "max", "prod", "first", "gate")
FLAGS = ("multivariable", "bias")
SPECS = [
    "importance=Magnitude",
    "importance=Magnitude,group_reduction=prod",
    "importance=LAMP,p=1",
    "importance=FPGM",
    "importance=Taylor",
    "importance=Taylor,multivariable=true,bias=true",
    "importance=Hessian,bias=true",
    "importance=Activation",
]


def score(parameters: str, snapshot: pb.Snapshot) -> torch.Tensor:
    return pb.load_scorer(f"torch_pruning[{parameters}]").score(snapshot)


def ours(spec: str, snapshot: pb.Snapshot) -> torch.Tensor:
    return pb.load_scorer(spec).score(snapshot)


def assert_close(a: torch.Tensor, b: torch.Tensor) -> None:
    """Torch-Pruning adds up in float32."""
    torch.testing.assert_close(a, b, rtol=3e-6, atol=1e-7 * float(b.abs().max()), check_dtype=False)


def directly(importance, snapshot: pb.Snapshot, index: int, prepare) -> torch.Tensor:
    """As Torch-Pruning's documentation has it, on a module made by hand."""
    w_in, bias, w_out = (tensor[index].double() for tensor in snapshot.networks.tensors.values())
    module = nn.Sequential(
        nn.Linear(w_in.shape[1], len(w_in)), nn.ReLU(), nn.Linear(len(w_in), 2, bias=False)
    )
    module.double().load_state_dict({"0.weight": w_in, "0.bias": bias, "2.weight": w_out})
    prepare(module, snapshot.task.x_train.double(), snapshot.task.y_train)
    graph = tp.DependencyGraph().build_dependency(
        module, example_inputs=torch.zeros(1, w_in.shape[1]).double()
    )
    neurons = list(range(len(w_in)))
    return importance(graph.get_pruning_group(module[0], tp.prune_linear_out_channels, idxs=neurons))


def nothing(module, x, y) -> None:
    pass


def backward(module, x, y) -> None:
    nn.functional.cross_entropy(module(x), y).backward()


def fisher(module, x, y) -> None:
    """Each sample's gradient by autograd, squared, averaged."""
    squares = [torch.zeros_like(parameter) for parameter in module.parameters()]
    for sample, label in zip(x, y, strict=True):
        module.zero_grad()
        backward(module, sample[None], label[None])
        for square, parameter in zip(squares, module.parameters(), strict=True):
            square.add_(parameter.grad**2 / len(x))
    for square, parameter in zip(squares, module.parameters(), strict=True):
        parameter.grad = square


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "parameters", "prepare"),
    [
        ("Magnitude", {}, nothing),
        ("Magnitude", {"p": 1, "bias": True}, nothing),
        ("LAMP", {"p": 2}, nothing),
        ("FPGM", {"p": 1}, nothing),
        ("Taylor", {}, backward),
        ("Taylor", {"multivariable": True, "bias": True}, backward),
        ("Hessian", {"bias": True}, fisher),
    ],
)
def test_equal_to_torch_pruning_called_directly(name, parameters, prepare, reduction, snapshot) -> None:
    chosen = {"importance": name, "group_reduction": reduction, **parameters}
    scores = score(
        ",".join(f"{key}={str(value).lower() if key in FLAGS else value}" for key, value in chosen.items()),
        snapshot,
    )
    normalizer = {} if name == "LAMP" else {"normalizer": None}
    cls = getattr(tp.importance, f"{name}Importance")
    for index, row in enumerate(scores):
        importance = cls(group_reduction=reduction, **parameters, **normalizer)
        expected = directly(importance, snapshot, index, prepare)
        assert len(expected.unique()) > 5
        assert_close(row, expected)


def test_activation_is_torch_prunings(snapshot) -> None:
    importance = tp.importance.ActivationImportance(normalizer=None)

    def measure(module, x, y) -> None:
        with importance.compute_importance(module):
            module(x)

    for index, row in enumerate(score("importance=Activation", snapshot)):
        assert_close(row, directly(importance, snapshot, index, measure))


@pytest.mark.parametrize(
    ("parameters", "spec", "power"),
    [
        ("importance=Magnitude,group_reduction=prod", "magnitude", 2),
        ("importance=Magnitude,group_reduction=first", "magnitude[kind=incoming]", 2),
        ("importance=Magnitude,group_reduction=gate", "magnitude[kind=outgoing]", 2),
        ("importance=Taylor,group_reduction=sum,bias=true", "snip", 1),
        ("importance=Taylor,group_reduction=gate", "snip[weights=outgoing]", 1),
        ("importance=Taylor,group_reduction=gate,multivariable=true", "taylor[per=batch]", 1),
    ],
)
def test_equal_to_our_scorers_where_the_definitions_coincide(
    parameters, spec, power, snapshot, precise
) -> None:
    for snap in (snapshot, precise):
        assert_close(score(parameters, snap), ours(spec, snap) ** power)


def test_magnitudes_by_their_formula(snapshot) -> None:
    networks = snapshot.networks
    p1 = networks.w_in.abs().sum(dim=2) + networks.w_out.abs().sum(dim=1)
    assert_close(score("p=1,group_reduction=sum", snapshot), p1)
    assert_close(score("p=1,group_reduction=sum,bias=true", snapshot), p1 + networks.bias.abs())
    assert_close(score("", snapshot), (networks.norms("incoming") ** 2 + networks.norms("outgoing") ** 2) / 2)


def test_what_activation_and_lamp_are(snapshot) -> None:
    hidden = torch.relu(snapshot.networks.pre_activations(snapshot.x))
    assert_close(score("importance=Activation", snapshot), hidden.sum(dim=1))
    for lamp, magnitude in zip(score("importance=LAMP", snapshot), score("", snapshot), strict=True):
        assert spearmanr(lamp, magnitude).statistic == pytest.approx(1)


@pytest.mark.parametrize("p", [1, 2])
def test_what_fpgm_is(p, snapshot) -> None:
    """Distances of `|w|^p`: those of the weights themselves are others."""
    weights, size = snapshot.networks.w_in.double(), f"importance=FPGM,group_reduction=first,p={p}"
    assert_close(score(size, snapshot), torch.cdist(weights.abs() ** p, weights.abs() ** p).sum(dim=1))
    assert spearmanr(score(size, snapshot)[0], torch.cdist(weights, weights).sum(dim=1)[0]).statistic < 0.99


def test_torch_prunings_own_normalizer_changes_no_rank(snapshot) -> None:
    for index, row in enumerate(score("importance=Taylor", snapshot)):
        default = directly(tp.importance.TaylorImportance(), snapshot, index, backward)
        assert spearmanr(row, default).statistic == pytest.approx(1)


@pytest.mark.parametrize("parameters", SPECS)
def test_it_conforms(parameters) -> None:
    findings = list(SCORER_CHECKS.run(pb.load_scorer(f"torch_pruning[{parameters}]")))
    assert [str(finding) for finding in findings if finding.status == "failed"] == []
    assert {finding.check for finding in findings if finding.status == "skipped"} <= {"cuda"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("importance=OBDC", "one of Magnitude, LAMP, FPGM, Taylor, Hessian, BNScale, Activation"),
        ("importance=Random", "one of"),
        ("group_reduction=median", "one of mean, sum"),
        ("p=0", "from 1 up"),
        ("p=1.5", "whole number"),
        ("importance=Taylor,p=1", "Taylor heeds group_reduction, multivariable, bias"),
        ("importance=FPGM,bias=true", "FPGM heeds p, group_reduction"),
        ("importance=Hessian,multivariable=true", "Hessian heeds"),
        ("importance=Activation,group_reduction=sum", "Activation heeds no parameter"),
        ("normalizer=mean", "no parameter 'normalizer'"),
    ],
)
def test_parameters_without_meaning_or_effect(parameters, message) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.load_scorer(f"torch_pruning[{parameters}]")


@pytest.mark.parametrize(("parameter", "value"), [("importance", "Random"), ("group_reduction", "median")])
def test_choices_are_checked_in_python_too(parameter, value) -> None:
    cls = type(pb.load_scorer("torch_pruning"))
    with pytest.raises(pb.RequestError, match=rf"torch_pruning\[{parameter}\]: got '{value}'; .*one of "):
        cls(**{parameter: value})


def test_the_release_of_torch_pruning_is_part_of_the_version() -> None:
    from importlib.metadata import version

    assert pb.load_scorer("torch_pruning").version.endswith(version("torch-pruning"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "prepare"),
    [
        ("Magnitude", nothing),
        ("Taylor", backward),
        ("Hessian", fisher),
        ("FPGM", nothing),
        ("BNScale", nothing),
    ],
)
def test_any_network_is_scored_on_its_module_group_by_group(kind, name, prepare) -> None:
    networks, modules = make(kind)
    x, y = data(12)
    task = pb.Task(x, y, x, y)
    snapshot = pb.Snapshot(task, pb.Recipe(), 0, networks, networks)
    scorer = pb.load_scorer(f"torch_pruning[importance={name}]")
    if name == "BNScale" and kind in ("mlp", "lenet"):
        assert "no batch normalisation" in scorer.unfit(networks, task)
        return
    assert scorer.unfit(networks, task) is None
    for row, module in zip(scorer.score(snapshot), modules, strict=True):
        prepare(module, snapshot.x, y)
        graph = tp.DependencyGraph().build_dependency(module, example_inputs=snapshot.x[:1])
        importance = getattr(tp.importance, f"{name}Importance")(normalizer=None)
        found = []
        for group in graph.get_all_groups(root_module_types=[nn.Conv2d, nn.Linear]):
            if any(dependency.handler.__name__ == "prune_in_channels" for dependency, _ in group):
                found.append(importance(group))
        assert len(found) == len(networks.layers)
        torch.testing.assert_close(row.sort()[0], torch.cat(found).double().sort()[0], rtol=3e-6, atol=1e-9)


def test_reductions_that_would_drop_columns_are_unfit() -> None:
    networks, _ = make("lenet")
    x, y = data(12)
    reason = pb.load_scorer("torch_pruning[group_reduction=gate]").unfit(networks, pb.Task(x, y, x, y))
    assert "after a flatten" in reason


@pytest.mark.parametrize("name", ["Magnitude", "Taylor"])
def test_padding_that_goes_around_has_an_end(name: str) -> None:
    """Torch-Pruning's own graph would be followed for ever."""
    layers = [nn.Conv1d(channels, 4, 3, padding=1, padding_mode="circular") for channels in (1, 4)]
    module = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    x, y = torch.randn((12, 1, 9), generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
    networks = pb.from_module(module, x)
    recipe = pb.Recipe(network=pb.from_module(lambda: module), batch_size=4, steps=3)
    task = pb.Task(x, y, x, y)
    found = score(f"importance={name}", pb.Snapshot(task, recipe, 0, networks, networks))
    if name == "Magnitude":  # mean over the tensors of a group, of sums of squares
        first, second, output = (layer.weight.detach() for layer in (*layers, module[5]))
        sides = [
            first.flatten(1).square().sum(1) + second.transpose(0, 1).flatten(1).square().sum(1),
            second.flatten(1).square().sum(1) + output.T.reshape(4, -1).square().sum(1),
        ]
        torch.testing.assert_close(found[0], torch.cat(sides) / 2)
    assert found.shape == (1, 8)
