"""Relative time: how early alignment tells, over learning rates, in steps and in shares of t_drop."""

import numpy as np
import pandas as pd

from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import Panels, drop_line, error_bars, marked
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step
from prunebench.experiments.verdict import LARGE, Verdict, Verdicts, at_most, judge, mean_std
from prunebench.theory import alignment_angle

LOOKS = (0.1, 0.2, 0.4, 0.8)  # of t_drop
CLOSE, FAIR = 0.1, 0.2


class RelativeTime(Experiment):
    """Is t/t_drop the time that counts?"""

    title = "Relative time"
    source = "beyond the paper"

    def rows(self, lab: Lab) -> Rows:
        """`correlations`: each learning rate, kept step and seed."""
        for run, where in lab.runs(learning_rate=lab.setting.rates):
            drop = drop_step(run)
            for step in list(run.snapshots)[1:]:
                angle = alignment_angle(run.snapshots[step], run.task)
                yield rows_of(
                    "correlations",
                    seed=run.seeds,
                    **where,
                    step=step,
                    drop_step=drop,
                    share=step / drop.double(),
                    spearman=spearman(-angle, run.final.norms()),
                    median_angle=np.degrees(np.median(angle, axis=1)),
                )

    def draw(self, tables: Tables) -> Panels:
        """Rank correlation of alignment with the final norms by the step it is taken at, for several learning
        rates (steps of training in inverse proportion). Left: over steps; right: over steps as a share of
        t_drop, at which the loss drops. Mean and standard deviation over seeds.
        """
        rows, panels = tables["correlations"], Panels(2, sharey=True)
        left, right = panels
        for i, (rate, part) in enumerate(rows.groupby("learning_rate")):
            mean_share = part.assign(share=part.groupby("step").share.transform("mean"))
            error_bars(left, part, "step", "spearman", label=f"{rate:g}", **marked(i))
            error_bars(right, mean_share, "share", "spearman", **marked(i))
        left.set(xscale="log", xlabel="training step t", ylabel="rank correlation with the final norm")
        left.legend(title="learning rate")
        right.set(xscale="log", xlabel="t / t_drop")
        drop_line(right, 1)
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """The spread between learning rates on both clocks, and the informative window."""
        rows = tables["correlations"]
        default = rows[rows.learning_rate == rows.learning_rate.iloc[0]].drop_step.mean()
        relative, absolute = _at_looks(rows), _at_looks(rows, default)
        spread, spread_absolute = ((table.max() - table.min()).max() for table in (relative, absolute))
        drops = (f"{mean_std(part, 0)} at {rate:g}" for rate, part in rows.groupby("learning_rate").drop_step)
        yield Verdict(
            "What alignment tells depends on t/t_drop, not on the learning rate.",
            at_most(spread, CLOSE, FAIR),
            f"largest spread over learning rates {spread:.2f} at equal t/t_drop, {spread_absolute:.2f} at"
            f" equal steps; t_drop {', '.join(drops)}",
            f"spread of the mean rank correlations at {', '.join(map(str, LOOKS))} t_drop"
            " <= {} (fragile: {})",
        )
        window = relative[0.2].min()
        late = rows[(rows.share > 2) & (rows.share < 8)].groupby("learning_rate").spearman.mean().max()
        yield Verdict(
            "Within the plateau alignment tells the final norms, after the drop it does not.",
            judge(window >= LARGE and late < LARGE, window >= LARGE or late < LARGE, LARGE),
            f"at 0.2 t_drop at least {window:.2f}; from 2 to 8 t_drop at most {late:.2f}",
            "mean rank correlation >= {0} at 0.2 t_drop and below {0} from 2 to 8 t_drop, for every"
            " learning rate (fragile: one of the two)",
        )


def _at_looks(rows: pd.DataFrame, t_drop: float | None = None) -> pd.DataFrame:
    """Mean correlations over seeds, by rate and look, where t_drop is each network's own if left out.

    Between kept steps they are interpolated in log(step).
    """
    found = {}
    for network, part in rows.sort_values("step").groupby(["learning_rate", "seed"]):
        wanted = np.log(np.multiply(LOOKS, t_drop or part.drop_step.iloc[0]))
        found[network] = np.interp(wanted, np.log(part.step), part.spearman)
    return pd.DataFrame(found, index=LOOKS).T.groupby(level=0).mean()
