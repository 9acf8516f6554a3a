"""Independent measurements of the default networks on CIFAR-10: does this code land where they did?"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from prunebench.drawing import COLOURS, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, spearman
from prunebench.experiments.growth_law import fit_growth
from prunebench.experiments.lab import Lab
from prunebench.experiments.run import PLATEAU, Run
from prunebench.scoring.registry import load_scorer
from prunebench.theory.alignment import alignment_angle
from prunebench.theory.groups import groups
from prunebench.theory.growth import growing_mode
from prunebench.theory.merging import merge
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Means over seeds of a plain implementation checked against float64 autograd; never tuned to this code.
RANGES = {
    "final training loss": (0.005, 0.02),
    "final training accuracy": (0.995, 1.0),
    "final test accuracy": (0.56, 0.64),
    "last step of the plateau": (900, 1800),
    "first step with loss < 0.05": (7500, 12500),
    "median angle at 0 [degrees]": (88.6, 89.1),
    "median angle at 200 [degrees]": (86.5, 88.5),
    "alignment at 0": (0.10, 0.45),
    "alignment at 50": (0.33, 0.67),
    "alignment at 100": (0.52, 0.88),
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


class Reference(Experiment):
    """Every quantity with its range."""

    name = "reference"
    title = "Against independent measurements"
    source = "CIFAR-10, default networks"
    caption = (
        "Mean over seeds of each quantity, placed within the range that an independent implementation gives"
        " (0: lower"
        " end, 1: upper end); names without a unit are rank correlations with the final norms."
    )

    def applies(self, lab: Lab) -> bool:
        """Only where the measurements were made: CIFAR-10 and the default recipe."""
        setting = lab.setting
        same = (
            setting.samples == 800 and setting.recipe() == Recipe() and {50, 100, 200} <= set(setting.early)
        )
        return same and lab.task().name.startswith("cifar10") and not lab.task().name.startswith("cifar100")

    def compute(self, lab: Lab) -> Tables:
        """`quantities`: mean and standard deviation over seeds, and the range."""
        run = lab.run()
        rows = []
        for name, values in _measure(run).items():
            low, high = RANGES[name]
            per_seed = np.asarray(values, dtype=float)
            spread = per_seed.std(ddof=1) if len(per_seed) > 1 else 0.0
            rows.append({"quantity": name, "low": low, "high": high, "mean": per_seed.mean(), "std": spread})
        table = pd.DataFrame(rows)
        table["inside"] = (table["mean"] >= table.low - 1e-9) & (table["mean"] <= table.high + 1e-9)
        return {"quantities": table}

    def draw(self, tables: Tables) -> "Figure":
        """A line for each quantity."""
        rows = tables["quantities"].iloc[::-1].reset_index(drop=True)
        width = (rows.high - rows.low).where(rows.high > rows.low, 1.0)
        place = ((rows["mean"] - rows.low) / width).where(
            rows.high > rows.low, rows.inside.map({True: 0.5, False: 1.5})
        )
        figure, axes = panels(1, 1, height=5.2)
        ax = axes[0][0]
        ax.axvspan(0, 1, color="0.9")
        for inside, colour, marker, label in (
            (True, COLOURS[0], "o", "inside"), (False, COLOURS[1], "X", "outside"),
        ):  # fmt: skip
            part = rows.inside == inside
            if part.any():
                spread = (rows["std"] / width)[part]
                ax.errorbar(
                    place[part],
                    rows.index[part],
                    xerr=spread,
                    color=colour,
                    marker=marker,
                    linestyle="none",
                    elinewidth=0.8,
                    label=label,
                )
        labels = [
            f"{row.quantity}: {row.mean_:.4g}" for row in rows.rename(columns={"mean": "mean_"}).itertuples()
        ]
        ax.set_yticks(rows.index, labels)
        ax.set_xlabel("place within the accepted range")
        ax.set_xlim(-0.6, 1.6)
        ax.legend(loc="lower right")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """How many are inside."""
        rows = tables["quantities"]
        outside = rows[~rows.inside]
        named = "; ".join(
            f"{row.quantity} is {row.mean_:.4g}, range {row.low:g} to {row.high:g}"
            for row in outside.rename(columns={"mean": "mean_"}).itertuples()
        )
        return [
            Verdict(
                "This implementation lands where an independent one does.",
                judge(len(outside) == 0, len(outside) <= 0.1 * len(rows)),
                f"{len(rows) - len(outside)} of {len(rows)} quantities inside"
                + (f"; {named}" if named else ""),
                "all means over seeds inside the ranges (fragile: 90 % of them)",
            )
        ]


def _measure(run: Run) -> dict[str, Tensor | np.ndarray]:
    task, final = run.task, run.final
    norms = final.norms()
    plateau = (run.loss >= PLATEAU * run.loss[:, :1]) & (run.steps % 50 == 0)
    found: dict[str, Tensor | np.ndarray] = {
        "final training loss": run.loss[:, -1],
        "final training accuracy": run.accuracy[:, -1],
        "final test accuracy": final.accuracy(task.x_test, task.y_test),
        "last step of the plateau": torch.where(plateau, run.steps, 0).max(dim=1).values,
        "first step with loss < 0.05": run.first_below(0.05),
    }
    for step in (0, 50, 100, 200):
        angle = alignment_angle(run.kept[step], task)
        if step in (0, 200):
            found[f"median angle at {step} [degrees]"] = angle.rad2deg().median(dim=1).values
        found[f"alignment at {step}"] = spearman(-angle, norms)
    snapshots = {
        step: Snapshot(task, run.recipe, step, run.kept[step], run.kept[0], run.seeds) for step in run.kept
    }
    found["random"] = spearman(load_scorer("random").score(snapshots[50]), norms)
    for kind in ("incoming", "effective", "outgoing"):
        found[f"{kind} norm at 50"] = spearman(run.kept[50].norms(kind), norms)
    for scorer, label in (("snip", "SNIP"), ("gradient_norm", "gradient norm")):
        for step in (0, 50):
            found[f"{label} at {step}"] = spearman(load_scorer(scorer).score(snapshots[step]), norms)
    scores = [load_scorer(name).score(snapshots[200]) for name in ("grasp", "gradient_norm")]
    found["GraSP against gradient norm at 200"] = spearman(*scores)
    amplitude, sign = growing_mode(run.kept[0], task)
    found["growing mode at 0"] = spearman(amplitude, norms)
    ends = torch.sign(final.w_out[:, 0] - final.w_out[:, 1])
    found["growing mode at 0: sign"] = (sign == ends).double().mean(dim=1)
    labels = groups(final, task)
    merged = merge(final, labels)
    change = merged.accuracy(task.x_train, task.y_train) - final.accuracy(task.x_train, task.y_train)
    same = merged.logits(task.x_test).argmax(dim=2) == final.logits(task.x_test).argmax(dim=2)
    found["groups at initialisation"] = _count(groups(run.kept[0], task))
    found["groups at the end"] = _count(labels)
    found["merging: change of training accuracy [points]"] = 100 * change
    found["merging: same prediction on the test set"] = same.double().mean(dim=1)
    _, fits = fit_growth(run, 100)
    exact = fits[fits.form == "exact"]
    return found | {"growth law: R2": exact.r2.to_numpy(), "growth law: slope": exact.slope.to_numpy()}


def _count(labels: Tensor) -> np.ndarray:
    return np.array([len(row.unique()) for row in labels])
