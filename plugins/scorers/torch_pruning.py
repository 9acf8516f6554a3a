"""Importances of Torch-Pruning: Fang et al. 2023, "DepGraph: Towards Any Structural Pruning"."""

import importlib.metadata
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb

# The parameters that each importance heeds.
PARAMETERS = {
    "Magnitude": ("p", "group_reduction", "bias"),
    "LAMP": ("p", "group_reduction", "bias"),
    "FPGM": ("p", "group_reduction"),
    "Taylor": ("group_reduction", "multivariable", "bias"),
    "Hessian": ("group_reduction", "bias"),
    "BNScale": ("group_reduction",),
    "Activation": (),
}


@dataclass(frozen=True)
class TorchPruning(pb.Scorer):
    """An importance of Torch-Pruning, computed by Torch-Pruning itself on the network as a plain module.

    A unit's group are the rows that produce it and the columns that read it; `group_reduction`
    says how their importances become one: `mean` (its default), `sum`, `max`, `prod`, `first` (the incoming
    weights alone) or `gate` (the outgoing alone; where a shortcut joins several layers, these two are the
    first and the last in Torch-Pruning's order, and both may be incoming). With `p=2`, `prod` is the square
    of the effective norm, times that of the gain where batch normalisation follows.
    `bias` counts the hidden bias as a member of its own (0 at initialisation, as is then a `prod` with it).
    `multivariable` is Taylor's `|sum w g|` in place of `sum |w g|`. An importance refuses what it ignores.

    FPGM sums a neuron's Euclidean distances from the others, as Torch-Pruning does: between the vectors
    `|w|^p`, not between the weights themselves as in He et al. 2019, so neurons of opposite signs are at 0.

    Taylor's gradients are those of the mean loss over the whole training set, Hessian's those of every
    sample, squared and averaged; Activation sums over the training set, of convolutions the means over
    positions. Gradients are computed in float64;
    Torch-Pruning reduces groups in float32.

    In networks of several layers each layer's group is Torch-Pruning's own, batch normalisation and all that
    shortcuts join included; of gain and shift themselves Taylor and Hessian say nothing, with `bias` either.
    BNScale gives 0 to the units of layers without normalisation.

    Left out: Random (draws from the global generator; see the scorer `random`) and OBDC (version 1.6 can
    prepare it for attention layers only).

    Deviations: no normalizer, which rescales a layer against others (LAMP's is its definition; with one layer
    it ranks as Magnitude does). Torch-Pruning 1.6's own `accumulate_grad` for Hessian forgets all samples but
    the last, and is not used.
    """

    name = "torch_pruning"
    version = f"1/{importlib.metadata.version('torch-pruning')}"  # scores of one release are not another's
    paper = "Fang et al. 2023, DepGraph: Towards Any Structural Pruning"

    importance: Literal["Magnitude", "LAMP", "FPGM", "Taylor", "Hessian", "BNScale", "Activation"] = (
        "Magnitude"
    )
    p: Annotated[int, Meta(ge=1)] = 2
    group_reduction: Literal["mean", "sum", "max", "prod", "first", "gate"] = "mean"
    multivariable: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        """Refuse what the importance does not heed."""
        heeded = PARAMETERS[self.importance]
        for parameter in self.parameters()[1:]:
            value = getattr(self, parameter.name)
            if value != parameter.default and parameter.name not in heeded:
                accepted = f"{self.importance} heeds {', '.join(heeded) or 'no parameter'}"
                raise pb.RequestError(f"torch_pruning[{parameter.name}]", value, accepted)

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """Gains that are not there, and columns that Torch-Pruning would not add up."""
        if self.importance == "BNScale" and not any(layer.of("scale") for layer in networks.layers):
            return "importance=BNScale: the network has no batch normalisation"
        several = any(part.repeat > 1 for layer in networks.layers for part in layer.of("outgoing"))
        if several and self.group_reduction in ("max", "prod", "gate"):
            of_many = "of the columns that a channel owns after a flatten, Torch-Pruning takes one"
            return f"group_reduction={self.group_reduction}: {of_many}"
        return None

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " units"]:
        """What the importance gives for each layer's group; 0 where it gives nothing."""
        import torch_pruning as tp

        networks = snapshot.networks.to(dtype=torch.float64)
        x = snapshot.x.double()
        shallow = networks.architecture.name == "shallow"
        module = networks.to_module(0, trim=False)
        gradients = self._gradients(networks, x, snapshot.y)
        of_names = {"w_in": "0.weight", "bias": "0.bias", "w_out": "2.weight"} if shallow else {}
        for name, gradient in gradients.items():
            module.get_parameter(of_names.get(name, name)).grad = gradient
        with torch.enable_grad():  # Torch-Pruning traces a module by its gradients
            graph = tp.DependencyGraph().build_dependency(module, example_inputs=x[:1])
        heeded = {parameter: getattr(self, parameter) for parameter in PARAMETERS[self.importance]}
        if self.importance != "LAMP":
            heeded["normalizer"] = None
        importance = getattr(tp.importance, f"{self.importance}Importance")(**heeded)
        if self.importance == "Activation":
            with importance.compute_importance(module):
                module(x)
            snapshot.cost.sample_gradients += len(x) / 3  # forward alone
        rows = []
        for layer in networks.layers:
            producer = layer.of("incoming")[0].tensor
            root = module.get_submodule(of_names.get(producer, producer).rpartition(".")[0])
            prune = graph.get_pruner_of_module(root).prune_out_channels
            found = importance(graph.get_pruning_group(root, prune, idxs=list(range(layer.units))))
            # What it has of more columns than there are units is 0 beyond them.
            rows.append(x.new_zeros(layer.units) if found is None else found.detach()[: layer.units])
        return torch.cat(rows).to(snapshot.networks.device, snapshot.networks.dtype)

    def _gradients(self, networks: pb.Networks, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the importance reads from the parameters' `.grad`; nothing for those that need no gradient."""
        if self.importance == "Taylor":
            return {name: gradient[0] for name, gradient in networks.gradient(x, y).tensors.items()}
        if self.importance != "Hessian":
            return {}
        return {name: square[0] for name, square in networks.fisher_diagonal(x, y).tensors.items()}
