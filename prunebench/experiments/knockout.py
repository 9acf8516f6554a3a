"""The causal test of racing: delete the leaders just before the loss drops, and train on."""

import numpy as np
import torch

from prunebench.drawing import COLOURS
from prunebench.experiments.experiment import Experiment, Rows, Tables, rows_of
from prunebench.experiments.figures import THIN, Panels, dashed, hatched, over_seeds
from prunebench.experiments.lab import Lab
from prunebench.experiments.plateau import last_on_plateau
from prunebench.experiments.verdict import Verdict, Verdicts, at_least, at_most, mean_std
from prunebench.training.initial import generator

SHARE = 0.1  # of the neurons
VARIANTS = {"none": "nobody", "leaders": "the leaders", "random": "as many others"}
DRAW = 71  # a stream of its own of each seed


class KnockOut(Experiment):
    """If neurons race for a shared error, others take the place of deleted leaders."""

    title = "Knock-out of the leaders"
    source = "beyond the paper: a test of conjecture 3.12"

    def rows(self, lab: Lab) -> Rows:
        """`totals`: each variant and seed; `ranks`: mean final norm of each rank."""
        run = lab.run()
        task, step = run.task, max(s for s in run.snapshots if s <= int(last_on_plateau(run).min()))
        nets = run.snapshots[step]
        count = max(1, round(SHARE * nets.units))
        order = nets.norms().argsort(dim=1, descending=True, stable=True)
        kept = {"none": order, "leaders": order[:, count:], "random": _spared(order, count, run.seeds)}
        finals = {name: lab.train_on(run, step, nets.keep(kept[name])) for name in VARIANTS}
        control = finals["none"].norms()  # in the order of the norms before the drop
        leading, others = control[:, :count].sum(dim=1), control[:, count:].sum(dim=1)
        for name, final in finals.items():
            norms = final.norms()
            yield rows_of(
                "totals",
                seed=run.seeds,
                variant=name,
                step=step,
                deleted=nets.units - final.units,
                total=norms.sum(dim=1),
                leaders=leading if name == "none" else np.nan,
                control_leaders=leading,
                control_others=others,
                train_accuracy=final.accuracy(task.x_train, task.y_train),
                test_accuracy=final.accuracy(task.x_test, task.y_test),
            )
            norm = norms.sort(dim=1, descending=True).values.mean(dim=0)
            yield rows_of("ranks", variant=name, rank=range(1, final.units + 1), norm=norm)

    def draw(self, tables: Tables) -> Panels:
        """The tenth of the neurons with the largest norms just before the loss drops is deleted, or as many
        others drawn at random, and training goes on. Left: sum of the final norms, of the neurons that lead
        and of all others. Right: final norms by rank (mean over seeds).
        """
        totals, panels = tables["totals"], Panels(2)
        left, right = panels
        means = totals.groupby("variant")[["total", "leaders"]].mean().loc[[*VARIANTS]].fillna(0)
        spread = over_seeds(totals, "variant", "total").loc[[*VARIANTS], "std"]
        labels, others = [*VARIANTS.values()], means.total - means.leaders
        left.bar(labels, means.leaders, label="leaders", **hatched(1))
        stacked = {"bottom": means.leaders, "yerr": spread, "error_kw": THIN}
        left.bar(labels, others, color=COLOURS[0], label="others", **stacked)
        left.set(xlabel="deleted before the drop", ylabel="sum of the final norms |w||v|")
        left.margins(y=0.25)
        left.legend(ncols=2, loc="upper center")
        for i, (variant, part) in enumerate(tables["ranks"].groupby("variant", sort=False)):
            right.plot(part["rank"], part.norm, label=VARIANTS[variant], **dashed(i))
        right.set(xscale="log", yscale="log", xlabel="rank of the neuron", ylabel="final norm |w||v|")
        right.legend(title="deleted")
        return panels

    def verdicts(self, tables: Tables) -> Verdicts:
        """Is the total conserved, who makes up for it, and is the task still learnt?"""
        rows = tables["totals"].set_index(["variant", "seed"])
        none, leaders, random = (rows.loc[name] for name in VARIANTS)
        ratio = leaders.total / none.total
        share = (none.control_leaders / none.total).mean()
        yield Verdict(
            "The total norm is conserved: the others grow to what the leaders would have had.",
            at_most(100 * abs(ratio.mean() - 1), 10, 25),
            f"total {mean_std(ratio)} of the control's without {leaders.deleted.iloc[0]} leaders, which hold"
            f" {share:.0%} of the norm if left; {mean_std(random.total / none.total)} without others",
            "within {} % of the control's (fragile: {} %), mean over seeds",
        )
        regained = 100 * (leaders.total - none.control_others) / none.control_leaders
        yield Verdict(
            "The others take the leaders' place.",
            at_least(regained.mean(), 75, 25),
            f"they regain {mean_std(regained, 0)} % of the leaders' norm",
            "at least {} % of it (fragile: {} %), mean over seeds",
        )
        lost = 100 * (none.train_accuracy - leaders.train_accuracy)
        yield Verdict(
            "The task is learnt without the leaders just as well.",
            at_most(lost.mean(), 0.5, 2),
            f"training accuracy lower by {mean_std(lost)} points",
            "lower by at most {} points (fragile: {}), mean over seeds",
        )


def _spared(order: torch.Tensor, count: int, seeds: tuple[int, ...]) -> torch.Tensor:
    """All but `count` neurons drawn from those that do not lead, leaders first."""
    others = np.arange(count, order.shape[1])
    drawn = (generator(seed, DRAW).permutation(others)[:count] for seed in seeds)
    stay = [np.delete(own, gone) for own, gone in zip(order.numpy(), drawn, strict=True)]
    return torch.from_numpy(np.stack(stay))
