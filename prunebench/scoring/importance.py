"""A scorer as an importance for a pruner of Torch-Pruning (Fang et al. 2023, "DepGraph")."""

import re
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import PrunebenchError, RequestError
from prunebench.modules import from_module
from prunebench.networks import Networks
from prunebench.plugin.spec import canonical
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

# Torch-Pruning knows what stands between two layers by its gradients. These belong to the layers themselves.
_CARRIES_ON = re.compile(r"(Addmm|Mm|T|Unsqueeze|Squeeze|View)Backward\d+")


class ScorerImportance:
    """Scores the hidden neurons of a plain `Linear, ReLU, Linear` model for a Torch-Pruning pruner.

    ```python
    importance = pb.ScorerImportance("growing_mode", task)
    tp.pruner.BasePruner(model, task.x_train[:1], importance=importance, pruning_ratio=0.5).step()
    ```

    The model's layers are read each time the pruner asks, so pruning in several steps scores what is left.
    The outputs are never pruned, with or without `ignored_layers`.

    Args:
        scorer: a scorer, or its spec (`"imp[sparsity=0.5]"`). Not one that sees the trained networks.
        task: the data that the model is trained on; its training samples are what scorers look at.
        recipe: how it is trained, for scorers that use it; its width is taken from the model.
        step: gradient steps that the model has taken.
        initial: the model as it was at step 0, for scorers that compare with it; left out, as it is now.
        seed: for scorers that draw numbers, and for the minibatch order of those that train.

    Raises:
        RequestError: when made, for an unknown scorer or one that sees the end; when called, for a model
            that `pb.from_module` refuses or that does not fit the task.
        PrunebenchError: when called, if the scorer fails.
    """

    def __init__(
        self,
        scorer: Scorer | str,
        task: Task,
        *,
        recipe: Recipe | None = None,
        step: int = 0,
        initial: nn.Module | None = None,
        seed: int = 0,
    ) -> None:
        self.scorer = load_scorer(scorer) if isinstance(scorer, str) else scorer
        if self.scorer.sees_end:
            accepted = "a scorer that does without the trained networks is needed"
            raise RequestError("scorer", canonical(self.scorer), accepted)
        if step < 0:
            raise RequestError("step", step, "a step from 0 up is needed")
        self.task, self.recipe, self.step, self.seed = task, recipe or Recipe(), step, seed
        self.initial = None if initial is None else from_module(initial)

    def __call__(self, group: Any) -> Float[Tensor, " channels"] | None:
        """Scores of a `tp.Group`'s channels, higher = keep; None, which prunes nothing, for the outputs."""
        networks = self._networks(group)
        if networks is None:
            return None
        initial = networks if self.initial is None else self.initial
        if initial.w_in.shape != networks.w_in.shape:
            shapes = tuple(initial.w_in[0].shape), tuple(networks.w_in[0].shape)
            accepted = "the first layer at step 0 must have the shape that it has now (prune in one step)"
            raise RequestError("initial", shapes, accepted)
        recipe = replace(self.recipe, width=networks.units)
        snapshot = Snapshot(self.task, recipe, self.step, networks, initial.to(networks.device), (self.seed,))
        # Pruners ask under torch.no_grad(), which scorers that use autograd must not inherit.
        with torch.enable_grad():
            outcome = execute(self.scorer, snapshot)
        if outcome.scores is None:
            raise PrunebenchError(f"{canonical(self.scorer)}: {outcome.error}")
        return outcome.scores[0, list(group[0].root_idxs)]

    def _networks(self, group: Any) -> Networks | None:
        """The network whose hidden neurons the group holds; None where it holds its outputs."""
        linear = [dependency.layer for dependency, _ in group if isinstance(dependency.layer, nn.Linear)]
        between = [
            dependency.target for dependency, _ in group if not isinstance(dependency.layer, nn.Linear)
        ]
        if len(linear) == 1 and not between:
            return None
        names = [node.grad_fn.name() if node.grad_fn else node.name for node in between]
        acting = [name for name in names if not _CARRIES_ON.fullmatch(name)]
        if len(linear) != 2 or acting != ["ReluBackward0"]:
            accepted = "a model nn.Sequential(nn.Linear, nn.ReLU, nn.Linear) is needed"
            raise RequestError("group", ["Linear"] * len(linear) + acting, accepted)
        networks = from_module(nn.Sequential(linear[0], nn.ReLU(), linear[1]))
        needed = self.task.inputs, self.task.outputs
        if (networks.inputs, networks.outputs) != needed:
            sizes = networks.inputs, networks.outputs
            raise RequestError("model's (inputs, outputs)", sizes, f"the task's, {needed}, are needed")
        return networks
