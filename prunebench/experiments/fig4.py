"""Figure 4: norm against alignment, at initialisation and early, coloured by the final norm."""

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prunebench.drawing import cloud, log_norms, panels
from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import (
    LARGE,
    SMALL,
    Experiment,
    Tables,
    Verdict,
    above,
    mean_std,
)
from prunebench.experiments.lab import Lab
from prunebench.experiments.measures import neuron_rows
from prunebench.theory.alignment import alignment_angle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figure4(Experiment):
    """Does the angle to the target tell the final norm, at step 0 and a little later?"""

    name = "fig4"
    title = "Exponential growth of the norm in function of alignment"
    source = "figure 4"
    caption = (
        "Each dot is a neuron of one network (seed 0): the angle between its incoming weights and their"
        " target"
        " against its effective norm, at initialisation and early in training, for training sets of N samples"
        " and initial scales. Darker: larger final norm, as a share of the network's largest."
    )

    def compute(self, lab: Lab) -> Tables:
        """`neurons`: seed 0 at step 0 and the last early step; `correlations`: each seed and step."""
        neurons, correlations = [], []
        setting = lab.setting
        for samples, scale in itertools.product(setting.sizes, setting.scales):
            run = lab.run(samples=samples, init_std=scale)
            final = run.final.norms()
            for step in (0, *setting.early):
                nets = run.snapshots[step]
                angle, norm = alignment_angle(nets, run.task).rad2deg(), nets.norms()
                where = {"samples": samples, "init_std": scale, "step": step}
                columns = {
                    "alignment_final": spearman(-angle, final),
                    "alignment_now": spearman(-angle, norm),
                    "median_angle": np.median(angle, axis=1),
                }
                correlations.append(pd.DataFrame({"seed": run.seeds, **where, **columns}))
                if step in (0, setting.early[-1]):
                    neurons.append(neuron_rows(run, angle=angle, norm=norm, final=final, **where))
        return {"neurons": pd.concat(neurons), "correlations": pd.concat(correlations)}

    def draw(self, tables: Tables) -> "Figure":
        """A row for each scale and step, a column for each N."""
        rows = tables["neurons"]
        means = tables["correlations"].groupby(["samples", "init_std", "step"])["alignment_final"].mean()
        sizes, scales, steps = (sorted(rows[key].unique()) for key in ("samples", "init_std", "step"))
        figure, axes = panels(len(scales) * len(steps), len(sizes), height=1.6)
        for (scale, step), line in zip([(s, t) for s in scales for t in steps], axes, strict=True):
            for samples, ax in zip(sizes, line, strict=True):
                part = rows[(rows.samples == samples) & (rows.init_std == scale) & (rows.step == step)]
                dots = cloud(ax, part.angle, part.norm, part.final / part.final.max())
                log_norms(ax)
                mean = means[samples, scale, step]
                ax.set_title(
                    f"N = {samples}, scale {scale:g}\nstep {step}: rank corr. {mean:.2f}", fontsize=7
                )
            line[0].set_ylabel("effective norm |w||v|")
        for ax in axes[-1]:
            ax.set_xlabel("angle to target [degrees]")
        figure.colorbar(dots, ax=axes, label="final norm [share of the largest]", fraction=0.02, pad=0.01)
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """At step 0, at the early steps, and over all N at the smallest scale."""
        rows = tables["correlations"]
        small = rows[rows.init_std == rows.init_std.min()]
        default = small[small.samples == sorted(small.samples.unique())[len(small.samples.unique()) // 2]]
        samples = default.samples.iloc[0]
        verdicts = []
        first, last = sorted(rows.step.unique())[1], rows.step.max()
        for step, claim in (
            (
                0,
                "The distribution at initialisation is already predictive of the final norms to a large"
                " degree.",
            ),
            (first, "After a few gradient updates alignment predicts the final norms."),
            (last, "Early in training alignment predicts the final norms."),
        ):
            values = default[default.step == step].alignment_final
            verdicts.append(
                Verdict(
                    claim,
                    above(values.mean(), LARGE, SMALL),
                    f"Spearman {mean_std(values)} at step {step} (N = {samples})",
                    f"mean rank correlation with the final effective norms >= {LARGE} (fragile: >= {SMALL})",
                )
            )
        worst = small[small.step == last].groupby("samples").alignment_final.mean()
        verdicts.append(
            Verdict(
                "This holds for every size of the training set.",
                above(worst.min(), LARGE, SMALL),
                f"lowest Spearman {worst.min():.2f}, at N = {worst.idxmin()} (step {last}, smallest scale)",
                f"lowest mean over N >= {LARGE} (fragile: >= {SMALL})",
            )
        )
        scales = (
            rows[(rows.step == last) & (rows.samples == samples)].groupby("init_std").alignment_final.mean()
        )
        verdicts.append(
            Verdict(
                "This holds for every initial scale.",
                above(scales.min(), LARGE, SMALL),
                f"lowest Spearman {scales.min():.2f}, at scale {scales.idxmin():g} (step {last}, N ="
                f" {samples})",
                f"lowest mean over initial scales >= {LARGE} (fragile: >= {SMALL})",
            )
        )
        return verdicts
