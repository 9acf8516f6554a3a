"""Ways to run the same training; `choose` picks the fastest that can."""

from importlib.util import find_spec
from pkgutil import resolve_name

from prunebench.errors import RequestError, unknown_name
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.parts import InParts
from prunebench.training.state import State

# Each is imported when it is used: numba takes a moment.
ENGINES = {
    "plain": "plain:PlainEngine",
    "together": "together:TogetherEngine",
    "batched": "batched:BatchedEngine",
    "batched_blocks": "batched_blocks:BatchedBlockEngine",
    "blocked": "blocked:BlockedEngine",
    "masked": "masked:MaskedEngine",
}

# For any network, optimiser and schedule; the others are for the paper's network and training.
GENERAL = ("plain", "together")


def choose(problem: Problem, state: State, name: str | None = None) -> Engine:
    """The engine for this problem: the one called `name`, else the fastest."""
    paper = state.networks.architecture.shape is None and problem.is_plain
    name = name or (_fastest(problem) if paper else "together")
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES, "engines")
    if not paper and name not in GENERAL:
        raise RequestError("engine", name, f"for this network and recipe one of {', '.join(GENERAL)}")
    engine: type[Engine] = resolve_name(f"{__name__}.{ENGINES[name]}")
    at_once = engine.networks_at_once(problem, state)
    if at_once >= state.networks.seeds and not engine.side_by_side:
        return engine(problem, state)
    return InParts(engine, at_once, problem, state)


def _fastest(problem: Problem) -> str:
    """Measured on the CPU, counted for CUDA: see docs/engine.md."""
    if problem.x.device.type == "cpu" and find_spec("numba") is not None:
        return "blocked" if problem.masks is None else "masked"
    return "batched_blocks" if problem.masks is None else "batched"


__all__ = ["ENGINES", "Engine", "Problem", "choose"]
