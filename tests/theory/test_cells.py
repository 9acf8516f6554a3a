import itertools

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.theory import cell_count, stable_cells


def signed_task(x: np.ndarray, signs: list[int]) -> pb.Task:
    x = x.astype(np.float32)
    y = (np.array(signs) < 0).astype(np.int64)
    return pb.Task(x, y, x, y)


def by_hand(task: pb.Task, orientation: float, probes: np.ndarray, iterations: int) -> list[set[bytes]]:
    """Algorithm 1 probe by probe: the patterns after each iteration."""
    x, y = task.x_train.double().numpy(), orientation * task.signs.double().numpy()
    populations = []
    for _ in range(iterations + 1):
        patterns = [x @ p > 0 for p in probes]
        populations.append({pattern.tobytes() for pattern in patterns})
        probes = np.stack([(y * g) @ x for g in patterns])
    return populations


def test_counts_as_the_algorithm_probe_by_probe(task: pb.Task) -> None:
    probes = np.random.default_rng([4]).standard_normal((200, task.inputs), dtype=np.float32)
    found = stable_cells(task, probes=200, seed=4)
    for count, orientation in ((found.positive, 1.0), (found.negative, -1.0)):
        populations = by_hand(task, orientation, probes.astype(np.float64), len(count.history) - 1)
        assert count.history == tuple(len(patterns) for patterns in populations)
        silent = np.zeros(task.samples, dtype=bool).tobytes() in populations[-1]
        assert count.cells == len(populations[-1]) - silent
        assert count.holdings.sum() + count.silent == 200
        assert count.converged
    assert found.cells == found.positive.cells + found.negative.cells


def test_finds_the_known_stable_cells() -> None:
    """Two orthogonal samples: with c = +1 a probe in x1 > 0 stays at x1 whatever x2, or falls silent."""
    found = stable_cells(signed_task(np.eye(2), [1, -1]), probes=100)
    assert (found.positive.cells, found.positive.fixed, found.positive.cells_90) == (1, 1, 1)
    assert (found.negative.cells, found.negative.fixed) == (1, 1)
    assert 30 < found.positive.silent < 70


def test_a_cycle_is_counted_and_ends() -> None:
    """Samples a, b of one sign with b.a < 0 nearly opposite and a third that flips: no fixed point needed."""
    draw = np.random.default_rng(2)
    for _ in range(200):
        task = signed_task(draw.normal(size=(6, 2)), [1, -1, 1, -1, 1, -1])
        found = stable_cells(task, probes=200)
        if found.positive.fixed < found.positive.cells:
            break
    else:
        pytest.fail("no task with a cycle was found")
    assert found.positive.converged
    assert len(found.positive.history) < 100


def test_seed_alone_decides(task: pb.Task) -> None:
    a, b = (stable_cells(task, probes=50, seed=9) for _ in range(2))
    assert a.positive.history == b.positive.history
    assert list(a.negative.holdings) == list(b.negative.holdings)


def test_cells_90_is_the_fewest_that_hold_90_percent(task: pb.Task) -> None:
    count = stable_cells(task, probes=500).positive
    share = np.cumsum(count.holdings) / count.holdings.sum()
    assert share[count.cells_90 - 1] >= 0.9
    assert count.cells_90 == 1 or share[count.cells_90 - 2] < 0.9


def test_float32_at_first_finds_the_same_cells(task: pb.Task, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = stable_cells(task, probes=3000)
    monkeypatch.setattr("prunebench.theory.cells.ROUGH_ABOVE", 50)
    rough = stable_cells(task, probes=3000)
    assert (rough.positive.cells, rough.negative.cells) == (exact.positive.cells, exact.negative.cells)


def test_more_samples_than_twice_the_inputs_go_another_way_to_the_same_cells(task: pb.Task) -> None:
    """40 samples of 7 inputs; padded with inputs of 0 the Gram matrix is used, and nothing else changes."""
    wide = pb.Task(*(torch.nn.functional.pad(t, (0, 30)) if t.ndim == 2 else t for t in arrays(task)))
    probes = np.random.default_rng([0]).standard_normal((100, wide.inputs), dtype=np.float32)
    populations = by_hand(wide, 1.0, probes.astype(np.float64), 30)
    found = stable_cells(wide, probes=100)
    assert found.positive.history == tuple(len(p) for p in populations[: len(found.positive.history)])


def arrays(task: pb.Task) -> tuple[torch.Tensor, ...]:
    return task.x_train, task.y_train, task.x_test, task.y_test


def test_duplicate_samples_and_unequal_classes_change_no_cell() -> None:
    x = np.random.default_rng(0).normal(size=(9, 3))
    once = stable_cells(signed_task(x, [1] * 7 + [-1] * 2), probes=300)
    twice = stable_cells(signed_task(np.repeat(x, 2, axis=0), [1] * 14 + [-1] * 4), probes=300)
    assert once.positive.history == twice.positive.history
    assert once.negative.cells == twice.negative.cells


def test_one_sample_is_a_clear_error() -> None:
    with pytest.raises(pb.RequestError, match="both classes"):
        signed_task(np.ones((1, 3)), [1])


@pytest.mark.parametrize("option", ["probes", "patience", "max_iterations"])
def test_bad_numbers_are_named(task: pb.Task, option: str) -> None:
    with pytest.raises(pb.RequestError, match=option):
        stable_cells(task, **{option: 0})


@pytest.mark.parametrize(("samples", "inputs"), [(1, 1), (3, 2), (4, 2), (5, 3), (2, 5), (6, 3)])
def test_cell_count_is_what_many_random_vectors_find(samples: int, inputs: int) -> None:
    draw = np.random.default_rng(samples * 10 + inputs)
    x = draw.normal(size=(samples, inputs))
    # Vectors around every ray where planes meet, and random ones: a narrow cell is not missed.
    rays = (
        [np.linalg.svd(x[list(rows)])[2][-1] for rows in itertools.combinations(range(samples), inputs - 1)]
        if inputs > 1
        else []
    )
    near = [sign * ray + 1e-5 * draw.normal(size=(400, inputs)) for ray in rays for sign in (1, -1)]
    vectors = np.concatenate([*near, draw.normal(size=(20_000, inputs))])
    found = len(np.unique(vectors @ x.T > 0, axis=0))
    assert found == cell_count(samples, inputs)


def test_cell_count_of_few_samples_is_every_pattern() -> None:
    assert cell_count(200, 1024) == 2**200
    assert cell_count(4000, 1024) < 2**4000
