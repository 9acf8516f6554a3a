"""Importances of Torch-Pruning: Fang et al. 2023, "DepGraph: Towards Any Structural Pruning"."""

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb
from prunebench.errors import MissingPackageError

# The parameters that each importance heeds.
PARAMETERS = {
    "Magnitude": ("p", "group_reduction", "bias"),
    "LAMP": ("p", "group_reduction", "bias"),
    "FPGM": ("p", "group_reduction"),
    "Taylor": ("group_reduction", "multivariable", "bias"),
    "Hessian": ("group_reduction", "bias"),
    "Activation": (),
}


def _version() -> str:
    """Scores of one release of Torch-Pruning are never taken for another's."""
    try:
        return f"1/{importlib.metadata.version('torch-pruning')}"
    except importlib.metadata.PackageNotFoundError:
        return "1"


@dataclass(frozen=True)
class TorchPruning(pb.Scorer):
    """An importance of Torch-Pruning, computed by Torch-Pruning itself on the network as a plain module.

    A hidden neuron's group are the rows of the first layer and the columns of the second; `group_reduction`
    says how their importances become one: `mean` (its default), `sum`, `max`, `prod`, `first` (the incoming
    weights alone) or `gate` (the outgoing alone). With `p=2`, `prod` is the square of the effective norm.
    `bias` counts the hidden bias as a member of its own (0 at initialisation, as is then a `prod` with it).
    `multivariable` is Taylor's `|sum w g|` in place of `sum |w g|`. An importance refuses what it ignores.

    FPGM sums a neuron's Euclidean distances from the others, as Torch-Pruning does: between the vectors
    `|w|^p`, not between the weights themselves as in He et al. 2019, so neurons of opposite signs are at 0.

    Taylor's gradients are those of the mean loss over the whole training set, Hessian's those of every
    sample, squared and averaged; Activation sums over the training set. Gradients are computed in float64;
    Torch-Pruning reduces groups in float32.

    Left out: Random (draws from the global generator; see the scorer `random`), BNScale (no batch
    normalisation here) and OBDC (version 1.6 can prepare it for attention layers only).

    Deviations: no normalizer, which rescales a layer against others (LAMP's is its definition; with one layer
    it ranks as Magnitude does). Torch-Pruning 1.6's own `accumulate_grad` for Hessian forgets all samples but
    the last, and is not used.
    """

    name = "torch_pruning"
    version = _version()
    paper = "Fang et al. 2023, DepGraph: Towards Any Structural Pruning"

    importance: Literal["Magnitude", "LAMP", "FPGM", "Taylor", "Hessian", "Activation"] = "Magnitude"
    p: Annotated[int, Meta(ge=1)] = 2
    group_reduction: Literal["mean", "sum", "max", "prod", "first", "gate"] = "mean"
    multivariable: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        """Refuse what the importance does not heed, and everything where it is not installed."""
        heeded = PARAMETERS[self.importance]
        for parameter in self.parameters()[1:]:
            value = getattr(self, parameter.name)
            if value != parameter.default and parameter.name not in heeded:
                accepted = f"{self.importance} heeds {', '.join(heeded) or 'no parameter'}"
                raise pb.RequestError(f"torch_pruning[{parameter.name}]", value, accepted)
        if importlib.util.find_spec("torch_pruning") is None:
            raise MissingPackageError("--scorer", self.name, "torch-pruning", "torch-pruning")

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """What it takes so far."""
        return None if networks.architecture.name == "shallow" else "it takes the shallow network alone"

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " neurons"]:
        """What the importance gives for the group of all hidden neurons."""
        import torch_pruning as tp

        networks = snapshot.networks.to(dtype=torch.float64)
        x = snapshot.x.double()
        module = networks.to_module(0, trim=False)
        for parameter, gradient in zip(
            module.parameters(), self._gradients(networks, x, snapshot.y), strict=False
        ):
            parameter.grad = gradient
        with torch.enable_grad():  # Torch-Pruning traces a module by its gradients
            graph = tp.DependencyGraph().build_dependency(module, example_inputs=x[:1])
        neurons = list(range(networks.units))
        group = graph.get_pruning_group(module.get_submodule("0"), tp.prune_linear_out_channels, idxs=neurons)
        heeded = {parameter: getattr(self, parameter) for parameter in PARAMETERS[self.importance]}
        if self.importance != "LAMP":
            heeded["normalizer"] = None
        importance = getattr(tp.importance, f"{self.importance}Importance")(**heeded)
        if self.importance == "Activation":
            with importance.compute_importance(module):
                module(x)
        return importance(group).detach().to(snapshot.networks.w_in)

    def _gradients(self, networks: pb.Networks, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the importance reads from the parameters' `.grad`; nothing for those that need no gradient."""
        if self.importance == "Taylor":
            return tuple(gradient[0] for gradient in networks.gradient(x, y).tensors.values())
        if self.importance != "Hessian":
            return ()
        # The squared gradients of single samples in closed form (paper, appendix A), averaged.
        hidden = torch.relu(networks.pre_activations(x)[0])
        target = torch.nn.functional.one_hot(y, networks.outputs)
        residual = torch.softmax(hidden @ networks.w_out[0].T, dim=1) - target
        back = ((residual @ networks.w_out[0]) * (hidden > 0)).square()
        squares = back.T @ x.square(), back.sum(dim=0), residual.square().T @ hidden.square()
        return tuple(square / len(x) for square in squares)
