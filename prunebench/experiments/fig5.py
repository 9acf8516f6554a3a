"""Figure 5: weights that iterative magnitude pruning takes from a neuron, against its early alignment."""

from typing import TYPE_CHECKING

import pandas as pd
import torch

from prunebench.drawing import COLOURS, panels
from prunebench.evaluation.rank import spearman, spearman_within
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
from prunebench.experiments.measures import neuron_rows
from prunebench.scoring.registry import load_scorer
from prunebench.theory.alignment import alignment_angle
from prunebench.theory.groups import groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 10  # neurons in a group that a correlation is worth computing for
MARGIN = 0.05


class Figure5(Experiment):
    """Are the lottery tickets of Frankle & Carbin made of the neurons that align early?"""

    name = "fig5"
    title = "Comparison to lottery tickets"
    source = "figure 5"
    caption = (
        "Share of a neuron's weights that IMP prunes (3 rounds, whole network) against its angle to the"
        " target"
        " very early in training, one network (seed 0). Colours: the two largest groups just before the loss"
        " drops (cosine >= 0.95, equal orientation); grey: all other neurons."
    )

    def compute(self, lab: Lab) -> Tables:
        """`neurons`: seed 0; `correlations`: each sparsity, early step and seed, also within groups."""
        early, run = lab.setting.early, lab.run()
        final, labels = run.final.norms(), groups(lab.before(run), run.task)
        by_size = torch.bincount(labels[0]).argsort(descending=True, stable=True).argsort()
        neurons, correlations = [], []
        for sparsity in lab.setting.sparsities:
            survivors = load_scorer(f"imp[sparsity={sparsity}]").score(run.snapshot(0))
            pruned = 1 - survivors / (run.task.inputs + run.task.outputs)
            for step in (0, *early):
                angle = alignment_angle(run.snapshots[step], run.task)
                where = {"sparsity": sparsity, "step": step}
                columns = {
                    "spearman": spearman(-angle, survivors),
                    "within_groups": [
                        spearman_within(-a[None], truth, label, LEAST)[0]
                        for a, truth, label in zip(
                            *(t.numpy() for t in (angle, survivors, labels)), strict=True
                        )
                    ],
                    "survivors_final": spearman(survivors, final),
                    "sparsity_reached": pruned.mean(dim=1),
                }
                correlations.append(pd.DataFrame({"seed": run.seeds, **where, **columns}))
                if step == early[-1]:
                    group = by_size[labels[:1]]
                    neurons.append(
                        neuron_rows(run, angle=angle.rad2deg(), pruned=pruned, group=group, **where)
                    )
        return {"neurons": pd.concat(neurons), "correlations": pd.concat(correlations)}

    def draw(self, tables: Tables) -> "Figure":
        """A panel for each sparsity."""
        rows = tables["neurons"]
        sparsities = sorted(rows.sparsity.unique())
        figure, axes = panels(1, len(sparsities), height=2.4, sharey=True)
        for sparsity, ax in zip(sparsities, axes[0], strict=True):
            part = rows[rows.sparsity == sparsity]
            for group, colour, marker, label in (
                (part.group > 1, "0.65", ".", "others"),
                (part.group == 0, COLOURS[0], "o", "largest group"),
                (part.group == 1, COLOURS[1], "^", "second group"),
            ):
                ax.scatter(
                    part.angle[group],
                    100 * part.pruned[group],
                    s=8,
                    c=colour,
                    marker=marker,
                    label=label,
                    linewidths=0,
                    rasterized=True,
                )
            ax.set_title(f"{sparsity:.0%} pruned, step {part.step.iloc[0]}")
            ax.set_xlabel("angle to target [degrees]")
        axes[0][0].set_ylabel("weights pruned [% of a neuron's]")
        axes[0][0].legend()
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Each sparsity at the last early step; and whether groups help."""
        rows = tables["correlations"]
        rows = rows[rows.step == rows.step.max()]
        step = rows.step.iloc[0]
        verdicts = [
            Verdict(
                f"Early alignment predicts which neurons IMP prunes most, at sparsity {sparsity:.0%}.",
                above(part.spearman.mean(), LARGE, SMALL),
                f"Spearman {mean_std(part.spearman)} with the surviving weights (step {step}); these follow"
                " the"
                f" final norms by {part.survivors_final.mean():.2f}",
                f"mean rank correlation >= {LARGE} (fragile: >= {SMALL})",
            )
            for sparsity, part in rows.groupby("sparsity")
        ]
        gain = rows.within_groups.mean() - rows.spearman.mean()
        verdicts.append(
            Verdict(
                "This works even better when the neurons are split by group.",
                judge(gain > MARGIN, gain > -MARGIN),
                f"{rows.within_groups.mean():.2f} within groups, {rows.spearman.mean():.2f} over all neurons"
                f" (mean over sparsities, step {step})",
                f"within groups higher by {MARGIN} or more (fragile: not lower by as much)",
            )
        )
        return verdicts
