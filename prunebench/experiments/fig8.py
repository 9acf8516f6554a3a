"""Figure 8: the loss curves of the trainings in figure 4."""

import itertools
from typing import TYPE_CHECKING

import pandas as pd

from prunebench.drawing import band, panels
from prunebench.experiments.experiment import Experiment, Tables, Verdict, judge, mean_std
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, first_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FITTED = 0.05  # nats: the training set is learnt


class Figure8(Experiment):
    """A plateau that is longer the smaller the initial weights, and a drop."""

    name = "fig8"
    title = "Loss curves"
    source = "figure 8"
    caption = (
        "Training loss (mean cross-entropy; line: mean over seeds, band: one standard deviation) against"
        " steps, for"
        " training sets of N samples."
    )

    def compute(self, lab: Lab) -> Tables:
        """`curves`: each seed's loss and accuracy; `times`: its plateau's end, and how it ended."""
        curves, times = [], []
        for samples, scale in itertools.product(lab.setting.sizes, lab.setting.scales):
            run = lab.run(samples=samples, init_std=scale)
            steps, loss, accuracy = run.history.steps, run.history.loss, run.history.accuracy
            where = {"samples": samples, "init_std": scale}
            for s, seed in enumerate(run.seeds):
                columns = {"step": steps, "loss": loss[s], "accuracy": accuracy[s]}
                curves.append(pd.DataFrame({"seed": seed, **where, **columns}))
            ends = {
                "drop_step": drop_step(run),
                "fitted_step": first_below(run, FITTED),
                "fitted": (loss < FITTED).any(dim=1),
                "final_loss": loss[:, -1],
                "train_accuracy": accuracy[:, -1],
                "test_accuracy": run.final.accuracy(run.task.x_test, run.task.y_test),
            }
            times.append(pd.DataFrame({"seed": run.seeds, **where, **ends}))
        return {"curves": pd.concat(curves), "times": pd.concat(times)}

    def draw(self, tables: Tables) -> "Figure":
        """A panel for each N, a line for each scale."""
        rows = tables["curves"]
        sizes = sorted(rows.samples.unique())
        figure, axes = panels(1, len(sizes), height=2.3, sharey=True)
        for samples, ax in zip(sizes, axes[0], strict=True):
            for i, (scale, part) in enumerate(rows[rows.samples == samples].groupby("init_std")):
                table = part.pivot(index="seed", columns="step", values="loss").iloc[:, 1:]
                band(
                    ax,
                    table.columns,
                    table.to_numpy(),
                    i,
                    f"std {scale:g}",
                    linestyle=("-", "--", ":", "-.")[i % 4],
                )
            ax.set_xscale("log")
            ax.set_title(f"N = {samples}")
            ax.set_xlabel("training step")
            ax.set_ylim(bottom=0)
        axes[0][0].set_ylabel("training loss [nats]")
        axes[0][0].legend(title="initial scale")
        return figure

    def verdicts(self, tables: Tables) -> list[Verdict]:
        """The plateau's length by scale, and whether the training sets are learnt."""
        times = tables["times"]
        drops = times.pivot_table(index=["samples", "seed"], columns="init_std", values="drop_step")
        falling = (drops.diff(axis=1).iloc[:, 1:] < 0).all(axis=1).mean()
        middle = sorted(times.samples.unique())[len(times.samples.unique()) // 2]
        default = times[(times.init_std == times.init_std.min()) & (times.samples == middle)]
        return [
            Verdict(
                "The loss stays on a plateau, and longer so for a smaller initial scale.",
                judge(falling == 1, falling >= 0.8),
                f"{falling:.0%} of the networks; plateau of {mean_std(default.drop_step, 0)} steps at N ="
                f" {middle} and"
                f" scale {default.init_std.iloc[0]:g}",
                "the plateau shortens with every larger scale in all networks (fragile: in 80 %)",
            ),
            Verdict(
                "The networks learn their training sets.",
                judge(bool(times.fitted.all()), times.fitted.mean() >= 0.8),
                f"{times.fitted.mean():.0%} reach a loss below {FITTED}; worst final loss"
                f" {times.final_loss.max():.3f}",
                f"all training losses fall below {FITTED} nats (fragile: 80 %)",
            ),
        ]
