"""Relative time: how early alignment tells, over learning rates, in steps and in shares of t_drop."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from prunebench.drawing import COLOURS, MARKERS, panels
from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.theory.alignment import alignment_angle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = (0.1, 0.2, 0.4, 0.8)  # of t_drop
CLOSE, FAIR = 0.1, 0.2


class RelativeTime(Experiment):
    """Is t/t_drop the time that counts?"""

    name = "relative_time"
    title = "Relative time"
    source = "beyond the paper"
    caption = (
        "Rank correlation of alignment with the final norms by the step it is taken at, for several"
        " learning rates"
        " (steps of training in inverse proportion). Left: over steps; right: over steps as a share of"
        " t_drop, at"
        " which the loss drops. Mean and standard deviation over seeds."
    )

    def compute(self, lab: Lab) -> Tables:
        """`correlations`: each learning rate, kept step and seed."""
        parts = []
        for rate in lab.setting.rates:
            run = lab.run(learning_rate=rate)
            for step, nets in run.snapshots.items():
                if step > 0:
                    angle = alignment_angle(nets, run.task)
                    columns = {
                        "drop_step": drop_step(run),
                        "share": step / drop_step(run).double(),
                        "spearman": spearman(-angle, run.final.norms()),
                        "median_angle": np.degrees(np.median(angle, axis=1)),
                    }
                    where = {"seed": run.seeds, "learning_rate": rate, "step": step}
                    parts.append(pd.DataFrame(where | columns))
        return {"correlations": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Both clocks."""
        rows = tables["correlations"]
        figure, axes = panels(1, 2, height=2.5, sharey=True)
        for i, (rate, part) in enumerate(rows.groupby("learning_rate")):
            for ax, column in zip(axes[0], ("step", "share"), strict=True):
                stats = part.groupby("step").agg(
                    x=(column, "mean"), y=("spearman", "mean"), e=("spearman", "std")
                )
                ax.errorbar(
                    stats.x,
                    stats.y,
                    stats.e.fillna(0),
                    color=COLOURS[i],
                    marker=MARKERS[i],
                    capsize=2,
                    elinewidth=0.8,
                    label=f"{rate:g}",
                )
        for ax, label in zip(axes[0], ("training step t", "t / t_drop"), strict=True):
            ax.set(xscale="log", xlabel=label)
        axes[0][1].axvline(1, color="0.4", linewidth=0.8, linestyle="--")
        axes[0][0].set_ylabel("rank correlation with the final norm")
        axes[0][0].legend(title="learning rate")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """The spread between learning rates on both clocks, and the informative window."""
        rows = tables["correlations"]
        relative = {look: _at(rows, look * rows.drop_step) for look in LOOKS}
        default = rows[rows.learning_rate == rows.learning_rate.iloc[0]].drop_step.mean()
        absolute = {look: _at(rows, pd.Series(look * default, index=rows.index)) for look in LOOKS}
        spread, spread_absolute = (
            max(v.max() - v.min() for v in looks.values()) for looks in (relative, absolute)
        )
        window = relative[0.2].min()
        late = rows[(rows.share > 2) & (rows.share < 8)].groupby("learning_rate").spearman.mean()
        drops = rows.groupby("learning_rate").drop_step
        return [
            Verdict(
                "What alignment tells depends on t/t_drop, not on the learning rate.",
                judge(spread <= CLOSE, spread <= FAIR),
                f"largest spread over learning rates {spread:.2f} at equal t/t_drop, {spread_absolute:.2f}"
                " at equal"
                f" steps; t_drop {', '.join(f'{mean_std(part, 0)} at {rate:g}' for rate, part in drops)}",
                f"spread of the mean rank correlations at {', '.join(map(str, LOOKS))} t_drop <= {CLOSE}"
                f" (fragile: {FAIR})",
            ),
            Verdict(
                "Within the plateau alignment tells the final norms, after the drop it does not.",
                judge(window >= 0.5 and late.max() < 0.5, window >= 0.5 or late.max() < 0.5),
                f"at 0.2 t_drop at least {window:.2f}; from 2 to 8 t_drop at most {late.max():.2f}",
                "mean rank correlation >= 0.5 at 0.2 t_drop and below 0.5 from 2 to 8 t_drop, for every"
                " learning rate"
                " (fragile: one of the two)",
            ),
        ]


def _at(rows: pd.DataFrame, step: pd.Series) -> pd.Series:
    """Mean over seeds of the correlation at these steps, between kept steps by log(step), for each rate."""
    values: dict[Any, list[float]] = {}
    for (rate, _), part in rows.assign(wanted=step).groupby(["learning_rate", "seed"]):
        by_step = part.sort_values("step")
        wanted, steps = np.log(by_step.wanted.iloc[0]), np.log(by_step.step)
        values.setdefault(rate, []).append(float(np.interp(wanted, steps, by_step.spearman)))
    return pd.Series({rate: float(np.mean(v)) for rate, v in values.items()})
