import dataclasses
import re
import sys
import time
from pathlib import Path

import pytest
from in_process import Prunebench

from prunebench.experiments import setting as settings

TINY = dataclasses.replace(
    settings.QUICK,
    samples=40,
    width=8,
    sizes=(20, 40, 100_000),
    curve_sizes=(20, 40),
    widths=(4, 8),
    steps=200,
    most_steps=200,
    scales=(1e-3, 0.1),
    rates=(0.02, 0.04),
    early=(5, 10, 20),
    probes=(20, 40),
    seeds=(0, 1),
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "QUICK", TINY)


@pytest.mark.usefixtures("tiny")
def test_writes_figures_and_report(prunebench: Prunebench, npz: Path, folder: Path) -> None:
    result = prunebench("reproduce", "fig8", "cells", "--quick", "--dataset", npz, "--seeds", "3,4")
    assert result.code == 0, result.err
    assert result.out == ""
    assert "fig8 (1 of 2)" in result.err
    text = (folder / "reproduction" / "report.md").read_text()
    assert "fig8.png" in text
    assert "seeds 3, 4" in text
    assert re.search(r"`prunebench reproduce all --dataset \S+\.npz.* --quick --seeds 3-4`", text)
    assert "100000" not in (folder / "reproduction" / "fig8.times.csv").read_text()  # the data have fewer
    again = prunebench("reproduce", "fig8", "--quick", "--dataset", npz, "--seeds", "3,4")
    assert "fig8 (1 of 1): rows are there" in again.err


def test_unknown_names_are_refused_before_anything_is_done(prunebench: Prunebench, folder: Path) -> None:
    result = prunebench("reproduce", "fig1", "fig99", "--quick")
    assert result.code == 2
    assert "fig99" in result.err
    assert len(result.err.splitlines()) == 1
    assert not (folder / "reproduction").exists()


def test_bad_data_are_one_line(prunebench: Prunebench) -> None:
    result = prunebench("reproduce", "fig8", "--dataset", "nothing.npz")
    assert result.code == 2
    assert "--dataset" in result.err


def test_without_matplotlib_it_says_what_to_install(
    prunebench: Prunebench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = prunebench("reproduce", "fig8", "--quick")
    assert result.code == 2
    assert 'pip install "prunebench[figures]"' in result.err


@pytest.mark.slow
def test_quick_takes_under_four_minutes(prunebench: Prunebench, folder: Path) -> None:
    began = time.perf_counter()
    result = prunebench("reproduce", "all", "--quick")
    assert result.code == 0, result.err
    assert time.perf_counter() - began < 240
    text = (folder / "reproduction" / "report.md").read_text()
    assert text.count("\n## ") == 17  # verdicts, and 16 experiments
