"""All experiments, in the order of the report."""

import importlib

from prunebench.errors import unknown_name
from prunebench.experiments.experiment import Experiment

# Name to class; the module of the same name is imported when it is asked for.
CLASSES = {
    "fig1": "Figure1",
    "fig3a": "Figure3a",
    "fig3b": "Figure3b",
    "fig4": "Figure4",
    "fig5": "Figure5",
    "fig6": "Figure6",
    "fig8": "Figure8",
    "cells": "StableCellCounts",
    "merging": "Merging",
    "growth_law": "GrowthLaw",
    "racing": "Racing",
    "second_order": "SecondOrder",
    "knockout": "KnockOut",
    "growing_mode": "GrowingMode",
    "capacity": "Capacity",
    "relative_time": "RelativeTime",
    "reference": "Reference",
}


def load_experiment(name: str) -> Experiment:
    """The experiment of this name; `RequestError` for a name that is not known."""
    if name not in CLASSES:
        raise unknown_name("experiment", name, [*CLASSES, "all"], "experiments")
    experiment: Experiment = getattr(
        importlib.import_module(f"prunebench.experiments.{name}"), CLASSES[name]
    )()
    return experiment
