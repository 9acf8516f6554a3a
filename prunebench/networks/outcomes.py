"""What the logits of a batch of networks are worth, given the labels."""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor

Loss = Literal["cross_entropy", "even"]


def cross_entropy(
    logits: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " seeds"]:
    """Mean cross-entropy of each network in nats."""
    return -_of_labels(logits.log_softmax(dim=2), y).mean(dim=1)


def even_loss(
    logits: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " seeds"]:
    """`-mean_s (f_{y_s}(x_s) - mean_c f_c(x_s))`: cross-entropy where all classes stay equally likely.

    It is the limit of a high temperature, linear in the logits: neither its gradient nor its Hessian fades
    when the network learns. In the paper's network it is the loss on the plateau, where p = 1/2
    (docs/theory.md).
    """
    return (logits.mean(dim=2) - _of_labels(logits, y)).mean(dim=1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": cross_entropy, "even": even_loss}


def accuracy(
    logits: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " seeds"]:
    """Share of samples that each network classifies right; in float64 a count over N is written short."""
    return _of_labels(predictions(logits), y).mean(dim=1)


def predictions(logits: Float[Tensor, "*batch outputs"]) -> Float[Tensor, "*batch outputs"]:
    """1 for the class of the largest logit; classes that tie exactly, as all do at 0, share it evenly.

    What a guess among them gets on average: a network that says nothing is at chance, whichever class is
    called 0. Logits that are NaN predict nothing.
    """
    largest = (logits == logits.amax(dim=-1, keepdim=True)).double()
    return largest / largest.sum(dim=-1, keepdim=True).clamp(min=1)


def _of_labels(values: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]) -> Tensor:
    """What each sample has for its own class, (seeds, samples)."""
    return values.gather(2, y.to(values.device).expand(len(values), -1)[:, :, None]).squeeze(2)
