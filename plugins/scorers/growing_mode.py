"""Growing mode: ours; the race of "It's Not a Lottery, It's a Race" (appendix E), linearised in a cell."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb

# Where a layer's gradients are all smaller, float32 has no room for what the Hessian makes of them.
_SMALL = 1e-12


@dataclass(frozen=True)
class GrowingMode(pb.Scorer):
    """`|a + q| |T+|`: the amplitude of the mode that grows, times its rate.

    With `a = v.u`, `u = (1,-1)/sqrt 2`, `T+ = sum_{gated} y_s x_s` and `q = w.T+/|T+|`, a neuron inside its
    cell obeys `da/dt = lambda q`, `dq/dt = lambda a`, `lambda = eta |T+|/(sqrt2 N)`: `a + q` grows like
    `exp(lambda t)` and `a - q` decays. `sign(a + q)` predicts the final output sign. Unlike the angle this
    knows the outgoing weights, which decide the race at initialisation.

    Any other network: the same by the even loss (docs/theory.md), whose gradient g and Hessian-vector product
    `h = H g` are, with a unit's gates fixed, `-A z` and `A^2 z` of its linearised race `z' = A z`, z its
    incoming and outgoing weights. The eigenvalues of A are `+-sigma`, `sigma = |h|/|g|`, and `|h/sigma - g|`
    keeps the half that grows. On the paper's network it ranks as the closed form above.

    With `within_signs` neurons are ranked within the two groups of equal predicted sign, from 0 to 1. Neurons
    of sign 0, which do not grow, have no rivals and stay below all others, at 0.
    """

    name = "growing_mode"
    version = "2"  # in 1 `within_signs` ranked neurons of sign 0 among the negative ones
    paper = "prunebench; after It's Not a Lottery, It's a Race (appendix E)"

    within_signs: bool = False

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """Without two classes, or the shallow network, there are no signs to rank within."""
        if self.within_signs and not _is_the_papers(networks):
            return "within_signs=true: signs are of the shallow network with two classes"
        return None

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The amplitude, or its rank within the sign group."""
        if not _is_the_papers(snapshot.networks):
            return _even_mode(snapshot)
        amplitude, sign = pb.theory.growing_mode(snapshot.networks, snapshot.task)
        if not self.within_signs:
            return amplitude
        return torch.where(sign == 0, 0.0, pb.theory.rank_within(amplitude, sign.long()))

    def signs(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"] | None:
        """Sign of `a + q`; None where there are no signs."""
        if not _is_the_papers(snapshot.networks):
            return None
        return pb.theory.growing_mode(snapshot.networks, snapshot.task)[1]


def _is_the_papers(networks: pb.Networks) -> bool:
    return networks.architecture.name == "shallow" and networks.outputs == 2


def _even_mode(snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
    """`|h/sigma - g|` of every unit, from the float64 sums of g.g, h.h and g.h over its weights."""
    gradient, product = _derivatives(snapshot, snapshot.networks.dtype)
    if any(float(tensor.abs().max()) < _SMALL for tensor in gradient.tensors.values()):
        gradient, product = _derivatives(snapshot, torch.float64)
    gg, hh, gh = (
        one.map(torch.mul, other).unit_sums("incoming", "outgoing")
        for one, other in ((gradient, gradient), (product, product), (gradient, product))
    )
    sigma = torch.sqrt(hh / gg.clamp(min=1e-300)).clamp(min=1e-150)
    return torch.sqrt((2 * gg - 2 * gh / sigma).clamp(min=0)).to(snapshot.networks.dtype)


def _derivatives(snapshot: pb.Snapshot, dtype: torch.dtype) -> tuple[pb.Networks, pb.Networks]:
    """g and h of the even loss, computed in this type: convolutions take six times as long in float64."""
    networks = snapshot.networks.to(dtype=dtype)
    gradient = networks.gradient(snapshot.x, snapshot.y, loss="even")
    product = networks.hessian_vector_product(gradient, snapshot.x, snapshot.y, loss="even")
    return gradient.to(dtype=torch.float64), product.to(dtype=torch.float64)
