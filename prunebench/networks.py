"""A batch of single-hidden-layer ReLU networks, one per seed, as plain tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from prunebench.errors import RequestError
from prunebench.remembered import remembered

NormKind = Literal["effective", "incoming", "outgoing"]
NeuronWeights = Literal["both", "incoming", "outgoing"]


@dataclass(frozen=True, eq=False)
class Networks:
    """S networks `f(x) = softmax(V relu(W x + b))` with d hidden neurons, D inputs and C outputs.

    Also used for whatever has the shape of the weights: gradients and velocities.

    Attributes:
        w_in: incoming weights W, one row per neuron.
        bias: hidden biases b. There is no output bias.
        w_out: outgoing weights V, one column per neuron.
    """

    w_in: Float[Tensor, "seeds neurons inputs"]
    bias: Float[Tensor, "seeds neurons"]
    w_out: Float[Tensor, "seeds outputs neurons"]

    def __post_init__(self) -> None:
        seeds, neurons, _ = self.w_in.shape
        if self.bias.shape != (seeds, neurons) or self.w_out.shape[::2] != (seeds, neurons):
            shapes = tuple(tuple(t.shape) for t in self.tensors)
            raise RequestError("networks", shapes, "shapes must be (S,d,D), (S,d), (S,C,d)")

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three tensors, in the order of the fields."""
        return self.w_in, self.bias, self.w_out

    @property
    def seeds(self) -> int:
        """S, the number of networks."""
        return self.w_in.shape[0]

    @property
    def width(self) -> int:
        """d, the number of hidden neurons."""
        return self.w_in.shape[1]

    @property
    def inputs(self) -> int:
        """D, the number of inputs."""
        return self.w_in.shape[2]

    @property
    def outputs(self) -> int:
        """C, the number of outputs (2 in the paper)."""
        return self.w_out.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.w_in.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' floating type."""
        return self.w_in.dtype

    def pre_activations(self, x: Float[Tensor, "samples inputs"]) -> Float[Tensor, "seeds samples neurons"]:
        """`W x + b` of every sample."""
        return torch.einsum("nk,sdk->snd", x.to(self.w_in), self.w_in) + self.bias[:, None, :]

    def logits(self, x: Float[Tensor, "samples inputs"]) -> Float[Tensor, "seeds samples outputs"]:
        """Outputs before the softmax. Computed one network at a time, which bounds the memory."""
        x = x.to(self.w_in)
        rows = [
            torch.relu(torch.addmm(bias, x, w_in.T)) @ w_out.T
            for w_in, bias, w_out in zip(*self.tensors, strict=True)
        ]
        return torch.stack(rows) if rows else x.new_zeros(0, x.shape[0], self.outputs)

    def accuracy(
        self, x: Float[Tensor, "samples inputs"], y: Int64[Tensor, " samples"]
    ) -> Float[Tensor, " seeds"]:
        """Share of samples whose largest logit is the label's; classes that tie share the credit."""
        return accuracy(self.logits(x), y)

    def loss(
        self, x: Float[Tensor, "samples inputs"], y: Int64[Tensor, " samples"]
    ) -> Float[Tensor, " seeds"]:
        """Mean cross-entropy in nats."""
        return cross_entropy(self.logits(x), y)

    def norms(self, kind: NormKind = "effective") -> Float[Tensor, "seeds neurons"]:
        """`|w_i|` (incoming), `|v_i|` (outgoing) or `u_i = |w_i||v_i|` (effective; paper, section 4)."""
        if kind == "incoming":
            return torch.linalg.vector_norm(self.w_in, dim=2)
        if kind == "outgoing":
            return torch.linalg.vector_norm(self.w_out, dim=1)
        if kind == "effective":
            return self.norms("incoming") * self.norms("outgoing")
        raise RequestError("norms kind", kind, "one of effective, incoming, outgoing")

    def neuron_sums(self, weights: NeuronWeights = "both") -> Float[Tensor, "seeds neurons"]:
        """Sums over each neuron's incoming weights with its bias, its outgoing weights, or both."""
        incoming = self.w_in.sum(dim=2) + self.bias
        if weights == "incoming":
            return incoming
        outgoing = self.w_out.sum(dim=1)
        if weights == "outgoing":
            return outgoing
        if weights == "both":
            return incoming + outgoing
        raise RequestError("weights", weights, "one of both, incoming, outgoing")

    def keep(self, indices: Int64[Tensor, "seeds kept"]) -> "Networks":
        """The networks that have only the neurons `indices` (one row per seed, in that order)."""
        if indices.ndim != 2 or indices.shape[0] != self.seeds or indices.shape[1] < 1:
            raise RequestError(
                "keep indices", tuple(indices.shape), f"shape ({self.seeds}, k) with k >= 1 is needed"
            )
        indices = indices.to(self.device)
        if int(indices.min()) < 0 or int(indices.max()) >= self.width:
            raise RequestError(
                "keep indices",
                (int(indices.min()), int(indices.max())),
                f"neurons are numbered 0 to {self.width - 1}",
            )
        return Networks(
            w_in=self.w_in.gather(1, indices[:, :, None].expand(-1, -1, self.inputs)),
            bias=self.bias.gather(1, indices),
            w_out=self.w_out.gather(2, indices[:, None, :].expand(-1, self.outputs, -1)),
        )

    def select(self, seeds: int | slice | list[int]) -> "Networks":
        """The networks at these positions of the batch (positions, not seed values)."""
        index = slice(seeds, seeds + 1) if isinstance(seeds, int) else seeds
        return Networks(*(t[index] for t in self.tensors))

    @staticmethod
    def cat(parts: "Sequence[Networks]") -> "Networks":
        """Batches of equally shaped networks as one batch."""
        return Networks(*(torch.cat(tensors) for tensors in zip(*(p.tensors for p in parts), strict=True)))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Networks":
        """A copy on another device or in another floating type; itself where nothing changes."""
        moved = [t.to(device=device, dtype=dtype) for t in self.tensors]
        unchanged = all(a is b for a, b in zip(moved, self.tensors, strict=True))
        return self if unchanged else Networks(*moved)

    def to_module(self, index: int, *, trim: bool = True) -> nn.Sequential:
        """One network as `nn.Sequential(Linear, ReLU, Linear(bias=False))`; `pb.from_module` is the way back.

        Weights are copied, in their dtype and on their device. `trim` leaves out neurons at the end that are
        all 0, with which `theory.merge` fills up narrower networks: a merged network is really smaller, and
        computes the same.
        """
        if not 0 <= index < self.seeds:
            raise RequestError("network", index, f"the batch's networks are numbered 0 to {self.seeds - 1}")
        w_in, bias, w_out = (tensor[index].detach() for tensor in self.tensors)
        width = self.width
        if trim:
            used = ((w_in != 0).any(dim=1) | (bias != 0) | (w_out != 0).any(dim=0)).nonzero()
            width = 1 + int(used.max()) if len(used) else 1
        return nn.Sequential(_linear(w_in[:width], bias[:width]), nn.ReLU(), _linear(w_out[:, :width]))

    def clone(self) -> "Networks":
        """A copy that shares no memory with this one."""
        return Networks(*(t.clone() for t in self.tensors))

    def zeros_like(self) -> "Networks":
        """Zeros of these shapes: the velocity that training starts from."""
        return Networks(*(torch.zeros_like(t) for t in self.tensors))

    def masked(self, masks: "Masks | None") -> "Networks":
        """A copy whose weights are exactly 0 where `masks` is False; a plain copy for None."""
        if masks is None:
            return self.clone()
        return Networks(self.w_in * masks.w_in, self.bias.clone(), self.w_out * masks.w_out)

    def gradient(
        self,
        x: Float[Tensor, "samples inputs"],
        y: Int64[Tensor, " samples"],
        dtype: torch.dtype | None = None,
    ) -> "Networks":
        """Gradient of the mean cross-entropy over the given samples, in closed form (paper, appendix A).

        One network at a time, in `dtype` where one is given (float64 keeps sums that cancel exact) and
        returned in it.
        """
        nets = self.to(dtype=dtype)
        name = f"gradient in {nets.dtype}"
        return Networks(*remembered(name, [*self.tensors, x, y], lambda: nets._gradient(x, y).tensors))

    def _gradient(self, x: Float[Tensor, "samples inputs"], y: Int64[Tensor, " samples"]) -> "Networks":
        x = x.to(self.w_in)
        residual_of = torch.nn.functional.one_hot(y.to(self.device), self.outputs).to(self.dtype)
        grads = self.zeros_like()
        for s in range(self.seeds):
            hidden = torch.relu(torch.addmm(self.bias[s], x, self.w_in[s].T))
            residual = (torch.softmax(hidden @ self.w_out[s].T, dim=1) - residual_of) / len(x)
            back = (residual @ self.w_out[s]) * (hidden > 0)
            torch.mm(back.T, x, out=grads.w_in[s])
            torch.sum(back, dim=0, out=grads.bias[s])
            torch.mm(residual.T, hidden, out=grads.w_out[s])
        return grads


@dataclass(frozen=True, eq=False)
class Masks:
    """Which weights of `Networks` live (True). Masked weights stay exactly 0; biases are never masked."""

    w_in: Bool[Tensor, "seeds neurons inputs"]
    w_out: Bool[Tensor, "seeds outputs neurons"]

    @classmethod
    def full(cls, networks: Networks) -> "Masks":
        """Masks that mask nothing."""
        return cls(*(torch.ones_like(t, dtype=torch.bool) for t in (networks.w_in, networks.w_out)))

    def to(self, device: torch.device | str) -> "Masks":
        """The masks on another device."""
        return Masks(self.w_in.to(device), self.w_out.to(device))

    def survivors(self) -> Int64[Tensor, "seeds neurons"]:
        """Living weights of every neuron, incoming and outgoing together."""
        return self.w_in.sum(dim=2) + self.w_out.sum(dim=1)

    def sparsity(self) -> Float[Tensor, " seeds"]:
        """Share of all maskable weights that are masked."""
        total = self.w_in[0].numel() + self.w_out[0].numel()
        return 1 - self.survivors().sum(dim=1) / total


def cross_entropy(
    logits: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " seeds"]:
    """Mean cross-entropy of each network in nats."""
    picked = logits.log_softmax(dim=2).gather(2, y.to(logits.device).expand(len(logits), -1)[:, :, None])
    return -picked.mean(dim=(1, 2))


def accuracy(
    logits: Float[Tensor, "seeds samples outputs"], y: Int64[Tensor, " samples"]
) -> Float[Tensor, " seeds"]:
    """Share of samples that each network classifies right; in float64 a count over N is written short."""
    own = y.to(logits.device).expand(len(logits), -1)[:, :, None]
    return predictions(logits).gather(2, own).squeeze(2).mean(dim=1)


def predictions(logits: Float[Tensor, "*batch outputs"]) -> Float[Tensor, "*batch outputs"]:
    """1 for the class of the largest logit; classes that tie exactly, as all do at 0, share it evenly.

    What a guess among them gets on average: a network that says nothing is at chance, whichever class is
    called 0. Logits that are NaN predict nothing.
    """
    largest = (logits == logits.amax(dim=-1, keepdim=True)).double()
    return largest / largest.sum(dim=-1, keepdim=True).clamp(min=1)


def _linear(
    weight: Float[Tensor, "outputs inputs"], bias: Float[Tensor, " outputs"] | None = None
) -> nn.Linear:
    """A layer with these weights; an ordinary one would first draw its own from the global generator."""
    outputs, inputs = weight.shape
    kind = {"device": weight.device, "dtype": weight.dtype}
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias is not None, **kind)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer
