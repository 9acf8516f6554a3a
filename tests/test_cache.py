"""What was computed before is found by its content, and by nothing else."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import prunebench as pb
from prunebench import cache
from prunebench.bits import same_bits
from prunebench.counting import counted
from prunebench.theory.alignment import effective_data


class Counted:
    """Computes a sum, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        def compute() -> tuple[torch.Tensor, ...]:
            self.times += 1
            return (sum(inputs, torch.zeros(())),)

        return cache.cached("sum", inputs, compute)[0]


@pytest.fixture
def total(monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setattr(cache, "BYTES", 10_000)
    monkeypatch.setattr(cache, "LARGE", 0)
    return Counted()


def test_equal_numbers_are_computed_once_wherever_they_are(total: Counted) -> None:
    x = torch.arange(6.0).reshape(2, 3)
    first = total(x)
    assert torch.equal(total(x.T.clone().T), first)
    assert total.times == 1


def test_changed_inputs_are_computed_anew(total: Counted) -> None:
    x = torch.arange(6.0)
    total(x)
    x[0] = 9
    assert torch.equal(total(x), x)
    x.numpy()[1] = 7  # a write that torch does not count
    assert torch.equal(total(x), x)
    assert total.times == 3
    for other in (x.double(), x.reshape(2, 3)):
        assert total(other).shape == other.shape
        assert total(other).dtype == other.dtype
    total(x.view(torch.int32))
    assert total.times == 6


def test_bits_say_what_is_equal(total: Counted) -> None:
    zero, nan = torch.zeros(2), torch.full((2,), torch.nan)
    for x in (zero, -zero, nan, zero, -zero, nan):
        total(x)
    assert total.times == 3


COMPLEX = [torch.complex64, torch.complex128]
TYPES = [torch.bool, torch.uint8, torch.bfloat16, torch.float32, torch.int32, torch.float64, *COMPLEX]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_bits_of_any_type_and_shape_are_compared(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    zero, one = torch.zeros(shape, dtype=dtype), torch.ones(shape, dtype=dtype)
    assert same_bits(one, one.clone())
    assert not same_bits(zero, one)
    assert not same_bits(one, one[None])
    if dtype not in COMPLEX:
        whole = {1: torch.int8, 2: torch.float16, 4: torch.uint32, 8: torch.uint64}[one.element_size()]
        assert not same_bits(one, one.view(whole))
    if dtype.is_floating_point:
        assert not same_bits(zero, -zero)
        assert same_bits(zero / 0, zero / 0)


def test_numbers_are_hashed_once(total: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """To hash the samples took a tenth of the time of ten scorers."""
    x, y = torch.arange(6.0), torch.arange(7.0)[:6] + 1
    total(x, y)
    monkeypatch.setattr(cache, "_digest", pytest.fail)
    total(y.clone(), x.clone())
    assert total.times == 2


def test_few_and_large_ones_are_looked_for(total: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """To look for one takes time for each that is there, and a small one is hashed in less."""
    monkeypatch.setattr(cache, "LARGE", 100)
    for i in range(30):
        total(torch.full((25,), float(i)))
        total(torch.full((24,), float(i)))
    assert [len(each) for each in cache._hashed.values()] == [25] * cache.FEW
    assert total.times == 60


def test_who_changes_what_it_was_given_changes_nothing_else(total: Counted) -> None:
    x = torch.arange(6.0)
    total(x).zero_()
    total(x).zero_()
    assert torch.equal(total(x), x)
    assert total.times == 1


def test_all_that_ask_are_charged_the_time_once(total: Counted) -> None:
    """Else the seconds of a board would say which scorer was asked first."""
    x = torch.arange(6.0)

    def slow() -> tuple[torch.Tensor, ...]:
        time.sleep(0.05)
        return (x,)

    charged = []
    for times in (2, 1, 2):
        with counted() as passes:
            for _ in range(times):
                cache.cached("slow", [x], slow, passes=3.0)
        charged.append(passes.seconds)
        assert passes.sample_gradients == 3
    assert charged[0] == 0  # its own clock saw it
    assert 0.05 <= charged[1] == charged[2] < 1


def test_the_longest_unused_goes_first(total: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "BYTES", 2 * 400)
    one, two, three = (torch.full((100,), float(i)) for i in range(3))
    for x in (one, two, one, three, one):
        total(x)
    assert total.times == 3
    total(two)
    assert total.times == 4
    total(torch.zeros(1000))
    total(torch.zeros(1000))  # larger than all that is kept
    assert total.times == 6
    assert cache._size(cache._hashed.values()) <= cache.BYTES


def test_what_is_not_remembered_is_counted_once_as_well() -> None:
    """As it is on a GPU: of the same tensors, as long as they are what they were."""

    def ask(x: torch.Tensor) -> None:
        cache.cached("once", [x], lambda: (x,), passes=10)

    there = torch.zeros(3, device="meta")
    with counted() as passes:
        ask(there)
        ask(there)
        assert passes.sample_gradients == 10
        there += 1
        ask(there)
        assert passes.sample_gradients == 20
        for _ in range(3):
            ask(torch.zeros(3, device="meta"))  # each at the address of the one before
        assert passes.sample_gradients == 50
        with torch.inference_mode():
            ask(there + 1)
        assert passes.sample_gradients == 60


def test_one_that_is_large_takes_the_place_of_several(
    total: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is larger than all that is kept takes the place of none."""
    monkeypatch.setattr(cache, "BYTES", 2 * 400)
    one, two, large = torch.zeros(100), torch.ones(100), torch.full((200,), 2.0)
    for x in (one, two, large, torch.zeros(1000), large):
        total(x)
    assert total.times == 4
    assert cache._size(cache._hashed.values()) == cache.BYTES
    with monkeypatch.context() as known:
        known.setattr(cache, "_digest", pytest.fail)
        total(large)
    total(two)
    assert total.times == 5


def test_inputs_that_were_used_last_are_known(total: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "BYTES", 2 * 400)
    one, two, three = (torch.full((100,), float(i)) for i in range(3))
    for x in (one, two, one, three, torch.zeros(1000)):
        total(x)
    monkeypatch.setattr(cache, "_digest", pytest.fail)
    total(one)
    total(three)


@pytest.fixture
def in_turns() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("in_turns")
def test_threads_share_what_is_kept(total: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "BYTES", 10 * 400)
    inputs = [torch.full((100,), float(i % 30)) for i in range(3000)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda x: torch.equal(total(x), x), inputs))


@pytest.mark.parametrize("x", [torch.ones(3, requires_grad=True), torch.ones(3, device="meta")])
def test_what_autograd_follows_or_is_on_no_cpu_is_computed_each_time(x: torch.Tensor, total: Counted) -> None:
    made: list[torch.Tensor] = []

    def compute() -> tuple[torch.Tensor, ...]:
        made.append(2 * x)
        return (made[-1],)

    with counted() as passes:
        for _ in range(2):
            assert cache.cached("twice", [x], compute, passes=3.0)[0] is made[-1]
    assert (len(made), passes.sample_gradients) == (2, 3)


def test_autograd_goes_through(networks: pb.Networks, task: pb.Task, total: Counted) -> None:
    x = torch.arange(6.0, requires_grad=True)
    total(x).sum().backward()
    assert x.grad is not None


def test_a_batch_that_differs_in_one_weight_has_data_of_its_own(task: pb.Task, networks: pb.Networks) -> None:
    before, gradient = effective_data(networks, task), networks.gradient(task.x_train, task.y_train)
    networks.w_in[0, 0] = -networks.w_in[0, 0]
    after, other = effective_data(networks, task), networks.gradient(task.x_train, task.y_train)
    assert not torch.equal(before.projection[0, 0], after.projection[0, 0])
    assert torch.equal(before.projection[1:], after.projection[1:])
    assert not torch.equal(gradient.w_in[0], other.w_in[0])
