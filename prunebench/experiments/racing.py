"""Conjecture 3.12: equations (8), integrated from before the drop, against the trained norms."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prunebench.drawing import COLOURS, band, cloud, log_counts, panels
from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Tables, Verdict, above, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.experiments.measures import final_share, neuron_rows
from prunebench.experiments.plateau import drop_step, nearest
from prunebench.theory.groups import groups
from prunebench.theory.racing import race

if TYPE_CHECKING:
    from matplotlib.figure import Figure

START, COMPARE = 0.7, 1.5  # of t_drop
STRONG, FAIR = 0.9, 0.7


class Racing(Experiment):
    """Do frozen directions and a shared error predict who wins, and how much all grow together?"""

    name = "racing"
    title = "The race, integrated"
    source = "conjecture 3.12, equation 8"
    caption = (
        "Equations (8), with the directions frozen at about 0.7 t_drop, against training. Left: norms of"
        " the neurons"
        " of seed 0 at about 1.5 t_drop (line: equality; darker: larger final norm, as a share of the"
        " largest)."
        " Right: sum of the norms of all neurons over steps (mean and standard deviation over seeds)."
    )

    def compute(self, lab: Lab) -> Tables:
        """`totals`: each seed and step; `agreement`: each seed at the step compared; `neurons`: seed 0."""
        run = lab.run()
        drop = float(drop_step(run).double().mean())
        start, compare = nearest(run, START * drop), nearest(run, COMPARE * drop)
        steps = [step for step in run.snapshots if start <= step <= 4 * drop]
        times = [float(step - start) for step in steps]
        paths = race(run.snapshots[start], run.task, run.recipe.flow_rate, times)
        totals = pd.concat(
            pd.DataFrame({
                "seed": run.seeds,
                "step": step,
                "trained": run.snapshots[step].norms().sum(dim=1),
                "predicted": path.sum(dim=1),
            })
            for step, path in zip(steps, paths, strict=True)
        )  # fmt: skip
        predicted, trained = paths[steps.index(compare)], run.snapshots[compare].norms()
        labels = groups(lab.before(run), run.task)
        largest = labels == labels.mode(dim=1, keepdim=True).values
        agreement = {
            "spearman": spearman(predicted, trained),
            "spearman_final": spearman(predicted, run.final.norms()),
            "group_size": largest.sum(dim=1),
            "group_spearman": [
                float(spearman(p[m], t[m])) for p, t, m in zip(predicted, trained, largest, strict=True)
            ],
            "total_ratio": predicted.sum(dim=1) / trained.sum(dim=1),
        }
        columns = {"predicted": predicted, "trained": trained, "final_share": final_share(run)}
        return {
            "totals": totals,
            "agreement": pd.DataFrame({"seed": run.seeds, "start": start, "step": compare, **agreement}),
            "neurons": neuron_rows(run, step=compare, **columns),
        }

    def draw(self, tables: Tables) -> "Figure":
        """Neurons, and totals."""
        neurons, totals, agreement = (tables[k] for k in ("neurons", "totals", "agreement"))
        figure, axes = panels(1, 2, height=2.7)
        left, right = axes[0]
        dots = cloud(left, neurons.predicted, neurons.trained, neurons.final_share)
        limits = [neurons.trained[neurons.trained > 0].min(), neurons.trained.max()]
        left.plot(limits, limits, color=COLOURS[1], linewidth=0.8)
        left.set(xscale="log", yscale="log", xlabel="norm by equations (8)", ylabel="trained norm |w||v|")
        left.set_title(f"step {neurons.step.iloc[0]}; rank corr. {mean_std(agreement.spearman)}")
        figure.colorbar(dots, ax=left, label="final norm [share of the largest]")
        for i, (column, label) in enumerate((("trained", "trained"), ("predicted", "equations (8)"))):
            table = totals.pivot(index="seed", columns="step", values=column)
            band(right, table.columns, table.to_numpy(), i, label, linestyle=("-", "--")[i])
        log_counts(right, sorted(totals.step.unique()), "training step")
        right.set(yscale="log", ylabel="sum of the norms")
        right.legend()
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Order of the neurons, within the largest group, and the total."""
        rows = tables["agreement"]
        at = f"from step {rows.start.iloc[0]} to step {rows.step.iloc[0]}"
        total = float(np.abs(np.log(rows.total_ratio)).mean())
        return [
            Verdict(
                "The race equations (8) predict the norms just after the drop.",
                above(rows.spearman.mean(), STRONG, FAIR),
                f"Spearman {mean_std(rows.spearman)} {at}; {mean_std(rows.spearman_final)} with the final"
                " norms",
                f"mean rank correlation >= {STRONG} (fragile: >= {FAIR})",
            ),
            Verdict(
                "They do so within the largest group.",
                above(rows.group_spearman.mean(), STRONG, FAIR),
                f"Spearman {mean_std(rows.group_spearman)} in groups of {rows.group_size.mean():.0f} neurons",
                f"mean rank correlation >= {STRONG} (fragile: >= {FAIR})",
            ),
            Verdict(
                "The error that all neurons share limits the sum of their norms as the equations say.",
                judge(total <= np.log(1.25), total <= np.log(2)),
                f"predicted over trained total {mean_std(rows.total_ratio)}",
                "within a factor of 1.25 (fragile: 2), mean over seeds",
            ),
        ]
