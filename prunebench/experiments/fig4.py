"""Figure 4: norm against alignment, at initialisation and early, coloured by the final norm."""

import numpy as np

from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables, neuron_rows, rows_of
from prunebench.experiments.figures import Panels, cloud, log_norms
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import LARGE, SMALL, Verdict, Verdicts, at_least, correlates
from prunebench.theory import alignment_angle

CLAIMS = (  # of step 0, of the first early step, of the last
    "The distribution at initialisation is already predictive of the final norms to a large degree.",
    "After a few gradient updates alignment predicts the final norms.",
    "Early in training alignment predicts the final norms.",
)


class Figure4(Experiment):
    """Does the angle to the target tell the final norm, at step 0 and a little later?"""

    title = "Exponential growth of the norm in function of alignment"
    source = "figure 4"

    def rows(self, lab: Lab) -> Rows:
        """`neurons`: seed 0 at step 0 and the last early step; `correlations`: each seed and step."""
        setting = lab.setting
        for run, options in lab.runs(samples=setting.sizes, init_std=setting.scales):
            final = run.final.norms()
            for step in (0, *setting.early):
                nets = run.snapshots[step]
                angle, norm = alignment_angle(nets, run.task).rad2deg(), nets.norms()
                where = options | {"step": step}
                yield rows_of(
                    "correlations",
                    seed=run.seeds,
                    **where,
                    alignment_final=spearman(-angle, final),
                    alignment_now=spearman(-angle, norm),
                    median_angle=np.median(angle, axis=1),
                )
                if step in (0, setting.early[-1]):
                    yield "neurons", neuron_rows(run, angle=angle, norm=norm, final=final, **where)

    def draw(self, tables: Tables) -> Panels:
        """Each dot is a neuron of one network (seed 0): the angle between its incoming weights and their
        target against its effective norm, at initialisation and early in training, for training sets of N
        samples and initial scales. Darker: larger final norm, as a share of the network's largest.
        """
        places, rows = ["init_std", "step", "samples"], tables["neurons"]
        means = tables["correlations"].groupby(places).alignment_final.mean()
        columns = rows.samples.nunique()
        panels = Panels(columns, rows.groupby(places).ngroups // columns, height=1.6)
        for ax, (place, part) in zip(panels, rows.groupby(places), strict=True):
            scale, step, samples = place
            cloud(ax, part.angle, part.norm, part.final / part.final.max())
            log_norms(ax)
            ax.set_title(
                f"N = {samples}, scale {scale:g}\nstep {step}: rank corr. {means[place]:.2f}", fontsize=7
            )
        panels.label("angle to target [degrees]", "effective norm |w||v|")
        panels.key()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """At step 0, at the early steps, and over all N at the smallest scale."""
        rows = tables["correlations"]
        small, sizes = rows[rows.init_std == rows.init_std.min()], sorted(rows.samples.unique())
        samples = sizes[len(sizes) // 2]
        (_, first, *_), last = sorted(rows.step.unique()), rows.step.max()
        for step, claim in zip((0, first, last), CLAIMS, strict=True):
            values = small[(small.samples == samples) & (small.step == step)].alignment_final
            of = " with the final effective norms"
            yield correlates(claim, values, f"at step {step} (N = {samples})", of=of)
        late = rows[rows.step == last].groupby(["init_std", "samples"]).alignment_final.mean().unstack()
        by_size, by_scale = late.iloc[0], late[samples]
        yield Verdict(
            "This holds for every size of the training set.",
            at_least(by_size.min(), LARGE, SMALL),
            f"lowest Spearman {by_size.min():.2f}, at N = {by_size.idxmin()} (step {last}, smallest scale)",
            "lowest mean over N >= {} (fragile: >= {})",
        )
        yield Verdict(
            "This holds for every initial scale.",
            at_least(by_scale.min(), LARGE, SMALL),
            f"lowest Spearman {by_scale.min():.2f}, at scale {by_scale.idxmin():g} (step {last}, N ="
            f" {samples})",
            "lowest mean over initial scales >= {} (fragile: >= {})",
        )
