"""Appendix D: how many cells are stable."""

import itertools
import math

import numpy as np

from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, error_bars, log_counts, marked, width_line
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, at_most, judge
from prunebench.theory import cell_count, stable_cells

TINY = -6  # log10 of a tiny fraction: one in a million


class StableCellCounts(Experiment):
    """Is the number of stable cells small, and do few of them hold most of the space?"""

    title = "The number of stable cells"
    source = "appendix D"

    def rows(self, lab: Lab) -> Rows:
        """`counts`: each N, number of probes and draw; `histories`: one draw of the most probes."""
        setting = lab.setting
        for samples, probes in itertools.product(setting.sizes, setting.probes):
            task = lab.task(samples)
            # The larger number of probes is there for saturation; one draw tells.
            for seed in setting.seeds if probes == setting.probes[0] else setting.seeds[:1]:
                found = stable_cells(task, probes=probes, seed=seed)
                both = (found.positive, found.negative)
                yield rows_of(
                    "counts",
                    samples=[samples],
                    probes=probes,
                    seed=seed,
                    cells=found.cells,
                    cells_90=found.cells_90,
                    fixed=sum(count.fixed for count in both),
                    silent=sum(count.silent for count in both),
                    converged=all(count.converged for count in both),
                    log10_all_cells=math.log10(cell_count(samples, task.inputs)),
                    width=setting.width,
                )
            history = found.positive.history
            iterations = {"iteration": range(len(history)), "patterns": history}
            yield rows_of("histories", samples=samples, probes=probes, **iterations)

    def draw(self, tables: Tables) -> Panels:
        """Left: distinct gating patterns among the probes after each iteration of the target map (algorithm
        1, orientation +1, one draw). Right: the estimate of the number of stable cells (both orientations;
        mean and standard deviation over draws of the probes), all and those that hold 90 % of the probes;
        dotted: the width of the default networks.
        """
        counts, histories, panels = tables["counts"], tables["histories"], Panels(2)
        left, right = panels
        most = histories[histories.probes == histories.probes.max()]
        for i, (samples, part) in enumerate(most.groupby("samples")):
            left.plot(part.iteration, part.patterns, markevery=5, label=f"N = {samples}", **marked(i))
        left.set(yscale="log", xlabel="iteration", ylabel="distinct gating patterns")
        left.legend()
        series = itertools.product(
            (("cells", "all", "-"), ("cells_90", "holding 90 %", "--")), counts.groupby("probes")
        )
        for i, ((column, name, line), (probes, part)) in enumerate(series):
            label = f"{name}, {probes:,} probes"
            error_bars(right, part, "samples", column, label=label, linestyle=line, **marked(i))
        width_line(right, int(counts.width.iloc[0]))
        log_counts(right, counts.samples, "training samples N")
        right.set(yscale="log", ylabel="stable cells (estimate)")
        right.legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Against all cells, against more probes, and against the width."""
        counts = tables["counts"]
        means = counts.groupby(["probes", "samples"]).cells.mean()
        few, many = (means[probes] for probes in sorted(counts.probes.unique()))
        share = (np.log10(counts.cells.clip(lower=1)) - counts.log10_all_cells).max()
        listed = ", ".join(f"{cells:.0f} at N = {n}" for n, cells in many.items())
        yield Verdict(
            "The number of stable cells is a tiny fraction of all cells (conjecture 3.7).",
            judge(share <= TINY and counts.converged.all(), share <= TINY),
            f"{listed}; at most 10^{math.ceil(share)} of all cells (Cover's exact count);"
            f" {counts.fixed.sum():.0f} of them are fixed points, the others parts of short cycles",
            "at most a millionth, all estimates converged (fragile: some did not)",
        )
        ratio = (many / few).max()
        yield Verdict(
            "The estimate is a number of the task: more probes find no more cells.",
            at_most(ratio, 1.1, 2),
            f"up to {ratio:.2f} times as many with {counts.probes.max() / counts.probes.min():.0f} times"
            " the probes",
            "at most {} times as many for every N (fragile: {})",
        )
        held = counts.cells_90.max() / counts.width.iloc[0]
        yield Verdict(
            "Many neurons share a stable cell even though there may be more cells than neurons (conjecture"
            " 3.8).",
            at_most(held, 0.5, 1),
            f"at most {counts.cells_90.max()} cells hold 90 % of the probes, {held:.2f} per neuron",
            "90 % of the probes in at most half as many cells as neurons (fragile: in as many)",
        )
