"""A batch of networks, one per seed: named tensors over one module."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any, Literal, ParamSpec, TypeVar

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, nn
from torch.func import functional_call

from prunebench.cache import cached
from prunebench.counting import FORWARD, GRADIENT, HESSIAN_PRODUCT, count
from prunebench.errors import RequestError
from prunebench.networks.architecture import SHALLOW, Architecture
from prunebench.networks.derivatives import SAMPLES_AT_ONCE, LossFunction, Objective, Tensors
from prunebench.networks.layers import Layer, Part, Role
from prunebench.networks.module import normalisations, sequential, with_tensors
from prunebench.networks.outcomes import Loss, accuracy, cross_entropy
from prunebench.threads import side_by_side

T = TypeVar("T")
P = ParamSpec("P")

NormKind = Literal["effective", "incoming", "outgoing"]
Side = Literal["both", "incoming", "bias", "outgoing"]
_ROLES: dict[str, tuple[Role, ...]] = {
    "incoming": ("incoming",),
    "bias": ("bias", "scale"),
    "outgoing": ("outgoing",),
    "both": ("incoming", "bias", "scale", "outgoing"),
}


def _recorded(method: Callable[P, T]) -> Callable[P, T]:
    """Lets it take derivatives in inference mode, too, where autograd records nothing of what is made."""

    @wraps(method)
    def recorded(*given: P.args, **named: P.kwargs) -> T:
        with torch.inference_mode(False):
            names = {name: _recordable(value) for name, value in named.items()}
            return method(*map(_recordable, given), **names)

    return recorded


def _recordable(value: Any) -> Any:
    if isinstance(value, Networks):
        return value.map(_recordable)
    return value.clone() if isinstance(value, Tensor) and value.is_inference() else value


@dataclass(frozen=True, eq=False)
class Networks:
    """S networks of one architecture; also their gradients, masks and velocities, which are shaped alike.

    Attributes:
        architecture: the module, and its layers with U units in all.
        tensors: by the module's names, each with the seeds' axis before its own. Networks have all of them;
            gradients and velocities those that are trained; masks (bool) those that may be masked.
    """

    architecture: Architecture
    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        sizes = {len(tensor) for tensor in self.tensors.values()}
        if len(sizes) != 1:
            raise RequestError("networks", sorted(sizes), "tensors of equally many seeds are needed")
        for layer in self.architecture.layers:
            for part in layer.parts:
                if part.tensor in self.tensors:
                    found = self.tensors[part.tensor].shape[part.axis + 1]
                    if found != layer.units * part.repeat:
                        needed = f"{layer.units * part.repeat} along axis {part.axis} are needed"
                        raise RequestError(f"networks[{part.tensor}]", found, needed)

    def __repr__(self) -> str:
        where = f"{str(self.dtype).removeprefix('torch.')} on {self.device}"
        return f"<Networks: {self.seeds} of {self.architecture.in_words}, {where}>"

    def __getitem__(self, name: str) -> Tensor:
        """A tensor (S, ...) by its name in the module. Raises `RequestError` for other names."""
        if name not in self.tensors:
            raise RequestError("networks", name, f"one of {', '.join(self.tensors)}")
        return self.tensors[name]

    # The paper's network by the paper's letters

    @property
    def w_in(self) -> Shaped[Tensor, "seeds neurons inputs"]:
        """Incoming weights W of the shallow network, one row per neuron."""
        return self._shallow("w_in")

    @property
    def bias(self) -> Shaped[Tensor, "seeds neurons"]:
        """Hidden biases b of the shallow network."""
        return self._shallow("bias")

    @property
    def w_out(self) -> Shaped[Tensor, "seeds outputs neurons"]:
        """Outgoing weights V of the shallow network, one column per neuron."""
        return self._shallow("w_out")

    @property
    def inputs(self) -> int:
        """D, the number of inputs of the shallow network."""
        return self.w_in.shape[2]

    def pre_activations(self, x: Float[Tensor, "samples inputs"]) -> Float[Tensor, "seeds samples neurons"]:
        """`W x + b` of every sample in the shallow network."""
        return torch.einsum("nk,sdk->snd", x.to(self.w_in), self.w_in) + self.bias[:, None, :]

    def _shallow(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise RequestError(
                f"networks.{name}",
                self.architecture.name,
                f"only the shallow network has it; here there are {', '.join(self.tensors)}",
            )
        return self.tensors[name]

    # Sizes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The prunable layers, in order."""
        return self.architecture.layers

    @property
    def units(self) -> int:
        """U, the number of units in all layers."""
        return self.architecture.units

    @property
    def seeds(self) -> int:
        """S, the number of networks."""
        return len(self._first)

    @property
    def outputs(self) -> int:
        """C, the number of classes (2 in the paper)."""
        return self.architecture.outputs

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self._first.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' floating type."""
        return self._first.dtype

    @property
    def _first(self) -> Tensor:
        return next(iter(self.tensors.values()))

    # What they compute

    def logits(self, x: Float[Tensor, "samples ..."]) -> Float[Tensor, "seeds samples outputs"]:
        """Outputs before the softmax, in evaluation mode. One network at a time, which bounds the memory."""
        x = self.architecture.shaped(x.to(self._first))
        count(self.seeds * len(x) * FORWARD)
        # Images in parts: what convolutions make of them is then still in the cache when it is read.
        parts = [x] if self.architecture.shape is None else x.split(SAMPLES_AT_ONCE)

        def compute(s: int) -> Tensor:
            module = self.architecture.own_module
            return torch.cat([functional_call(module, self._one(s), (part,)) for part in parts])

        rows = self.each(compute)
        return torch.stack(rows) if rows else x.new_zeros(0, len(x), self.outputs)

    def accuracy(
        self, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"]
    ) -> Float[Tensor, " seeds"]:
        """Share of samples whose largest logit is the label's; classes that tie share the credit."""
        return accuracy(self.logits(x), y)

    def loss(self, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"]) -> Float[Tensor, " seeds"]:
        """Mean cross-entropy in nats."""
        return cross_entropy(self.logits(x), y)

    @_recorded
    def gradient(
        self,
        x: Float[Tensor, "samples ..."],
        y: Int64[Tensor, " samples"],
        dtype: torch.dtype | None = None,
        *,
        loss: Loss | LossFunction = "cross_entropy",
        temperature: float = 1.0,
    ) -> "Networks":
        """Gradient of the mean loss over the given samples, in evaluation mode; 0 for frozen parameters.

        One network at a time on each thread, in `dtype` where one is given (float64 keeps sums that cancel
        exact) and returned in it. `temperature` divides the logits.
        """
        nets = self.to(dtype=dtype)
        inputs = [*self.tensors.values(), x, y]
        x, y = nets.architecture.shaped(x.to(nets._first)), y.to(nets.device)

        def compute() -> tuple[Tensor, ...]:
            rows = nets.each(lambda s: nets._objective(loss, temperature).gradient(*nets._one(s), x, y))
            return tuple(torch.stack([row[name] for row in rows]) for name in nets.architecture.trainable)

        name = f"gradient of {loss} / {temperature} in {self.architecture.key}, {nets.dtype}"
        if isinstance(loss, str):
            found = cached(name, inputs, compute, passes=nets.seeds * len(x) * GRADIENT)
        else:
            count(nets.seeds * len(x) * GRADIENT)
            found = compute()
        frozen = {name: torch.zeros_like(nets[name]) for name in nets.architecture.frozen}
        return nets.like({**dict(zip(nets.architecture.trainable, found, strict=True)), **frozen})

    @_recorded
    def hessian_vector_product(
        self,
        direction: "Networks",
        x: Float[Tensor, "samples ..."],
        y: Int64[Tensor, " samples"],
        *,
        loss: Loss | LossFunction = "cross_entropy",
        temperature: float = 1.0,
    ) -> "Networks":
        """The Hessian of `gradient`'s loss times a direction that is shaped like a gradient; in its dtype."""
        nets = self.to(dtype=direction.dtype)
        x, y = nets.architecture.shaped(x.to(nets._first)), y.to(nets.device)
        count(nets.seeds * len(x) * HESSIAN_PRODUCT)

        def compute(s: int) -> Tensors:
            trained, rest = nets._one(s)
            along = {name: direction[name][s] for name in trained}
            return nets._objective(loss, temperature).gradient(trained, rest, x, y, along)

        rows = nets.each(compute)
        return nets.like({name: torch.stack([row[name] for row in rows]) for name in rows[0]})

    def _one(self, seed: int) -> tuple[Tensors, Tensors]:
        """One network's tensors without the seeds' axis: what is trained, and the rest."""
        trainable = self.architecture.trainable
        parts = {name: tensor[seed] for name, tensor in self.tensors.items()}
        rest = {name: tensor for name, tensor in parts.items() if name not in trainable}
        return {name: parts[name] for name in trainable}, rest

    @_recorded
    def fisher_diagonal(
        self, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"], *, loss: Loss = "cross_entropy"
    ) -> "Networks":
        """The mean over samples of each sample's squared gradient (the empirical Fisher matrix's diagonal).

        In evaluation mode, of what training changes.
        """
        x, y = self.architecture.shaped(x.to(self._first)), y.to(self.device)
        count(self.seeds * len(x) * GRADIENT)
        rows = self.each(lambda s: self._objective(loss).mean_squares(*self._one(s), x, y))
        return self.like({name: torch.stack([row[name] for row in rows]) for name in rows[0]})

    @_recorded
    def gate_gradients(
        self, x: Float[Tensor, "samples ..."], y: Int64[Tensor, " samples"], *, loss: Loss = "cross_entropy"
    ) -> Float[Tensor, "seeds samples units"]:
        """`h_i dl_s/dh_i`: the derivative of each sample's loss by a gate of 1 on each unit.

        Samples are in the order in which layers read them: that of `x`, unless forward changes it.
        """
        x, y = self.architecture.shaped(x.to(self._first)), y.to(self.device)
        count(self.seeds * len(x) * GRADIENT)
        gates = self._first.new_ones(self.units)

        def compute(s: int) -> Tensor:
            one = self.select(s)
            objective = self._objective(loss)
            return objective.by_gates(self.layers, lambda g: one.gated(g[None])._one(0), gates, x, y)

        return torch.stack(self.each(compute))

    def _objective(self, loss: Loss | LossFunction, temperature: float = 1.0) -> Objective:
        architecture = self.architecture
        return Objective(
            lambda: architecture.own_module,
            loss,
            temperature,
            whole=architecture.shape is None,
            attends=architecture.attends,
        )

    def each(self, compute: Callable[[int], T]) -> list[T]:
        """What is computed of each network, by its position: one on each thread of a CPU.

        The shallow network's products may be split over threads, which the stored scores were computed with.
        """
        if self.architecture.shape is None:
            return [compute(s) for s in range(self.seeds)]
        return list(side_by_side(compute, self.seeds, self.device))

    # What belongs to a unit

    def norms(self, kind: NormKind = "effective") -> Float[Tensor, "seeds units"]:
        """`|w_i|` (incoming), `|v_i|` (outgoing) or `u_i = |w_i||v_i|` (effective; paper, section 4).

        Where batch normalisation follows, the length of `w_i` means nothing: the gain `|gamma_i|` stands for
        it (1 where normalisation has none).
        """
        if kind == "effective":
            return self.norms("incoming") * self.norms("outgoing")
        if kind == "incoming":
            return self._by_layer(
                _length, lambda layer: layer.of("scale" if layer.of("statistic") else "incoming"), without=1.0
            )
        if kind == "outgoing":
            return self._by_layer(_length, lambda layer: layer.of("outgoing"))
        raise RequestError("norms kind", kind, "one of effective, incoming, outgoing")

    def unit_sums(self, *sides: Side) -> Shaped[Tensor, "seeds units"]:
        """Sums over each unit's numbers on these sides (all, if none is named), of tensors that are there.

        `incoming` and `outgoing` weights, `bias` (with the gain and shift of normalisation), or `both`, which
        is all three.
        """
        for side in sides:
            if side not in _ROLES:
                raise RequestError("unit_sums side", side, f"one of {', '.join(_ROLES)}")
        roles = [role for side in sides or ("both",) for role in _ROLES[side]]
        return self._by_layer(_sum, lambda layer: layer.of(*roles))

    def _by_layer(
        self,
        reduce: Callable[[list[Tensor]], Tensor],
        parts_of: Callable[[Layer], Sequence[Part]],
        *,
        without: float = 0.0,
    ) -> Tensor:
        """A value for each unit from its numbers in some parts; `without` any."""
        rows = []
        for layer in self.layers:
            parts = [part for part in parts_of(layer) if part.tensor in self.tensors]
            numbers = [part.by_unit(self.tensors[part.tensor]) for part in parts]
            none = self._first.new_full((self.seeds, layer.units), without)
            rows.append(reduce(numbers) if numbers else none)
        return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)

    def finite(self) -> Bool[Tensor, " seeds"]:
        """Whether all numbers of each network are: training that diverges leaves NaN and infinities.

        But constants of the module's may be infinite, as the -inf of a mask.
        """
        moved = {part.tensor for layer in self.layers for part in layer.parts}
        moved |= {*self.architecture.trainable}
        fine = [t.isfinite() if name in moved else ~t.isnan() for name, t in self.tensors.items()]
        rows = [one[:, None].flatten(1) for one in fine]  # of a buffer one number each
        return torch.stack([row.all(dim=1) for row in rows]).all(dim=0)

    # Other networks made of these

    def like(self, tensors: Mapping[str, Tensor]) -> "Networks":
        """Other tensors of the same architecture."""
        return Networks(self.architecture, tensors)

    def map(self, function: Callable[..., Tensor], *others: "Networks") -> "Networks":
        """`function` of each tensor, and of the others' tensors of that name; what some lack is left out."""
        names = [name for name in self.tensors if all(name in other.tensors for other in others)]
        return self.like(
            {name: function(self.tensors[name], *(o.tensors[name] for o in others)) for name in names}
        )

    def gated(self, gates: Float[Tensor, "seeds units"]) -> "Networks":
        """The networks with each unit's outgoing weights times its gate: 0 switches the unit off."""
        if gates.shape != (self.seeds, self.units):
            raise RequestError("gates", tuple(gates.shape), f"shape ({self.seeds}, {self.units}) is needed")
        tensors = dict(self.tensors)
        for layer, own in self.architecture.by_layer(gates.to(self._first)):
            for part in layer.of("outgoing"):
                values = tensors[part.tensor]
                tensors[part.tensor] = values * part.spread(own, values)
        return self.like(tensors)

    def keep(self, units: Int64[Tensor, "seeds kept"] | Mapping[str, Tensor]) -> "Networks":
        """The networks that have only these units: for each layer by name, a row (k,) for each seed.

        Networks of one layer take its rows as they are. A layer that is not named keeps all.
        """
        layers = {layer.name: layer for layer in self.layers}
        names = ", ".join(layers)
        if isinstance(units, Tensor):
            if len(self.layers) != 1:
                raise RequestError("keep", "one tensor", f"a tensor for each of the layers {names}")
            units = {self.layers[0].name: units}
        tensors = dict(self.tensors)
        for name, kept in units.items():
            if name not in layers:
                raise RequestError("keep", name, f"one of the layers {names}")
            indices = self._checked(layers[name], kept)
            for part in layers[name].parts:
                if part.tensor in tensors:
                    tensors[part.tensor] = part.take(tensors[part.tensor], indices)
        widths = {name: kept.shape[1] for name, kept in units.items()}
        return Networks(self.architecture.narrowed(widths), tensors)

    def _checked(self, layer: Layer, kept: Tensor) -> Int64[Tensor, "seeds kept"]:
        if kept.ndim != 2 or kept.shape[0] != self.seeds or kept.shape[1] < 1:
            accepted = f"shape ({self.seeds}, k) with k >= 1 is needed"
            raise RequestError("keep indices", tuple(kept.shape), accepted)
        low, high = int(kept.min()), int(kept.max())
        if low < 0 or high >= layer.units:
            raise RequestError("keep indices", (low, high), f"units are numbered 0 to {layer.units - 1}")
        return kept.to(self.device)

    def select(self, seeds: int | slice | list[int]) -> "Networks":
        """The networks at these positions of the batch (positions, not seed values)."""
        index = slice(seeds, seeds + 1 or None) if isinstance(seeds, int) else seeds
        return self.map(lambda tensor: tensor[index])

    @staticmethod
    def cat(parts: "Sequence[Networks]") -> "Networks":
        """Batches of equally shaped networks as one batch."""
        return parts[0].map(lambda *tensors: torch.cat(tensors), *parts[1:])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Networks":
        """A copy on another device or in another floating type; itself where nothing changes.

        What is no floating number, as masks, stays in its own type.
        """
        moved = self.map(lambda t: t.to(device=device, dtype=dtype if t.is_floating_point() else None))
        unchanged = all(moved.tensors[name] is tensor for name, tensor in self.tensors.items())
        return self if unchanged else moved

    def clone(self) -> "Networks":
        """A copy that shares no memory with this one, each tensor in one piece in the order of its axes."""
        return self.map(lambda tensor: tensor.clone(memory_format=torch.contiguous_format))

    @property
    def trained(self) -> "Networks":
        """The tensors that training changes alone."""
        return self.like({name: self.tensors[name] for name in self.architecture.trainable})

    def zeros_like(self) -> "Networks":
        """Zeros in place of all numbers."""
        return self.map(torch.zeros_like)

    def full_masks(self) -> "Networks":
        """Masks that mask nothing: True for every weight; biases, gains and statistics have no mask."""
        names = self.architecture.weights
        return self.like({name: torch.ones_like(self.tensors[name], dtype=torch.bool) for name in names})

    def masked(self, masks: "Networks | None") -> "Networks":
        """A copy whose weights are exactly 0 where `masks` is False; a plain copy for None."""
        there = {} if masks is None else masks.tensors
        return self.like(
            {
                name: tensor * there[name] if name in there else tensor.clone()
                for name, tensor in self.tensors.items()
            }
        )

    def to_module(self, index: int, *, trim: bool = True) -> nn.Module:
        """One network as a module of its own; `pb.from_module` is the way back.

        Weights are copied, in their dtype and on their device. The shallow network becomes
        `nn.Sequential(Linear, ReLU, Linear(bias=False))`, and `trim` leaves out neurons at its end that are
        all 0, with which `theory.merge` fills up narrower networks: a merged network is really smaller, and
        computes the same.
        """
        if not 0 <= index < self.seeds:
            raise RequestError("network", index, f"the batch's networks are numbered 0 to {self.seeds - 1}")
        tensors = {name: tensor[index].detach() for name, tensor in self.tensors.items()}
        if self.architecture.name == SHALLOW:
            return sequential(**tensors, trim=trim)
        module = with_tensors(self.architecture.module, tensors)
        for one in normalisations(module).values():  # in a state_dict the author's own module has it, too
            if one.running_mean is not None:
                one.num_batches_tracked = torch.tensor(0, device=one.running_mean.device)
        return module


def _length(numbers: list[Tensor]) -> Tensor:
    """Euclidean length of each unit's numbers, (S, units, n) each."""
    return torch.linalg.vector_norm(numbers[0] if len(numbers) == 1 else torch.cat(numbers, dim=2), dim=2)


def _sum(numbers: list[Tensor]) -> Tensor:
    return reduce(torch.add, (own.sum(dim=2) for own in numbers))
