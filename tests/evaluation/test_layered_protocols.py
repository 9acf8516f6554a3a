"""Protocols on trained networks of several layers: pruned early, trained on, one threshold over all."""

from typing import Any

import numpy as np
import pytest
import torch
from layered import CLASSES, Example, data

import prunebench as pb
from prunebench.benchmark.measures import Asked, measure_scores, subject
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.sizes import sizes_of
from prunebench.benchmark.train_pruned import train_pruned
from prunebench.evaluation.fractions import kept_count
from prunebench.evaluation.layered_subject import LayeredSubject
from prunebench.evaluation.prune import _fresh_state, finetune, prune_early
from prunebench.evaluation.selection import best_of_all, best_of_layers, by_layer, shuffled_within_layers
from prunebench.networks.normalisation import recalibrated
from prunebench.store.records import AS_TRAINED, Key, Measure
from prunebench.training.initial import SHUFFLE_STREAM, generator
from prunebench.training.loop import run_loop
from prunebench.training.state import State

KEY = Key(0, "mine", "1", "")


def trained(kind: str, steps: int = 40, **options: Any) -> pb.Trajectory:
    x, y = data(90)
    task = pb.Task(x[:60].float(), y[:60], x[60:].float(), y[60:], name="noise")
    recipe = pb.Recipe(network=Example(kind), learning_rate=0.02, batch_size=10, steps=steps, **options)
    return pb.train(task, recipe, seeds=(0, 3), snapshot_steps=(0, 10), device="cpu")


@pytest.fixture(scope="module", params=["lenet", "vgg", "resnet"])
def run(request: pytest.FixtureRequest) -> pb.Trajectory:
    return trained(request.param)


def scores_of(run: pb.Trajectory, seed: int = 7) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(len(run.seeds), run.final.units, generator=draw)


def units_of(networks: pb.Networks) -> list[int]:
    return [layer.units for layer in networks.layers]


def test_all_units_kept_early_repeat_the_training(run: pb.Trajectory) -> None:
    early, fresh = prune_early([scores_of(run)], run, 10, 1.0)
    for name, x, y in (("accuracy", run.task.x_test, run.task.y_test),):
        dense = recalibrated(run.final, run.task.x_train).accuracy(x, y).numpy()
        assert early[name, "prune_early", "1"] == pytest.approx(dense)
        assert fresh[name, "prune_early", "1"].shape == dense.shape


def test_where_a_loss_ends_the_training_it_ends_that_of_narrow_networks() -> None:
    run = trained("mlp", until_loss=1.05, steps=1000)
    assert 10 < run.gradient_steps < 1000
    early = prune_early([scores_of(run)], run, 10, 1.0, control=False)[0]
    dense = run.final.accuracy(run.task.x_train, run.task.y_train).numpy()
    assert early["train_accuracy", "prune_early", "1"] == pytest.approx(dense)
    with pytest.raises(pb.RequestError, match=r"finetune_steps: got 1000; training ended by --until-loss"):
        finetune([scores_of(run)], run, 1000, 0.5)
    plan = Plan(run.task, run.recipe, [pb.load_scorer("magnitude")], (10,), run.seeds, ("prune_early",))
    assert {measure.protocol for measure in plan.measures} == {"prune_early[end=training]"}


def test_each_layer_keeps_its_own_share_early(run: pb.Trajectory) -> None:
    """Trained by hand from the units that are kept, in every layer as many as its width says."""
    scores, at = scores_of(run), 1
    found = prune_early([scores], run, 10, 0.4, control=False)[0]
    kept = by_layer(best_of_layers(scores, units_of(run.final), 0.4)[at], run.final.layers)
    assert [own.shape[1] for own in kept.values()] == [kept_count(u, 0.4) for u in units_of(run.final)]
    state = run.states[10].select(at).keep(kept)
    final = run_loop(run.task, run.recipe, state, run.seeds[at : at + 1]).final
    x, y = run.task.x_train, run.task.y_train
    expected = float(recalibrated(final, x).accuracy(x, y))
    assert found["train_accuracy", "prune_early", "0.4"][at] == pytest.approx(expected)


def test_adam_begins_anew_with_fresh_weights() -> None:
    """And goes on with what it had where units were kept, in the same call."""
    run, step, half = trained("mlp", optimizer="adam"), 10, 0.5
    early, fresh = prune_early([scores_of(run)], run, step, half)
    x, y = run.task.x_train.reshape(-1, *run.task.shape), run.task.y_train
    first = {layer.name: torch.arange(kept_count(layer.units, 0.5))[None] for layer in run.final.layers}
    best = best_of_layers(scores_of(run), units_of(run.final), 0.5)
    for at, seed in enumerate(run.seeds):
        kept = by_layer(best[at], run.final.layers)
        alone = run_loop(run.task, run.recipe, run.states[step].select(at).keep(kept), (seed,)).final
        assert early["train_accuracy", "prune_early", "0.5"][at] == pytest.approx(float(alone.accuracy(x, y)))
        module = _fresh_state(run, step).networks.select(at).keep(first).to_module(0).train()
        optimiser = torch.optim.Adam(module.parameters(), run.recipe.learning_rate)
        for batch in pb.minibatch_order(run.task.samples, 10, run.recipe.steps, seed)[step:]:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(x[batch]), y[batch]).backward()
            optimiser.step()
        right = (module(x).argmax(dim=1) == y).double().mean()
        assert fresh["train_accuracy", "prune_early", "0.5"][at] == pytest.approx(float(right), abs=0.02)


def test_finetuning_repeats_the_last_steps(run: pb.Trajectory) -> None:
    scores, at = scores_of(run), 0
    found = finetune([scores], run, 15, 0.5)[0]
    kept = by_layer(best_of_layers(scores, units_of(run.final), 0.5)[at], run.final.layers)
    state = State(run.final.select(at), 25).keep(kept)
    final = run_loop(run.task, run.recipe, state, run.seeds[:1]).final
    x, y = run.task.x_train, run.task.y_train
    expected = float(recalibrated(final, x).accuracy(x, y))
    assert found["train_accuracy", "finetune", "0.5"][at] == pytest.approx(expected)


@pytest.mark.parametrize(
    "protocols",
    [
        ("finetune[steps=15]", f"finetune[steps=15,{AS_TRAINED}]"),
        ("prune_early", f"prune_early[{AS_TRAINED}]"),
    ],
)
def test_networks_are_trained_again_as_the_measure_says(protocols: tuple[str, str]) -> None:
    """Draw by draw, the control last; with the statistics that it names."""
    run, both = trained("vgg"), []
    draws = [scores_of(run, seed) for seed in range(3)]
    for protocol in protocols:
        measure, recalibrate = Measure(protocol, "0.4"), AS_TRAINED not in protocol
        early, path = measure.name == "prune_early", ("train_accuracy", measure.name, "0.4")
        if early:
            metrics = prune_early(draws, run, 10, 0.4, recalibrate=recalibrate)
        else:
            metrics = finetune(draws, run, 15, 0.4, recalibrate=recalibrate)
        scores = [torch.stack(draws[:2]).numpy(), draws[2][None].numpy()]
        found = train_pruned(measure, scores, run, 10, control=early)
        numbers = [[values["/".join(path)] for values in networks] for networks in found]
        rows = [metrics[:2], *([one] for one in metrics[2:])]
        assert numbers == [[[one[path][at] for one in row] for at in range(2)] for row in rows]
        both.append(numbers)
    assert both[0] != both[1]


def test_where_a_loss_ended_the_training_finetuning_repeats_its_last_steps() -> None:
    """At most all that it had; those that a recipe without the loss would end with were never taken."""
    run = trained("mlp", until_loss=1.05, steps=1000)
    for steps in (5, run.gradient_steps):
        found = finetune([scores_of(run)], run, steps, 1.0)[0]
        start = State(run.final, run.gradient_steps - steps)
        final = run_loop(run.task, run.recipe, start, run.seeds, until=run.gradient_steps).final
        expected = final.accuracy(run.task.x_train, run.task.y_train).numpy()
        assert found["train_accuracy", "finetune", "1"] == pytest.approx(expected)


def test_one_threshold_over_all_layers_empties_none() -> None:
    """Layer 1 has the lowest scores of all: it keeps its best unit, and there are as many units in all."""
    units = [4, 6, 10]
    scores = torch.rand(5, 20, generator=torch.Generator().manual_seed(1))
    scores[:, 4:10] -= 10
    kept = best_of_all(scores, units, 0.5)
    assert kept.shape == (5, 2 + 3 + 5)
    for row, own in zip(kept, scores, strict=True):
        inside = row[(row >= 4) & (row < 10)]
        assert inside.tolist() == [4 + int(own[4:10].argmax())]
        others = torch.cat([own[:4], own[10:]]).sort(descending=True).values[:9]
        assert own[row].sort(descending=True).values[:9].tolist() == others.tolist()


def test_a_threshold_that_only_sets_layer_budgets_is_its_shuffled_control() -> None:
    """Shuffled scores leave to every layer what the threshold gave it, and nothing inside a layer."""
    units = [40, 60]
    draw = np.random.default_rng(0)
    scores = torch.rand(3, 100, generator=torch.Generator().manual_seed(1))
    scores[:, :40] += 0.5
    mixed = shuffled_within_layers(scores, units, draw)
    assert not torch.equal(mixed, scores)
    assert torch.equal(mixed[:, :40].sort().values, scores[:, :40].sort().values)
    one, other = (best_of_all(each, units, 0.5) for each in (scores, mixed))
    assert ((one < 40).sum(dim=1) == (other < 40).sum(dim=1)).all()
    assert ((one < 40).sum(dim=1) > 20).all()
    assert not torch.equal(one, other)


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_leaves_layer_budgets_exactly(seed: int) -> None:
    """Of tied scores, too, at every share; and every choice where scores are constant within layers."""
    units, draw = [6, 1, 40, 13], np.random.default_rng(seed)
    ties = torch.from_numpy(draw.integers(0, 4, (8, 60)).astype(np.float32))
    spread = torch.from_numpy(draw.standard_normal((8, 60)).astype(np.float32))
    constant = torch.from_numpy(draw.standard_normal((8, 4)).astype(np.float32))
    constant = constant.repeat_interleave(torch.tensor(units), dim=1)
    edges = torch.tensor(units).cumsum(0)[:-1]
    moved = []
    for scores in (ties, spread, constant):
        mixed = shuffled_within_layers(scores, units, np.random.default_rng(seed))
        for share in (0.8, 0.5, 0.2, 0.05):
            one, other = (best_of_all(each, units, share) for each in (scores, mixed))
            layers = [torch.bucketize(each, edges, right=True).tolist() for each in (one, other)]
            budgets = [[[row.count(layer) for layer in range(4)] for row in each] for each in layers]
            assert budgets[0] == budgets[1]
            assert all(min(row) >= 1 for row in budgets[0])
            moved.append(not torch.equal(one, other))
    assert moved == [True] * 8 + [False] * 4


def test_one_threshold_is_measured_beside_its_control(run: pb.Trajectory) -> None:
    scores = scores_of(run).numpy()
    measure = Measure("prune_global", "0.5")
    final = subject(run.final.select(0), run.task)
    found = measure_scores({KEY: Asked(scores, None, [measure])}, final, 0)[KEY][measure]
    assert set(found) == {
        "parameters_left/prune_global/0.5",
        *(
            f"{s}/{p}/0.5"
            for s in ("accuracy", "train_accuracy")
            for p in ("prune_global", "prune_global_shuffled")
        ),
    }
    kept = best_of_all(torch.from_numpy(scores), units_of(run.final), 0.5)
    modules = [run.final.select(0).keep(by_layer(row, run.final.layers)).to_module(0) for row in kept]
    *left, whole = (sum(p.numel() for p in m.parameters()) for m in (*modules, run.final.to_module(0)))
    assert found["parameters_left/prune_global/0.5"] == pytest.approx([each / whole for each in left])
    mixed = shuffled_within_layers(
        torch.from_numpy(scores), units_of(run.final), generator(0, SHUFFLE_STREAM)
    )
    control = best_of_all(mixed, units_of(run.final), 0.5)
    for name, chosen in (("prune_global", kept), ("prune_global_shuffled", control)):
        (accuracy,) = final.accuracies([final.pruned(chosen)], "test")
        assert found[f"accuracy/{name}/0.5"] == pytest.approx(accuracy.tolist())
    again = measure_scores({KEY: Asked(scores, None, [measure])}, final, 0)[KEY][measure]
    assert again == found


def test_sizes_are_counted_on_the_pruned_network(run: pb.Trajectory) -> None:
    """A channel takes its columns after the flatten with it; the output keeps all of its classes."""
    plan = Plan(run.task, run.recipe, [pb.load_scorer("random")], (0,), fractions=(0.5,), device="cpu")
    sizes = sizes_of(plan, run.final)
    assert set(sizes) == {"1", "0.5"}
    assert sizes["1"].parameters == sum(p.numel() for p in run.final.to_module(0).parameters())
    if run.recipe.network_spec == "example[kind=lenet]":
        # 1 x 3 x 3 x 2 + 2, 2 x 3 x 3 x 3 + 3, 3 channels of 2 x 2 to 5, 5 to 3 classes
        assert sizes["0.5"].parameters == 20 + 57 + 65 + 18
        # at 12 x 12, then 4 x 4 places, then two linear layers; biases and pooling are counted too
        assert sizes["0.5"].multiply_adds >= 18 * 144 + 54 * 16 + 60 + 15


class ByName(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.output = torch.nn.Linear(144, 6), torch.nn.Linear(6, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(input=torch.relu(self.hidden(input=x.flatten(1))))


class Own(torch.nn.Linear):
    """As those that multiply by a number, say."""


class OfClassesOfItsOwn(torch.nn.Sequential):
    def __init__(self) -> None:
        super().__init__(torch.nn.Flatten(), Own(144, 6), torch.nn.Tanh(), Own(6, CLASSES))


@pytest.mark.parametrize("module", [ByName, OfClassesOfItsOwn])
def test_sizes_of_layers_in_other_words(module: type[torch.nn.Module]) -> None:
    x, y = data(20)
    task = pb.Task(x.float(), y, x.float(), y)
    recipe = pb.Recipe(network=pb.from_module(module), batch_size=5, steps=1)
    run = pb.train(task, recipe, seeds=(0,), device="cpu")
    plan = Plan(task, recipe, [pb.load_scorer("random")], (0,), fractions=(0.5,), device="cpu")
    size = sizes_of(plan, run.final)["0.5"]
    assert (size.parameters, size.multiply_adds) == (145 * 3 + 4 * CLASSES, 145 * 3 + 4 * CLASSES)


def test_the_output_is_not_pruned(run: pb.Trajectory) -> None:
    plain = LayeredSubject(run.final.select(0), run.task)
    kept = best_of_layers(scores_of(run)[:1], units_of(run.final), 0.01)
    narrow = plain.made(plain.pruned(kept)[0])
    assert narrow.logits(run.task.x_test).shape == (1, len(run.task.x_test), CLASSES)
    assert len(narrow.layers) == len(run.final.layers)


def test_statistics_are_those_of_the_pruned_network() -> None:
    """Half of the units kept: with the whole network's running statistics accuracy collapses."""
    task = pb.load_task("digits", classes="all", samples=600)
    recipe = pb.Recipe(network=pb.load_network("vgg"), learning_rate=0.02, batch_size=16, steps=150)
    run = pb.train(task, recipe, seeds=(0, 1), device="cpu")
    kept = {}
    for recalibrate in (True, False):
        final = [subject(run.final.select(at), task, recalibrate=recalibrate) for at in (0, 1)]
        values = [
            float(each.accuracies([each.pruned(best)], "train")[0])
            for each in final
            for best in [best_of_layers(each.network.norms(), units_of(each.network), 0.65)]
        ]
        kept[recalibrate] = np.mean(values)
    assert kept[True] > kept[False] + 0.2


def test_measures_without_new_statistics_have_names_of_their_own() -> None:
    x, y = data(60)
    task = pb.Task(x.float(), y, x.float(), y)
    for kind, named in (("vgg", True), ("lenet", False)):
        recipe = pb.Recipe(network=Example(kind), batch_size=10, steps=40)
        scorers = [pb.load_scorer("random")]
        protocols = ("rank", "prune_final", "finetune")
        plan = Plan(task, recipe, scorers, (0,), protocols=protocols, fractions=(0.5,), recalibrate=False)
        measures = [plan.of_networks[0], *plan.measures]
        assert [measure.name for measure in measures] == ["dense", *protocols]
        assert [AS_TRAINED in measure.protocol for measure in measures] == [named, False, named, named]
        assert measures[3].protocol.startswith("finetune[steps=4")
        assert [measure.recalibrated for measure in measures] == [not named, True, not named, not named]
