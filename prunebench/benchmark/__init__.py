"""One run: train, snapshot, score, evaluate, record. What the store holds already is not computed again."""

from prunebench.benchmark.plan import ACCURACY_DRAWS, CONTROLS, Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import dry_run, run_plan

__all__ = [
    "ACCURACY_DRAWS",
    "CONTROLS",
    "Plan",
    "Reporter",
    "dry_run",
    "run_plan",
]
