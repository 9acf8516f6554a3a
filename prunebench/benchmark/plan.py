"""What one run consists of: networks to train, scorers to ask, measures to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from prunebench.benchmark.unfit import find_unfit
from prunebench.errors import RequestError
from prunebench.evaluation.fractions import check_fractions, default_fractions, kept_count, written_share
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.protocols import (
    CEILING,
    LABELS,
    PROTOCOLS,
    REINITIALISED,
    TRUTHS,
    Protocol,
    default_finetune_steps,
)
from prunebench.evaluation.truths import OTHERS
from prunebench.fields import convert
from prunebench.networks import Architecture
from prunebench.networks.normalisation import has_statistics
from prunebench.plugin.isolation import source_of
from prunebench.plugin.spec import canonical
from prunebench.run_spec import RunSpec
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.saved import SavedScores
from prunebench.scoring.scorer import Scorer
from prunebench.store.identity import training_id
from prunebench.store.records import AS_LONG, AS_TRAINED, STEPS, Key, Measure
from prunebench.tasks.classes import is_whole
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.memory import check_memory
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import check_seeds

# On every board, so that a number can be read against chance and against the final norm itself.
CONTROLS = ("random", "oracle")
# The control that `ceiling` adds: what is known at a step, but for the minibatches to come.
TWIN = "twin"
# Of a stochastic scorer's draws: their correlations cost nothing, accuracies do and take fewer.
ACCURACY_DRAWS = 3
# The trained networks themselves are measured too.
DENSE = Key(0, "", "", "")
# How far apart the final norms of each layer are, of layered networks.
SPREAD = Measure("spread")

# A sweep has thousands of plans, and to find these takes a moment. A class, once loaded, stays what it is.
_control = cache(load_scorer)


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        at_steps: steps at which to score; 0 is initialisation.
        fractions: shares of the units to keep, in every layer; where none are given, those of the kind of
            network (docs/protocols.md).
        finetune_steps: that the protocol `finetune` trains on; where none are given, 10 % of the recipe's, or
            all that were trained where these are fewer (`until_loss`).
        recalibrate: estimate running statistics of batch normalisation again before accuracies are measured.
        command: the command line, for the record.
        held: what a board has rows of already: it is neither asked for nor measured.
    """

    task: Task
    recipe: Recipe
    scorers: Sequence[Scorer]
    at_steps: Sequence[int] = (50,)
    seeds: Sequence[int] = RunSpec.seeds
    protocols: Sequence[Protocol] = RunSpec.protocols
    fractions: Sequence[float] = RunSpec.keep
    finetune_steps: int | None = RunSpec.finetune_steps
    recalibrate: bool = RunSpec.recalibrate
    device: str = "auto"
    command: str | None = None
    held: frozenset[Key] = frozenset()

    def __post_init__(self) -> None:
        recipe, task = self.recipe, self.task
        if (steps := self.finetune_steps) is not None:
            if not is_whole(steps) or not 1 <= steps <= recipe.steps:
                accepted = f"a number from 1 to that of all steps, {recipe.steps}, is needed"
                raise RequestError("finetune_steps", steps, accepted)
            object.__setattr__(self, "finetune_steps", int(steps))
        if recipe.network is None and recipe.width < 2:
            raise RequestError("width", recipe.width, "2 neurons at least are needed to rank them")
        for step in self.at_steps:
            if not is_whole(step) or not 0 <= step <= recipe.steps:
                accepted = f"steps are whole numbers from 0 to the end, {recipe.steps}"
                raise RequestError("at_steps", step, accepted)
        # SQLite would keep NumPy's numbers as bytes.
        object.__setattr__(self, "at_steps", tuple(map(int, self.at_steps)))
        check_seeds(self.seeds)
        convert("recalibrate", self.recalibrate, bool)
        shares = self.fractions or default_fractions(shallow=recipe.network is None)
        object.__setattr__(self, "fractions", check_fractions(shares))
        recipe.epoch_steps(task.samples)
        check_memory(task, recipe, len(self.seeds), len(self.steps))
        for protocol in self.protocols:
            convert("protocols", protocol, Protocol)
        names = [canonical(scorer) for scorer in self.scorers]
        if not names:
            raise RequestError("scorers", names, "at least one scorer is needed")
        if len(set(names)) < len(names):
            raise RequestError("scorers", names, "name each scorer once")

    @cached_property
    def architecture(self) -> Architecture:
        """What all of the networks share."""
        return architecture_of(self.recipe, self.task.shape, self.task.outputs)

    @property
    def units(self) -> list[int]:
        """Units of each layer."""
        return [layer.units for layer in self.architecture.layers]

    def kept(self, fraction: float) -> int:
        """How many units are kept of all layers."""
        return sum(kept_count(units, fraction) for units in self.units)

    @property
    def finetuned(self) -> int:
        """Steps that finetune trains on, where the training has as many."""
        return self.finetune_steps or default_finetune_steps(self.recipe.steps)

    @cached_property
    def normalised(self) -> bool:
        """Whether the networks have running statistics of batch normalisation."""
        return has_statistics(self.architecture)

    @property
    def steps(self) -> list[int]:
        """The steps at which to score, in order."""
        return sorted(set(self.at_steps))

    def with_controls(self) -> list[Scorer]:
        """The scorers asked for, then the controls that were not."""
        present = {scorer.name for scorer in self.scorers}
        controls = [*CONTROLS, *([TWIN] if CEILING in self.protocols else [])]
        found = [*self.scorers, *(_control(name) for name in controls if name not in present)]
        if TRUTHS in self.protocols:
            named = {canonical(scorer) for scorer in found}
            others = [f"{name}[truth={truth}]" for name in ("oracle", TWIN) for truth in OTHERS]
            found += [_control(spec) for spec in others if spec not in named]
        return found

    @cached_property
    def training(self) -> str:
        """The id under which the store keeps these networks."""
        return training_id(self.task, self.recipe, self.seeds)

    @cached_property
    def unfit(self) -> Mapping[str, str]:
        """Why some scorers cannot take these networks, or this task, by their spec: they are not asked."""
        return find_unfit(self.task, self.recipe, self.scorers)

    @cached_property
    def keys(self) -> dict[Key, Scorer]:
        """Every scorer at every step, but what is held, by the key under which the store keeps it."""
        scorers = [
            (scorer, canonical(scorer), scorer.version, source_of(scorer)) for scorer in self.with_controls()
        ]
        keys = {Key(step, *rest): scorer for step in self.steps for scorer, *rest in scorers}
        return {key: scorer for key, scorer in keys.items() if key not in self.held}

    @cached_property
    def scored(self) -> dict[Key, Scorer]:
        """Those that are asked: of `labels` alone, controls have nothing to be measured by."""
        return {
            key: scorer
            for key, scorer in self.keys.items()
            if key.scorer not in self.unfit and self.measures_of(scorer)
        }

    @property
    def unasked(self) -> list[Key]:
        """Those that are not, as they are unfit: each has a row that says why."""
        return [key for key in self.keys if key.scorer in self.unfit]

    @property
    def measures(self) -> list[Measure]:
        """What is measured with each scorer's scores, of whatever scorer they are."""
        found = [Measure("rank")] if {"rank", CEILING} & {*self.protocols} else []
        found += [Measure(TRUTHS)] if TRUTHS in self.protocols else []
        for protocol in PROTOCOLS:
            if protocol in self.protocols and protocol not in ("rank", CEILING, LABELS, TRUTHS):
                found += self._kept(protocol)
        return found

    def measures_of(self, scorer: Scorer) -> list[Measure]:
        """The same, and what it is asked again for.

        What is a control, sees the end or was computed elsewhere is not asked with shuffled labels.
        """
        fixed = scorer.name in CONTROLS or scorer.sees_end or isinstance(scorer, SavedScores)
        asked_again = [] if fixed or LABELS not in self.protocols else [Measure(LABELS)]
        return [*self.measures, *asked_again]

    @property
    def of_networks(self) -> list[Measure]:
        """What is measured of the networks themselves."""
        return [self._measure("dense"), *([] if self.recipe.network is None else [SPREAD])]

    @property
    def wanted(self) -> dict[Key, list[Measure]]:
        """Everything that the result document needs for each seed."""
        wanted = {DENSE: self.of_networks}
        wanted |= {key: self.measures_of(scorer) for key, scorer in self.scored.items()}
        if "prune_early" in self.protocols:
            controls = map(reinitialised, self.steps)
            wanted |= {key: self._kept("prune_early") for key in controls if key not in self.held}
        return wanted

    def _kept(self, protocol: str) -> list[Measure]:
        return [self._measure(protocol, written_share(fraction)) for fraction in self.fractions]

    def _measure(self, protocol: str, keep: str = "") -> Measure:
        settings = [f"{STEPS}{self.finetuned}"] if protocol == "finetune" else []
        if protocol == "prune_early" and self.recipe.until_loss is not None:
            settings.append(AS_LONG)
        if self.normalised and not self.recalibrate:
            settings.append(AS_TRAINED)
        return Measure(protocol + (f"[{','.join(settings)}]" if settings else ""), keep)


def draws_of(scorer: Scorer | None, most: int | None = None) -> int:
    """How often a scorer is asked; of one without a random part or twins, and of what has no scorer, once."""
    if scorer is None or not (scorer.twins or scorer.stochastic):
        return 1
    draws = scorer.twins or scorer.board_draws
    return draws if most is None else min(draws, most)


def asked_at(key: Key, scorer: Scorer) -> Key:
    """The key with the step at which the scorer is asked: 0 for every step if it looks at nothing later."""
    return key._replace(step=0) if scorer.initial_only else key


def reinitialised(step: int) -> Key:
    """The key of the lottery-ticket control of prune_early."""
    return Key(step, REINITIALISED, EVALUATOR_VERSION, "")
