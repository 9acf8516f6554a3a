"""Appendix G: accuracy before and after merging whole groups."""

import itertools
from typing import TYPE_CHECKING, Any

import pandas as pd

from prunebench.drawing import COLOURS, MARKERS, log_counts, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.theory.groups import group_counts, groups
from prunebench.theory.merging import merge
from prunebench.training.train import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS, MANY_POINTS = 0.5, 2.0


class Merging(Experiment):
    """Can groups become single neurons without loss in performance?"""

    name = "merging"
    title = "Merging groups into effective neurons"
    source = "appendix G"
    caption = (
        "Accuracy of the trained networks (open) and after every group (cosine >= 0.95, complete linkage)"
        " has become"
        " one neuron (filled); mean and standard deviation over seeds."
    )

    def compute(self, lab: Lab) -> Tables:
        """`accuracies`: each N, scale and seed, in percent."""
        parts = []
        for scale, samples in itertools.product(lab.setting.scales, lab.setting.sizes):
            run = lab.run(samples=samples, init_std=scale)
            where = {"init_std": scale, "samples": samples, "seed": run.seeds}
            parts.append(pd.DataFrame(where | merged_accuracies(run)))
        return {"accuracies": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Accuracies by N, and how many neurons are left."""
        rows = tables["accuracies"]
        figure, axes = panels(1, 3, height=2.4)
        for ax, part in zip(axes[0], ("train", "test", None), strict=True):
            for i, (scale, block) in enumerate(rows.groupby("init_std")):
                stats = block.groupby("samples").agg(["mean", "std"]).fillna(0)
                x = stats.index * (1 + 0.08 * i)  # side by side
                style = {"color": COLOURS[i], "marker": MARKERS[i], "capsize": 2, "linewidth": 0.8}
                if part is None:
                    ax.errorbar(x, *(stats["groups"][k] for k in ("mean", "std")), **style)
                    continue
                before, after = stats[f"{part}_before"], stats[f"{part}_after"]
                ax.errorbar(x, before["mean"], before["std"], **style, mfc="white", ms=7, linestyle="none")
                ax.errorbar(x, after["mean"], after["std"], **style, linestyle="none", label=f"std {scale:g}")
            log_counts(ax, sorted(rows.samples.unique()), "training samples N")
            ax.set_ylabel(
                "neurons after merging"
                if part is None
                else f"{part}ing accuracy [%]".replace("testing", "test")
            )
        axes[0][0].legend(title="initial scale")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """The largest change of accuracy, on training and test samples."""
        rows = tables["accuracies"]
        rows = rows.assign(
            train=rows.train_after - rows.train_before, test=rows.test_after - rows.test_before
        )
        means = rows.groupby(["init_std", "samples"])[["train", "test", "same_prediction"]].mean()
        smallest = rows[rows.init_std == rows.init_std.min()]
        verdicts = []
        for part, name in (("train", "training"), ("test", "test")):
            change = means[part].abs().sort_values()
            worst, (scale, samples) = change.iloc[-1], change.index[-1]
            verdicts.append(
                Verdict(
                    f"Groups of cosine >= 0.95 can be merged without loss in {name} accuracy.",
                    judge(worst <= POINTS, worst <= MANY_POINTS),
                    f"largest mean change {worst:.2f} points, at N = {samples} and scale {scale:g}; same"
                    " prediction on"
                    f" {means.same_prediction.min():.1f} % of the test samples or more",
                    f"mean change of at most {POINTS} points everywhere (fragile: {MANY_POINTS:g})",
                )
            )
        left = smallest.groups / smallest.width
        verdicts.append(
            Verdict(
                "Merging makes the networks smaller.",
                judge(left.mean() <= 0.5, left.mean() <= 0.9),
                f"{mean_std(100 * left, 0)} % of the neurons are left at scale {smallest.init_std.iloc[0]:g}",
                "at most half of the neurons are left at the smallest scale (fragile: 90 %)",
            )
        )
        return verdicts


def merged_accuracies(run: Trajectory) -> dict[str, Any]:
    """Groups of the trained networks, and accuracies in percent before and after they are merged."""
    task, final = run.task, run.final
    labels = groups(final, task)
    merged = merge(final, labels)
    same = merged.logits(task.x_test).argmax(dim=2) == final.logits(task.x_test).argmax(dim=2)
    return {
        "groups": group_counts(final, labels)[0],
        "width": final.width,
        "train_before": 100 * final.accuracy(task.x_train, task.y_train),
        "train_after": 100 * merged.accuracy(task.x_train, task.y_train),
        "test_before": 100 * final.accuracy(task.x_test, task.y_test),
        "test_after": 100 * merged.accuracy(task.x_test, task.y_test),
        "same_prediction": 100 * same.double().mean(dim=1),
    }
