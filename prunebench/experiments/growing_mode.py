"""The growing mode against alignment: how early can the final norm be told?"""

from prunebench.evaluation.rank import output_sign, spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, band, drop_line, marked
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.experiments.verdict import Verdict, Verdicts, at_least, correlates, in_all, mean_std
from prunebench.theory import alignment_angle, growing_mode

SCORES = {"alignment": "alignment (-angle)", "mode": "growing mode", "norm": "norm |w||v|"}
SIGNS = {"sign_mode": "growing mode", "sign_now": "current sign"}


class GrowingMode(Experiment):
    """The mode that grows knows the outgoing weights, which the angle ignores."""

    title = "The growing mode against alignment"
    source = "beyond the paper"

    def rows(self, lab: Lab) -> Rows:
        """`correlations`: each kept step and seed."""
        run = lab.run()
        final, end = run.final.norms(), output_sign(run.final)
        for step, nets in run.snapshots.items():
            amplitude, predicted = growing_mode(nets, run.task)
            yield rows_of(
                "correlations",
                seed=run.seeds,
                step=step,
                alignment=spearman(-alignment_angle(nets, run.task), final),
                mode=spearman(amplitude, final),
                norm=spearman(nets.norms(), final),
                sign_mode=(predicted == end).double().mean(dim=1),
                sign_now=(output_sign(nets) == end).double().mean(dim=1),
                drop_step=drop_step(run),
            )

    def draw(self, tables: Tables) -> Panels:
        """Left: rank correlation of three scores with the final norms, by the step they are taken at. Right:
        share of neurons whose final output sign the growing mode and the current sign tell. Bands: one
        standard deviation over seeds; dashed: the loss drops. Step 0 is drawn at 5.
        """
        rows, panels = tables["correlations"].replace({"step": {0: 5}}), Panels(2)
        ylabels = ("rank correlation with the final norm", "share of signs right")
        for ax, ylabel, series in zip(panels, ylabels, (SCORES, SIGNS), strict=True):
            for i, (column, label) in enumerate(series.items()):
                band(ax, rows, "step", column, label=label, **marked(i))
            drop_line(ax, rows.drop_step.mean())
            ax.set(xscale="log", xlabel="training step", ylabel=ylabel)
            ax.legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """At initialisation."""
        start = tables["correlations"][tables["correlations"].step == 0]
        better, right = start["mode"] > start.alignment, 100 * start.sign_mode.mean()
        yield correlates(
            "The growing mode predicts the final norms at initialisation.", start["mode"], "at step 0"
        )
        yield Verdict(
            "It does so better than alignment.",
            in_all(better),
            f"in {better.mean():.0%} of the networks; alignment {mean_std(start.alignment)}",
            "in all networks (fragile: in {1} %)",
        )
        yield Verdict(
            "Its sign is the sign that the outgoing weights end with.",
            at_least(right, 85, 65),
            f"{right:.0f}% right; the initial sign itself is right for {start.sign_now.mean():.0%}",
            "at least {} % right (fragile: {} %)",
        )
