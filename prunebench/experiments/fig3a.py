"""Figure 3a: groups at the end of training against the number of samples, for several widths."""

from typing import TYPE_CHECKING

import pandas as pd

from prunebench.drawing import MARKERS, band, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge
from prunebench.experiments.lab import Lab
from prunebench.theory.groups import group_counts, groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROWTH, SLACK, SATURATED = 1.5, 0.05, 0.9


class Figure3a(Experiment):
    """Does the number of groups grow with the data, up to the width?"""

    name = "fig3a"
    title = "Effective capacity against the size of the training set"
    source = "figure 3a"
    caption = (
        "Groups of neurons (cosine >= 0.95, complete linkage, equal orientation) at the end of training."
        " Left:"
        " of all neurons; right: with a neuron whose norm is at least 1 % of the largest. Bands: one standard"
        " deviation over seeds. Dotted: the width."
    )

    def compute(self, lab: Lab) -> Tables:
        """`counts`: each width, N and seed."""
        parts = []
        for width in lab.setting.widths:
            for samples in lab.setting.curve_sizes:
                run = lab.run(samples=samples, width=width)
                every, relevant = group_counts(run.final, groups(run.final, run.task))
                columns = {"groups": every, "relevant": relevant, "final_loss": run.history.loss[:, -1]}
                parts.append(pd.DataFrame({"width": width, "samples": samples, "seed": run.seeds, **columns}))
        return {"counts": pd.concat(parts)}

    def draw(self, tables: Tables) -> "Figure":
        """All groups, and those that carry norm."""
        rows = tables["counts"]
        figure, axes = panels(1, 2, height=2.5)
        for ax, column, title in zip(
            axes[0], ("groups", "relevant"), ("all neurons", "norm >= 1 %"), strict=True
        ):
            for i, (width, part) in enumerate(rows.groupby("width")):
                table = part.pivot(index="seed", columns="samples", values=column)
                band(ax, table.columns, table.to_numpy(), i, f"d = {width}", marker=MARKERS[i])
                if column == "groups":
                    ax.axhline(width, color="0.6", linewidth=0.8, linestyle=":")
            ax.set_xscale("log")
            ax.set_xlabel("training samples N")
            ax.set_ylabel("groups of neurons")
            ax.set_title(title)
        axes[0][0].legend()
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Growth with N, and saturation at the width."""
        means = tables["counts"].groupby(["width", "samples"])["groups"].mean().unstack("samples")
        rising = (means.diff(axis=1).iloc[:, 1:] >= -SLACK * means.iloc[:, :-1].to_numpy()).all(axis=1)
        growth = means.iloc[:, -1] / means.iloc[:, 0]
        widest, narrowest = means.index.max(), means.index.min()
        share = means.loc[narrowest].max() / narrowest
        grows = growth[widest] >= GROWTH
        return [
            Verdict(
                "The number of groups grows with the number of training samples.",
                judge(bool(grows and rising.all()), bool(grows or rising.all())),
                "; ".join(
                    f"d = {d}: {row.iloc[0]:.0f} at N = {row.index[0]} to {row.iloc[-1]:.0f} at N ="
                    f" {row.index[-1]}"
                    for d, row in means.iterrows()
                )
                + f"; rising all the way for {int(rising.sum())} of {len(rising)} widths",
                f"{GROWTH} times as many for the widest networks, and never {SLACK:.0%} fewer from one N to"
                " the"
                " next (fragile: one of the two)",
            ),
            Verdict(
                "Small networks saturate: as many groups as neurons.",
                judge(share >= SATURATED, share >= 0.5),
                f"at most {share:.0%} of the neurons for d = {narrowest}",
                f"at least {SATURATED:.0%} of the neurons of the narrowest networks (fragile: 50 %)",
            ),
        ]
