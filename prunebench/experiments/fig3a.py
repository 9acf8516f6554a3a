"""Figure 3a: groups at the end of training against the number of samples, for several widths."""

from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, band, marked, width_line
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdict, Verdicts, at_least, judge
from prunebench.theory import group_counts, groups

GROWTH, SLACK = 1.5, 0.05
COUNTED = {"groups": "all neurons", "relevant": "norm >= 1 %"}


class Figure3a(Experiment):
    """Does the number of groups grow with the data, up to the width?"""

    title = "Effective capacity against the size of the training set"
    source = "figure 3a"

    def rows(self, lab: Lab) -> Rows:
        """`counts`: each width, N and seed."""
        for run, where in lab.runs(width=lab.setting.widths, samples=lab.setting.curve_sizes):
            counts = group_counts(run.final, groups(run.final, run.task))
            columns = dict(zip(COUNTED, counts, strict=True)) | {"final_loss": run.history.loss[:, -1]}
            yield rows_of("counts", **where, seed=run.seeds, **columns)

    def draw(self, tables: Tables) -> Panels:
        """Groups of neurons (cosine >= 0.95, complete linkage, equal orientation) at the end of training.
        Left: of all neurons; right: with a neuron whose norm is at least 1 % of the largest. Bands: one
        standard deviation over seeds. Dotted: the width.
        """
        panels = Panels(2)
        for ax, (column, title) in zip(panels, COUNTED.items(), strict=True):
            for i, (width, part) in enumerate(tables["counts"].groupby("width")):
                band(ax, part, "samples", column, label=f"d = {width}", **marked(i))
                if column == "groups":
                    width_line(ax, width)
            ax.set(xscale="log", xlabel="training samples N", ylabel="groups of neurons", title=title)
        panels.axes[0].legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Growth with N, and saturation at the width."""
        means = tables["counts"].groupby(["width", "samples"])["groups"].mean().unstack("samples")
        rising = (means.diff(axis=1).iloc[:, 1:] >= -SLACK * means.iloc[:, :-1].to_numpy()).all(axis=1)
        (first, last), narrowest = means.columns[[0, -1]], means.index.min()
        grows = means[last].iloc[-1] >= GROWTH * means[first].iloc[-1]  # the widest
        listed = (
            f"d = {d}: {row[first]:.0f} at N = {first} to {row[last]:.0f} at N = {last}"
            for d, row in means.iterrows()
        )
        yield Verdict(
            "The number of groups grows with the number of training samples.",
            judge(grows and rising.all(), grows or rising.all()),
            f"{'; '.join(listed)}; rising all the way for {rising.sum()} of {len(rising)} widths",
            f"{GROWTH} times as many for the widest networks, and never {SLACK:.0%} fewer from one N to the"
            " next (fragile: one of the two)",
        )
        share = 100 * means.loc[narrowest].max() / narrowest
        yield Verdict(
            "Small networks saturate: as many groups as neurons.",
            at_least(share, 90, 50),
            f"at most {share:.0f}% of the neurons for d = {narrowest}",
            "at least {}% of the neurons of the narrowest networks (fragile: {} %)",
        )
