"""Appendix C.3: does the next-order target predict better?"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from prunebench.drawing import COLOURS, MARKERS, panels
from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, nearest
from prunebench.theory.alignment import target_vectors
from prunebench.theory.second_order import second_order_targets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIDGES = (1.0, 10.0)
GAIN = 0.02


class SecondOrder(Experiment):
    """The angle to the target rotated by the second moments, against the angle to the plain one."""

    name = "second_order"
    title = "Next-order targets"
    source = "appendix C.3"
    caption = (
        "Left: rank correlation of the angle to the target with the final norm, for the target of"
        " definition 3.3 and"
        " the next-order one (ridge in units of the mean squared length of the gated samples). Right:"
        " median angle of"
        " the neurons to these targets. Mean and standard deviation over seeds; the last two steps are"
        " about t_drop"
        " and twice that."
    )

    def compute(self, lab: Lab) -> Tables:
        """`angles`: each step, target and seed."""
        run, early, parts = lab.run(), lab.setting.early, []
        drop = float(drop_step(run).double().mean())
        for step in (0, early[0], early[-1], nearest(run, drop), nearest(run, 2 * drop)):
            nets = run.snapshots[step]
            targets = {"first": target_vectors(nets, run.task)}
            targets |= {f"ridge {ridge:g}": second_order_targets(nets, run.task, ridge) for ridge in RIDGES}
            for name, target in targets.items():
                cosine = torch.nn.functional.cosine_similarity(nets.w_in.double(), target.double(), dim=2)
                columns = {
                    "spearman": spearman(cosine, run.final.norms()),
                    "median_angle": np.degrees(np.median(cosine.clamp(-1, 1).arccos(), axis=1)),
                }
                parts.append(pd.DataFrame({"seed": run.seeds, "step": step, "target": name, **columns}))
        return {"angles": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Prediction, and angles."""
        rows = tables["angles"]
        figure, axes = panels(1, 2, height=2.5)
        steps = sorted(rows.step.unique())
        labels = (
            ("spearman", "rank correlation with the final norm"),
            ("median_angle", "median angle [degrees]"),
        )
        for ax, (column, label) in zip(axes[0], labels, strict=True):
            for i, (target, part) in enumerate(rows.groupby("target")):
                stats = part.groupby("step")[column].agg(["mean", "std"]).fillna(0)
                ax.errorbar(
                    np.arange(len(steps)) + 0.1 * (i - 1),
                    stats["mean"],
                    stats["std"],
                    color=COLOURS[i],
                    marker=MARKERS[i],
                    capsize=2,
                    linewidth=0.8,
                    label=target,
                )
            ax.set_xticks(range(len(steps)), [str(step) for step in steps])
            ax.set_xlabel("training step")
            ax.set_ylabel(label)
        axes[0][0].legend(title="target")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Prediction at the last early step; and where the neurons end up after the drop."""
        rows = tables["angles"]
        steps = sorted(rows.step.unique())
        early, late = (rows[rows.step == step] for step in (steps[2], steps[-1]))
        scores = early.groupby("target").spearman.mean()
        best = scores.drop("first").idxmax()
        gain = scores[best] - scores["first"]
        angles = late.groupby("target").median_angle.mean()
        nearest = angles.drop("first").min()
        parts = {name: early[early.target == name].spearman for name in ("first", best)}
        return [
            Verdict(
                "The next-order target predicts the final norms better than the first-order one.",
                judge(gain >= GAIN, gain > 0),
                f"Spearman {mean_std(parts[best], 3)} ({best}) against {mean_std(parts['first'], 3)} at"
                f" step {steps[2]}",
                f"mean rank correlation higher by {GAIN} or more, for the better ridge (fragile: higher at"
                " all)",
            ),
            Verdict(
                "After the drop neurons are nearer to the next-order target: second moments rotate the"
                " target.",
                judge(nearest <= angles["first"] - 5, nearest < angles["first"]),
                f"median angle {nearest:.1f} degrees against {angles['first']:.1f}, step {steps[-1]}",
                "median angle smaller by 5 degrees or more (fragile: smaller at all)",
            ),
        ]
