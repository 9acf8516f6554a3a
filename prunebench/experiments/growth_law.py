"""Theorem 3.11 on real training: the exact growth law against what minibatch SGD does on the plateau."""

import pandas as pd
import torch
from scipy import stats

from prunebench.experiments.experiment import Experiment, Rows, Tables, final_share, neuron_rows
from prunebench.experiments.figures import Panels, cloud, equality
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import last_on_plateau
from prunebench.experiments.verdict import Verdict, Verdicts, judge, mean_std
from prunebench.theory import asinh_growth, growth_rate, predicted_asinh_growth
from prunebench.training.train import Trajectory

GOOD, FAIR, SLOPE = 0.97, 0.8, (0.8, 1.05)
FORMS = {"exact": "asinh(2u/C)", "paper": "log u"}
CLAIMS = {
    "exact": "Norms grow exponentially with alignment on the plateau, with the conserved quantity kept.",
    "paper": "The same with the conserved quantity taken as 0, as the paper does.",
}


class GrowthLaw(Experiment):
    """Is growth exponential in cos(angle), with the conserved quantity kept?"""

    title = "The growth law on the plateau"
    source = "theorem 3.11"

    def rows(self, lab: Lab) -> Rows:
        """`neurons`: seed 0; `fits`: each seed."""
        early = lab.setting.early
        neurons, fits = fit_growth(lab.run(), early[len(early) // 2])
        yield from (("neurons", neurons), ("fits", fits))

    def draw(self, tables: Tables) -> Panels:
        """Growth of each neuron from the middle early step to the last look before the first network's loss
        drops: measured against twice the integrated rate R (seed 0; line: equality). Left: asinh(2u/C), the
        exact form; right: log u, the paper's form with C = 0. Darker: larger final norm, as a share of the
        largest.
        """
        rows, fits, panels = tables["neurons"], tables["fits"], Panels(2, height=2.7)
        for ax, (form, label) in zip(panels, FORMS.items(), strict=True):
            cloud(ax, rows.predicted, rows[form], rows.final_share)
            equality(ax, rows.predicted)
            fit = fits[fits.form == form]
            ax.set_title(f"R2 {mean_std(fit.r2)}, slope {mean_std(fit.slope)}")
            ax.set(xlabel="predicted growth, twice the integral of R", ylabel=f"measured growth of {label}")
        panels.key()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """The exact form, and the paper's."""
        for form, claim in CLAIMS.items():
            fit = tables["fits"][tables["fits"].form == form]
            r2, (low, high) = fit.r2.mean(), SLOPE
            yield Verdict(
                claim,
                judge(r2 >= GOOD and low <= fit.slope.mean() <= high, r2 >= FAIR, GOOD, low, high, FAIR),
                f"R2 {mean_std(fit.r2)}, slope measured over predicted {mean_std(fit.slope)} (steps"
                f" {fit['from'].iloc[0]} to {fit['to'].iloc[0]})",
                "R2 over neurons >= {} and slope in {:.2f}..{:.2f} (fragile: R2 >= {})",
            )


def fit_growth(run: Trajectory, first: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Neurons of the first seed from step `first` to the plateau's end, and fits of every seed."""
    last = max(int(last_on_plateau(run).min()), first + 1)
    steps = [step for step in run.snapshots if first <= step <= last]
    if len(steps) < 2:  # no plateau is left after the early step
        steps = list(run.snapshots)[:2]
    rates = torch.stack([growth_rate(run.snapshots[step], run.task, run.recipe.flow_rate) for step in steps])
    predicted = predicted_asinh_growth(rates, steps)
    a, b = run.snapshots[steps[0]], run.snapshots[steps[-1]]
    measured = {"exact": asinh_growth(a, b), "paper": torch.log(b.norms() / a.norms())}
    where = {"from": steps[0], "to": steps[-1]}
    fits = [
        {"seed": seed, "form": form, **_fit(predicted[s], growth[s]), **where}
        for s, seed in enumerate(run.seeds)
        for form, growth in measured.items()
    ]
    rows = neuron_rows(run, predicted=predicted, **measured, final_share=final_share(run))
    return rows, pd.DataFrame(fits)


def _fit(x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    finite = x.isfinite() & y.isfinite()
    line = stats.linregress(x[finite].double(), y[finite].double())
    return {"slope": line.slope, "r2": line.rvalue**2}
