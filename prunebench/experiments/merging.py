"""Appendix G: accuracy before and after merging whole groups."""

from typing import Any

from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, error_bars, log_counts, marked
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, at_most, mean_std
from prunebench.theory import group_counts, groups, merge
from prunebench.training.train import Trajectory


class Merging(Experiment):
    """Can groups become single neurons without loss in performance?"""

    title = "Merging groups into effective neurons"
    source = "appendix G"

    def rows(self, lab: Lab) -> Rows:
        """`accuracies`: each N, scale and seed, in percent."""
        for run, where in lab.runs(init_std=lab.setting.scales, samples=lab.setting.sizes):
            yield rows_of("accuracies", **where, seed=run.seeds, **merged_accuracies(run))

    def draw(self, tables: Tables) -> Panels:
        """Accuracy of the trained networks (open) and after every group (cosine >= 0.95, complete linkage)
        has become one neuron (filled); mean and standard deviation over seeds.
        """
        rows, panels = tables["accuracies"], Panels(3, height=2.4)
        labels = ("training accuracy [%]", "test accuracy [%]", "neurons after merging")
        for ax, column, ylabel in zip(panels, ("train", "test", "groups"), labels, strict=True):
            for i, (scale, part) in enumerate(rows.groupby("init_std")):
                beside = part.assign(samples=part.samples * (1 + 0.08 * i))
                if column == "groups":
                    error_bars(ax, beside, "samples", "groups", linewidth=0.8, **marked(i))
                    continue
                dots = {"linestyle": "none", **marked(i)}
                error_bars(ax, beside, "samples", f"{column}_before", mfc="white", ms=7, **dots)
                error_bars(ax, beside, "samples", f"{column}_after", label=f"std {scale:g}", **dots)
            log_counts(ax, rows.samples, "training samples N")
            ax.set_ylabel(ylabel)
        panels.axes[0].legend(title="initial scale")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """The largest change of accuracy, on training and test samples."""
        rows = tables["accuracies"]
        changes = {part: rows[f"{part}_after"] - rows[f"{part}_before"] for part in ("train", "test")}
        means = rows.assign(**changes).groupby(["init_std", "samples"]).mean()
        for part, name in (("train", "training"), ("test", "test")):
            change = means[part].abs().sort_values()
            worst, (scale, samples) = change.iloc[-1], change.index[-1]
            yield Verdict(
                f"Groups of cosine >= 0.95 can be merged without loss in {name} accuracy.",
                at_most(worst, 0.5, 2),
                f"largest mean change {worst:.2f} points, at N = {samples} and scale {scale:g}; same"
                f" prediction on {means.same_prediction.min():.1f} % of the test samples or more",
                "mean change of at most {} points everywhere (fragile: {})",
            )
        smallest = rows[rows.init_std == rows.init_std.min()]
        left = 100 * smallest.groups / smallest.width
        yield Verdict(
            "Merging makes the networks smaller.",
            at_most(left.mean(), 50, 90),
            f"{mean_std(left, 0)} % of the neurons are left at scale {smallest.init_std.iloc[0]:g}",
            "at most half of the neurons are left at the smallest scale (fragile: {1} %)",
        )


def merged_accuracies(run: Trajectory) -> dict[str, Any]:
    """Groups of the trained networks, and accuracies in percent before and after they are merged."""
    task, final = run.task, run.final
    labels = groups(final, task)
    merged = merge(final, labels)
    same = merged.logits(task.x_test).argmax(dim=2) == final.logits(task.x_test).argmax(dim=2)
    return {
        "groups": group_counts(final, labels)[0],
        "width": final.units,
        "train_before": 100 * final.accuracy(task.x_train, task.y_train),
        "train_after": 100 * merged.accuracy(task.x_train, task.y_train),
        "test_before": 100 * final.accuracy(task.x_test, task.y_test),
        "test_after": 100 * merged.accuracy(task.x_test, task.y_test),
        "same_prediction": 100 * same.double().mean(dim=1),
    }
