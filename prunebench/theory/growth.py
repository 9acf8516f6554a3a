"""How fast a neuron's norm grows before the loss drops (paper, theorem 3.11 and appendix E)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import effective_data


def growth_rate(networks: Networks, task: Task, rate: float) -> Float[Tensor, "seeds neurons"]:
    """`R = eta |T| cos(dtheta) cos(psi) / (sqrt2 N)` per step: `d/dt asinh(2u/|C|) = 2R` (eqs. 78-85).

    `psi_i` is the angle between v_i and `c_i (1,-1)/sqrt2`. Exact on the plateau (p = 1/2) for b = 0 under
    gradient flow; 0 for a neuron without gated samples or without weights.

    Args:
        rate: eta, `recipe.flow_rate`.
    """
    norms = networks.to(dtype=torch.float64).norms("effective")
    # The orientation enters twice: c^2 = 1.
    projections = effective_data(networks, task).projection * _readout(networks)
    cosines = torch.where(norms > 0, projections / torch.where(norms > 0, norms, 1.0), 0.0)
    return (cosines * rate / (math.sqrt(2) * task.samples)).to(networks.dtype)


def conserved(networks: Networks) -> Float[Tensor, "seeds neurons"]:
    """`C = |w|^2 - |v|^2`, which gradient flow leaves as it is while b is small (eq. 76)."""
    precise = networks.to(dtype=torch.float64)
    return (precise.norms("incoming") ** 2 - precise.norms("outgoing") ** 2).to(networks.dtype)


def asinh_growth(before: Networks, after: Networks) -> Float[Tensor, "seeds neurons"]:
    """Measured growth `asinh(2u/|C|)(after) - asinh(2u/|C|)(before)`, with C of `before`.

    Computed as `log (u + sqrt(u^2 + C^2/4))`, which for C -> 0 becomes the paper's `log u(t)/u(0)`. Neurons
    without weights have not grown: 0.
    """
    dtype = before.dtype
    before, after = before.to(dtype=torch.float64), after.to(dtype=torch.float64)
    half = conserved(before) / 2
    then, now = (u + torch.hypot(u, half) for u in (before.norms("effective"), after.norms("effective")))
    grown = (now > 0) & (then > 0)
    return torch.where(grown, torch.log(torch.where(grown, now / then, 1.0)), 0.0).to(dtype)


def predicted_asinh_growth(
    rates: Float[Tensor, "times seeds neurons"], steps: Sequence[int]
) -> Float[Tensor, "seeds neurons"]:
    """`2 integral R dt` by the trapezoid rule, for growth rates seen at these steps."""
    if len(steps) != len(rates) or len(steps) < 2:
        raise RequestError("steps", len(steps), f"one step for each of at least two rates ({len(rates)})")
    times = torch.tensor(steps, dtype=rates.dtype, device=rates.device)
    return 2 * torch.trapezoid(rates, times, dim=0)


def growing_mode(
    networks: Networks, task: Task
) -> tuple[Float[Tensor, "seeds neurons"], Float[Tensor, "seeds neurons"]]:
    """Amplitude and sign of the mode that grows in the race of one neuron inside its cell (ours).

    With `a = v.u`, `u = (1,-1)/sqrt2`, `T+ = sum_{gated} y_s x_s` and `q = w.T+/|T+|`, the linearised race is
    `da/dt = lambda q`, `dq/dt = lambda a`, `lambda = eta |T+|/(sqrt2 N)`: `a + q` grows like `exp(lambda t)`
    and `a - q` decays.

    Returns:
        `|a + q| |T+|`, and `sign(a + q)`, the predicted sign of the final outgoing weights along u.
    """
    data = effective_data(networks, task)
    mode = _readout(networks) + data.projection / torch.where(data.length > 0, data.length, 1.0)
    return (mode.abs() * data.length).to(networks.dtype), torch.sign(mode).to(networks.dtype)


def _readout(networks: Networks) -> Float[Tensor, "seeds neurons"]:
    """`a = v.(1,-1)/sqrt2` in float64."""
    if networks.outputs != 2:
        raise RequestError("networks", networks.outputs, "the growth law needs two outputs")
    w_out = networks.w_out.double()
    return (w_out[:, 0] - w_out[:, 1]) / math.sqrt(2)
