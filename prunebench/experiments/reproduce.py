"""From a list of experiments to a folder with figures, rows and a report."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from prunebench.drawing import check_matplotlib, save, style
from prunebench.experiments.catalogue import NAMES, load_experiment
from prunebench.experiments.experiment import Experiment, Tables
from prunebench.experiments.lab import Lab
from prunebench.experiments.report import MADE_WITH, write_report
from prunebench.store.files import write_atomically
from prunebench.store.identity import digest

# Raised when the rows of experiments would be others, and no version of an experiment says so.
RESULTS_VERSION = "0.1.0"


def reproduce(names: Sequence[str], lab: Lab, out: Path, about: dict[str, Any]) -> list[Path]:
    """Compute, draw and judge experiments; then a report of all that the folder holds of this setting.

    An experiment whose rows are in the folder, from the same setting and data, is not computed again.
    Returns the report's files.

    Args:
        names: of experiments, or `all`.
        about: what the report says about data, setting and environment.
    """
    check_matplotlib()
    wanted = NAMES if "all" in names else dict.fromkeys(names)
    experiments = [experiment for experiment in map(load_experiment, wanted) if experiment.applies(lab)]
    for number, experiment in enumerate(experiments, start=1):
        key = _key(experiment, lab)
        tables = _read(experiment, out, key)
        place = f"{experiment.name} ({number} of {len(experiments)})"
        lab.reporter.plan(place if tables is None else f"{place}: rows are there")
        lab.reporter.progress("experiments", number - 1, len(experiments), "experiments")
        if tables is None:
            began = time.perf_counter()
            tables = {name: _rounded(table) for name, table in experiment.compute(lab).items()}
            _write(experiment, out, key, tables, time.perf_counter() - began, about.get(MADE_WITH))
        with style():
            save(experiment.draw(tables).figure, out / experiment.name)
    done = []
    for name in NAMES:
        experiment = load_experiment(name)
        tables = _read(experiment, out, _key(experiment, lab))
        if tables is not None:
            done.append((experiment, list(experiment.verdicts(tables))))
    made = sorted({str(_record(experiment, out).get(MADE_WITH) or "unknown") for experiment, _ in done})
    about = about | {MADE_WITH: "; ".join(made)}
    return write_report(out, done, about)


def _key(experiment: Experiment, lab: Lab) -> str:
    what = [RESULTS_VERSION, experiment.name, experiment.version]
    parts = [*what, asdict(lab.setting), lab.task().fingerprint]
    return digest(json.dumps(parts, sort_keys=True).encode())


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Five significant digits: what is drawn and judged is what the file says."""
    numbers = table.select_dtypes("floating")
    return table.assign(**numbers.map(lambda value: float(f"{value:.5g}")))


def _write(
    experiment: Experiment, out: Path, key: str, tables: Tables, seconds: float, made_with: str | None
) -> None:
    record = {"key": key, "tables": list(tables), "seconds": round(seconds, 1), MADE_WITH: made_with}
    for name, table in tables.items():
        write_atomically(out / f"{experiment.name}.{name}.csv", table.to_csv(index=False))
    write_atomically(out / f"{experiment.name}.json", json.dumps(record, indent=1) + "\n")


def _read(experiment: Experiment, out: Path, key: str) -> Tables | None:
    try:
        record = _record(experiment, out)
        if record["key"] != key:
            return None
        return {name: pd.read_csv(out / f"{experiment.name}.{name}.csv") for name in record["tables"]}
    except (OSError, ValueError, KeyError, TypeError):  # nothing there, or damaged: computed again
        return None


def _record(experiment: Experiment, out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / f"{experiment.name}.json").read_text(encoding="utf-8"))
    return record
