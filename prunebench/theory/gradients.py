"""The gradient in polar form: norms and angles of incoming and outgoing weights (paper, section 3.1)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.counting import GRADIENT, count
from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import activations


class PolarGradient(NamedTuple):
    """`-dL/d.` of the mean cross-entropy over the training set, for every neuron (equations 2-6 and 22-26).

    With the error `e_s = onehot(y_s) - softmax(f(x_s))` of length A_s and direction alpha_s, `v = |v| (cos
    phi, sin phi)` and averages over all N samples, of which only the gated ones contribute:

    Attributes:
        outgoing_norm: `-dL/d|v| = mean(A relu(w.x + b) cos(alpha - phi))` (eq. 22).
        outgoing_angle: `-dL/dphi = |v| mean(A relu(w.x + b) sin(alpha - phi))` (eq. 23).
        incoming_angles: `-dL/dtheta_k = |v| |w| q . d(w/|w|)/dtheta_k`, `q = mean(A cos(alpha - phi) g x)`
            (eq. 24), for the D-1 hyperspherical angles of `w_1 = |w| cos theta_1`, `w_2 = |w| sin theta_1 cos
            theta_2`, ..., `w_D = |w| sin theta_1 ... sin theta_D-1`, all in [0, pi] but the last.
        incoming_norm: `-dL/d|w| = |v| q . w/|w|` (eq. 25).
        bias: `-dL/db = |v| mean(A cos(alpha - phi) g)` (eq. 26).

    Neurons with w = 0 or v = 0 have no direction: what needs it is 0 there.
    """

    outgoing_norm: Float[Tensor, "seeds neurons"]
    outgoing_angle: Float[Tensor, "seeds neurons"]
    incoming_angles: Float[Tensor, "seeds neurons angles"]
    incoming_norm: Float[Tensor, "seeds neurons"]
    bias: Float[Tensor, "seeds neurons"]


class PolarSpeed(NamedTuple):
    """How fast gradient flow of rate 1 moves a neuron: norms in weight units, directions in radians.

    Attributes:
        incoming_norm: `d|w|/dt = |v| q . w/|w|`.
        incoming_direction: `|v| |q - (q.w/|w|) w/|w|| / |w|`, the angle that w turns by.
        outgoing_norm: `d|v|/dt`.
        outgoing_direction: `dphi/dt = (-dL/dphi) / |v|^2`.
    """

    incoming_norm: Float[Tensor, "seeds neurons"]
    incoming_direction: Float[Tensor, "seeds neurons"]
    outgoing_norm: Float[Tensor, "seeds neurons"]
    outgoing_direction: Float[Tensor, "seeds neurons"]


def polar_gradient(networks: Networks, task: Task) -> PolarGradient:
    """The negative gradient in polar coordinates; the same as autograd's, without autograd."""
    rows, _ = zip(*_polar(networks, task), strict=True)
    return PolarGradient(*(torch.stack(field).to(networks.dtype) for field in zip(*rows, strict=True)))


def polar_speed(networks: Networks, task: Task) -> PolarSpeed:
    """Speeds under gradient flow of rate 1 (lemma 3.9: directions move by |v|/|w|, norms by |v|)."""
    _, rows = zip(*_polar(networks, task), strict=True)
    return PolarSpeed(*(torch.stack(field).to(networks.dtype) for field in zip(*rows, strict=True)))


def _polar(networks: Networks, task: Task) -> Iterator[tuple[PolarGradient, PolarSpeed]]:
    """Both forms of one network after the other, in float64."""
    if networks.outputs != 2:
        raise RequestError("networks", networks.outputs, "the polar form needs two outputs")
    count(networks.seeds * task.samples * GRADIENT)
    x = task.x_train.to(networks.device, torch.float64)
    onehot = torch.nn.functional.one_hot(task.y_train.to(networks.device), 2).to(x)
    nets = networks.to(dtype=torch.float64)
    norms = nets.norms("incoming"), nets.norms("outgoing")
    each = zip(activations(nets, task), nets.w_in, nets.w_out, *norms, strict=True)
    for hidden, w_in, w_out, w_norm, v_norm in each:
        error = (onehot - torch.softmax(hidden @ w_out.T, dim=1)) / len(x)
        cos_phi, sin_phi = _over(w_out, v_norm)
        # A cos(alpha - phi) and A sin(alpha - phi) as products of the error with (cos phi, sin phi).
        cosine = error[:, :1] * cos_phi + error[:, 1:] * sin_phi
        sine = error[:, 1:] * cos_phi - error[:, :1] * sin_phi
        along, across = (hidden * cosine).sum(dim=0), (hidden * sine).sum(dim=0)
        gated = cosine * (hidden > 0)
        q, unit = gated.T @ x, _over(w_in, w_norm[:, None])
        radial = (q * unit).sum(dim=1)
        gradient = PolarGradient(
            outgoing_norm=along,
            outgoing_angle=v_norm * across,
            incoming_angles=(v_norm * w_norm)[:, None] * _along_angles(unit, q),
            incoming_norm=v_norm * radial,
            bias=v_norm * gated.sum(dim=0),
        )
        tangent = torch.linalg.vector_norm(q - radial[:, None] * unit, dim=1)
        speed = PolarSpeed(
            incoming_norm=v_norm * radial,
            incoming_direction=_over(v_norm * tangent, w_norm),
            outgoing_norm=along,
            outgoing_direction=_over(across, v_norm),
        )
        yield gradient, speed


def _along_angles(
    unit: Float[Tensor, "neurons inputs"], q: Float[Tensor, "neurons inputs"]
) -> Float[Tensor, "neurons angles"]:
    """`q . d unit/dt_k = cos(t_k)/sin(t_k) sum_{j > k} unit_j q_j - sin(t_k) S_k q_k`.

    As `S_k = sin t_1...sin t_k-1 = |unit_{k..D}|` it needs no angle; where that is 0 the angle has no effect.
    """
    tails = torch.sqrt((unit**2).flip(1).cumsum(1).flip(1))  # |(unit_k, ..., unit_D)|
    rest = tails[:, 1:].clone()
    rest[:, -1:] = unit[:, 1:][:, -1:]  # the last sine carries a sign; one input alone has no angle
    after = (unit * q).flip(1).cumsum(1).flip(1)[:, 1:]
    return _over(unit[:, :-1], rest) * after - rest * q[:, :-1]


def _over(value: Tensor, divisor: Tensor) -> Tensor:
    """The quotient; 0 where the divisor is 0."""
    return torch.where(divisor == 0, 0.0, value / torch.where(divisor == 0, 1.0, divisor))
