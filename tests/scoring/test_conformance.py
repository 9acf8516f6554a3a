import time

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.plugin.conformance import Finding
from prunebench.scoring.conformance import SCORER_CHECKS
from prunebench.scoring.fixture import DEAD, DOMINANT, EARLY, small_snapshot
from prunebench.testing import ScorerConformance


class Saliency(pb.Scorer):
    """A scorer as it should be."""

    name = "saliency"
    alpha: float = 0.5

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        gradient = snapshot.networks.gradient(snapshot.x, snapshot.y)
        return snapshot.networks.norms() ** self.alpha * gradient.norms() ** (1 - self.alpha)


class TestSaliency(ScorerConformance):
    """What other people's suites do."""

    scorer = Saliency(alpha=0.3)


def findings(scorer: pb.Scorer) -> dict[str, Finding]:
    return {finding.check: finding for finding in SCORER_CHECKS.run(scorer)}


def failures(scorer: pb.Scorer) -> list[Finding]:
    return [finding for finding in SCORER_CHECKS.run(scorer) if finding.status == "failed"]


def broken(function) -> pb.Scorer:
    class Broken(Saliency):
        name = "broken"

        def score(self, snapshot: pb.Snapshot):
            return function(self, snapshot, super().score(snapshot))

    return Broken()


def leaks(scorer, snapshot, scores):
    """The loop over seeds adds up."""
    total = torch.zeros_like(scores[0])
    rows = []
    for row in scores:
        total = total + row
        rows.append(total)
    return torch.stack(rows)


def mixes(scorer, snapshot, scores):
    return scores - scores.mean(dim=0)


def position(scorer, snapshot, scores):
    return (
        scores * torch.arange(1, len(scores) + 1)[:, None]
        - scores.mean(dim=1, keepdim=True) * 5
        + (torch.arange(len(scores))[:, None] * scores**2)
    )


def mutates(scorer, snapshot, scores):
    snapshot.networks.bias.add_(1)
    return scores


def takes_away(scorer, snapshot, scores):
    snapshot.networks.tensors.pop("w_in", None)
    return scores


def mutates_task(scorer, snapshot, scores):
    snapshot.task.x_train[0] = 0
    return scores


def global_torch(scorer, snapshot, scores):
    return scores + 0.1 * scores.max() * torch.rand_like(scores)


def global_numpy(scorer, snapshot, scores):
    return scores * torch.from_numpy(np.random.rand(*scores.shape)).to(scores)  # noqa: NPY002


def unseeded(scorer, snapshot, scores):
    return scores * torch.from_numpy(np.random.default_rng().random(scores.shape)).to(scores)


def remembers(scorer, snapshot, scores):
    scorer.calls = getattr(scorer, "calls", 0) + 1
    return scores**scorer.calls


def first_neuron_is_special(scorer, snapshot, scores):
    return torch.cat([scores.amax(dim=1, keepdim=True), scores[:, 1:]], dim=1)


def left_no_cost(scorer, snapshot, scores):
    snapshot.cost.gradient_steps = None
    return scores


def exits(scorer, snapshot, scores):
    raise SystemExit(3)


def huge(scorer, snapshot, scores):
    """So large that their differences are infinite in float32."""
    return torch.from_numpy(np.random.default_rng().uniform(-3e38, 3e38, scores.shape))


@pytest.mark.parametrize(
    ("function", "check", "seen", "cause"),
    [
        (leaks, "seed batch", "alone, network 2", "carries a result over"),
        (mixes, "seed batch", "alone, network", "mean, norm or softmax over the seed axis"),
        (position, "seed batch", "network", "over"),
        (lambda c, s, x: x.sort(dim=1).values, "neuron order", "in another order", "sorted"),
        (first_neuron_is_special, "neuron order", "in another order", "neuron's number"),
        (mutates, "unchanged", "networks.bias", "in-place"),
        (takes_away, "unchanged", "changed in place: networks.w_in", "in-place"),
        (mutates_task, "unchanged", "task.x_train", "in-place"),
        (global_torch, "global generator", "torch.manual_seed", "snapshot.generators()"),
        (global_numpy, "global generator", "torch.manual_seed", "snapshot.generators()"),
        (unseeded, "deterministic", "second call", "kept between calls"),
        (huge, "deterministic", "second call", "kept between calls"),
        (remembers, "deterministic", "second call", "kept between calls"),
        (lambda c, s, x: -x, "higher = keep", "dominant neuron", "negative"),
        (lambda c, s, x: x.argsort(dim=1), "scores", "torch.int64", "argsort"),
        (lambda c, s, x: x.tolist(), "scores", "returned list", "torch.stack"),
        (lambda c, s, x: x.to_sparse(), "scores", "torch.sparse_coo", "to_dense"),
        (lambda c, s, x: x.to("meta"), "scores", "on meta", "device="),
        (lambda c, s, x: x[0], "scores", "shape (12,)", "seed axis"),
        (lambda c, s, x: x / (x - x), "scores", "NaN or infinite", "dead neuron"),
        (lambda c, s, x: torch.zeros_like(x), "scores", "constant score for 3 of 3", "gradients that are 0"),
        (lambda c, s, x: None, "scores", "NoneType", "torch.stack"),
        (left_no_cost, "scores", "at step 0 it left None gradient steps as its cost", "snapshot.train"),
        (exits, "scores", "at step 0 it raised SystemExit: 3", "debugger"),
        (lambda c, s, x: x[:, None][s.nothing], "scores", "AttributeError", "debugger"),
    ],
)  # fmt: skip
def test_each_misbehaviour_is_the_one_failure_and_says_its_cause(
    function, check: str, seen: str, cause: str
) -> None:
    [failure] = failures(broken(function))
    assert failure.check == check
    assert seen in failure.seen
    assert cause in failure.cause
    assert failure.expected
    assert all("\n" not in text for text in (failure.seen, failure.expected, failure.cause))


def test_a_good_scorer_passes_everything_in_time() -> None:
    began = time.perf_counter()
    found = findings(Saliency())
    assert time.perf_counter() - began < 10
    assert list(found) == list(SCORER_CHECKS.checks)
    assert {finding.status for finding in found.values()} <= {"passed", "reported", "skipped"}
    assert "weights^" in found["scale"].seen
    assert "MB for 5 networks of 300 neurons" in found["time and memory"].seen


def test_what_needs_valid_scores_is_skipped_not_failed() -> None:
    found = findings(broken(exits))
    assert [finding.status for finding in found.values()].count("failed") == 1
    assert "'scores'" in found["seed batch"].seen


class Drawn(pb.Scorer):
    name = "drawn"
    stochastic = True
    draw: int = 0

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        rows = [
            torch.rand(
                snapshot.networks.units, generator=torch.Generator().manual_seed(1000 * seed + self.draw)
            )
            for seed in snapshot.seeds
        ]
        return torch.stack(rows)


def test_a_stochastic_scorer_repeats_within_a_draw_and_is_not_asked_for_more() -> None:
    found = findings(Drawn())
    assert not failures(Drawn())
    assert found["neuron order"].status == found["higher = keep"].status == "skipped"


def test_a_stochastic_scorer_whose_draws_are_all_the_same() -> None:
    class Stuck(Drawn):
        name = "stuck"

        def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
            return Drawn(draw=0).score(snapshot)

    class NoDraw(Saliency):
        name = "no_draw"
        stochastic = True

    assert "repeats draw=0" in failures(Stuck())[0].seen
    assert "draw: int = 0" in failures(NoDraw())[0].expected


def test_a_scorer_that_trains_reports_its_steps() -> None:
    class Trains(Saliency):
        name = "trains"

        def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
            return snapshot.train(snapshot.initial).norms()

    found = findings(Trains())
    assert not failures(Trains())
    assert "60 gradient steps of its own" in found["time and memory"].seen


def test_failing_at_the_usual_size_is_a_failure() -> None:
    def small_only(scorer, snapshot, scores):
        if snapshot.networks.units > 100:
            raise MemoryError("too large")
        return scores

    [failure] = failures(broken(small_only))
    assert failure.check == "time and memory"
    assert "MemoryError" in failure.seen


def test_the_fixture_has_a_dead_and_a_dominant_neuron() -> None:
    for step in (0, EARLY):
        snapshot = small_snapshot(step, with_final=True)
        gates = snapshot.networks.pre_activations(snapshot.x) > 0
        assert not gates[:, :, DEAD].any()
        assert gates[:, :, DOMINANT].any(dim=1).all()
        assert snapshot.final is not None
        assert (snapshot.final.norms().argmax(dim=1) == DOMINANT).all()
        assert (snapshot.networks.norms().argmax(dim=1) == DOMINANT).all()


@pytest.mark.gpu
def test_on_cuda() -> None:
    assert findings(Saliency())["cuda"].status == "passed"
    cpu_only = broken(lambda c, s, x: x.cpu())
    assert findings(cpu_only)["cuda"].seen.startswith("returned scores on cpu")


def layers(score, unfit=lambda networks: None) -> Finding:
    class Layered(Saliency):
        name = "layered"

        def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
            return unfit(networks)

        def score(self, snapshot: pb.Snapshot):
            return super().score(snapshot) if len(snapshot.networks.layers) == 1 else score(snapshot)

    return SCORER_CHECKS.run(Layered())["layers"]


def norms_by_position(snapshot: pb.Snapshot) -> torch.Tensor:
    norms = snapshot.networks.norms()
    return norms * torch.arange(1, norms.shape[1] + 1)


@pytest.mark.parametrize(
    ("score", "seen", "cause"),
    [
        (lambda s: s.networks.w_in.norm(dim=2), "at step 0: it raised", "see networks.layers"),
        (lambda s: s.networks.norms()[:, :-1], "returned shape (3, 13)", "wrong axis"),
        (lambda s: s.networks.norms() * torch.rand(1), "second call", "snapshot.generators()"),
        (lambda s: s.networks.norms() - s.networks.norms().mean(dim=0) / 2, "alone", "over the seed axis"),
        (norms_by_position, "in another order", "networks.layers"),
        (
            lambda s: (s.networks["1.weight"].mul_(2), s.networks.norms())[1],
            "changed its snapshot",
            "in-place",
        ),
        (lambda s: torch.ones(3, s.networks.units), "constant", "sum over the neurons"),
        (
            lambda s: s.networks.architecture.layer_of.float().expand(3, -1),
            "constant",
            "sum over the neurons",
        ),
    ],
)
def test_what_goes_wrong_in_networks_of_several_layers(score, seen, cause) -> None:
    finding = layers(score)
    assert finding.status == "failed"
    assert seen in finding.seen
    assert "two hidden layers" in finding.seen
    assert cause in finding.cause


def test_what_is_unfit_is_not_checked() -> None:
    def shallow(networks: pb.Networks) -> str | None:
        return None if len(networks.layers) == 1 else "one layer only"

    assert (layers(norms_by_position, shallow).status, layers(norms_by_position, shallow).seen) == (
        "skipped",
        "unfit: one layer only",
    )
    several = list(SCORER_CHECKS.run(pb.load_scorer("bn_scale")))
    assert {finding.check: finding.status for finding in several}.pop("layers") == "passed"
    assert {finding.status for finding in several} == {"skipped", "passed"}
    assert layers(lambda s: s.networks.norms()).seen.startswith(
        "two hidden layers and three classes and a conv"
    )
