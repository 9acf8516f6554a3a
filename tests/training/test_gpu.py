"""The CUDA engines against the plain loop: `pytest -m gpu`, on a machine with a GPU.

It needs PyTorch, pytest, jaxtyping and msgspec, and PYTHONPATH set to the repository (ci/gpu.sh).
"""

import dataclasses
import time
from typing import Any

import pytest
import torch
from attending import POSITIONS, WAYS, WIDTH, Attends
from engine_cases import CASES, MASKED_CASES, SEEDS, TOLERANCE, Case, assert_same, difference, plain
from layered_cases import OPTIONS, SPECS, assert_equal, trained

import prunebench as pb
from prunebench.scoring.execute import execute
from prunebench.training.engines import Problem, batched_blocks, choose, graphed, inner_steps
from prunebench.training.order import minibatch_orders
from prunebench.training.state import State

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", [*CASES, *MASKED_CASES], ids=str)
def test_equal_to_the_plain_loop(dtype: torch.dtype, case: Case) -> None:
    if dtype == torch.float32:
        case = dataclasses.replace(case, steps=223)
    run = case.train(None, dtype, device="cuda")
    assert_same(run, plain(case, dtype), TOLERANCE[dtype])
    if case.masks is not None:
        assert not run.final.w_in[~case.masks.w_in.cuda()].any()


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_equal_to_the_plain_loop_without_the_kernel(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_blocks, "fastest_inner_steps", lambda like, batch: inner_steps.take_steps)
    assert_same(case.train(None, torch.float64, device="cuda"), plain(case, torch.float64), 1e-9)


@pytest.mark.parametrize("case", [Case(), Case(share=0.5)], ids=str)
def test_networks_in_parts(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphed, "PART_BYTES", 1)
    assert_same(case.train(None, torch.float64, device="cuda"), plain(case, torch.float64), 1e-9)


@pytest.mark.parametrize("step", [1, 222, 223])
def test_training_goes_on_from_any_state_with_its_velocity(step: int) -> None:
    for case in CASES[:3]:
        expected = plain(case, torch.float64)
        start = expected.states[step]
        assert_same(case.train(None, torch.float64, start, device="cuda"), expected, 1e-9)


def test_snapshot_at_every_step() -> None:
    for case in (Case(steps=40, stops=tuple(range(41))), Case(90, 12, steps=40, stops=tuple(range(41)))):
        assert_same(case.train(None, torch.float64, device="cuda"), plain(case, torch.float64), 1e-9)


def test_wide_networks() -> None:
    for samples in (20, 70):
        case = Case(samples, 30, width=2000, steps=60, stops=(11,), learning_rate=1e-3)
        assert_same(case.train(None, torch.float64, device="cuda"), plain(case, torch.float64), 1e-9)


def test_true_float32_whatever_the_caller_allows() -> None:
    case = Case(300, 200, width=64, steps=100, stops=(), learning_rate=1e-3)
    before = torch.backends.cuda.matmul.fp32_precision
    exact = case.train(None, torch.float32, device="cuda").final
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        assert difference(case.train(None, torch.float32, device="cuda").final, exact) <= 1e-6
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


def test_divergence_shows() -> None:
    run = Case(steps=60, stops=(), learning_rate=1000.0).train(None, torch.float32, device="cuda")
    assert not run.final.w_in.isfinite().all()
    assert not run.history.loss[:, -1].isfinite().any()


def test_more_than_two_classes() -> None:
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(30, 9, generator=draw, dtype=torch.float64), torch.arange(30) % 5
    recipe = pb.Recipe(width=6, init_std=0.3, learning_rate=0.02, steps=120)
    start = State(pb.initialise(recipe, 9, SEEDS, outputs=5, dtype=torch.float64))
    orders = minibatch_orders(30, 4, 120, SEEDS)
    ends = []
    for device, name in (("cuda", None), ("cpu", "plain")):
        problem = Problem(
            x.to(device), y.to(device), orders.to(device), torch.arange(len(SEEDS), device=device), recipe
        )
        trainer = choose(problem, start.to(device), name)
        trainer.advance(120)
        ends.append(trainer.state().networks.to("cpu"))
    assert difference(*ends) <= 1e-9


def test_choice_of_engine() -> None:
    orders = minibatch_orders(30, 4, 10, SEEDS).cuda()
    order_of = torch.arange(len(SEEDS), device="cuda")
    for case, name in ((Case(), "BatchedBlockEngine"), (Case(share=0.5), "BatchedEngine")):
        x, y = case.task.x_train.cuda(), case.task.y_train.cuda()
        masks = case.masks.to("cuda") if case.masks is not None else None
        start = State(pb.initialise(case.recipe, case.inputs, SEEDS)).to("cuda")
        assert type(choose(Problem(x, y, orders, order_of, case.recipe, masks), start)).__name__ == name


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("options", [{}, *OPTIONS.values()], ids=["sgd", *OPTIONS])
def test_any_network_and_recipe(spec: str | None, options: dict[str, Any]) -> None:
    """Weights, running statistics and what the optimiser remembers, with smaller last minibatches between."""
    here = trained(spec, options, "together", device="cuda")
    there = trained(spec, options, "plain")
    assert_equal(here.final.to("cpu"), there.final)
    on = trained(spec, options, "together", device="cuda", start=here.states[7])
    assert_equal(on.final.to("cpu"), there.final)


@pytest.mark.parametrize("way", WAYS)
def test_attention_in_float32(way: str) -> None:
    """Of which CUDA has kernels that the CPU and float64 have not."""
    x, y = torch.randn(20, POSITIONS, WIDTH), torch.arange(20) % 3
    task = pb.Task(x[:16], y[:16], x[16:], y[16:])
    recipe = pb.Recipe(network=Attends(way=way), learning_rate=0.02, batch_size=4, steps=6)
    here, there = (pb.train(task, recipe, seeds=SEEDS, device=on).final.to("cpu") for on in ("cuda", "cpu"))
    for name, tensor in there.tensors.items():
        torch.testing.assert_close(here[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spec", ["lenet[width=0.5]", "vgg[width=0.25]"])
def test_a_step_of_any_network_is_one_graph(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With masks too, and running statistics that move at every replay."""
    replays: list[None] = []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: replays.append(replay(graph)))
    draw = torch.Generator().manual_seed(1)
    start = trained(spec, {}, "plain").states[7]
    masks = start.networks.full_masks().map(lambda mask: torch.rand(mask.shape, generator=draw) < 0.7)
    here = trained(spec, {}, "together", device="cuda", start=start, masks=masks)
    assert_equal(here.final.to("cpu"), trained(spec, {}, "plain", start=start, masks=masks).final)
    assert len(replays) == 4  # of 6 steps one warms up, and one is a smaller minibatch
    for name, mask in masks.tensors.items():
        assert not bool(here.final[name].cpu()[~mask].any())


class Busy(pb.Scorer):
    """Asks the device for more than it can do at once, and does not wait."""

    name = "busy"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        x = torch.ones(8192, 8192, device=snapshot.networks.device)
        for _ in range(20):
            x = x @ x
        return snapshot.networks.norms()


def test_the_seconds_of_a_scorer_are_the_devices() -> None:
    snapshot = trained(None, {}, None, device="cuda").snapshot(7)
    execute(Busy(), snapshot)  # what is set up once
    began = time.perf_counter()
    Busy().score(snapshot)
    torch.cuda.synchronize()
    assert execute(Busy(), snapshot).seconds > 0.5 * (time.perf_counter() - began)
