"""Effective capacity: groups among the neurons that carry norm, and what is lost with the others."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from prunebench.drawing import MARKERS, band, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.experiments.measures import final_share
from prunebench.theory.groups import groups
from prunebench.theory.merging import DROPPED, merge
from prunebench.training.train import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THRESHOLDS = (0.0, 0.001, 0.01, 0.1)
REPORTED = 0.01


class Capacity(Experiment):
    """Most groups are inert neurons that never turned: few are needed."""

    name = "capacity"
    title = "Effective capacity: groups that carry norm"
    source = "beyond the paper"
    caption = (
        "Neurons whose norm is below a share of the largest are dropped, the groups (cosine >= 0.95) of the"
        " others"
        " merged. Left: neurons that are left; right: training (filled) and test accuracy (open) minus the"
        " whole"
        " network's. Bands: one standard deviation over seeds."
    )

    def compute(self, lab: Lab) -> Tables:
        """`counts`: each N, threshold and seed; accuracies in percent."""
        return {"counts": pd.concat(_counts(lab.run(samples=n)) for n in lab.setting.sizes)}

    def draw(self, tables: Tables) -> "Figure":
        """Neurons left, and accuracy lost."""
        rows = tables["counts"]
        figure, axes = panels(1, 2, height=2.5)
        left, right = axes[0]
        thresholds = sorted(rows.threshold.unique())
        places = np.arange(len(thresholds))
        for i, (samples, part) in enumerate(rows.groupby("samples")):
            band(
                left,
                places,
                part.pivot(index="seed", columns="threshold", values="groups"),
                i,
                f"N = {samples}",
                marker=MARKERS[i],
            )
            for kind, face in (("train", None), ("test", "white")):
                change = part.assign(change=part[f"{kind}_after"] - part[f"{kind}_before"])
                label = f"N = {samples}, {'training' if kind == 'train' else kind}"
                band(
                    right,
                    places,
                    change.pivot(index="seed", columns="threshold", values="change"),
                    i,
                    label,
                    marker=MARKERS[i],
                    markerfacecolor=face,
                    linestyle="-" if face is None else "--",
                )
        for ax in axes[0]:
            ax.set_xticks(places, ["keep all", *(f"{100 * t:g} %" for t in thresholds[1:])])
            ax.set_xlabel("dropped below this share of the largest norm")
        left.set(yscale="log", ylabel="neurons left after merging")
        right.set_ylabel("change of accuracy [points]")
        left.legend()
        right.legend(fontsize=6)
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """How many carry norm, at which cost, and whether they grow in number with N."""
        rows = tables["counts"]
        at = rows[np.isclose(rows.threshold, REPORTED)]
        means = at.groupby("samples")[
            ["groups", "train_before", "train_after", "test_before", "test_after"]
        ].mean()
        share = (at.groups / at.width).groupby(at.samples).mean()
        lost = (means.test_before - means.test_after).max()
        train_lost = (means.train_before - means.train_after).max()
        rising = (means.groups.diff().iloc[1:] > 0).all()
        listed = ", ".join(f"{mean_std(part.groups, 0)} at N = {n}" for n, part in at.groupby("samples"))
        return [
            Verdict(
                "A few effective neurons carry the network.",
                judge(share.max() <= 0.1, share.max() <= 0.5),
                f"{listed}, of {at.width.iloc[0]}",
                "groups with at least 1 % of the largest norm number at most 10 % of the width at every N"
                " (fragile: 50 %)",
            ),
            Verdict(
                "All others can go without loss.",
                judge(max(lost, train_lost) <= 0.5, max(lost, train_lost) <= 2),
                f"largest mean loss {max(train_lost, 0):.2f} points of training accuracy,"
                f" {max(lost, 0):.2f} of test"
                " accuracy",
                "at most 0.5 points at every N (fragile: 2)",
            ),
            Verdict(
                "Effective capacity fits the task: more groups carry norm for a larger training set.",
                judge(bool(rising), means.groups.iloc[-1] > means.groups.iloc[0]),
                listed,
                "more for every larger N (fragile: more for the largest than for the smallest)",
            ),
        ]


def _counts(run: Trajectory) -> pd.DataFrame:
    final, task = run.final, run.task
    labels, share = groups(final, task), final_share(run)
    parts = []
    for threshold in THRESHOLDS:
        kept = torch.where(share >= threshold, labels, DROPPED)
        where = {"samples": task.samples, "threshold": threshold, "seed": run.seeds}
        counts = {"groups": [len(row[row >= 0].unique()) for row in kept], "width": final.width}
        accuracies = {
            f"{part}_{moment}": 100 * nets.accuracy(x, y)
            for moment, nets in (("before", final), ("after", merge(final, kept)))
            for part, x, y in (("train", task.x_train, task.y_train), ("test", task.x_test, task.y_test))
        }
        parts.append(pd.DataFrame(where | counts | accuracies))
    return pd.concat(parts)
