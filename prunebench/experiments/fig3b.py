"""Figure 3b: groups at initialisation, before the loss drops and at the end, for several initial scales."""

import numpy as np

from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.fig3a import COUNTED
from prunebench.experiments.figures import THIN, Panels, hatched, over_seeds
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, in_all, mean_std
from prunebench.theory import group_counts, groups

MOMENTS = {"initial": "initialisation", "before": "before the drop", "final": "end of training"}


class Figure3b(Experiment):
    """When do groups form, and does a larger initial scale leave more of them?"""

    title = "Groups over training and over initial scales"
    source = "figure 3b"

    def rows(self, lab: Lab) -> Rows:
        """`counts`: each scale, moment and seed."""
        for run, where in lab.runs(init_std=lab.setting.scales):
            for moment, nets in zip(MOMENTS, (run.initial, lab.before(run), run.final), strict=True):
                counts = dict(zip(COUNTED, group_counts(nets, groups(nets, run.task)), strict=True))
                yield rows_of("counts", **where, moment=moment, seed=run.seeds, **counts)

    def draw(self, tables: Tables) -> Panels:
        """Groups of neurons (cosine >= 0.95, complete linkage, equal orientation): mean and standard
        deviation over seeds. Before the drop: the last look at which the loss was above 98 % of the initial
        loss.
        """
        rows, panels = tables["counts"], Panels(2)
        scales = sorted(rows.init_std.unique())
        width = 0.8 / len(scales)
        for ax, (column, title) in zip(panels, COUNTED.items(), strict=True):
            for i, (scale, part) in enumerate(rows.groupby("init_std")):
                stats = over_seeds(part, "moment", column).loc[[*MOMENTS]]
                place = np.arange(3) + (i - (len(scales) - 1) / 2) * width
                bars = {"yerr": stats["std"], "error_kw": THIN, "label": f"std {scale:g}"}
                ax.bar(place, stats["mean"], width, **bars, **hatched(i))
            ax.set_xticks(range(3), MOMENTS.values())
            ax.set(ylabel="groups of neurons", title=title)
            ax.margins(y=0.3)
        panels.axes[0].legend(title="initial scale", ncols=len(scales), loc="upper right")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Fewer groups than at the start; more for a larger scale."""
        rows = tables["counts"].set_index(["init_std", "moment", "seed"]).groups.sort_index()
        ends = rows.xs("final", level="moment").unstack("init_std")
        start, before, end = (rows[ends.columns[0], moment] for moment in MOMENTS)
        yield Verdict(
            "Neurons align: there are fewer groups before the drop and at the end than at initialisation.",
            in_all((before < start) & (end < start)),
            f"{mean_std(start, 0)}, then {mean_std(before, 0)}, then {mean_std(end, 0)} at scale"
            f" {ends.columns[0]:g}",
            "in all networks of the smallest scale (fragile: in {1} %)",
        )
        yield Verdict(
            "A larger initial scale leaves more groups at the end.",
            in_all((ends.diff(axis=1).iloc[:, 1:] > 0).all(axis=1)),
            ", ".join(f"{mean_std(ends[scale], 0)} at {scale:g}" for scale in ends),
            "more with every larger scale in all networks (fragile: in {1} %)",
        )
