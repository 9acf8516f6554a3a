"""Figure 3b: groups at initialisation, before the loss drops and at the end, for several initial scales."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prunebench.drawing import COLOURS, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.theory.groups import group_counts, groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS = ("initial", "before", "final")
LABELS = ("initialisation", "before the drop", "end of training")
HATCHES = ("", "///", "...", "xx")


class Figure3b(Experiment):
    """When do groups form, and does a larger initial scale leave more of them?"""

    name = "fig3b"
    title = "Groups over training and over initial scales"
    source = "figure 3b"
    caption = (
        "Groups of neurons (cosine >= 0.95, complete linkage, equal orientation): mean and standard deviation"
        " over seeds. Before the drop: the last look at which the loss was above 98 % of the initial loss."
    )

    def compute(self, lab: Lab) -> Tables:
        """`counts`: each scale, moment and seed."""
        parts = []
        for scale in lab.setting.scales:
            run = lab.run(init_std=scale)
            for moment, nets in zip(MOMENTS, (run.initial, lab.before(run), run.final), strict=True):
                every, relevant = group_counts(nets, groups(nets, run.task))
                columns = {"groups": every, "relevant": relevant}
                parts.append(
                    pd.DataFrame({"init_std": scale, "moment": moment, "seed": run.seeds, **columns})
                )
        return {"counts": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """Bars by moment, one for each scale."""
        rows = tables["counts"]
        scales = sorted(rows.init_std.unique())
        figure, axes = panels(1, 2, height=2.5)
        for ax, column, title in zip(
            axes[0], ("groups", "relevant"), ("all neurons", "norm >= 1 %"), strict=True
        ):
            for i, scale in enumerate(scales):
                stats = (
                    rows[rows.init_std == scale]
                    .groupby("moment")[column]
                    .agg(["mean", "std"])
                    .loc[list(MOMENTS)]
                )
                place = np.arange(3) + (i - (len(scales) - 1) / 2) * 0.8 / len(scales)
                ax.bar(
                    place,
                    stats["mean"],
                    0.8 / len(scales),
                    yerr=stats["std"].fillna(0),
                    color=COLOURS[i],
                    hatch=HATCHES[i % 4],
                    edgecolor="white",
                    label=f"std {scale:g}",
                    error_kw={"elinewidth": 0.8},
                )
            ax.set_xticks(range(3), LABELS)
            ax.set_ylabel("groups of neurons")
            ax.set_title(title)
        for ax in axes[0]:
            ax.margins(y=0.3)
        axes[0][0].legend(title="initial scale", ncols=len(scales), loc="upper right")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Fewer groups than at the start; more for a larger scale."""
        rows = tables["counts"].set_index(["init_std", "moment", "seed"]).groups.sort_index()
        scales = sorted(tables["counts"].init_std.unique())
        start, before, end = (rows[scales[0], moment] for moment in MOMENTS)
        fewer = float(((before < start) & (end < start)).mean())
        ends = rows.xs("final", level="moment").unstack("init_std")
        more = float((ends.diff(axis=1).iloc[:, 1:] > 0).all(axis=1).mean())
        return [
            Verdict(
                "Neurons align: there are fewer groups before the drop and at the end than at"
                " initialisation.",
                judge(fewer == 1, fewer >= 0.8),
                f"{mean_std(start, 0)}, then {mean_std(before, 0)}, then {mean_std(end, 0)} at scale"
                f" {scales[0]:g}",
                "in all networks of the smallest scale (fragile: in 80 %)",
            ),
            Verdict(
                "A larger initial scale leaves more groups at the end.",
                judge(more == 1, more >= 0.8),
                ", ".join(f"{mean_std(ends[scale], 0)} at {scale:g}" for scale in scales),
                "more with every larger scale in all networks (fragile: in 80 %)",
            ),
        ]
