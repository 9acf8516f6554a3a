"""The GPU's engine: exact SGD in blocks of steps for all networks at once, a block being one CUDA graph.

The mathematics is the blocked engine's (docs/engine.md), in coordinates that suit a batch: instead of the
weights w it carries where they come to rest if no gradient follows, w - lr mu / (1 - mu) m. A step without a
gradient leaves that as it is, and a gradient g moves it by -lr / (1 - mu) g, whenever it comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.networks import Networks, shallow_networks
from prunebench.training.engines import inner_steps
from prunebench.training.engines.base import Problem
from prunebench.training.engines.forms import dual_is_cheaper
from prunebench.training.engines.graphed import GraphedEngine, flush
from prunebench.training.engines.inner_steps import Block, Rates
from prunebench.training.order import PAD
from prunebench.training.state import State

# Bytes of pre-activations that are put together at a time for a point of the curves.
CURVE_BYTES = 5e8


class BatchedBlockEngine(GraphedEngine):
    """Blocked SGD, its state the pre-activations of all samples (dual form) or the weights (primal form)."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        networks, samples = state.networks, len(problem.x)
        self._start = state  # only read
        self._rates = Rates.of(problem)
        # A velocity of 1 that no gradient follows moves its weight by minus this.
        self._reach = self._rates.learning_rate * self._rates.momentum / (1 - self._rates.momentum)
        self._pull = self._rates.learning_rate / (1 - self._rates.momentum)
        # The bias is the weight of an input that is always 1.
        self._x = torch.cat([problem.x, torch.ones_like(problem.x[:, :1])], dim=1)
        self._w_out, self._w_out_velocity = networks.w_out.clone(), state.velocity.w_out.clone()
        self._rest, self._velocity = self._incoming()
        self._dual = dual_is_cheaper(problem, networks.bias.numel())
        self._features = self._x
        kept = 0
        if self._dual:
            self._features = self._x @ self._x.T
            self._rest, self._velocity = self._x @ self._rest, self._x @ self._velocity
            kept = samples
        # How much of each sample is in the weights, and in the velocity as of the step that touched it last.
        self._added, self._added_velocity = (
            problem.x.new_zeros(networks.seeds, kept, networks.units) for _ in range(2)
        )
        self._touched = torch.full((networks.seeds, kept), state.step, device=problem.x.device)
        self._now = torch.tensor(state.step, device=problem.x.device)
        self._offsets = samples * torch.arange(networks.seeds, device=problem.x.device)[:, None]
        batch = problem.orders.shape[2]
        rates, reach, pull = self._rates, self._reach, self._pull  # so that nothing that it keeps keeps it
        self._powers = cache(lambda steps: _Powers.of(steps, batch, rates, reach, pull))
        self._take_steps = fastest_inner_steps(self._w_out, batch)

    def state(self) -> State:
        """The current state; later training does not change it."""
        if self.step == self._start.step:
            return self._start
        rest, velocity = self._rest, self._velocity
        if self._dual:
            rest, velocity = self._incoming()
            rest = rest + self._x.T @ self._added
            age = (self._now - self._touched)[:, :, None].to(rest)
            velocity = velocity * self._rates.momentum ** (self.step - self._start.step)
            velocity = velocity + self._x.T @ (self._added_velocity * self._rates.momentum**age)
        weights = rest + self._reach * velocity
        return State(_networks(weights, self._w_out), self.step, _networks(velocity, self._w_out_velocity))

    def _logits(self) -> Float[Tensor, "seeds samples outputs"]:
        """Of each network on the whole training set."""
        a_network = self._w_out.shape[2] * (len(self._x) + self._rest.shape[1]) * self._x.element_size()
        at_once = max(1, int(CURVE_BYTES / a_network))
        logits = []
        for parts in zip(*(t.split(at_once) for t in (self._rest, self._velocity, self._w_out)), strict=True):
            rest, velocity, w_out = parts
            weights = torch.add(rest, velocity, alpha=self._reach)
            hidden = weights if self._dual else self._x @ weights
            logits.append(hidden.relu_() @ w_out.mT)
        return torch.cat(logits)

    def _incoming(self) -> tuple[Tensor, Tensor]:
        """Where the first incoming weights come to rest, and their velocity, each (S, D + 1, d)."""
        weights, velocity = (
            torch.cat([nets.w_in, nets.bias[:, :, None]], dim=2).mT
            for nets in (self._start.networks, self._start.velocity)
        )
        return torch.sub(weights, velocity, alpha=self._reach).contiguous(), velocity.contiguous()

    def _train_block(self, order: Int64[Tensor, "seeds steps batch"]) -> None:
        seeds, steps, batch = order.shape
        powers = self._powers(steps)
        present = (order != PAD).to(self._x)
        share = (present / present.sum(dim=2, keepdim=True)).reshape(seeds, -1, 1)
        index = order.clamp(min=0).reshape(seeds, -1)  # a pad reads some sample; its delta is 0
        rows = self._features[index]
        earlier = index if steps > 1 else index[:, :0]  # a single step has no earlier deltas
        if self._dual:
            at = (index + self._offsets).flatten()
            rest, velocity = (
                state.flatten(0, 1)[at].unflatten(0, index.shape) for state in (self._rest, self._velocity)
            )
            products = rows.gather(2, earlier[:, None, :].expand(-1, index.shape[1], -1))
        else:
            at = index
            rest, velocity = rows @ self._rest, rows @ self._velocity
            products = rows @ rows[:, : earlier.shape[1]].mT
        block = Block(
            z=torch.addcmul(rest, velocity, powers.reach),
            corrections=products * powers.corrections,
            targets=self._one_hot[index] * share,
            share=share,
            w_out=self._w_out,
            velocity=self._w_out_velocity,
            batch=batch,
        )
        delta = self._take_steps(block, self._rates)
        left = delta * powers.left
        self._rest.baddbmm_(rows.mT, delta, alpha=-self._pull)
        self._velocity.baddbmm_(rows.mT, left, beta=powers.kept)
        self._now += steps
        if self._dual:
            self._note(at, delta.flatten(0, 1), left.flatten(0, 1))
        flush(self._velocity, self._added_velocity, self._w_out_velocity)

    def _note(
        self,
        at: Int64[Tensor, " rows"],
        delta: Float[Tensor, "rows neurons"],
        left: Float[Tensor, "rows neurons"],
    ) -> None:
        """Add the block's gradients to what is known of their samples, some of which may occur twice."""
        added, velocity, touched = (
            t.flatten(0, 1) for t in (self._added, self._added_velocity, self._touched)
        )
        added.index_add_(0, at, delta, alpha=-self._pull)
        age = (self._now - touched[at])[:, None].to(velocity)
        velocity.index_copy_(0, at, velocity[at] * self._rates.momentum**age)
        velocity.index_add_(0, at, left)
        touched.index_copy_(0, at, self._now.expand(len(at)))


@dataclass(frozen=True, eq=False)
class _Powers:
    """The momentum's geometric factors in a block, by sample in the order of the steps.

    Attributes:
        reach: how far the velocity at the block's start still carries at the sample's step.
        corrections: what a gradient of 1 at a column's sample has moved the weights by at a row's step.
        left: what is left of the sample's gradient in the velocity at the block's end.
        kept: what is left there of the velocity at the block's start.
    """

    reach: Float[Tensor, "samples 1"]
    corrections: Float[Tensor, "samples earlier"]
    left: Float[Tensor, "samples 1"]
    kept: float

    @staticmethod
    def of(steps: int, batch: int, rates: Rates, reach: float, pull: float) -> "_Powers":
        step = torch.arange(steps, dtype=torch.float64).repeat_interleave(batch)[:, None]
        ago = step - (step if steps > 1 else step[:0]).T
        corrections = torch.where(ago > 0, -pull * (1 - rates.momentum ** ago.clamp(min=0)), 0.0)
        carried, left = reach * rates.momentum**step, rates.momentum ** (steps - 1 - step)
        carried, corrections, left = (t.to(rates.tensor) for t in (carried, corrections, left))
        return _Powers(carried, corrections, left, rates.momentum**steps)


def _networks(incoming: Float[Tensor, "seeds inputs_and_1 neurons"], w_out: Tensor) -> Networks:
    w_in = incoming.mT
    return shallow_networks(w_in[:, :, :-1].contiguous(), w_in[:, :, -1].contiguous(), w_out.clone())


def fastest_inner_steps(
    like: Float[Tensor, "seeds outputs neurons"], batch: int
) -> Callable[[Block, Rates], Tensor]:
    """One kernel for all steps where a GPU, Triton and networks that fit its registers are; else torch."""
    if like.device.type == "cuda" and find_spec("triton") is not None:
        from prunebench.training.engines import inner_kernel

        if inner_kernel.fits(batch, like.shape[1], like.shape[2]):
            return inner_kernel.take_steps
    return inner_steps.take_steps
