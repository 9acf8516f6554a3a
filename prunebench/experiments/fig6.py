"""Figure 6: how much a step changes directions, and how much norms."""

from itertools import pairwise

import numpy as np
import torch

from prunebench.drawing import COLOURS
from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, band, dashed, drop_line
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.experiments.verdict import Verdict, Verdicts, at_least, judge
from prunebench.theory import polar_speed
from prunebench.theory.alignment import angle

ORDERS, ORDER = 100, 10  # "orders of magnitude": two; one
UPDATES = {"turned": "direction [rad]", "grown": "norm [weight units]", "relative": "log norm [relative]"}
RATIOS = {"grown": "rad per weight unit", "relative": "rad per relative change"}


class Figure6(Experiment):
    """Do neurons turn long before they grow (lemma 3.9)?"""

    title = "Angle updates against norm updates"
    source = "figure 6"

    def rows(self, lab: Lab) -> Rows:
        """`updates`: each interval between kept steps, and seed."""
        run = lab.run()
        for first, last in pairwise(run.snapshots):
            a, b = run.snapshots[first], run.snapshots[last]
            speed = polar_speed(a, run.task)
            rate, size, steps = run.recipe.flow_rate, a.norms("incoming"), last - first
            changes = {
                "turned": angle(a.w_in.double(), b.w_in.double()) / steps,
                "grown": (b.norms("incoming") - size).abs() / steps,
                "relative": torch.log(b.norms("incoming") / size).abs() / steps,
                "flow_turned": rate * speed.incoming_direction,
                "flow_grown": rate * speed.incoming_norm.abs(),
            }
            means = {name: values.nanmean(dim=1) for name, values in changes.items()}
            where = {"first": first, "step": (first * last) ** 0.5 if first else last / 2}
            yield rows_of("updates", seed=run.seeds, **where, **means, drop_step=drop_step(run))

    def draw(self, tables: Tables) -> Panels:
        """Mean over neurons of the change per step of the incoming weights: of their direction [rad], of
        their norm |w| [weight units] and of log |w| [relative]. Lines: measured between looks at the network;
        crosses: equations 2-6 on the whole training set. Dashed: the loss drops. Band: one standard
        deviation.
        """
        rows, panels = tables["updates"], Panels(2)
        left, right = panels
        for i, (column, label) in enumerate(UPDATES.items()):
            band(left, rows, "step", column, label=label, **dashed(i))
        for i, column in enumerate(("flow_turned", "flow_grown")):
            flow = rows.groupby("first")[column].mean()
            left.plot(np.maximum(flow.index, 5), flow, "x", color=COLOURS[i], markersize=3)
        for i, (column, label) in enumerate(RATIOS.items(), start=1):
            ratio = rows.assign(ratio=rows.turned / rows[column])
            band(right, ratio, "step", "ratio", label=label, **dashed(i))
        right.axhline(1, color="0.6", linewidth=0.8)
        for ax, label in ((left, "mean change per step"), (right, "direction change / norm change")):
            drop_line(ax, rows.drop_step.mean())
            ax.set(xscale="log", yscale="log", xlabel="training step", ylabel=label)
            ax.legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Over the first half of the plateau, in absolute and in relative terms; and after it."""
        rows = tables["updates"]
        early, late = rows[rows.step < 0.5 * rows.drop_step], rows[rows.step > 2 * rows.drop_step]
        absolute = (early.turned / early.grown).min()
        relative = (early.turned / early.relative).groupby(early.seed).mean().mean()
        after = (late.turned / late.grown).median()
        yield Verdict(
            "Early in training updates of angles are orders of magnitude larger than updates of norms.",
            at_least(absolute, ORDERS, ORDER),
            f"at least {absolute:.3g} times in the first half of the plateau (rad against weight units)",
            "at least {} times at every look (fragile: {})",
        )
        yield Verdict(
            "This is so in relative terms too: directions turn faster than norms grow in proportion.",
            at_least(relative, ORDER, 2),
            f"{relative:.2f} rad per unit of log norm in the first half of the plateau",
            "mean ratio >= {} (fragile: >= {})",
        )
        yield Verdict(
            "Once the loss has dropped this is over.",
            judge(after < absolute / ORDERS, after < absolute / ORDER, ORDERS, ORDER),
            f"median ratio {after:.3g} after twice the time of the drop",
            "{} times less than the least before (fragile: {})",
        )
