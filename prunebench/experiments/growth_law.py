"""Theorem 3.11 on real training: the exact growth law against what minibatch SGD does on the plateau."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from prunebench.drawing import COLOURS, cloud, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, flat, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.theory.growth import asinh_growth, growth_rate, predicted_asinh_growth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from prunebench.experiments.run import Run

GOOD, FAIR = 0.97, 0.8


class GrowthLaw(Experiment):
    """Is growth exponential in cos(angle), with the conserved quantity kept?"""

    name = "growth_law"
    title = "The growth law on the plateau"
    source = "theorem 3.11"
    caption = (
        "Growth of each neuron from the middle early step to the last look before the first network's loss"
        " drops:"
        " measured against twice the integrated rate R (seed 0; line: equality). Left: asinh(2u/C), the"
        " exact form;"
        " right: log u, the paper's form with C = 0. Darker: larger final norm, as a share of the largest."
    )

    def compute(self, lab: Lab) -> Tables:
        """`neurons`: seed 0; `fits`: each seed."""
        early = lab.setting.early
        neurons, fits = fit_growth(lab.run(), early[len(early) // 2])
        return {"neurons": neurons, "fits": fits}

    def draw(self, tables: Tables) -> "Figure":
        """Both forms."""
        rows, fits = tables["neurons"], tables["fits"]
        figure, axes = panels(1, 2, height=2.7)
        limits = [rows.predicted.min(), rows.predicted.max()]
        names = (("exact", "asinh(2u/C)"), ("paper", "log u"))
        for ax, (form, label) in zip(axes[0], names, strict=True):
            dots = cloud(ax, rows.predicted, rows[form], rows.final_share)
            ax.plot(limits, limits, color=COLOURS[1], linewidth=0.8)
            fit = fits[(fits.form == form)]
            ax.set_title(f"R2 {mean_std(fit.r2)}, slope {mean_std(fit.slope)}")
            ax.set_xlabel("predicted growth, twice the integral of R")
            ax.set_ylabel(f"measured growth of {label}")
        figure.colorbar(dots, ax=axes, label="final norm [share of the largest]", fraction=0.02, pad=0.01)
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """The exact form, and the paper's."""
        verdicts = []
        for form, claim in (
            (
                "exact",
                "Norms grow exponentially with alignment on the plateau, with the conserved quantity kept.",
            ),
            ("paper", "The same with the conserved quantity taken as 0, as the paper does."),
        ):
            fit = tables["fits"][tables["fits"].form == form]
            r2, slope = fit.r2.mean(), fit.slope.mean()
            span = f"steps {fit['from'].iloc[0]} to {fit['to'].iloc[0]}"
            verdicts.append(
                Verdict(
                    claim,
                    judge(r2 >= GOOD and 0.8 <= slope <= 1.05, r2 >= FAIR),
                    f"R2 {mean_std(fit.r2)}, slope measured over predicted {mean_std(fit.slope)} ({span})",
                    f"R2 over neurons >= {GOOD} and slope in 0.80..1.05 (fragile: R2 >= {FAIR})",
                )
            )
        return verdicts


def fit_growth(run: "Run", first: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Neurons of the first seed from step `first` to the plateau's end, and fits of every seed."""
    last = max(step for step in run.kept if step <= max(int(run.before_steps.min()), first + 1))
    steps = [step for step in sorted(run.kept) if first <= step <= last]
    if len(steps) < 2:  # no plateau is left after the early step
        steps = sorted(run.kept)[:2]
    rates = torch.stack([growth_rate(run.kept[step], run.task, run.recipe.flow_rate) for step in steps])
    predicted = predicted_asinh_growth(rates, steps)
    a, b = run.kept[steps[0]], run.kept[steps[-1]]
    exact, paper = asinh_growth(a, b), torch.log(b.norms() / a.norms())
    share = run.final.norms() / run.final.norms().max(dim=1, keepdim=True).values
    fits = []
    for s, seed in enumerate(run.seeds):
        for form, measured in (("exact", exact), ("paper", paper)):
            slope, r2 = _fit(predicted[s], measured[s])
            where = {"from": steps[0], "to": steps[-1]}
            fits.append({"seed": seed, "form": form, "slope": slope, "r2": r2, **where})
    columns = {"predicted": predicted[:1], "exact": exact[:1], "paper": paper[:1], "final_share": share[:1]}
    return flat(run.seeds[:1], **columns), pd.DataFrame(fits)


def _fit(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    a, b = x.double().numpy(), y.double().numpy()
    keep = np.isfinite(a) & np.isfinite(b)
    slope, offset = np.polyfit(a[keep], b[keep], 1)
    residual = b[keep] - slope * a[keep] - offset
    return float(slope), float(1 - residual.var() / b[keep].var())
