"""What the loss owes to single units: how much it rises when a unit alone is gated."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.cache import cached
from prunebench.counting import FORWARD
from prunebench.networks.networks import Networks
from prunebench.networks.outcomes import cross_entropy
from prunebench.networks.replay import Replay

# Of the samples that run together, the results of all operations are kept; they are at most so many.
BYTES, SAMPLES = 200_000_000, 256


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
    gates = 1 - torch.eye(one.units, device=one.device, dtype=one.dtype)
    at_once = BYTES // Replay(module, tensors, x[:1]).bytes
    blocks = []
    for samples in x.split(min(max(at_once, 1), SAMPLES)):
        run = Replay(module, tensors, samples)
        logits = [run.logits]
        for layer, row in zip(layer_of, gates, strict=True):
            gated = one.gated(row[None])
            readers = {part.tensor for part in one.layers[layer].of("outgoing")}
            logits.append(run.logits_with({name: gated[name][0] for name in readers}))
        blocks.append(torch.stack(logits))
    losses = cross_entropy(torch.cat(blocks, dim=1), y)
    return losses[1:] - losses[0]
