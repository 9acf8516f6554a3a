"""All experiments, in the order of the report."""

import importlib
from typing import TYPE_CHECKING

from prunebench.errors import unknown_name

if TYPE_CHECKING:
    from prunebench.experiments.experiment import Experiment

# Each is a module, imported when it is asked for: help can name them all and stay fast.
NAMES = (
    *("fig1", "fig3a", "fig3b", "fig4", "fig5", "fig6", "fig8"),
    *("cells", "merging", "growth_law", "racing", "second_order"),
    *("knockout", "growing_mode", "capacity", "relative_time", "reference"),
)


def load_experiment(name: str) -> "Experiment":
    """The experiment of this name; `RequestError` for a name that is not known."""
    if name not in NAMES:
        raise unknown_name("experiment", name, [*NAMES, "all"], "experiments")
    from prunebench.experiments.experiment import Experiment

    importlib.import_module(f"prunebench.experiments.{name}")
    return next(kind for kind in Experiment.__subclasses__() if kind.name == name)()
