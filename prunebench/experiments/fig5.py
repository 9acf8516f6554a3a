"""Figure 5: weights that iterative magnitude pruning takes from a neuron, against its early alignment."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy import stats

from prunebench.drawing import COLOURS, panels
from prunebench.experiments.experiment import (
    LARGE,
    SMALL,
    Experiment,
    Tables,
    Verdict,
    above,
    flat,
    judge,
    mean_std,
    spearman,
)
from prunebench.experiments.lab import Lab
from prunebench.scoring.registry import load_scorer
from prunebench.theory.alignment import alignment_angle
from prunebench.theory.groups import groups
from prunebench.training.snapshot import Snapshot

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
        setting, run = lab.setting, lab.run()
        labels = groups(run.before, run.task)
        snapshot = Snapshot(run.task, run.recipe, 0, run.kept[0], run.kept[0], run.seeds)
        neurons, correlations = [], []
        for sparsity in setting.sparsities:
            spec = f"imp[sparsity={sparsity}]"
            scorer = load_scorer(spec)
            key = lab.key("imp", run.task, run.recipe, run.seeds, spec, scorer.version)
            arrays = lab.arrays(key, lambda s=scorer: {"survivors": s.score(snapshot).numpy()})  # type: ignore[misc]
            survivors = torch.from_numpy(arrays["survivors"])
            pruned = 1 - survivors / (run.task.inputs + run.task.outputs)
            for step in (0, *setting.early):
                angle = alignment_angle(run.kept[step], run.task)
                where = {"sparsity": sparsity, "step": step}
                rows = pd.DataFrame({"seed": run.seeds, **where, "spearman": spearman(-angle, survivors)})
                rows["within_groups"] = [
                    _within(*row)
                    for row in zip(-angle.numpy(), survivors.numpy(), labels.numpy(), strict=True)
                ]
                rows["survivors_final"] = spearman(survivors, run.final.norms())
                rows["sparsity_reached"] = pruned.mean(dim=1).numpy()
                correlations.append(rows)
                if step == setting.early[-1]:
                    columns = {"angle": angle.rad2deg(), "pruned": pruned, "group": _rank(labels)}
                    neurons.append(flat(run.seeds[:1], **{k: v[:1] for k, v in columns.items()}, **where))
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


def _within(scores: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> float:
    """Rank correlation in each large group, weighted by its size; NaN where no group is large."""
    values, sizes = [], []
    for label in np.unique(labels):
        members = labels == label
        if members.sum() >= LEAST and np.ptp(scores[members]) > 0 and np.ptp(truth[members]) > 0:
            values.append(stats.spearmanr(scores[members], truth[members]).statistic)
            sizes.append(members.sum())
    return float(np.average(values, weights=sizes)) if values else float("nan")


def _rank(labels: torch.Tensor) -> torch.Tensor:
    """Groups numbered by size, the largest 0."""
    rows = []
    for row in labels:
        order = torch.bincount(row).argsort(descending=True, stable=True)
        rows.append(order.argsort()[row])
    return torch.stack(rows)
