"""Every experiment from nothing to verdict, and the verdicts' logic on rows made by hand."""

import math
from typing import get_args

import pandas as pd
import pytest
import torch

import prunebench as pb
from prunebench.drawing import style
from prunebench.experiments.catalogue import NAMES, load_experiment
from prunebench.experiments.experiment import neuron_rows
from prunebench.experiments.lab import Lab
from prunebench.experiments.reference import RANGES
from prunebench.experiments.setting import FULL, QUICK
from prunebench.experiments.verdict import Outcome, Verdict, at_least, at_most, judge, mean_std

ALL = [name for name in NAMES if name != "reference"]


@pytest.mark.parametrize("name", ALL)
def test_from_nothing_to_verdict(lab: Lab, name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.applies(lab)
    tables = experiment.compute(lab)
    assert all(len(table) for table in tables.values())
    with style():
        figure = experiment.draw(tables).figure
        figure.draw_without_rendering()
    labelled = [ax for ax in figure.axes if ax.get_xlabel() or ax.get_ylabel()]
    assert labelled
    verdicts = list(experiment.verdicts(tables))
    assert verdicts
    for verdict in verdicts:
        assert verdict.outcome in get_args(Outcome)
        assert any(character.isdigit() for character in verdict.found)
        assert verdict.claim.endswith(".")
        assert not verdict.criterion.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_names_agree(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.title
    assert experiment.caption.endswith(".")


def test_reference_is_for_cifar_alone(lab: Lab) -> None:
    assert not load_experiment("reference").applies(lab)
    assert all(low <= high for low, high in RANGES.values())


def test_unknown_experiments_are_named() -> None:
    with pytest.raises(pb.RequestError, match="did you mean 'fig4'"):
        load_experiment("fig44")


def fig4_rows(values: dict[tuple[int, int], float]) -> dict[str, pd.DataFrame]:
    rows = [
        {"seed": 0, "samples": n, "init_std": 1e-5, "step": step, "alignment_final": value}
        for (n, step), value in values.items()
    ]
    return {"neurons": pd.DataFrame(), "correlations": pd.DataFrame(rows)}


def test_figure_4_holds_fragile_or_not() -> None:
    at = {(200, 0): 0.1, (200, 50): 0.1, (200, 200): 0.1, (800, 0): 0.3, (800, 50): 0.5, (800, 200): 0.19}
    outcomes = [v.outcome for v in load_experiment("fig4").verdicts(fig4_rows(at | {(4000, 200): 0.9}))]
    assert outcomes == ["fragile", "holds", "does not hold", "does not hold", "does not hold"]


def test_knock_out_regains_the_leaders_norm() -> None:
    def totals(leaders: float) -> dict[str, pd.DataFrame]:
        common = {
            "seed": 0,
            "control_leaders": 6.0,
            "control_others": 4.0,
            "deleted": 30,
            "train_accuracy": 1.0,
        }
        rows = [
            {"variant": "none", "total": 10.0, **common},
            {"variant": "leaders", "total": leaders, **common},
            {"variant": "random", "total": 10.0, **common},
        ]
        return {"totals": pd.DataFrame(rows)}

    experiment = load_experiment("knockout")
    assert [v.outcome for v in experiment.verdicts(totals(10.0))] == ["holds"] * 3
    lost = list(experiment.verdicts(totals(4.0)))  # the others end as if the leaders were still there
    assert [v.outcome for v in lost] == ["does not hold", "does not hold", "holds"]
    assert "regain 0 " in lost[1].found


def test_second_order_predicts_at_the_last_early_step() -> None:
    """Which comes after the drop here: its rows are the third, not the third in time."""
    rows = [
        {"seed": seed, "step": step, "target": target, "spearman": step / 1000, "median_angle": 50.0}
        for step in (0, 50, 200, 136, 272)
        for target in ("first", "ridge 1")
        for seed in range(2)
    ]
    tables = {"angles": pd.DataFrame(rows)}
    experiment = load_experiment("second_order")
    before, after = experiment.verdicts(tables)
    assert before.found.endswith("against 0.200 ± 0.000 at step 200")
    assert after.found.endswith("step 272")
    labels = experiment.draw(tables).axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == ["0", "50", "200", "136", "272"]


def test_merging_counts_points() -> None:
    def rows(after: float) -> dict[str, pd.DataFrame]:
        row = {
            "seed": 0,
            "samples": 200,
            "init_std": 1e-5,
            "groups": 10,
            "width": 100,
            "same_prediction": 100.0,
        }
        row |= {"train_before": 100.0, "train_after": after, "test_before": 60.0, "test_after": 60.0}
        return {"accuracies": pd.DataFrame([row])}

    outcomes = [
        next(load_experiment("merging").verdicts(rows(after))).outcome for after in (99.6, 98.5, 90.0)
    ]
    assert outcomes == ["holds", "fragile", "does not hold"]


def test_judging() -> None:
    outcomes = [at_least(v, 0.5, 0.2).outcome for v in (0.5, 0.3, 0.1, math.nan)]
    assert outcomes == ["holds", "fragile", *["does not hold"] * 2]
    assert [at_most(v, 1, 2).outcome for v in (1, 1.5, 2.5)] == ["holds", "fragile", "does not hold"]
    assert judge(True, False).outcome == "holds"
    assert mean_std([1.0, 3.0], 1) == "2.0 ± 1.4"
    assert mean_std([1.0]) == "1.00 ± 0.00"


def test_criteria_say_their_bounds() -> None:
    verdict = Verdict("All is well.", at_least(3, 0.5, 2), "3", "at least {} (fragile: {:.1f})")
    assert verdict.criterion == "at least 0.5 (fragile: 2.0)"


def test_rows_of_the_first_networks_neurons(lab: Lab) -> None:
    table = neuron_rows(lab.run(), norm=torch.tensor([[1.0, 2.0], [3.0, 4.0]]), step=7)
    assert table.to_dict("list") == {"seed": [0, 0], "neuron": [0, 1], "norm": [1, 2], "step": [7, 7]}


@pytest.mark.parametrize("setting", [FULL, QUICK], ids=["full", "quick"])
def test_settings(setting) -> None:
    assert setting.samples in setting.sizes
    assert setting.width in setting.widths
    assert setting.recipe().learning_rate == setting.rates[0]
    assert setting.recipe(learning_rate=2 * setting.rates[0]).steps == setting.steps / 2
    assert setting.recipe(samples=10**6).steps == setting.most_steps
    assert max(setting.up_to(500).sizes) <= 500


def test_the_full_setting_is_the_papers() -> None:
    assert FULL.recipe() == pb.Recipe()
    assert FULL.samples == 800
    assert len(FULL.seeds) == 5
