"""Figure 8: the loss curves of the trainings in figure 4."""

from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, band, dashed
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, first_below
from prunebench.experiments.verdict import Verdict, Verdicts, in_all, mean_std

FITTED = 0.05  # nats: the training set is learnt


class Figure8(Experiment):
    """A plateau that is longer the smaller the initial weights, and a drop."""

    title = "Loss curves"
    source = "figure 8"

    def rows(self, lab: Lab) -> Rows:
        """`curves`: each seed's loss and accuracy; `times`: its plateau's end, and how it ended."""
        for run, where in lab.runs(samples=lab.setting.sizes, init_std=lab.setting.scales):
            steps, loss, accuracy = run.history.steps, run.history.loss, run.history.accuracy
            for s, seed in enumerate(run.seeds):
                yield rows_of("curves", seed=seed, **where, step=steps, loss=loss[s], accuracy=accuracy[s])
            yield rows_of(
                "times",
                seed=run.seeds,
                **where,
                drop_step=drop_step(run),
                fitted_step=first_below(run, FITTED),
                fitted=(loss < FITTED).any(dim=1),
                final_loss=loss[:, -1],
                train_accuracy=accuracy[:, -1],
                test_accuracy=run.final.accuracy(run.task.x_test, run.task.y_test),
            )

    def draw(self, tables: Tables) -> Panels:
        """Training loss (mean cross-entropy; line: mean over seeds, band: one standard deviation) against
        steps, for training sets of N samples.
        """
        rows = tables["curves"][tables["curves"].step > 0]
        panels = Panels(rows.samples.nunique(), height=2.3, sharey=True)
        for ax, (samples, curves) in zip(panels, rows.groupby("samples"), strict=True):
            for i, (scale, part) in enumerate(curves.groupby("init_std")):
                band(ax, part, "step", "loss", label=f"std {scale:g}", **dashed(i))
            ax.set(xscale="log", title=f"N = {samples}", ylim=(0, None))
        panels.label("training step", "training loss [nats]")
        panels.axes[0].legend(title="initial scale")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """The plateau's length by scale, and whether the training sets are learnt."""
        times = tables["times"]
        drops = times.set_index(["samples", "seed", "init_std"]).drop_step.unstack()
        shorter = (drops.diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
        sizes, scale = sorted(times.samples.unique()), drops.columns[0]
        middle = sizes[len(sizes) // 2]
        yield Verdict(
            "The loss stays on a plateau, and longer so for a smaller initial scale.",
            in_all(shorter),
            f"{shorter.mean():.0%} of the networks; plateau of {mean_std(drops.loc[middle][scale], 0)}"
            f" steps at N = {middle} and scale {scale:g}",
            "the plateau shortens with every larger scale in all networks (fragile: in {1} %)",
        )
        yield Verdict(
            "The networks learn their training sets.",
            in_all(times.fitted),
            f"{times.fitted.mean():.0%} reach a loss below {FITTED}; worst final loss"
            f" {times.final_loss.max():.3f}",
            f"all training losses fall below {FITTED} nats (fragile: {{1}} %)",
        )
