"""What can be pruned of a network: its layers, their units, and the numbers that belong to each unit."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

# In the order in which a layer lists its parts.
Role = Literal["incoming", "bias", "scale", "statistic", "outgoing"]


@dataclass(frozen=True)
class Part:
    """The slices of one tensor that belong to a layer's units.

    Attributes:
        tensor: name of the parameter or buffer in the module.
        axis: along which units are numbered; the seeds' axis, which comes before all others, doesn't count.
        role: what the numbers are to a unit. The shift of a normalisation is a bias, its gain a scale.
        repeat: neighbouring indices that one unit owns: after a flatten a channel owns height times width.
    """

    tensor: str
    axis: int
    role: Role
    repeat: int = 1

    def by_unit(self, values: Shaped[Tensor, "seeds ..."]) -> Shaped[Tensor, "seeds units numbers"]:
        """The numbers in this part, a row for each unit."""
        units = values.shape[self.axis + 1] // self.repeat
        return values.movedim(self.axis + 1, 1).reshape(len(values), units, -1)

    def spread(
        self, factors: Float[Tensor, "seeds units"], values: Float[Tensor, "seeds ..."]
    ) -> Float[Tensor, "seeds ..."]:
        """A factor for each unit in a shape that multiplies this part's numbers in `values`."""
        return self._along(factors.repeat_interleave(self.repeat, dim=1), values)

    def combined(
        self, values: Float[Tensor, "seeds ..."], weights: Float[Tensor, "seeds sums units"]
    ) -> Float[Tensor, "seeds ..."]:
        """Weighted sums of the units' numbers in place of the units."""
        inside = values.movedim(self.axis + 1, 1)
        sums = weights.to(values) @ inside.reshape(len(values), weights.shape[2], -1)
        shape = len(values), weights.shape[1] * self.repeat, *inside.shape[2:]
        return sums.reshape(shape).movedim(1, self.axis + 1).contiguous()

    def take(
        self, values: Shaped[Tensor, "seeds ..."], units: Int64[Tensor, "seeds kept"]
    ) -> Shaped[Tensor, "seeds ..."]:
        """The numbers of these units alone, in their order."""
        own = torch.arange(self.repeat, device=units.device)
        indices = (units[:, :, None] * self.repeat + own).flatten(1)
        wanted = (*values.shape[: self.axis + 1], -1, *values.shape[self.axis + 2 :])
        return values.gather(self.axis + 1, self._along(indices, values).expand(wanted))

    def _along(
        self, rows: Shaped[Tensor, "seeds numbers"], values: Shaped[Tensor, "seeds ..."]
    ) -> Shaped[Tensor, "seeds ..."]:
        """Each seed's row along the axis of the units, with as many axes as `values` have."""
        return rows.reshape(len(rows), *[1] * self.axis, rows.shape[1], *[1] * (values.ndim - self.axis - 2))


@dataclass(frozen=True)
class Layer:
    """Units of one kind, numbered together. Those that a shortcut adds up are one, with several producers.

    Attributes:
        name: path of the module that produces the units; of several, of the first to run.
        units: U_l, how many there are.
        parts: all numbers that belong to them.
    """

    name: str
    units: int
    parts: tuple[Part, ...]

    def __repr__(self) -> str:
        return f"<Layer {self.name}: {self.units:,} units>"

    def of(self, *roles: Role) -> tuple[Part, ...]:
        """The parts with one of these roles."""
        return tuple(part for part in self.parts if part.role in roles)
