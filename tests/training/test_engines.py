"""Every engine computes what the plain loop does: in float64 to 1e-9, in float32 up to rounding."""

import dataclasses
import gc
import importlib.util
import weakref
from typing import Any

import pytest
import torch
from engine_cases import (
    CASES,
    MASKED_CASES,
    SEEDS,
    TOLERANCE,
    Case,
    assert_same,
    difference,
    plain,
    random_case,
    random_task,
)

import prunebench as pb
from prunebench.device import torch_threads
from prunebench.errors import RequestError
from prunebench.training import engines, loop
from prunebench.training.engines import ENGINES, choose, graphed
from prunebench.training.engines.base import Problem
from prunebench.training.loop import run_loop
from prunebench.training.order import minibatch_orders
from prunebench.training.state import State

FAST = sorted(set(ENGINES) - {"plain"})
UNMASKED, MASKED = FAST, sorted(set(FAST) - {"blocked", "batched_blocks"})


@pytest.mark.parametrize("engine", UNMASKED)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_equal_to_the_plain_loop(engine: str, dtype: torch.dtype, case: Case) -> None:
    if dtype == torch.float32:
        case = dataclasses.replace(case, steps=223)
    assert_same(case.train(engine, dtype), plain(case, dtype), TOLERANCE[dtype])


@pytest.mark.parametrize("engine", MASKED)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", MASKED_CASES, ids=str)
def test_equal_to_the_plain_loop_with_masks(engine: str, dtype: torch.dtype, case: Case) -> None:
    run = case.train(engine, dtype)
    assert_same(run, plain(case, dtype), TOLERANCE[dtype])
    assert case.masks is not None
    assert not run.final.w_in[~case.masks.w_in].any()
    assert not run.final.w_out[~case.masks.w_out].any()


@pytest.mark.parametrize("engine", FAST)
@pytest.mark.parametrize("number", range(8))
def test_any_shape_with_a_start_and_stops_in_mid_epoch(engine: str, number: int) -> None:
    case = random_case(number, masked=engine in MASKED and number % 2 == 0)
    expected = plain(case, torch.float64)
    assert_same(case.train(engine, torch.float64), expected, 1e-9)
    for stop in case.stops:
        assert_same(case.train(engine, torch.float64, expected.states[stop]), expected, 1e-9)


@pytest.mark.parametrize("engine", ["batched", "batched_blocks"])
@pytest.mark.parametrize("batch", [4, 30])
def test_networks_in_parts(engine: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphed, "PART_BYTES", 1)
    case = Case(batch=batch, steps=60, share=0.5 if engine == "batched" else None, stops=(7,))
    assert_same(case.train(engine, torch.float64), plain(case, torch.float64), 1e-9)


@pytest.mark.parametrize("engine", FAST)
@pytest.mark.parametrize("step", [1, 222, 223])
def test_training_goes_on_from_any_state_with_its_velocity(engine: str, step: int) -> None:
    for case in CASES[:3]:
        expected = plain(case, torch.float64)
        assert_same(case.train(engine, torch.float64, expected.states[step]), expected, 1e-9)


@pytest.mark.parametrize("engine", FAST)
def test_snapshot_at_every_step(engine: str) -> None:
    for case in (Case(steps=40, stops=tuple(range(41))), Case(90, 12, steps=40, stops=tuple(range(41)))):
        assert_same(case.train(engine, torch.float64), plain(case, torch.float64), 1e-9)


@pytest.mark.parametrize("engine", FAST)
def test_wide_networks(engine: str) -> None:
    for samples in (20, 70):
        case = Case(samples, 30, width=2000, steps=20, stops=(11,), learning_rate=1e-3)
        assert_same(case.train(engine, torch.float64), plain(case, torch.float64), 1e-9)


@pytest.mark.parametrize("engine", FAST)
def test_rounding_after_many_steps(engine: str) -> None:
    """2,000 steps in float32 come as near to float64 as the plain loop's 2,000 steps do.

    Of most weights, that is: where rounding opens a gate one step sooner, that neuron goes a way of its own.
    """
    for case in (Case(60, 80, steps=2000, stops=()), Case(60, 8, steps=2000, stops=())):
        exact = plain(case, torch.float64).final.w_in
        here, there = (
            float((run.final.w_in - exact).abs().median() / exact.abs().max())
            for run in (case.train(engine, torch.float32), plain(case, torch.float32))
        )
        assert 0 < here <= 2 * there < 1e-5


@pytest.mark.parametrize("engine", FAST)
def test_more_than_two_classes(engine: str) -> None:
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(30, 9, generator=draw, dtype=torch.float64), torch.arange(30) % 5
    recipe = pb.Recipe(width=6, init_std=0.3, learning_rate=0.02, steps=60)
    start = State(pb.initialise(recipe, 9, SEEDS, outputs=5, dtype=torch.float64))
    orders = minibatch_orders(30, 4, 60, SEEDS)
    ends = []
    for name in (engine, "plain"):
        trainer = choose(Problem(x, y, orders, torch.arange(len(SEEDS)), recipe), start, name)
        trainer.advance(60)
        ends.append((trainer.state(), *trainer.curves()))
    assert difference(ends[0][0].networks, ends[1][0].networks) <= 1e-9
    torch.testing.assert_close(ends[0][1:], ends[1][1:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", FAST)
@pytest.mark.parametrize("inputs", [40, 9])
def test_narrow_networks_of_one_order_train_like_each_alone(engine: str, inputs: int) -> None:
    """Seeds that come several times, in any order, some in a unit that is full, as in prune_early."""
    case = Case(inputs=inputs, width=150, steps=90)
    seeds = (3, 8, 3, 3, 8, 3, 3, 4)
    start = State(pb.initialise(case.recipe, inputs, range(len(seeds)), dtype=torch.float64))
    ends = [
        run_loop(case.task, case.recipe, start, seeds, engine=name, keep=(7, 90)).states[90]
        for name in (engine, "plain")
    ]
    assert difference(ends[0].networks, ends[1].networks) <= 1e-9
    assert difference(ends[0].velocity, ends[1].velocity) <= 1e-9


@pytest.mark.parametrize("engine", FAST)
def test_divergence_shows(engine: str) -> None:
    case = Case(steps=60, stops=(), learning_rate=1000.0)
    assert not plain(case, torch.float32).final.w_in.isfinite().all()
    run = case.train(engine, torch.float32)
    assert not run.final.w_in.isfinite().all()
    assert not run.history.loss[:, -1].isfinite().any()


@pytest.mark.parametrize("engine", FAST)
def test_the_state_it_started_from_stays_as_it_is(engine: str) -> None:
    case = Case(steps=30, stops=())
    start = State(pb.initialise(case.recipe, case.inputs, SEEDS))
    before = [t.clone() for t in (*start.networks.tensors.values(), *start.velocity.tensors.values())]
    case.train(engine, torch.float32, start)
    for tensor, old in zip(
        (*start.networks.tensors.values(), *start.velocity.tensors.values()), before, strict=True
    ):
        assert torch.equal(tensor, old)


@pytest.mark.parametrize("engine", FAST)
def test_a_state_is_not_changed_by_later_training(engine: str) -> None:
    case = Case(steps=30, stops=(10,))
    kept: dict[str, Any] = {}
    run = pb.train(
        case.task,
        case.recipe,
        seeds=SEEDS,
        snapshot_steps=(10,),
        engine=engine,
        hooks={10: lambda snapshot: kept.update(networks=snapshot.networks.clone())},
    )
    assert difference(run.snapshots[10], kept["networks"]) == 0


@pytest.mark.parametrize("engine", ["blocked", "masked"])
def test_a_seed_alone_is_the_seed_in_a_batch_to_the_bit(engine: str) -> None:
    task, recipe = random_task(40, 30), pb.Recipe(width=9, init_std=0.1, steps=120)
    together = pb.train(task, recipe, seeds=(5, 0, 9), engine=engine).final
    alone = pb.train(task, recipe, seeds=(0,), engine=engine).final
    assert difference(together.select(1), alone) == 0


def test_speed_changes_no_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of training depend on the clock; results must not."""
    task, recipe = random_task(40, 30), pb.Recipe(width=9, init_std=0.1, batch_size=3, steps=700)
    ends = []
    for seconds in (1e-9, 1e9):
        monkeypatch.setattr(loop, "SLICE_SECONDS", seconds)
        ends.append(pb.train(task, recipe, seeds=SEEDS, record_every=0, engine="blocked").final)
    assert difference(*ends) == 0


def test_curves_are_recorded_on_a_grid_and_at_further_steps() -> None:
    task, recipe = random_task(40, 30), pb.Recipe(width=9, init_std=0.1, steps=25)
    curves = pb.train(task, recipe, seeds=SEEDS, record_every=10, record_at=(3, 10, 19, 99)).history
    assert curves.steps.tolist() == [0, 3, 10, 19, 20, 25]


def test_repeated_seeds_are_several_networks_on_one_order() -> None:
    case = Case(steps=50)
    networks = pb.initialise(case.recipe, case.inputs, (0, 1, 2, 3), dtype=torch.float64)
    result = run_loop(case.task, case.recipe, State(networks), (7, 8, 7, 8))
    for position, seed in enumerate((7, 8, 7, 8)):
        alone = run_loop(case.task, case.recipe, State(networks.select(position)), (seed,), engine="plain")
        assert difference(result.final.select(position), alone.final) <= 1e-9


def test_denormal_numbers_are_flushed_while_training() -> None:
    from prunebench.threads import Threads

    products = torch.ones(4)
    Threads(flush=True).each(lambda i: products[i : i + 1].copy_(torch.tensor([1e-30]) * 1e-10), 4)
    assert not products.any()
    assert torch.tensor([1e-30]) * 1e-10 > 0  # but not for everybody else


def test_threads_have_no_threads_of_their_own() -> None:
    """A team of torch's threads inside each would wait for the cores that the others have."""
    from concurrent.futures import ThreadPoolExecutor

    from prunebench.threads import Threads

    def threads_after_work() -> int:
        torch.ones(100, 100) @ torch.ones(100, 100)
        return torch.get_num_threads()

    seen: list[int] = []
    with torch_threads(3):
        Threads().each(lambda _: seen.append(threads_after_work()), 9)
        assert seen == [1] * 9
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as other:
            assert other.submit(threads_after_work).result() == 3


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="settings of torch 2.9")
def test_training_is_in_true_float32_whatever_the_caller_allows() -> None:
    """Convolutions too, for which TF32 is PyTorch's default on a GPU."""
    settings = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [setting.fp32_precision for setting in settings]
    seen: list[str] = []
    run_loop(
        random_task(8, 3),
        pb.Recipe(width=2, steps=2),
        State(pb.initialise(pb.Recipe(width=2), 3, (0,))),
        (0,),
        keep=(1,),
        hooks={1: lambda _: seen.extend(setting.fp32_precision for setting in settings)},
    )
    assert seen == ["ieee", "ieee"]
    assert [setting.fp32_precision for setting in settings] == before


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("steps", [1, 7])
def test_an_engine_goes_with_its_last_name(name: str, steps: int) -> None:
    """Not only when Python looks for circles: a study has thousands, and on a GPU its memory is short."""
    choose(*_problem(Case()), name).advance(1)  # what PyTorch imports for its first optimiser keeps one
    gc.collect()
    gc.disable()
    try:
        engine = choose(*_problem(Case()), name)
        engine.advance(steps)
        engine.curves()
        engine.state()
        gone = [weakref.ref(each) for each in getattr(engine, "parts", [engine])]
        del engine
        assert [each() for each in gone] == [None] * len(gone)
    finally:
        gc.enable()


def test_an_error_on_a_thread_reaches_the_caller() -> None:
    from prunebench.threads import Threads

    with pytest.raises(ZeroDivisionError):
        Threads().each(lambda i: 1 // i, 3)


def _problem(case: Case) -> tuple[Problem, State]:
    orders = minibatch_orders(case.samples, case.batch, 10, SEEDS)
    task, start = case.task, State(pb.initialise(case.recipe, case.inputs, SEEDS))
    return Problem(
        task.x_train, task.y_train, orders, torch.arange(len(SEEDS)), case.recipe, case.masks
    ), start


def test_choice_of_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose(*_problem(Case()))).__name__ == "BlockedEngine"
    assert type(choose(*_problem(Case(share=0.5)))).__name__ == "MaskedEngine"
    assert type(choose(*_problem(Case()), name="plain")).__name__ == "PlainEngine"
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert type(choose(*_problem(Case()))).__name__ == "BatchedBlockEngine"
    assert type(choose(*_problem(Case(share=0.5)))).__name__ == "BatchedEngine"
    assert importlib.util.find_spec("numba") is not None
    with pytest.raises(RequestError, match="engine: got 'blokced'; did you mean 'blocked'"):
        choose(*_problem(Case()), name="blokced")


def test_choice_of_form() -> None:
    from prunebench.training.engines.forms import block_steps, dual_is_cheaper

    def dual(samples: int, inputs: int, curve_every: int = 0, seeds: int = 2) -> bool:
        x = torch.empty(1, 1).expand(samples, inputs)
        orders = torch.zeros(1, 1, 4, dtype=torch.int64)
        labels, order_of = torch.zeros(samples, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
        problem = Problem(x, labels, orders, order_of, pb.Recipe(), None, curve_every)
        return dual_is_cheaper(problem, 300 * seeds)

    assert dual(800, 1024)
    assert not dual(4000, 1024)
    assert dual(4000, 1024, curve_every=50)
    assert dual(800, 1024, seeds=256)
    assert not dual(50_000, 1024, curve_every=50)
    assert not dual(800, 2)
    assert block_steps(4, 0) == 25
    assert block_steps(4, 50) == 25
    assert block_steps(3, 50) == 25
    assert block_steps(500, 50) == 1
    assert block_steps(1, 7) == 7
