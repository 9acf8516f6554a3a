"""A trained shallow network's hidden activations over both data sets: computed once, for all protocols.

A network with fewer units, or with several made one, differs from the trained one only after its hidden
layer. So no protocol runs the network again: pruning leaves terms out of the sums that are the logits,
merging adds up pre-activations. All in float64: which sample is classified right does not hang on the order
of a sum.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import embedding_bag

from prunebench.evaluation.metrics import Split
from prunebench.evaluation.subject import Subject
from prunebench.networks import Networks, predictions
from prunebench.tasks.task import Task
from prunebench.theory.merging import parallel, shares

# Samples are taken in blocks that stay in a CPU's cache, and kept from first to last up to so many bytes
# of each network.
SAMPLES_AT_ONCE = 1024
KEPT_BYTES = 250e6


@dataclass(frozen=True, eq=False)
class Sums:
    """Units that are weighted sums of a trained network's units, taken before the nonlinearity.

    Attributes:
        members: the units of every sum, one sum after the other.
        shares: their weights in it.
        starts: where each sum begins among `members`.
    """

    members: Int64[Tensor, " members"]
    shares: Float[Tensor, " members"]
    starts: Int64[Tensor, " sums"]


@dataclass(frozen=True, eq=False)
class Narrowed:
    """Networks of k hidden units each that are made of a trained network's.

    Attributes:
        units: numbers of units; those from the trained network's width up stand for `sums`.
        outgoing: their outgoing weights.
    """

    units: Int64[Tensor, "choices kept"]
    outgoing: Float[Tensor, "choices kept outputs"]
    sums: Sums | None = None


class ShallowSubject(Subject[Narrowed]):
    """A shallow network.

    Attributes:
        precise: the network in float64.
    """

    def __init__(self, network: Networks, task: Task) -> None:
        super().__init__(network, task)
        self.precise = network.to(dtype=torch.float64)
        self._kept: dict[Split, list[Tensor]] = {}

    @property
    def outgoing(self) -> Float[Tensor, "units outputs"]:
        """Outgoing weights."""
        return self.precise.w_out[0].T

    @cached_property
    def orientation(self) -> Float[Tensor, " units"]:
        """`theory.orientation` of every unit; 1 of all where there are more classes than two."""
        if self.network.outputs != 2:
            return self.precise.bias.new_ones(self.units)
        signs = self.task.signs.to(self.precise.w_in)
        gathered = signs.new_zeros(self.units)
        for block, y in zip(self._blocks("train"), signs.split(SAMPLES_AT_ONCE), strict=True):
            gathered += torch.relu(block) @ y
        return torch.sign(gathered)

    @cached_property
    def parallel(self) -> Float[Tensor, "units units"]:
        """Cosines of the incoming weights, -1 between units of different orientation."""
        return parallel(self.precise.w_in[0], self.orientation)

    def pruned(self, kept: Int64[Tensor, "choices kept"]) -> Narrowed:
        """The networks that have only these units."""
        return Narrowed(kept, self.outgoing[kept])

    def merged(self, labels: Int64[Tensor, "choices units"]) -> Narrowed:
        """One effective unit for each group of units with equal label, as `theory.merge` makes it.

        Every choice needs the same number of groups, none of them empty; -1 drops a unit.
        """
        choices, count = len(labels), int(labels.max()) + 1
        incoming, outgoing = shares(self.precise.norms("incoming"), self.precise.norms("outgoing"), labels)
        choice, unit = (labels >= 0).nonzero(as_tuple=True)
        group = choice * count + labels[choice, unit]
        order = group.argsort(stable=True)
        choice, unit, group = choice[order], unit[order], group[order]
        weights = self.outgoing.new_zeros(choices * count, self.network.outputs)
        weights.index_add_(0, group, outgoing[choice, unit][:, None] * self.outgoing[unit])
        sizes = torch.bincount(group, minlength=choices * count)
        several = sizes > 1
        units = self.units - 1 + several.cumsum(0)
        units[~several] = unit[~several[group]]
        inside = several[group]
        starts = sizes[several].cumsum(0) - sizes[several]
        sums = Sums(unit[inside], incoming[choice, unit][inside], starts) if bool(several.any()) else None
        return Narrowed(units.reshape(choices, count), weights.reshape(choices, count, -1), sums)

    def logits(self, narrowed: Narrowed, split: Split) -> Float[Tensor, "choices samples outputs"]:
        """Outputs of narrowed networks before the softmax."""
        return torch.cat([_logits(narrowed, block) for block in self._blocks(split)], dim=1)

    def accuracies(self, narrowed: Sequence[Narrowed], split: Split) -> list[Float[Tensor, " choices"]]:
        """Share of samples that each of the narrowed networks classifies right, as `networks.accuracy`."""
        labels = (self.task.y_test if split == "test" else self.task.y_train).to(self.network.device)
        right = [self.precise.w_in.new_zeros(len(networks.units)) for networks in narrowed]
        for block, y in zip(self._blocks(split), labels.split(SAMPLES_AT_ONCE), strict=True):
            for networks, total in zip(narrowed, right, strict=True):
                own = y.expand(len(total), -1)[:, :, None]
                total.add_(predictions(_logits(networks, block)).gather(2, own).sum(dim=(1, 2)))
        return [total / len(labels) for total in right]

    def _blocks(self, split: Split) -> Iterable[Float[Tensor, "units samples"]]:
        """Pre-activations, some samples at a time; kept where both splits fit into memory together."""
        if split not in self._kept:
            x, test = self.task.x_train, self.task.x_test
            parts = (test if split == "test" else x).split(SAMPLES_AT_ONCE)
            w_in, bias = self.precise.w_in[0], self.precise.bias[0]
            blocks = (torch.addmm(bias[:, None], w_in, part.to(w_in).T) for part in parts)
            if 8 * self.units * (len(x) + len(test)) > KEPT_BYTES:
                return blocks
            self._kept[split] = list(blocks)
        return self._kept[split]


def _logits(
    narrowed: Narrowed, block: Float[Tensor, "units samples"]
) -> Float[Tensor, "choices samples outputs"]:
    hidden = torch.relu(block)
    if (sums := narrowed.sums) is not None:
        merged = embedding_bag(sums.members, block, sums.starts, mode="sum", per_sample_weights=sums.shares)
        hidden = torch.cat([hidden, torch.relu(merged)])
    outputs = [
        embedding_bag(narrowed.units, hidden, mode="sum", per_sample_weights=weights)
        for weights in narrowed.outgoing.unbind(dim=2)
    ]
    return torch.stack(outputs, dim=2)
