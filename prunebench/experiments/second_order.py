"""Appendix C.3: does the next-order target predict better?"""

import numpy as np

from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, error_bars, marked
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, nearest_step
from prunebench.experiments.verdict import Verdict, Verdicts, judge, mean_std
from prunebench.theory import second_order_targets, target_vectors
from prunebench.theory.alignment import angle

RIDGES = (1.0, 10.0)
GAIN = 0.02


class SecondOrder(Experiment):
    """The angle to the target rotated by the second moments, against the angle to the plain one."""

    title = "Next-order targets"
    source = "appendix C.3"

    def rows(self, lab: Lab) -> Rows:
        """`angles`: each step, target and seed."""
        run, early = lab.run(), lab.setting.early
        drop = float(drop_step(run).double().mean())
        steps = (0, early[0], early[-1], nearest_step(run, drop), nearest_step(run, 2 * drop))
        for step in dict.fromkeys(steps):  # short plateaus may have two of them at one
            nets = run.snapshots[step]
            targets = {"first": target_vectors(nets, run.task)}
            targets |= {f"ridge {ridge:g}": second_order_targets(nets, run.task, ridge) for ridge in RIDGES}
            for name, target in targets.items():
                away = angle(nets.w_in.double(), target.double())
                yield rows_of(
                    "angles",
                    seed=run.seeds,
                    step=step,
                    target=name,
                    spearman=spearman(-away, run.final.norms()),
                    median_angle=np.degrees(np.median(away, axis=1)),
                )

    def draw(self, tables: Tables) -> Panels:
        """Left: rank correlation of the angle to the target with the final norm, for the target of definition
        3.3 and the next-order one (ridge in units of the mean squared length of the gated samples). Right:
        median angle of the neurons to these targets. Mean and standard deviation over seeds; the last two
        steps are about t_drop and twice that.
        """
        rows, panels = tables["angles"], Panels(2)
        steps = rows.step.unique().tolist()  # as in `rows`: the drop may come before the last early step
        labels = ("rank correlation with the final norm", "median angle [degrees]")
        for ax, column, ylabel in zip(panels, ("spearman", "median_angle"), labels, strict=True):
            for i, (target, part) in enumerate(rows.groupby("target")):
                beside = part.assign(place=part.step.map(steps.index) + 0.1 * (i - 1))
                error_bars(ax, beside, "place", column, label=target, linewidth=0.8, **marked(i))
            ax.set_xticks(range(len(steps)), steps)
            ax.set(xlabel="training step", ylabel=ylabel)
        panels.axes[0].legend(title="target")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Prediction at the last early step; and where the neurons end up after the drop."""
        rows = tables["angles"]
        early, late = rows.step.unique()[2], rows.step.max()  # they are in the order of `rows`
        scores = {target: part.spearman for target, part in rows[rows.step == early].groupby("target")}
        first = scores.pop("first")
        best = max(scores, key=lambda target: scores[target].mean())
        gain = scores[best].mean() - first.mean()
        yield Verdict(
            "The next-order target predicts the final norms better than the first-order one.",
            judge(gain >= GAIN, gain > 0, GAIN),
            f"Spearman {mean_std(scores[best], 3)} ({best}) against {mean_std(first, 3)} at step {early}",
            "mean rank correlation higher by {} or more, for the better ridge (fragile: higher at all)",
        )
        angles = rows[rows.step == late].groupby("target").median_angle.mean()
        closest = angles.drop("first").min()
        yield Verdict(
            "After the drop neurons are nearer to the next-order target: second moments rotate the target.",
            judge(closest <= angles["first"] - 5, closest < angles["first"], 5),
            f"median angle {closest:.1f} degrees against {angles['first']:.1f}, step {late}",
            "median angle smaller by {} degrees or more (fragile: smaller at all)",
        )
