"""Appendix D: how many cells are stable."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prunebench.drawing import COLOURS, MARKERS, log_counts, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge
from prunebench.experiments.lab import Lab
from prunebench.theory.cells import cell_count, stable_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TINY = -6  # log10 of a tiny fraction: one in a million
SATURATED, SOMEWHAT = 1.1, 2.0


class StableCellCounts(Experiment):
    """Is the number of stable cells small, and do few of them hold most of the space?"""

    name = "cells"
    title = "The number of stable cells"
    source = "appendix D"
    caption = (
        "Left: distinct gating patterns among the probes after each iteration of the target map (algorithm 1,"
        " orientation +1, one draw). Right: the estimate of the number of stable cells (both orientations;"
        " mean"
        " and standard deviation over draws of the probes), all and those that hold 90 % of the probes;"
        " dotted:"
        " the width of the default networks."
    )

    def compute(self, lab: Lab) -> Tables:
        """`counts`: each N, number of probes and draw; `histories`: one draw of the most probes."""
        setting, counts, histories = lab.setting, [], []
        for samples in setting.sizes:
            task = lab.task(samples)
            for probes in setting.probes:
                # The larger number of probes is there for saturation; one draw tells.
                for seed in setting.seeds if probes == setting.probes[0] else setting.seeds[:1]:
                    found = stable_cells(task, probes=probes, seed=seed)
                    both = (found.positive, found.negative)
                    row = {"samples": samples, "probes": probes, "seed": seed, "cells": found.cells}
                    row |= {"cells_90": found.cells_90, "fixed": sum(count.fixed for count in both)}
                    row |= {"silent": sum(count.silent for count in both)}
                    row |= {"converged": all(count.converged for count in both)}
                    counts.append({**row, "log10_all_cells": _log10(cell_count(samples, task.inputs))})
                history = found.positive.history
                iterations = {"iteration": np.arange(len(history)), "patterns": history}
                histories.append(pd.DataFrame({"samples": samples, "probes": probes, **iterations}))
        counted = pd.DataFrame(counts)
        counted["width"] = setting.width
        return {"counts": counted, "histories": pd.concat(histories)}

    def draw(self, tables: Tables) -> "Figure":
        """Convergence, and the estimates."""
        counts, histories = tables["counts"], tables["histories"]
        figure, axes = panels(1, 2, height=2.5)
        left, right = axes[0]
        for i, (samples, part) in enumerate(
            histories[histories.probes == histories.probes.max()].groupby("samples")
        ):
            left.plot(
                part.iteration,
                part.patterns,
                color=COLOURS[i],
                marker=MARKERS[i],
                markevery=5,
                label=f"N = {samples}",
            )
        left.set(yscale="log", xlabel="iteration", ylabel="distinct gating patterns")
        left.legend()
        i = 0
        for column, name in (("cells", "all"), ("cells_90", "holding 90 %")):
            for probes, part in counts.groupby("probes"):
                stats = part.groupby("samples")[column].agg(["mean", "std"]).fillna(0)
                right.errorbar(
                    stats.index,
                    stats["mean"],
                    stats["std"],
                    color=COLOURS[i],
                    marker=MARKERS[i],
                    linestyle="-" if column == "cells" else "--",
                    label=f"{name}, {probes:,} probes",
                )
                i += 1
        right.axhline(counts.width.iloc[0], color="0.6", linewidth=0.8, linestyle=":")
        log_counts(right, sorted(counts.samples.unique()), "training samples N")
        right.set(yscale="log", ylabel="stable cells (estimate)")
        right.legend()
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Against all cells, against more probes, and against the width."""
        counts = tables["counts"]
        means = counts.groupby(["samples", "probes"])[["cells", "cells_90"]].mean()
        few, many = (means.xs(p, level="probes") for p in sorted(counts.probes.unique()))
        share = (np.log10(counts.cells.clip(lower=1)) - counts.log10_all_cells).max()
        ratio = (many.cells / few.cells).max()
        held = counts.cells_90.max() / counts.width.iloc[0]
        listed = ", ".join(f"{row.cells:.0f} at N = {n}" for n, row in many.iterrows())
        return [
            Verdict(
                "The number of stable cells is a tiny fraction of all cells (conjecture 3.7).",
                judge(share <= TINY and bool(counts.converged.all()), share <= TINY),
                f"{listed}; at most 10^{share:.0f} of all cells (Cover's exact count);"
                f" {counts.fixed.sum():.0f} of them"
                " are fixed points, the others parts of short cycles",
                "at most a millionth, all estimates converged (fragile: some did not)",
            ),
            Verdict(
                "The estimate is a number of the task: more probes find no more cells.",
                judge(ratio <= SATURATED, ratio <= SOMEWHAT),
                f"up to {ratio:.2f} times as many with {counts.probes.max() / counts.probes.min():.0f}"
                " times the probes",
                f"at most {SATURATED} times as many for every N (fragile: {SOMEWHAT:g})",
            ),
            Verdict(
                "Many neurons share a stable cell even though there may be more cells than neurons"
                " (conjecture 3.8).",
                judge(held <= 0.5, held <= 1),
                f"at most {counts.cells_90.max()} cells hold 90 % of the probes, {held:.2f} per neuron",
                "90 % of the probes in at most half as many cells as neurons (fragile: in as many)",
            ),
        ]


def _log10(number: int) -> float:
    """Of a whole number that no float can hold."""
    shift = max(0, number.bit_length() - 60)
    return math.log10(number >> shift) + shift * math.log10(2)
