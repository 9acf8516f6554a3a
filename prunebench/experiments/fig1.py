"""Figure 1: the largest group, norm against alignment, before, at and after the drop of the loss."""

import pandas as pd
import torch

from prunebench.experiments.experiment import Experiment, Rows, Tables, final_share, neuron_rows, rows_of
from prunebench.experiments.figures import Panels, cloud, log_norms
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, nearest_step
from prunebench.experiments.verdict import LARGE, SMALL, Verdict, Verdicts, correlates, judge
from prunebench.theory import alignment_angle, groups

MOMENTS = {"before": 0.3, "at": 1.0, "after": 2.0}  # of t_drop
LEAST = 5  # neurons that make a group


class Figure1(Experiment):
    """Within a group, do the better aligned have the larger norm, exponentially?"""

    title = "The largest group: alignment, unlocking, racing"
    source = "figure 1"

    def rows(self, lab: Lab) -> Rows:
        """`neurons`: the largest group of seed 0; `fits`: each seed's correlation and fits."""
        run = lab.run()
        final, labels = run.final.norms(), groups(lab.before(run), run.task)
        members = labels == labels.mode(dim=1, keepdim=True).values
        for moment, time in MOMENTS.items():
            for s, (seed, drop) in enumerate(zip(run.seeds, drop_step(run).tolist(), strict=True)):
                step, mine = nearest_step(run, time * drop), members[s]
                nets = run.snapshots[step].select(s)
                angle, norm = alignment_angle(nets, run.task)[:, mine], nets.norms()[:, mine]
                where = {"moment": moment, "step": step}
                yield rows_of("fits", seed=[seed], **where, **_fit(angle[0], norm[0], final[s, mine]))
                if s == 0:
                    share = final_share(run)[:, mine]
                    rows = neuron_rows(run, angle=angle.rad2deg(), norm=norm, final_share=share)
                    yield "neurons", rows.assign(**where)

    def draw(self, tables: Tables) -> Panels:
        """Neurons of the largest group (cosine >= 0.95 and equal orientation just before the loss drops; seed
        0): angle to the target against effective norm at about 0.3, 1 and 2 times the step at which the loss
        drops. Darker: larger final norm, as a share of the network's largest.
        """
        rows = tables["neurons"]
        panels = Panels(len(MOMENTS), height=2.4)
        for ax, (moment, part) in zip(panels, rows.groupby("moment", sort=False), strict=True):
            cloud(ax, part.angle, part.norm, part.final_share)
            log_norms(ax)
            ax.set_title(f"{moment} the drop: step {part.step.iloc[0]}\n{len(part)} neurons")
        panels.label("angle to target [degrees]", "effective norm |w||v|")
        panels.key()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Order at each moment; and exponential against linear before the drop, where the theorem speaks."""
        fits = tables["fits"]
        for moment in MOMENTS:
            at = fits[fits.moment == moment]
            yield correlates(
                f"Within the largest group the better aligned have the larger norm, {moment} the drop.",
                at.now,
                f"in groups of {at['size'].mean():.0f} neurons",
                of=" of alignment with the norm",
            )
        before = fits[fits.moment == "before"]
        exponential, linear = before.r2_exponential.mean(), before.r2_linear.mean()
        yield Verdict(
            "Before the drop the norm is exponential in alignment, cos(angle).",
            judge(exponential >= LARGE and exponential > linear, exponential >= SMALL, LARGE, SMALL),
            f"R2 {exponential:.2f} for log norm, {linear:.2f} for the norm itself",
            "R2 of log norm on cos(angle) >= {} and above that of the norm (fragile: >= {})",
        )


def _fit(angle: torch.Tensor, norm: torch.Tensor, final: torch.Tensor) -> dict[str, float]:
    """Of a group too small, and of what is equal in all of it, NaN."""
    columns = {"cosine": angle.cos(), "norm": norm, "log": norm.double().log(), "final": final}
    table = pd.DataFrame(columns).astype(float)
    ranks, values = (table.corr(kind, min_periods=LEAST)["cosine"] for kind in ("spearman", "pearson"))
    squares = {"r2_exponential": values["log"] ** 2, "r2_linear": values["norm"] ** 2}
    return {"size": float(len(table)), "now": ranks["norm"], "final": ranks["final"], **squares}
