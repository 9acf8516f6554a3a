"""Figure 6: how much a step changes directions, and how much norms."""

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd
import torch

from prunebench.drawing import COLOURS, band, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, above, judge
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.theory.gradients import polar_speed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from prunebench.networks import Networks

ORDERS, ORDER = 100, 10  # "orders of magnitude": two; one


class Figure6(Experiment):
    """Do neurons turn long before they grow (lemma 3.9)?"""

    name = "fig6"
    title = "Angle updates against norm updates"
    source = "figure 6"
    caption = (
        "Mean over neurons of the change per step of the incoming weights: of their direction [rad], of their"
        " norm |w| [weight units] and of log |w| [relative]. Lines: measured between looks at the network;"
        " crosses: equations 2-6 on the whole training set. Dashed: the loss drops. Band: one standard"
        " deviation."
    )

    def compute(self, lab: Lab) -> Tables:
        """`updates`: each interval between kept steps, and seed."""
        run = lab.run()
        parts = []
        for first, last in pairwise(run.snapshots):
            a, b = run.snapshots[first], run.snapshots[last]
            speed = polar_speed(a, run.task)
            rate, size = run.recipe.flow_rate, a.norms("incoming")
            changes = {
                "turned": _turned(a, b) / (last - first),
                "grown": (b.norms("incoming") - size).abs() / (last - first),
                "relative": torch.log(b.norms("incoming") / size).abs() / (last - first),
                "flow_turned": rate * speed.incoming_direction,
                "flow_grown": rate * speed.incoming_norm.abs(),
            }
            means = {name: values.nanmean(dim=1) for name, values in changes.items()}
            where = {"first": first, "step": (first * last) ** 0.5 if first else last / 2}
            parts.append(pd.DataFrame({"seed": run.seeds, **where, **means, "drop_step": drop_step(run)}))
        return {"updates": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Both updates; and their ratio."""
        rows = tables["updates"]
        figure, axes = panels(1, 2, height=2.5)
        left, right = axes[0]

        def table(column: str) -> pd.DataFrame:
            return rows.pivot(index="seed", columns="step", values=column)

        steps = table("turned").columns
        for i, (column, label) in enumerate(
            (
                ("turned", "direction [rad]"),
                ("grown", "norm [weight units]"),
                ("relative", "log norm [relative]"),
            )
        ):
            band(left, steps, table(column).to_numpy(), i, label, linestyle=("-", "--", "-.")[i])
        for i, column in enumerate(("flow_turned", "flow_grown")):
            values = table(column).mean()
            left.plot(
                [max(f, 5) for f in sorted(rows["first"].unique())],
                values,
                "x",
                color=COLOURS[i],
                markersize=3,
            )
        left.set_ylabel("mean change per step")
        for i, (column, label) in enumerate(
            (("grown", "rad per weight unit"), ("relative", "rad per relative change"))
        ):
            band(
                right,
                steps,
                (table("turned") / table(column)).to_numpy(),
                2 * i + 1,
                label,
                linestyle=("--", "-.")[i],
            )
        right.axhline(1, color="0.6", linewidth=0.8)
        right.set_ylabel("direction change / norm change")
        for ax in axes[0]:
            ax.axvline(rows.drop_step.mean(), color="0.4", linewidth=0.8, linestyle="--")
            ax.set(xscale="log", yscale="log", xlabel="training step")
            ax.legend()
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Over the first half of the plateau, in absolute and in relative terms; and after it."""
        rows = tables["updates"]
        early = rows[rows.step < 0.5 * rows.drop_step]
        late = rows[rows.step > 2 * rows.drop_step]
        absolute = (early.turned / early.grown).min()
        relative = (early.turned / early.relative).groupby(early.seed).mean().mean()
        after = (late.turned / late.grown).median()
        return [
            Verdict(
                "Early in training updates of angles are orders of magnitude larger than updates of norms.",
                above(absolute, ORDERS, ORDER),
                f"at least {absolute:.3g} times in the first half of the plateau (rad against weight units)",
                f"at least {ORDERS} times at every look (fragile: {ORDER})",
            ),
            Verdict(
                "This is so in relative terms too: directions turn faster than norms grow in proportion.",
                above(relative, ORDER, 2),
                f"{relative:.2f} rad per unit of log norm in the first half of the plateau",
                f"mean ratio >= {ORDER} (fragile: >= 2)",
            ),
            Verdict(
                "Once the loss has dropped this is over.",
                judge(after < absolute / ORDERS, after < absolute / ORDER),
                f"median ratio {after:.3g} after twice the time of the drop",
                f"{ORDERS} times less than the least before (fragile: {ORDER})",
            ),
        ]


def _turned(a: "Networks", b: "Networks") -> torch.Tensor:
    """Angle between the incoming weights then and now; exact for small angles too."""
    units = [n.w_in.double() / torch.linalg.vector_norm(n.w_in.double(), dim=2, keepdim=True) for n in (a, b)]
    half = torch.linalg.vector_norm(units[0] - units[1], dim=2) / 2
    return 2 * torch.asin(half.clamp(max=1))
