"""Figure 1: the largest group, norm against alignment, before, at and after the drop of the loss."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy import stats

from prunebench.drawing import cloud, log_norms, panels
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
)
from prunebench.experiments.lab import Lab
from prunebench.theory.alignment import alignment_angle
from prunebench.theory.groups import groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS = ("before", "at", "after")
SHARES = {"before": 0.3, "at": 1.0, "after": 2.0}  # of t_drop
LEAST = 5  # neurons that make a group


class Figure1(Experiment):
    """Within a group, do the better aligned have the larger norm, exponentially?"""

    name = "fig1"
    title = "The largest group: alignment, unlocking, racing"
    source = "figure 1"
    caption = (
        "Neurons of the largest group (cosine >= 0.95 and equal orientation just before the loss drops;"
        " seed 0):"
        " angle to the target against effective norm at about 0.3, 1 and 2 times the step at which the loss"
        " drops. Darker: larger final norm, as a share of the network's largest."
    )

    def compute(self, lab: Lab) -> Tables:
        """`neurons`: the largest group of seed 0; `fits`: each seed's correlation and fits."""
        run = lab.run()
        final = run.final.norms()
        labels = groups(run.before, run.task)
        members = [row == row.mode().values for row in labels]
        neurons, fits = [], []
        for moment in MOMENTS:
            for s, seed in enumerate(run.seeds):
                step = run.nearest(SHARES[moment] * float(run.drop_step()[s]))
                nets = run.kept[step].select(s)
                angle = alignment_angle(nets, run.task)[0][members[s]]
                norm = nets.norms()[0][members[s]]
                where = {"moment": moment, "step": step}
                fits.append({"seed": seed, **where, **_fit(angle, norm, final[s][members[s]])})
                if s == 0:
                    share = final[s] / final[s].max()
                    columns = {"angle": angle.rad2deg(), "norm": norm, "final_share": share[members[s]]}
                    rows = flat([seed], **{k: v[None] for k, v in columns.items()})
                    neurons.append(rows.assign(moment=moment, step=step))
        return {"neurons": pd.concat(neurons), "fits": pd.DataFrame(fits)}

    def draw(self, tables: Tables) -> "Figure":
        """One panel for each moment."""
        rows = tables["neurons"]
        figure, axes = panels(1, len(MOMENTS), height=2.4)
        for moment, ax in zip(MOMENTS, axes[0], strict=True):
            part = rows[rows.moment == moment]
            dots = cloud(ax, part.angle, part.norm, part.final_share)
            log_norms(ax)
            ax.set_title(f"{moment} the drop: step {part.step.iloc[0]}\n{len(part)} neurons")
            ax.set_xlabel("angle to target [degrees]")
        axes[0][0].set_ylabel("effective norm |w||v|")
        figure.colorbar(dots, ax=axes, label="final norm [share of the largest]", fraction=0.02, pad=0.01)
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """Order at each moment; and exponential against linear before the drop, where the theorem speaks."""
        fits = tables["fits"]
        verdicts = []
        for moment in MOMENTS:
            at = fits[fits.moment == moment]
            verdicts.append(
                Verdict(
                    f"Within the largest group the better aligned have the larger norm, {moment} the drop.",
                    above(at.now.mean(), LARGE, SMALL),
                    f"Spearman {mean_std(at.now)} in groups of {at['size'].mean():.0f} neurons",
                    f"mean rank correlation of alignment with the norm >= {LARGE} (fragile: >= {SMALL})",
                )
            )
        before = fits[fits.moment == "before"]
        exponential, linear = before.r2_exponential.mean(), before.r2_linear.mean()
        verdicts.append(
            Verdict(
                "Before the drop the norm is exponential in alignment, cos(angle).",
                judge(exponential >= LARGE and exponential > linear, exponential >= SMALL),
                f"R2 {exponential:.2f} for log norm, {linear:.2f} for the norm itself",
                f"R2 of log norm on cos(angle) >= {LARGE} and above that of the norm (fragile: >= {SMALL})",
            )
        )
        return verdicts


def _fit(angle: torch.Tensor, norm: torch.Tensor, final: torch.Tensor) -> dict[str, float]:
    cosine, size = angle.cos().double().numpy(), norm.double().numpy()
    result = {"size": float(len(cosine))}
    keys = ("now", "final", "r2_exponential", "r2_linear")
    if len(cosine) < LEAST or np.ptp(cosine) == 0 or size.min() <= 0:
        return result | dict.fromkeys(keys, np.nan)
    values = (
        stats.spearmanr(cosine, size).statistic,
        stats.spearmanr(cosine, final.numpy()).statistic,
        stats.pearsonr(cosine, np.log(size)).statistic ** 2,
        stats.pearsonr(cosine, size).statistic ** 2,
    )
    return result | dict(zip(keys, values, strict=True))
