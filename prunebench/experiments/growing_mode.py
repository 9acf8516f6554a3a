"""The growing mode against alignment: how early can the final norm be told?"""

from typing import TYPE_CHECKING

import pandas as pd

from prunebench.drawing import MARKERS, band, panels
from prunebench.evaluation.rank import output_sign, spearman
from prunebench.experiments.experiment import (
    LARGE,
    SMALL,
    Experiment,
    Tables,
    Verdict,
    above,
    judge,
    mean_std,
)
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.theory.alignment import alignment_angle
from prunebench.theory.growth import growing_mode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = (("alignment", "alignment (-angle)"), ("mode", "growing mode"), ("norm", "norm |w||v|"))


class GrowingMode(Experiment):
    """The mode that grows knows the outgoing weights, which the angle ignores."""

    name = "growing_mode"
    title = "The growing mode against alignment"
    source = "beyond the paper"
    caption = (
        "Left: rank correlation of three scores with the final norms, by the step they are taken at. Right:"
        " share of"
        " neurons whose final output sign the growing mode and the orientation tell. Bands: one standard"
        " deviation"
        " over seeds; dashed: the loss drops. Step 0 is drawn at 5."
    )

    def compute(self, lab: Lab) -> Tables:
        """`correlations`: each kept step and seed."""
        run, parts = lab.run(), []
        final, end = run.final.norms(), output_sign(run.final)
        for step, nets in run.snapshots.items():
            amplitude, predicted = growing_mode(nets, run.task)
            columns = {
                "alignment": spearman(-alignment_angle(nets, run.task), final),
                "mode": spearman(amplitude, final),
                "norm": spearman(nets.norms(), final),
                "sign_mode": (predicted == end).double().mean(dim=1),
                "sign_now": (output_sign(nets) == end).double().mean(dim=1),
                "drop_step": drop_step(run),
            }
            parts.append(pd.DataFrame({"seed": run.seeds, "step": step, **columns}))
        return {"correlations": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Correlations and signs over steps."""
        rows = tables["correlations"]
        figure, axes = panels(1, 2, height=2.5)
        signs = (("sign_mode", "growing mode"), ("sign_now", "current sign"))
        for ax, series in zip(axes[0], (SCORES, signs), strict=True):
            for i, (column, label) in enumerate(series):
                table = rows.pivot(index="seed", columns="step", values=column)
                band(
                    ax,
                    table.columns.map(lambda step: max(step, 5)),
                    table.to_numpy(),
                    i,
                    label,
                    marker=MARKERS[i],
                )
            ax.axvline(rows.drop_step.mean(), color="0.4", linewidth=0.8, linestyle="--")
            ax.set(xscale="log", xlabel="training step")
            ax.legend()
        axes[0][0].set_ylabel("rank correlation with the final norm")
        axes[0][1].set_ylabel("share of signs right")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """At initialisation."""
        rows = tables["correlations"]
        start = rows[rows.step == 0]
        better = (start["mode"] > start.alignment).mean()
        return [
            Verdict(
                "The growing mode predicts the final norms at initialisation.",
                above(start["mode"].mean(), LARGE, SMALL),
                f"Spearman {mean_std(start['mode'])} at step 0",
                f"mean rank correlation >= {LARGE} (fragile: >= {SMALL})",
            ),
            Verdict(
                "It does so better than alignment.",
                judge(better == 1, better >= 0.8),
                f"in {better:.0%} of the networks; alignment {mean_std(start.alignment)}",
                "in all networks (fragile: in 80 %)",
            ),
            Verdict(
                "Its sign is the sign that the outgoing weights end with.",
                judge(start.sign_mode.mean() >= 0.85, start.sign_mode.mean() >= 0.65),
                f"{start.sign_mode.mean():.0%} right; the initial sign itself is right for"
                f" {start.sign_now.mean():.0%}",
                "at least 85 % right (fragile: 65 %)",
            ),
        ]
