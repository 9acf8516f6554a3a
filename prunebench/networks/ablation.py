"""What the loss owes to single units: how much it rises when a unit alone is gated."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.cache import cached
from prunebench.counting import FORWARD
from prunebench.device import full_precision
from prunebench.networks.networks import Networks
from prunebench.networks.outcomes import cross_entropy
from prunebench.networks.replay import Replay

# What the operations give for samples that run together takes at most so much memory, and so do the logits of
# the units that are gated in turn. So many samples at most.
BYTES, SAMPLES = 200_000_000, 256


@full_precision()
def ablations(
    networks: Networks, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"]
) -> Float[Tensor, "seeds units"]:
    """How much the mean cross-entropy in nats rises when each unit alone is gated, in evaluation mode.

    Counted as a pass over all samples for each unit and one more, though of each only what comes after the
    unit is computed.
    """
    x = networks.architecture.shaped(x).to(networks.device, networks.dtype)
    y = y.to(networks.device)

    def of_one(s: int) -> Tensor:
        one = networks.select(s)
        # Neither the step nor the scorer matters to a trained network, and all of them ask for it.
        name, inputs = f"ablation in {one.architecture.key}", [*one.tensors.values(), x, y]
        passes = (one.units + 1) * len(x) * FORWARD
        return cached(name, inputs, lambda: (_of_one(one, x, y),), passes=passes)[0]

    return torch.stack(networks.each(of_one))


def _of_one(
    one: Networks, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " units"]:
    module, tensors = one.architecture.own_module, {name: tensor[0] for name, tensor in one.tensors.items()}
    layer_of = one.architecture.layer_of.tolist()
    samples = min(_fitting(Replay(module, tensors, x[:1]).bytes), SAMPLES)
    units = _fitting(len(x) * one.outputs * x.element_size())  # whose logits are there together
    found = []
    for own in torch.arange(one.units).split(units):
        blocks = []
        for part in x.split(samples):
            run = Replay(module, tensors, part)
            logits = [run.logits]
            for unit in own.tolist():
                gates = x.new_ones(1, one.units)
                gates[0, unit] = 0
                gated = one.gated(gates)
                readers = {reader.tensor for reader in one.layers[layer_of[unit]].of("outgoing")}
                logits.append(run.logits_with({name: gated[name][0] for name in readers}))
            blocks.append(torch.stack(logits))
        losses = cross_entropy(torch.cat(blocks, dim=1), y)
        found.append(losses[1:] - losses[0])
    return torch.cat(found)


def _fitting(bytes_of_one: int) -> int:
    """How many are in memory together; one at least."""
    return max(BYTES // bytes_of_one, 1)
