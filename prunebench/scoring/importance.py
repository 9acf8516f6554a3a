"""A scorer as an importance for a pruner of Torch-Pruning (Fang et al. 2023, "DepGraph")."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import PrunebenchError, RequestError
from prunebench.modules import from_module
from prunebench.networks import Networks, shallow_networks
from prunebench.plugin.spec import canonical
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

# Of the largest logit: what networks that compute the same may differ by, and no other activation does.
_ROUNDING = 1e-4


class ScorerImportance:
    """Scores the units of a model for a Torch-Pruning pruner: any that `pb.from_module(model, x)` takes.

    ```python
    importance = pb.ScorerImportance("growing_mode", task)
    tp.pruner.BasePruner(model, task.x_train[:1], importance=importance, pruning_ratio=0.5).step()
    ```

    The model is read each time the pruner asks, so pruning in several steps scores what is left. Running
    statistics of batch normalisation are estimated anew for the scorer, as in a benchmark. The outputs are
    never pruned, with or without `ignored_layers`. A model of one hidden layer of ReLU units whose output has
    no bias is the paper's network to the scorer.

    Args:
        scorer: a scorer, or its spec (`"imp[sparsity=0.5]"`). Not one that sees the trained networks.
        task: the data that the model is trained on; its training samples are what scorers look at.
        recipe: how it is trained, for scorers that use it; the model stands for its network and its width.
        step: gradient steps that the model has taken.
        initial: the model as it was at step 0, for scorers that compare with it; left out, as it is now.
        seed: for scorers that draw numbers, and for the minibatch order of those that train.

    Raises:
        RequestError: when made, for an unknown scorer or one that sees the end; when called, for a model
            that `pb.from_module` refuses or that does not fit the task.
        PrunebenchError: when called, if the scorer fails or cannot take such a network.
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
        self.initial = initial
        self._last: tuple[nn.Module, dict[str, Tensor], Networks, Tensor] | None = None

    def __call__(self, group: Any) -> Float[Tensor, " channels"] | None:
        """Scores of a `tp.Group`'s channels, higher = keep; None, which prunes nothing, for the outputs."""
        model, root = group._DG.model, group[0].dep.layer
        # Pruners ask under torch.no_grad(), which scorers that use autograd must not inherit.
        with torch.enable_grad():
            networks, scores = self._scored(model)
        path = next(path for path, module in model.named_modules() if module is root)
        weight = f"{path}.weight" if path else "weight"
        for layer, own in networks.architecture.by_layer(scores):
            if any(part.tensor == weight for part in layer.of("incoming")):
                return own[group[0].root_idxs]
        return None

    def _scored(self, model: nn.Module) -> tuple[Networks, Float[Tensor, " units"]]:
        """The model as a batch of one, and its units' scores; a step of a pruner asks once for each layer."""
        state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        if self._last is not None and self._last[0] is model and _equal(self._last[1], state):
            return self._last[2:]
        networks = self._networks(model)
        initial = networks if self.initial is None else self._networks(self.initial)
        before, now = (
            {f"{name} of {tuple(tensor.shape[1:])}" for name, tensor in n.tensors.items()}
            for n in (initial, networks)
        )
        if before != now:
            found = min(before - now, default=None) or f"a model without {min(now - before)}"
            accepted = "the model at step 0 must have the tensors that it has now (prune in one step)"
            raise RequestError("initial", found, accepted)
        outcome = execute(self.scorer, self._snapshot(networks, initial.to(networks.device)))
        if outcome.scores is None:
            raise PrunebenchError(f"{canonical(self.scorer)}: {outcome.error}")
        self._last = model, state, networks, outcome.scores[0]
        return networks, outcome.scores[0]

    def _networks(self, model: nn.Module) -> Networks:
        """The model as a batch of one. `RequestError`: it cannot be taken, or is not of this task."""
        networks = from_module(model, _samples(model, self.task))
        if networks.outputs != self.task.outputs:
            accepted = f"the task's, {self.task.outputs}, are needed"
            raise RequestError("model's outputs", networks.outputs, accepted)
        return networks

    def _snapshot(self, networks: Networks, initial: Networks) -> Snapshot:
        recipe, both = self.recipe, (_as_shallow(networks), _as_shallow(initial))
        if both[0] is not None and both[1] is not None:
            networks, initial = both[0], both[1]
            recipe = replace(recipe, width=networks.units)
        return Snapshot.taken(self.task, recipe, self.step, networks, initial, (self.seed,))


def _samples(model: nn.Module, task: Task) -> Float[Tensor, "samples ..."]:
    """Two training samples as the model takes them: with their shape or, if it cannot, flat."""
    flat = task.x_train[:2].to(next(model.parameters()))
    shaped = flat.reshape(len(flat), *task.shape)
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(shaped)
    except Exception:  # whatever a module raises that needs another shape
        return flat
    finally:
        model.train(training)
    return shaped


def _as_shallow(networks: Networks) -> Networks | None:
    """The paper's network that computes the same, if there is one: these outputs and these units."""
    layer, *others = networks.layers
    incoming, outgoing, bias = (layer.of(role) for role in ("incoming", "outgoing", "bias"))
    beside = set(networks.architecture.names) - {part.tensor for part in layer.parts}
    if others or len(incoming) != 1 or len(outgoing) != 1 or any(networks[name].any() for name in beside):
        return None
    w_in, w_out = networks[incoming[0].tensor], networks[outgoing[0].tensor]
    if layer.of("scale") or w_in.ndim != 3 or w_out.ndim != 3:
        return None
    zeros = w_in.new_zeros(w_in.shape[:2])
    shallow = shallow_networks(w_in, networks[bias[0].tensor] if bias else zeros, w_out)
    x = torch.randn(64, w_in.shape[2], generator=torch.Generator().manual_seed(0)).to(w_in)
    one, other = (nets.logits(torch.cat([x, -x])) for nets in (shallow, networks))
    return shallow if bool((one - other).abs().max() <= _ROUNDING * other.abs().max()) else None


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
