"""Ways to run the same training; `choose` picks the fastest that can."""

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.batched import BatchedEngine
from prunebench.training.engines.plain import PlainEngine
from prunebench.training.state import State

ENGINES: dict[str, type[Engine]] = {"plain": PlainEngine, "batched": BatchedEngine}


def choose(problem: Problem, state: State, name: str | None = None) -> Engine:
    """The engine for this problem: the one called `name`, else the fastest."""
    return ENGINES[name or "batched"](problem, state)


__all__ = ["ENGINES", "BatchedEngine", "Engine", "PlainEngine", "Problem", "choose"]
