"""A trained network of any kind over both data sets: the narrower networks are really made, and run."""

from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.func import functional_call

from prunebench.device import full_precision
from prunebench.evaluation.metrics import Split
from prunebench.evaluation.selection import by_layer
from prunebench.evaluation.subject import Subject
from prunebench.networks import Networks, predictions
from prunebench.networks.memory_format import channels_last
from prunebench.networks.normalisation import recalibrated
from prunebench.networks.rescaling import rescalable
from prunebench.tasks.task import Task
from prunebench.theory.groups import unit_rows
from prunebench.theory.merging import DROPPED, merge_layers

# Samples that run together: few enough for the activations of a convolution to stay near the processor.
SAMPLES_AT_ONCE = 256

Labels = Int64[Tensor, "choices units"]


class LayeredSubject(Subject[Tensor]):
    """A network of any layers; narrower ones are labels of its units: equals become one, -1 is dropped.

    Each is run once, whichever scorers and protocols ask for it. In the network's own float32: where classes
    nearly tie, which sample is right may hang on rounding.

    Attributes:
        recalibrate: estimate the running statistics of batch normalisation again, of every network that is
            run.
    """

    def __init__(self, network: Networks, task: Task, *, recalibrate: bool = True) -> None:
        super().__init__(network, task)
        self.recalibrate = recalibrate
        self._data = taken(task, network)
        self._found: dict[bytes, dict[Split, float]] = {}

    @cached_property
    def parallel(self) -> Float[Tensor, "units units"]:
        """Cosines within layers whose units are the same with longer weights that are read by shorter ones.

        Two parallel units of others are no one unit. And what batch normalisation follows has no direction of
        its own: its mean over the data is taken away.
        """
        cosines = torch.full((self.units, self.units), -1.0, device=self.network.device, dtype=torch.float64)
        of_layers = self.network.architecture.by_layer(torch.arange(self.units, device=cosines.device))
        for (layer, own), foldable in zip(of_layers, rescalable(self.network), strict=True):
            if foldable:
                incoming = [part.by_unit(self.network[part.tensor])[0] for part in layer.of("incoming")]
                rows = unit_rows(torch.cat(incoming, dim=1).double())
                cosines[own[:, None], own] = rows @ rows.T
        return cosines

    def pruned(self, kept: Int64[Tensor, "choices kept"]) -> Labels:
        """The networks that have only these units."""
        labels = kept.new_full((len(kept), self.units), DROPPED)
        return labels.scatter_(1, kept, torch.arange(kept.shape[1], device=kept.device).expand_as(kept))

    def merged(self, labels: Labels) -> Labels:
        """The networks that have one unit for all of equal label."""
        return labels

    def accuracies(
        self, narrowed: Sequence[Int64[Tensor, "_ units"]], split: Split
    ) -> list[Float[Tensor, "_"]]:
        """Share of samples that each of the narrowed networks classifies right."""
        return [
            torch.tensor([self._both(row)[split] for row in labels], dtype=torch.float64)
            for labels in narrowed
        ]

    def _both(self, labels: Int64[Tensor, " units"]) -> dict[Split, float]:
        name = labels.cpu().numpy().tobytes()
        if name not in self._found:
            network = self.made(labels)
            if self.recalibrate:
                network = recalibrated(network, self._data["train"][0])
            self._found[name] = {split: accuracy_of(network, *data) for split, data in self._data.items()}
        return self._found[name]

    def made(self, labels: Int64[Tensor, " units"]) -> Networks:
        """One narrower network, with the statistics that it has from the whole one."""
        if bool((torch.bincount(labels[labels >= 0]) > 1).any()):
            return channels_last(merge_layers(self.network, labels[None]))
        kept = (labels >= 0).nonzero()[:, 0]
        return channels_last(self.network.keep(by_layer(kept, self.network.layers)))


def taken(task: Task, networks: Networks) -> dict[Split, tuple[Tensor, Tensor]]:
    """The samples of both data sets as the networks' module takes them, and their labels."""
    device, shaped = networks.device, networks.architecture.shaped
    return {
        "test": (shaped(task.x_test.to(device, networks.dtype)), task.y_test.to(device)),
        "train": (shaped(task.x_train.to(device, networks.dtype)), task.y_train.to(device)),
    }


@full_precision()
def accuracy_of(
    network: Networks, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"], index: int = 0
) -> float:
    """`Networks.accuracy` of one network of a batch, some samples at a time; `x` as the module takes it."""
    module, tensors = network.architecture.own_module, {name: t[index] for name, t in network.tensors.items()}
    right = 0.0
    with torch.inference_mode():
        for samples, own in zip(x.split(SAMPLES_AT_ONCE), y.split(SAMPLES_AT_ONCE), strict=True):
            guesses = predictions(functional_call(module, tensors, (samples,)))
            right += float(guesses.gather(1, own[:, None]).sum())
    return right / len(x)
