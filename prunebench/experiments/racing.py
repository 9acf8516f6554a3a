"""Conjecture 3.12: equations (8), integrated from before the drop, against the trained norms."""

import numpy as np

from prunebench.evaluation.rank import spearman
from prunebench.experiments.experiment import Experiment, Rows, Tables, final_share, neuron_rows, rows_of
from prunebench.experiments.figures import Panels, band, cloud, dashed, equality, log_counts
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import drop_step, nearest_step
from prunebench.experiments.verdict import Verdict, Verdicts, at_most, correlates, mean_std
from prunebench.theory import groups, race

START, COMPARE = 0.7, 1.5  # of t_drop
STRONG = (0.9, 0.7)  # rank correlations: strong, fair


class Racing(Experiment):
    """Do frozen directions and a shared error predict who wins, and how much all grow together?"""

    title = "The race, integrated"
    source = "conjecture 3.12, equation 8"

    def rows(self, lab: Lab) -> Rows:
        """`totals`: each seed and step; `agreement`: each seed at the step compared; `neurons`: seed 0."""
        run = lab.run()
        drop = float(drop_step(run).double().mean())
        start, compare = nearest_step(run, START * drop), nearest_step(run, COMPARE * drop)
        steps = [step for step in run.snapshots if start <= step <= 4 * drop]
        times = [float(step - start) for step in steps]
        paths = race(run.snapshots[start], run.task, run.recipe.flow_rate, times)
        for step, path in zip(steps, paths, strict=True):
            sums = {"trained": run.snapshots[step].norms().sum(dim=1), "predicted": path.sum(dim=1)}
            yield rows_of("totals", seed=run.seeds, step=step, **sums)
        predicted, trained = paths[steps.index(compare)], run.snapshots[compare].norms()
        labels = groups(lab.before(run), run.task)
        largest = labels == labels.mode(dim=1, keepdim=True).values
        networks = zip(predicted, trained, largest, strict=True)
        yield rows_of(
            "agreement",
            seed=run.seeds,
            start=start,
            step=compare,
            spearman=spearman(predicted, trained),
            spearman_final=spearman(predicted, run.final.norms()),
            group_size=largest.sum(dim=1),
            group_spearman=[float(spearman(p[group], t[group])) for p, t, group in networks],
            total_ratio=predicted.sum(dim=1) / trained.sum(dim=1),
        )
        columns = {"predicted": predicted, "trained": trained, "final_share": final_share(run)}
        yield "neurons", neuron_rows(run, step=compare, **columns)

    def draw(self, tables: Tables) -> Panels:
        """Equations (8), with the directions frozen at about 0.7 t_drop, against training. Left: norms of the
        neurons of seed 0 at about 1.5 t_drop (line: equality; darker: larger final norm, as a share of the
        largest). Right: sum of the norms of all neurons over steps (mean and standard deviation over seeds).
        """
        neurons, totals, panels = tables["neurons"], tables["totals"], Panels(2, height=2.7)
        left, right = panels
        cloud(left, neurons.predicted, neurons.trained, neurons.final_share)
        equality(left, neurons.trained[neurons.trained > 0])
        left.set(xscale="log", yscale="log", xlabel="norm by equations (8)", ylabel="trained norm |w||v|")
        left.set_title(f"step {neurons.step.iloc[0]}; rank corr. {mean_std(tables['agreement'].spearman)}")
        panels.key(left)
        for i, (column, label) in enumerate((("trained", "trained"), ("predicted", "equations (8)"))):
            band(right, totals, "step", column, label=label, **dashed(i))
        log_counts(right, totals.step, "training step")
        right.set(yscale="log", ylabel="sum of the norms")
        right.legend()
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Order of the neurons, within the largest group, and the total."""
        rows = tables["agreement"]
        yield correlates(
            "The race equations (8) predict the norms just after the drop.",
            rows.spearman,
            f"from step {rows.start.iloc[0]} to step {rows.step.iloc[0]}; {mean_std(rows.spearman_final)}"
            " with the final norms",
            bounds=STRONG,
        )
        yield correlates(
            "They do so within the largest group.",
            rows.group_spearman,
            f"in groups of {rows.group_size.mean():.0f} neurons",
            bounds=STRONG,
        )
        yield Verdict(
            "The error that all neurons share limits the sum of their norms as the equations say.",
            at_most(np.exp(np.log(rows.total_ratio).abs().mean()), 1.25, 2),
            f"predicted over trained total {mean_std(rows.total_ratio)}",
            "within a factor of {} (fragile: {}), mean over seeds",
        )
