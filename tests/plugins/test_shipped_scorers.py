"""What holds for every scorer that ships."""

import dataclasses
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.scoring.registry import SCORERS

SPECS = [
    "alignment",
    "cluster_alignment",
    "cluster_alignment[groups=cosine,threshold=0.5,minimum=3]",
    "imp",
    "imp[rewind=snapshot,weights=incoming,normalise=true]",
    "snip",
    "snip[weights=gate]",
    "grasp",
    "grasp[weights=outgoing]",
    "grasp[temperature=1]",
    "gradient_norm",
    "synflow",
    "taylor",
    "taylor[per=batch]",
    "magnitude",
    "magnitude[kind=incoming]",
    "magnitude[kind=outgoing]",
    "growth",
    "growing_mode",
    "growing_mode[within_signs=true]",
    "random",
    "oracle",
    "oracle[truth=growth]",
    "oracle[truth=contribution]",
    "oracle[truth=ablation]",
    "twin",
    "fisher",
    "fisher[weights=both]",
    "hutchinson[vectors=2]",
    "lookahead",
    "rehearsal[steps=6,batch_size=8]",
    "sampled[samples=30]",
    "sampled[samples=30,scorer=snip]",
    "contribution",
    "probe[steps=3]",
    "probe[steps=2,scorer=snip]",
    "torch_pruning",
    "torch_pruning[importance=Taylor,group_reduction=prod]",
    "torch_pruning[importance=Hessian]",
]
DETERMINED = [spec for spec in SPECS if not pb.load_scorer(spec).stochastic]
UNFIT = {"bn_scale"}  # for the shallow network: test_layered_scorers.py


def permuted(snapshot, order):
    """The same networks with their neurons in another order."""
    index = order.expand(snapshot.networks.seeds, -1)
    parts = {name: getattr(snapshot, name).keep(index) for name in ("networks", "initial", "final", "twin")}
    return dataclasses.replace(snapshot, **parts)


def swapped(snapshot):
    """The same networks and data, the classes called by each other's numbers."""
    task = snapshot.task
    other = pb.Task(task.x_train, 1 - task.y_train, task.x_test, 1 - task.y_test)

    def flipped(networks):
        return pb.shallow_networks(networks.w_in, networks.bias, networks.w_out.flip(1))

    parts = {name: flipped(getattr(snapshot, name)) for name in ("networks", "initial", "final", "twin")}
    return dataclasses.replace(snapshot, task=other, **parts)


def test_every_registered_scorer_is_here():
    shipped = {p.name for p in entry_points(group=SCORERS.group) if p.value.startswith("prunebench_plugins.")}
    assert {spec.partition("[")[0] for spec in SPECS} | UNFIT == shipped


@pytest.mark.parametrize("spec", SPECS)
def test_scores_are_finite_and_in_the_networks_type(spec, snapshot, precise):
    """With dead neurons in every network."""
    for snap in (snapshot, precise):
        scores = pb.load_scorer(spec).score(snap)
        assert scores.shape == (3, 11)
        assert scores.dtype == snap.networks.dtype
        assert torch.isfinite(scores).all()
        assert not scores.requires_grad
        assert all(len(row.unique()) > 1 for row in scores)


@pytest.mark.parametrize("spec", SPECS)
def test_a_network_of_dead_neurons_gives_no_nan(spec, snapshot):
    silent = snapshot.networks.zeros_like()
    dead = dataclasses.replace(snapshot, networks=silent, initial=silent, final=silent, twin=silent)
    assert torch.isfinite(pb.load_scorer(spec).score(dead)).all()


@pytest.mark.parametrize("spec", DETERMINED)
def test_numbers_of_neurons_do_not_matter(spec, precise):
    # The neurons with no weights at all tie for everything; where IMP must cut through a tie, numbers decide.
    order = torch.randperm(11, generator=torch.Generator().manual_seed(1))
    scorer = pb.load_scorer(spec)
    before, after = scorer.score(precise)[:, order], scorer.score(permuted(precise, order))
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-12)
    if scorer.signs(precise) is not None:
        assert torch.equal(scorer.signs(permuted(precise, order)), scorer.signs(precise)[:, order])


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "hutchinson" not in spec])  # draws by output
def test_which_class_is_called_0_does_not_matter(spec, precise):
    """Nor for the neurons that gate nothing, which would else be counted to one of the two."""
    scorer, other = pb.load_scorer(spec), swapped(precise)
    torch.testing.assert_close(scorer.score(other), scorer.score(precise), rtol=1e-9, atol=1e-12)
    if scorer.signs(precise) is not None:
        assert torch.equal(scorer.signs(other), -scorer.signs(precise))


@pytest.mark.parametrize("spec", SPECS)
def test_a_network_alone_scores_as_in_its_batch(spec, precise):
    scorer = pb.load_scorer(spec)
    whole = scorer.score(precise)
    for i in range(3):
        torch.testing.assert_close(scorer.score(precise.network(i))[0], whole[i], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS)
def test_scores_repeat_and_leave_the_snapshot_as_it_was(spec, snapshot):
    before = [t.clone() for t in snapshot.tensors()]
    torch.manual_seed(0)
    first = pb.load_scorer(spec).score(snapshot)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 (a scorer that read the global generator would change now)
    assert torch.equal(pb.load_scorer(spec).score(snapshot), first)
    assert all(torch.equal(a, b) for a, b in zip(before, snapshot.tensors(), strict=True))


@pytest.mark.parametrize("spec", [s for s in SPECS if s.partition("[")[0] not in ("oracle", "twin")])
def test_no_predictor_looks_at_the_end(spec, snapshot):
    scorer = pb.load_scorer(spec)
    assert not scorer.sees_end
    blind = dataclasses.replace(snapshot, final=None)
    assert torch.equal(scorer.score(blind), scorer.score(snapshot))


@pytest.mark.parametrize(
    "spec",
    [
        "imp[sparsity=0]",
        "imp[sparsity=1]",
        "imp[sparsity=-0.5]",
        "imp[sparsity=nan]",
        "imp[rounds=0]",
        "imp[rounds=100000]",
        "imp[rewind=end]",
        "imp[weights=gate]",
        "snip[weights=all]",
        "grasp[weights=all]",
        "grasp[temperature=0]",
        "grasp[temperature=-1]",
        "grasp[temperature=nan]",
        "grasp[temperature=inf]",
        "synflow[weights=all]",
        "gradient_norm[weights=all]",
        "taylor[per=epoch]",
        "magnitude[kind=l1]",
        "cluster_alignment[groups=kmeans]",
        "cluster_alignment[threshold=0]",
        "cluster_alignment[threshold=1.01]",
        "cluster_alignment[minimum=0]",
        "growing_mode[within_signs=perhaps]",
        "random[draw=-1]",
        "alignment[threshold=0.5]",
    ],
)
def test_parameters_that_mean_nothing(spec):
    with pytest.raises(pb.RequestError):
        pb.load_scorer(spec)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("imp", "rewind"),
        ("imp", "weights"),
        ("snip", "weights"),
        ("grasp", "weights"),
        ("synflow", "weights"),
        ("gradient_norm", "weights"),
        ("taylor", "per"),
        ("magnitude", "kind"),
        ("cluster_alignment", "groups"),
    ],
)
def test_choices_are_checked_in_python_too(name, parameter):
    cls = type(pb.load_scorer(name))
    with pytest.raises(pb.RequestError, match=rf"{name}\[{parameter}\]: got 'nonsense'; .*one of "):
        cls(**{parameter: "nonsense"})
