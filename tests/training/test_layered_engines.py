"""Any network by every optimiser and schedule, in each engine: `torch.optim` on the module."""

import copy
from functools import cache
from typing import Any

import pytest
import torch
from engine_cases import random_task
from layered_cases import OPTIONS, SEEDS, SPECS, assert_equal, recipe_of, task_of, trained
from torch import nn

import prunebench as pb
from prunebench.device import torch_threads
from prunebench.networks import Networks
from prunebench.store.network_files import pack, unpack
from prunebench.training.engines import Problem, choose, together
from prunebench.training.engines.graphed import Graph
from prunebench.training.engines.parts import InParts
from prunebench.training.order import minibatch_orders
from prunebench.training.state import State

SPEC = pytest.mark.parametrize("spec", SPECS)
SOME = pytest.mark.parametrize("options", [OPTIONS["step"], OPTIONS["adam"]], ids=["step", "adam"])
SOME_SPECS = pytest.mark.parametrize("spec", [None, "lenet[width=0.5]", "vgg[width=0.25]"])


@pytest.fixture(params=["plain", "mapped", "one by one"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The plain engine, and both ways in which the other one takes gradients on a CPU."""
    if request.param != "plain":
        at_once = len(SEEDS) if request.param == "mapped" else 1
        monkeypatch.setattr(together, "on_a_thread", lambda *_: at_once)
    return "plain" if request.param == "plain" else "together"


def by_torch(spec: str | None, options: dict[str, Any], start: Networks) -> list[dict[str, torch.Tensor]]:
    """The ordinary way: a module, an optimiser, a scheduler of PyTorch's own."""
    task, recipe = task_of(spec), recipe_of(spec, **options)
    ends = []
    for place, seed in enumerate(SEEDS):
        module = start.to_module(place).train()
        rate, decay = recipe.learning_rate, recipe.weight_decay
        optimiser: torch.optim.Optimizer = torch.optim.SGD(
            module.parameters(), rate, recipe.momentum, weight_decay=decay
        )
        if recipe.optimizer == "adam":
            optimiser = torch.optim.Adam(
                module.parameters(), rate, (recipe.momentum, 0.999), weight_decay=decay
            )
        scheduler: Any = {
            "constant": torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0),
            "cosine": torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps),
            "step": torch.optim.lr_scheduler.MultiStepLR(optimiser, [7, 10]),  # of 13
        }[recipe.schedule]
        x = task.x_train.double().reshape(-1, *SPECS[spec])
        for row in pb.minibatch_order(task.samples, recipe.batch_size, recipe.steps, seed):
            batch = row[row >= 0]
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(x[batch]), task.y_train[batch]).backward()
            optimiser.step()
            scheduler.step()
        ends.append({n: t for n, t in module.state_dict().items() if not n.endswith("num_batches_tracked")})
    return ends


@SPEC
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_torch_optim_on_the_module(spec: str | None, options: dict[str, Any], engine: str) -> None:
    run = trained(spec, options, engine)
    names = dict(zip(("0.weight", "0.bias", "2.weight"), ("w_in", "bias", "w_out"), strict=True))
    for place, end in enumerate(_by_torch(spec, str(options))):
        for name, tensor in end.items():
            found = run.final[names[name] if spec is None else name][place]
            torch.testing.assert_close(found, tensor, rtol=1e-10, atol=1e-12)


@cache
def _by_torch(spec: str | None, options: str) -> list[dict[str, torch.Tensor]]:
    known = next(values for values in OPTIONS.values() if str(values) == options)
    return by_torch(spec, known, trained(spec, known, "plain").initial)


@SOME_SPECS
@SOME
def test_training_goes_on_from_what_the_store_keeps(
    spec: str | None, options: dict[str, Any], engine: str
) -> None:
    """From a state at step 7, with the velocity and, for Adam, the squares and their age."""
    whole = trained(spec, options, engine)
    state = whole.states[7]
    of = None if spec is None else whole.initial.architecture
    parts = [unpack(pack(state, place, velocity=True), 7, of) for place in range(len(SEEDS))]
    on = trained(spec, options, engine, start=State.cat(parts))
    assert_equal(on.final, whole.final)
    torch.testing.assert_close(on.history.loss[:, -1], whole.history.loss[:, -1])


@SOME_SPECS
def test_adam_that_begins_late_begins_anew(spec: str | None, engine: str) -> None:
    """As after pruning, or a rewind: without a memory its correction counts from there, whatever the step."""
    options = {"optimizer": "adam", "learning_rate": 0.01}
    start = trained(spec, options, engine).states[7]
    late = trained(spec, options, engine, start=State(start.networks, 7), snapshot_steps=(8, 11))
    moved = [
        (late.states[8].networks[name] - start.networks[name]).abs().max() for name in start.velocity.tensors
    ]
    assert max(moved) == pytest.approx(0.01, rel=1e-4)  # as its first step is, sign(g) times the rate
    on = trained(spec, options, engine, start=late.states[11], snapshot_steps=())
    assert on.final is not late.final
    assert_equal(on.final, late.final)


@SOME_SPECS
@SOME
def test_masks_and_gates_hold_exactly(spec: str | None, options: dict[str, Any], engine: str) -> None:
    draw = torch.Generator().manual_seed(1)
    start = trained(spec, options, engine).states[7]
    masks = start.networks.full_masks().map(lambda m: torch.rand(m.shape, generator=draw) < 0.7)
    run = trained(spec, options, engine, start=start, masks=masks)
    for name, mask in masks.tensors.items():
        assert not bool(run.final[name][~mask].any())
        assert bool((run.final[name][mask] != 0).any())
    gates = torch.rand(len(SEEDS), start.networks.units, generator=draw) < 0.5
    ones = start.networks.full_masks().map(lambda mask: mask.double())
    off = ones.gated(gates.double()).map(
        lambda mask: mask.bool()
    )  # the outgoing weights of units that are off
    gated = trained(spec, options, engine, start=start, masks=off).final
    assert not bool(gated.norms("outgoing")[~gates].any())
    assert bool((gated.norms("outgoing")[gates] > 0).all())
    if engine == "together":
        plain = trained(spec, options, "plain", start=start, masks=off).final
        assert_equal(gated, plain)


@SOME_SPECS
@SOME
def test_networks_with_fewer_units_train_as_the_plain_loop_does(
    spec: str | None, options: dict[str, Any], engine: str
) -> None:
    """As after pruning: the module still says its own widths, and the optimiser goes on with what it had."""
    state = trained(spec, options, engine).states[7]
    kept = {
        layer.name: torch.stack([torch.randperm(layer.units)[: (layer.units + 1) // 2] for _ in SEEDS])
        for layer in state.networks.layers
    }
    start = state.keep(kept)
    on = trained(spec, options, engine, start=start)
    assert on.final.units == sum(rows.shape[1] for rows in kept.values())
    assert_equal(on.final, trained(spec, options, "plain", start=start).final)


@SOME_SPECS
@SOME
def test_a_seed_alone_is_the_seed_in_a_batch(spec: str | None, options: dict[str, Any], engine: str) -> None:
    batch, alone = trained(spec, options, engine), trained(spec, options, engine, seeds=(9,))
    assert_equal(alone.final, batch.final.select(1))
    torch.testing.assert_close(alone.history.loss, batch.history.loss[1:2])


@SOME_SPECS
def test_divergence_shows(spec: str | None, engine: str) -> None:
    run = trained(spec, {"learning_rate": 1000.0, "weight_decay": 10.0, "steps": 60}, engine)
    assert not bool(run.final.finite().any())
    assert not bool(run.history.loss[:, -1].isfinite().any())


@SOME_SPECS
def test_hooks_curves_and_an_early_end(spec: str | None, engine: str) -> None:
    """Snapshots are of their step and stay so; curves are those of the networks; `until_loss` ends it."""
    seen: dict[int, Networks] = {}
    run = trained(
        spec,
        {"weight_decay": 0.001},
        engine,
        hooks={step: lambda snapshot: seen.update({snapshot.step: snapshot.networks}) for step in (0, 7, 12)},
        record_every=10,
        record_at=(3, 7),
    )
    assert run.history.steps.tolist() == [0, 3, 7, 10, 13]
    assert_equal(seen[7].trained, run.snapshots[7].trained)  # statistics are estimated again for scorers
    assert_equal(seen[0].trained, run.initial.trained)
    x, y = task_of(spec).x_train.double(), task_of(spec).y_train
    for point, networks in ((0, run.initial), (2, run.snapshots[7]), (4, run.final)):
        torch.testing.assert_close(run.history.loss[:, point], networks.loss(x, y))
        torch.testing.assert_close(run.history.accuracy[:, point], networks.accuracy(x, y))
    bound = float(run.history.loss[:, 3].max()) + 1e-6
    early = trained(spec, {"weight_decay": 0.001, "until_loss": bound}, engine, record_every=10)
    assert early.gradient_steps <= 10
    assert bool((early.history.loss[:, -1] < bound).all())


def test_the_paper_s_engines_refuse_what_they_cannot_do() -> None:
    task = random_task(30, 40)
    for options in OPTIONS.values():
        recipe = recipe_of(None, **options)
        for name in ("blocked", "masked", "batched_blocks"):
            with pytest.raises(pb.RequestError, match=f"engine: got '{name}'; .* one of plain, together"):
                pb.train(task, recipe, seeds=(0,), engine=name)


def test_small_minibatches_take_several_networks_at_once() -> None:
    """And every thread has networks of its own."""
    task, recipe = task_of("lenet[width=0.5]"), recipe_of("lenet[width=0.5]", batch_size=4)
    with torch_threads(2):
        sizes = []
        for count in (20, 8, 7, 1):
            seeds = range(count)
            start = State(pb.initialise(recipe, task.shape, seeds, outputs=3))
            orders = minibatch_orders(task.samples, 4, 2, seeds)
            problem = Problem(task.x_train, task.y_train, orders, torch.arange(count), recipe)
            engine = choose(problem, start)
            assert isinstance(engine, InParts)
            sizes.append([part.state().networks.seeds for part in engine.parts])
        assert sizes == [[10, 10], [4, 4], [1] * 7, [1]]


@pytest.mark.parametrize(
    ("count", "batch", "seeds", "at_once"),
    [(1, 4, 20, 10), (1, 4, 3, 1), (1, 4, 4, 4), (16, 4, 20, 4), (2, 5, 20, 1), (2, 64, 20, 1)],
)
def test_how_many_networks_a_thread_takes(count: int, batch: int, seeds: int, at_once: int) -> None:
    """Convolutions fewer samples than products alone; a few networks at once on many threads too."""
    with torch_threads(count):
        assert together.on_a_thread(nn.Sequential(nn.Conv2d(1, 2, 3)), batch, seeds) == at_once
        linear = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        assert together.on_a_thread(linear, 16 * batch, seeds) == (at_once if batch <= 4 else 1)


def test_several_networks_have_gradients_where_none_are_recorded() -> None:
    """As on a GPU, where the engine runs on the caller's thread."""
    networks = pb.initialise(pb.Recipe(network="lenet"), (1, 28, 28), range(3))
    gradient = together._of_all(copy.deepcopy(networks.architecture.module), networks)
    x, y = torch.randn(3, 4, 1, 28, 28), torch.arange(12).reshape(3, 4) % 2
    expected = gradient(x, y)
    with torch.no_grad():
        found = gradient(x, y)
    assert all(map(torch.equal, found, expected))
    assert not any(tensor.requires_grad for tensor in networks.tensors.values())


@pytest.mark.parametrize(
    "said",
    [
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
        "CUDA error: operation not permitted when stream is capturing",
    ],
)
def test_a_forward_pass_that_leaves_its_device_is_told_what_to_do(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(Graph, "__call__", fail)
    with pytest.raises(pb.RequestError, match=r"network: got 'RuntimeError: .*'; .* see register_buffer"):
        trained("mlp[widths=9-7]", {}, "together")
    said = "something else"
    with pytest.raises(RuntimeError, match="something else"):
        trained("mlp[widths=9-7]", {}, "together")
