"""Figure 5: weights that iterative magnitude pruning takes from a neuron, against its early alignment."""

import torch

from prunebench.drawing import COLOURS
from prunebench.evaluation.rank import spearman, spearman_within
from prunebench.experiments.experiment import Experiment, Rows, Tables, neuron_rows, rows_of
from prunebench.experiments.figures import DOTS, Panels
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, correlates, judge
from prunebench.scoring.registry import load_scorer
from prunebench.theory import alignment_angle, groups

LEAST = 10  # neurons in a group that a correlation is worth computing for
MARGIN = 0.05


class Figure5(Experiment):
    """Are the lottery tickets of Frankle & Carbin made of the neurons that align early?"""

    title = "Comparison to lottery tickets"
    source = "figure 5"

    def rows(self, lab: Lab) -> Rows:
        """`neurons`: seed 0; `correlations`: each sparsity, early step and seed, also within groups."""
        early, run = lab.setting.early, lab.run()
        final, labels = run.final.norms(), groups(lab.before(run), run.task)
        by_size = torch.bincount(labels[0]).argsort(descending=True, stable=True).argsort()
        for sparsity in lab.setting.sparsities:
            survivors = load_scorer(f"imp[sparsity={sparsity}]").score(run.snapshot(0))
            pruned = 1 - survivors / (run.task.inputs + run.task.outputs)
            for step in (0, *early):
                angle = alignment_angle(run.snapshots[step], run.task)
                where = {"sparsity": sparsity, "step": step}
                networks = zip(-angle.numpy()[:, None], survivors.numpy(), labels.numpy(), strict=True)
                yield rows_of(
                    "correlations",
                    seed=run.seeds,
                    **where,
                    spearman=spearman(-angle, survivors),
                    within_groups=[spearman_within(*arrays, LEAST)[0] for arrays in networks],
                    survivors_final=spearman(survivors, final),
                    sparsity_reached=pruned.mean(dim=1),
                )
                if step == early[-1]:
                    columns = {"angle": angle.rad2deg(), "pruned": pruned, "group": by_size[labels[:1]]}
                    yield "neurons", neuron_rows(run, **columns, **where)

    def draw(self, tables: Tables) -> Panels:
        """Share of a neuron's weights that IMP prunes (3 rounds, whole network) against its angle to the
        target very early in training, one network (seed 0). Colours: the two largest groups just before the
        loss drops (cosine >= 0.95, equal orientation); grey: all other neurons.
        """
        rows = tables["neurons"]
        panels = Panels(rows.sparsity.nunique(), height=2.4, sharey=True)
        for ax, (sparsity, part) in zip(panels, rows.groupby("sparsity"), strict=True):
            for members, colour, marker, label in (
                (part[part.group > 1], "0.65", ".", "others"),
                (part[part.group == 0], COLOURS[0], "o", "largest group"),
                (part[part.group == 1], COLOURS[1], "^", "second group"),
            ):
                x, y = members.angle, 100 * members.pruned
                ax.scatter(x, y, c=colour, marker=marker, label=label, linewidths=0, **DOTS)
            ax.set_title(f"{sparsity:.0%} pruned, step {part.step.iloc[0]}")
        panels.label("angle to target [degrees]", "weights pruned [% of a neuron's]")
        panels.axes[0].legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Each sparsity at the last early step; and whether groups help."""
        rows = tables["correlations"]
        step = rows.step.max()
        rows = rows[rows.step == step]
        for sparsity, part in rows.groupby("sparsity"):
            yield correlates(
                f"Early alignment predicts which neurons IMP prunes most, at sparsity {sparsity:.0%}.",
                part.spearman,
                f"with the surviving weights (step {step}); these follow the final norms by"
                f" {part.survivors_final.mean():.2f}",
            )
        within, over_all = rows.within_groups.mean(), rows.spearman.mean()
        yield Verdict(
            "This works even better when the neurons are split by group.",
            judge(within - over_all > MARGIN, within - over_all > -MARGIN, MARGIN),
            f"{within:.2f} within groups, {over_all:.2f} over all neurons (mean over sparsities, step"
            f" {step})",
            "within groups higher by {} or more (fragile: not lower by as much)",
        )
