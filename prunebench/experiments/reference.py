"""Independent measurements of the default networks on CIFAR-10: does this code land where they did?"""

from typing import Any, get_args

import pandas as pd
import torch

from prunebench.evaluation.rank import output_sign, spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables
from prunebench.experiments.figures import THIN, Panels, marked
from prunebench.experiments.growth_law import fit_growth
from prunebench.experiments.lab import Lab
from prunebench.experiments.merging import merged_accuracies
from prunebench.experiments.plateau import first_below
from prunebench.experiments.verdict import Verdict, Verdicts, at_least
from prunebench.networks import NormKind
from prunebench.scoring.registry import load_scorer
from prunebench.theory import alignment_angle, group_counts, groups, growing_mode
from prunebench.training.loop import PLATEAU
from prunebench.training.recipe import Recipe
from prunebench.training.train import Trajectory

# Means over seeds of a plain implementation checked against float64 autograd; never tuned to this code.
RANGES = {
    "final training loss": (0.005, 0.02),
    "final training accuracy": (0.995, 1.0),
    "final test accuracy": (0.56, 0.64),
    "last step of the plateau": (900, 1800),
    "first step with loss < 0.05": (7500, 12500),
    "median angle at 0 [degrees]": (88.6, 89.1),
    "alignment at 0": (0.10, 0.45),
    "alignment at 50": (0.33, 0.67),
    "alignment at 100": (0.52, 0.88),
    "median angle at 200 [degrees]": (86.5, 88.5),
    "alignment at 200": (0.78, 0.95),
    "random": (-0.15, 0.15),
    "incoming norm at 50": (-0.20, 0.20),
    "effective norm at 50": (0.22, 0.55),
    "outgoing norm at 50": (0.22, 0.55),
    "SNIP at 0": (0.27, 0.60),
    "SNIP at 50": (0.44, 0.74),
    "gradient norm at 0": (0.42, 0.76),
    "gradient norm at 50": (0.60, 0.88),
    "GraSP against gradient norm at 200": (0.995, 1.0),
    "growing mode at 0": (0.80, 0.95),
    "growing mode at 0: sign": (0.88, 1.0),
    "groups at initialisation": (300, 300),
    "groups at the end": (110, 225),
    "merging: change of training accuracy [points]": (-0.5, 0.5),
    "merging: same prediction on the test set": (0.99, 1.0),
    "growth law: R2": (0.97, 1.0),
    "growth law: slope": (0.80, 1.00),
}
# Which of them are rank correlations with the final norms: of these scores, at these steps.
SCORES = {
    **{f"alignment at {step}": ("alignment", step) for step in (0, 50, 100, 200)},
    **{f"SNIP at {step}": ("snip", step) for step in (0, 50)},
    **{f"gradient norm at {step}": ("gradient_norm", step) for step in (0, 50)},
    **{f"{kind} norm at 50": (f"magnitude[kind={kind}]", 50) for kind in get_args(NormKind)},
    "random": ("random", 50),
    "growing mode at 0": ("growing_mode", 0),
}


class Reference(Experiment):
    """Every quantity with its range."""

    title = "Against independent measurements"
    source = "CIFAR-10, default networks"

    def applies(self, lab: Lab) -> bool:
        """Only where the measurements were made: CIFAR-10 and the default recipe."""
        setting = lab.setting
        same = (
            setting.samples == 800 and setting.recipe() == Recipe() and {50, 100, 200} <= set(setting.early)
        )
        return same and lab.task().name.startswith("cifar10") and not lab.task().name.startswith("cifar100")

    def rows(self, lab: Lab) -> Rows:
        """`quantities`: mean and standard deviation over seeds, and the range."""
        found = pd.DataFrame(_measure(lab.run())).astype(float)
        table = pd.DataFrame.from_dict(RANGES, orient="index", columns=["low", "high"])
        table["mean"], table["std"] = found.mean(skipna=False), found.std().fillna(0)
        table["inside"] = (table["mean"] >= table.low - 1e-9) & (table["mean"] <= table.high + 1e-9)
        yield "quantities", table.rename_axis("quantity").reset_index()

    def draw(self, tables: Tables) -> Panels:
        """Mean over seeds of each quantity, placed within the range that an independent implementation gives
        (0: lower end, 1: upper end); names without a unit are rank correlations with the final norms.
        """
        rows = tables["quantities"].iloc[::-1].reset_index(drop=True)
        width = (rows.high - rows.low).replace(0, 1)
        place = (0.5 + (rows["mean"] - (rows.low + rows.high) / 2) / width).clip(-0.5, 1.5)
        spread, panels = rows["std"] / width, Panels(1, height=5.2)
        (ax,) = panels
        ax.axvspan(0, 1, color="0.9")
        for i, (label, part) in enumerate((("inside", rows.inside), ("outside", ~rows.inside))):
            if part.any():
                look = {"ls": "none", "label": label, **THIN, **marked(i)}
                ax.errorbar(place[part], rows.index[part], xerr=spread[part], **look)
        labels = [f"{name}: {mean:.4g}" for name, mean in zip(rows.quantity, rows["mean"], strict=True)]
        ax.set_yticks(rows.index, labels)
        ax.set(xlabel="place within the accepted range", xlim=(-0.6, 1.6))
        ax.legend(loc="lower right")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """How many are inside."""
        rows = tables["quantities"]
        outside = (
            f"; {row.quantity} is {row['mean']:.4g}, range {row.low:g} to {row.high:g}"
            for _, row in rows[~rows.inside].iterrows()
        )
        yield Verdict(
            "This implementation lands where an independent one does.",
            at_least(100 * rows.inside.mean(), 100, 90),
            f"{rows.inside.sum()} of {len(rows)} quantities inside{''.join(outside)}",
            "all means over seeds inside the ranges (fragile: {1} % of them)",
        )


def _measure(run: Trajectory) -> dict[str, Any]:
    task, final, history = run.task, run.final, run.history
    norms = final.norms()
    plateau = (history.loss >= PLATEAU * history.loss[:, :1]) & (history.steps % 50 == 0)
    grasp, gradient = (load_scorer(name).score(run.snapshot(200)) for name in ("grasp", "gradient_norm"))
    sign = growing_mode(run.initial, task)[1]
    merged = merged_accuracies(run)
    fits = fit_growth(run, 100)[1].query("form == 'exact'")
    found = {
        "final training loss": history.loss[:, -1],
        "final training accuracy": history.accuracy[:, -1],
        "final test accuracy": final.accuracy(task.x_test, task.y_test),
        "last step of the plateau": torch.where(plateau, history.steps, 0).max(dim=1).values,
        "first step with loss < 0.05": first_below(run, 0.05),
        "GraSP against gradient norm at 200": spearman(grasp, gradient),
        "growing mode at 0: sign": (sign == output_sign(final)).double().mean(dim=1),
        "groups at initialisation": group_counts(run.initial, groups(run.initial, task))[0],
        "groups at the end": merged["groups"],
        "merging: change of training accuracy [points]": merged["train_after"] - merged["train_before"],
        "merging: same prediction on the test set": merged["same_prediction"] / 100,
        "growth law: R2": fits.r2.to_numpy(),
        "growth law: slope": fits.slope.to_numpy(),
    }
    for step in (0, 200):
        angle = alignment_angle(run.snapshots[step], task).rad2deg()
        found[f"median angle at {step} [degrees]"] = angle.median(dim=1).values
    for name, (scorer, step) in SCORES.items():
        found[name] = spearman(load_scorer(scorer).score(run.snapshot(step)), norms)
    return found
