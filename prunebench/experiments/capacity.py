"""Effective capacity: groups among the neurons that carry norm, and what is lost with the others."""

import numpy as np
import torch

from prunebench.experiments.experiment import Experiment, Rows, Tables, final_share, rows_of
from prunebench.experiments.figures import Panels, band, marked
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, at_most, judge, mean_std
from prunebench.theory import group_counts, groups, merge
from prunebench.theory.merging import DROPPED

THRESHOLDS = (0.0, 0.001, 0.01, 0.1)
REPORTED = 0.01


class Capacity(Experiment):
    """Most groups are inert neurons that never turned: few are needed."""

    title = "Effective capacity: groups that carry norm"
    source = "beyond the paper"

    def rows(self, lab: Lab) -> Rows:
        """`counts`: each N, threshold and seed; accuracies in percent."""
        for run, where in lab.runs(samples=lab.setting.sizes):
            final, task = run.final, run.task
            sets = ("train", task.x_train, task.y_train), ("test", task.x_test, task.y_test)
            labels, share = groups(final, task), final_share(run)
            for threshold in THRESHOLDS:
                kept = torch.where(share >= threshold, labels, DROPPED)
                counts = {"groups": group_counts(final, labels, threshold)[1], "width": final.units}
                accuracies = {
                    f"{kind}_{moment}": 100 * nets.accuracy(x, y)
                    for moment, nets in (("before", final), ("after", merge(final, kept)))
                    for kind, x, y in sets
                }
                yield rows_of("counts", **where, threshold=threshold, seed=run.seeds, **counts, **accuracies)

    def draw(self, tables: Tables) -> Panels:
        """Neurons whose norm is below a share of the largest are dropped, the groups (cosine >= 0.95) of the
        others merged. Left: neurons that are left; right: training (filled) and test accuracy (open) minus
        the whole network's. Bands: one standard deviation over seeds.
        """
        rows, panels = tables["counts"], Panels(2)
        thresholds = sorted(rows.threshold.unique())
        rows = rows.assign(
            place=rows.threshold.map(thresholds.index),
            train=rows.train_after - rows.train_before,
            test=rows.test_after - rows.test_before,
        )
        left, right = panels
        for i, (samples, part) in enumerate(rows.groupby("samples")):
            name, test = f"N = {samples}", {"markerfacecolor": "white", "linestyle": "--"}
            band(left, part, "place", "groups", label=name, **marked(i))
            band(right, part, "place", "train", label=f"{name}, training", **marked(i))
            band(right, part, "place", "test", label=f"{name}, test", **test, **marked(i))
        for ax in panels:
            ax.set_xticks(range(len(thresholds)), ["keep all", *(f"{100 * t:g} %" for t in thresholds[1:])])
            ax.set_xlabel("dropped below this share of the largest norm")
        left.set(yscale="log", ylabel="neurons left after merging")
        right.set_ylabel("change of accuracy [points]")
        left.legend()
        right.legend(fontsize=6)
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """How many carry norm, at which cost, and whether they grow in number with N."""
        rows = tables["counts"]
        at = rows[np.isclose(rows.threshold, REPORTED)]
        means = at.groupby("samples").mean()
        listed = ", ".join(f"{mean_std(part, 0)} at N = {n}" for n, part in at.groupby("samples")["groups"])
        yield Verdict(
            "A few effective neurons carry the network.",
            at_most((100 * means.groups / means.width).max(), 10, 50),
            f"{listed}, of {at.width.iloc[0]}",
            "groups with at least 1 % of the largest norm number at most {} % of the width at every N"
            " (fragile: {} %)",
        )
        train, test = ((means[f"{k}_before"] - means[f"{k}_after"]).max() for k in ("train", "test"))
        yield Verdict(
            "All others can go without loss.",
            at_most(max(train, test), 0.5, 2),
            f"largest mean loss {max(train, 0):.2f} points of training accuracy, {max(test, 0):.2f} of test"
            " accuracy",
            "at most {} points at every N (fragile: {})",
        )
        yield Verdict(
            "Effective capacity fits the task: more groups carry norm for a larger training set.",
            judge((means.groups.diff().iloc[1:] > 0).all(), means.groups.iloc[-1] > means.groups.iloc[0]),
            listed,
            "more for every larger N (fragile: more for the largest than for the smallest)",
        )
