"""Each case is our engine against a peer beside it; the ratio is held against a stored one.

    pytest ci/bench --benchmark-only               # two minutes; fails where a ratio fell by a quarter
    pytest ci/bench --benchmark-only --baseline    # stores the ratios instead

What is compared is CPU time of one thread: other work on the machine changes it little, and both sides alike.
Another kind of CPU has other ratios, so each has a baseline of its own; where it has none, cases are skipped.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cpuinfo
import pytest

from prunebench.device import torch_threads

sys.path.insert(0, str(Path(__file__).parents[1]))  # the cases, and the documents' tables of them, are there
BASELINE = Path(__file__).with_name("baseline.json")
WORST = 0.75  # of the stored ratio: a quarter slower, relative to the peer
TURNS = 5
Slice = Callable[[], int]  # trains a little and returns the network-steps taken


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """None: what is measured side by side must have the machine."""
    return 0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that stores what is measured."""
    parser.addoption("--baseline", action="store_true", help="store the ratios in ci/bench/baseline.json")


@pytest.fixture
def faster(benchmark: Any, request: pytest.FixtureRequest) -> Callable[[str, Slice, Slice], None]:
    """Measures a case: the peer's slice and ours take turns, and each turn has its ratio."""

    def measure(peer: str, theirs: Slice, ours: Slice) -> None:
        there: list[float] = []
        steps: list[int] = []

        def peers_turn() -> None:
            began = time.process_time()
            taken = theirs()
            there.append((time.process_time() - began) / taken)

        def our_turn() -> None:
            steps.append(ours())

        with torch_threads(1):
            benchmark.pedantic(our_turn, setup=peers_turn, rounds=TURNS, warmup_rounds=1)
        here = [seconds / steps[-1] for seconds in benchmark.stats.stats.data]
        ratio = statistics.median(a / b for a, b in zip(there[-len(here) :], here, strict=True))
        benchmark.extra_info |= {"peer": peer, "times_as_fast": round(ratio, 2)}
        _judge(request.node.name, peer, ratio, store=request.config.getoption("--baseline"))

    return measure


def _judge(case: str, peer: str, ratio: float, *, store: bool) -> None:
    """Store the ratio, or hold it against the one that is stored for this kind of CPU."""
    known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if store:
        known.setdefault(_cpu(), {})[case] = {"peer": peer, "times_as_fast": round(ratio, 2)}
        BASELINE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        return
    if _cpu() not in known:
        pytest.skip(f"no baseline of {_cpu()}: store one, --baseline, at the commit before")
    here = known[_cpu()]
    assert case in here, "no such case in the baseline: pytest ci/bench --benchmark-only --baseline"
    expected = here[case]["times_as_fast"]
    assert ratio >= WORST * expected, f"{ratio:.2f} times as fast as {peer}; the baseline has {expected:.2f}"


@cache
def _cpu() -> str:
    """Its name and, where it has them, the numbers that tell generations of one name apart."""
    found = cpuinfo.get_cpu_info()
    numbers = (f"{of} {found[of]}" for of in ("family", "model") if of in found)
    return ", ".join([found.get("brand_raw", found["arch"]), *numbers])
