"""prunebench: which neurons of a network will matter at the end of training, and how early can we tell?

The public names below are imported when they are first used, so that `import prunebench` and the command
line's help stay instant.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from prunebench import theory as theory
    from prunebench.errors import PrunebenchError as PrunebenchError
    from prunebench.errors import RequestError as RequestError
    from prunebench.modules import from_module as from_module
    from prunebench.networks import Masks as Masks
    from prunebench.networks import Networks as Networks
    from prunebench.scoring.importance import ScorerImportance as ScorerImportance
    from prunebench.scoring.registry import load_scorer as load_scorer
    from prunebench.scoring.scorer import Scorer as Scorer
    from prunebench.tasks.load import load_task as load_task
    from prunebench.tasks.task import Task as Task
    from prunebench.training.initial import initialise as initialise
    from prunebench.training.order import minibatch_order as minibatch_order
    from prunebench.training.recipe import Recipe as Recipe
    from prunebench.training.snapshot import Snapshot as Snapshot
    from prunebench.training.state import State as State
    from prunebench.training.train import Trajectory as Trajectory
    from prunebench.training.train import train as train

_HOME = {
    "Masks": "prunebench.networks",
    "Networks": "prunebench.networks",
    "PrunebenchError": "prunebench.errors",
    "Recipe": "prunebench.training.recipe",
    "RequestError": "prunebench.errors",
    "Scorer": "prunebench.scoring.scorer",
    "ScorerImportance": "prunebench.scoring.importance",
    "Snapshot": "prunebench.training.snapshot",
    "State": "prunebench.training.state",
    "Task": "prunebench.tasks.task",
    "Trajectory": "prunebench.training.train",
    "from_module": "prunebench.modules",
    "initialise": "prunebench.training.initial",
    "load_scorer": "prunebench.scoring.registry",
    "load_task": "prunebench.tasks.load",
    "minibatch_order": "prunebench.training.order",
    "train": "prunebench.training.train",
}

__all__ = [  # noqa: PLE0604 (all are strings; the list must not be kept twice)
    *_HOME,
    "__version__",
    "theory",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.import_module("prunebench.version").code().version
    if name == "theory":
        return importlib.import_module("prunebench.theory")
    if name not in _HOME:
        raise AttributeError(f"module 'prunebench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
