"""The committed report is what today's verdicts, titles and captions make of the committed rows."""

import shutil
from pathlib import Path

import pandas as pd

from prunebench.experiments.catalogue import NAMES, load_experiment
from prunebench.experiments.experiment import Experiment, Tables
from prunebench.experiments.report import write_report

COMMITTED = Path(__file__).parents[2] / "docs" / "reproduction"


def rows(experiment: Experiment) -> Tables:
    return {path.name.split(".")[1]: pd.read_csv(path) for path in COMMITTED.glob(f"{experiment.name}.*.csv")}


def test_rows_give_the_report_they_were_committed_with(tmp_path: Path) -> None:
    for picture in COMMITTED.glob("*.png"):
        shutil.copy(picture, tmp_path)
    experiments = [load_experiment(name) for name in NAMES]
    write_report(tmp_path, [(e, list(e.verdicts(rows(e)))) for e in experiments], {})
    made, committed = ((folder / "report.md").read_text() for folder in (tmp_path, COMMITTED))
    assert made.partition("## Verdicts")[2] == committed.partition("## Verdicts")[2]
