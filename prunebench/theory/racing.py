"""The race for norm among neurons that share the error they reduce (paper, conjecture 3.12)."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import activations
from prunebench.theory.growth import conserved

NO_C = 1e-12


def race(
    networks: Networks,
    task: Task,
    rate: float,
    times: Sequence[float],
    members: Bool[Tensor, "seeds neurons"] | None = None,
    max_growth: float = 0.02,
) -> Float[Tensor, "times seeds neurons"]:
    """Effective norms `u_i(t)` by equations (8), from the given networks at time 0.

    Directions, gates and `b_i/|w_i|` stay as they are, and the error that all neurons share falls as their
    norms rise. With the norm signed by the output, `z_i = +-u_i` for v_i along or against `(1,-1)/sqrt2`, and
    `h_is = relu(w_i.x_s + b_i)/|w_i|`:

    `d/dt asinh(2 z_i/|C_i|) = 2 eta sqrt2 mean_s(y_s (1 - p_s) h_is)`,

    p_s being the probability of the right class that follows from `f_1 - f_2 = sqrt2 sum_j z_j h_js`.

    That is eq. (8) with C kept (the paper sets C = 0) and with every neuron's own gates, which are the
    group's where the group shares its cell. A neuron whose output points the wrong way passes through 0 and
    grows on the other side. Integrated by the classical Runge-Kutta rule, in steps in which no asinh changes
    by more than about `max_growth`.

    Args:
        rate: eta, `recipe.flow_rate`; times count in steps.
        times: rising, from 0 up.
        members: the neurons that race; the others are left out of the model and stay at 0. All by default.
    """
    if networks.outputs != 2:
        raise RequestError("networks", networks.outputs, "the race needs two outputs")
    if not len(times) or times[0] < 0 or any(b < a for a, b in itertools.pairwise(times)):
        raise RequestError("times", list(times), "rising times from 0 up are needed")
    nets = networks.to(dtype=torch.float64)
    keep = torch.ones_like(nets.bias, dtype=torch.bool) if members is None else members.to(nets.device)
    y, w_norm = task.signs.to(nets.w_in), nets.norms("incoming")
    signed = nets.norms("effective") * torch.sign(nets.w_out[:, 0] - nets.w_out[:, 1])
    racing = keep & (signed != 0)
    # asinh needs C > 0; one far below rounding is the paper's C = 0.
    half = torch.maximum(conserved(nets).abs() / 2, NO_C * signed.abs())
    paths = signed.new_zeros(len(times), nets.seeds, nets.units)
    for s, hidden in enumerate(activations(nets, task)):
        own = racing[s]
        along = hidden[:, own] / w_norm[s, own]
        paths[:, s, own] = _path(signed[s, own], half[s, own], along, y, rate, times, max_growth).abs()
    return paths.to(networks.dtype)


def _path(
    start: Float[Tensor, " neurons"],
    half: Float[Tensor, " neurons"],
    hidden: Float[Tensor, "samples neurons"],
    y: Float[Tensor, " samples"],
    rate: float,
    times: Sequence[float],
    max_growth: float,
) -> Float[Tensor, "times neurons"]:
    """Signed norms of one network at these times, by its equations in `a_i = asinh(2 z_i/|C_i|)`."""

    def slope(a: Float[Tensor, " neurons"]) -> Float[Tensor, " neurons"]:
        margin = y * (math.sqrt(2) * (hidden @ (half * torch.sinh(a))))
        error = y * torch.sigmoid(-margin)
        return 2 * math.sqrt(2) * rate / len(y) * (error @ hidden)

    a = torch.asinh(start / half)
    now, path = 0.0, []
    for time in times:
        while now < time:
            k1 = slope(a)
            fastest = float(k1.abs().max()) if len(a) else 0.0
            step = min(time - now, max_growth / fastest if fastest > 0 else math.inf)
            k2 = slope(a + step / 2 * k1)
            k3 = slope(a + step / 2 * k2)
            k4 = slope(a + step * k3)
            a = a + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            now = time if step == time - now else now + step
        path.append(half * torch.sinh(a))
    return torch.stack(path)
