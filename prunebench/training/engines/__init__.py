"""Ways to run the same training; `choose` picks the fastest that can."""

from collections.abc import Callable
from importlib.util import find_spec

from prunebench.errors import unknown_name
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.batched import BatchedEngine
from prunebench.training.engines.batched_blocks import BatchedBlockEngine
from prunebench.training.engines.parts import in_parts
from prunebench.training.engines.plain import PlainEngine
from prunebench.training.state import State


def _blocked(problem: Problem, state: State) -> Engine:
    from prunebench.training.engines.blocked import BlockedEngine  # brings numba, which takes a moment

    return BlockedEngine(problem, state)


def _masked(problem: Problem, state: State) -> Engine:
    from prunebench.training.engines.masked import MaskedEngine

    return MaskedEngine(problem, state)


def _batched(problem: Problem, state: State) -> Engine:
    return in_parts(BatchedEngine, problem, state)


def _batched_blocks(problem: Problem, state: State) -> Engine:
    return in_parts(BatchedBlockEngine, problem, state)


ENGINES: dict[str, Callable[[Problem, State], Engine]] = {
    "plain": PlainEngine,
    "batched": _batched,
    "batched_blocks": _batched_blocks,
    "blocked": _blocked,
    "masked": _masked,
}


def choose(problem: Problem, state: State, name: str | None = None) -> Engine:
    """The engine for this problem: the one called `name`, else the fastest."""
    if name is None:
        name = _fastest(problem)
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES, "engines")
    return ENGINES[name](problem, state)


def _fastest(problem: Problem) -> str:
    """Measured on the CPU, counted for CUDA: see docs/engine.md."""
    if problem.x.device.type == "cpu" and find_spec("numba") is not None:
        return "blocked" if problem.masks is None else "masked"
    return "batched_blocks" if problem.masks is None else "batched"


__all__ = ["ENGINES", "Engine", "Problem", "choose"]
