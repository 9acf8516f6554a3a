"""What of a plan is not in the store yet."""

from collections.abc import Callable
from dataclasses import dataclass, field

from prunebench.benchmark.plan import DENSE, Plan, draws_of
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.protocols import LABELS
from prunebench.store.integrity import forget
from prunebench.store.inventory import Inventory, take_inventory
from prunebench.store.records import Key, Measure
from prunebench.store.store import Store


@dataclass(frozen=True)
class Missing:
    """What is to be done; nothing where no measures are missing.

    Attributes:
        measures: that are to be taken, by key and seed.
        unscored: the seeds without scores, for which scorers are to be asked, by key.
        steps: gradient steps by seed, of networks that are to be trained, or trained on from a step that was
            kept to one that was not.
    """

    measures: dict[Key, dict[int, tuple[Measure, ...]]] = field(default_factory=dict)
    unscored: dict[Key, list[int]] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many results are missing: of a key for a seed."""
        return sum(map(len, self.measures.values()))

    @property
    def seeds(self) -> set[int]:
        """The networks of which something is missing."""
        return {seed for lacking in self.measures.values() for seed in lacking}


def trains_itself(extra_steps: int, plan: Plan) -> bool:
    """Whether a scorer trained for as long as the network it scores: it is not asked with shuffled labels."""
    return extra_steps >= plan.recipe.steps


def inventory_of(plan: Plan, store: Store, *, force: bool = False) -> Inventory:
    """What a store holds of a plan; nothing where with `force` all is to be computed."""
    return Inventory() if force else take_inventory(store, plan.training, EVALUATOR_VERSION)


def forget_damage(there: Inventory, store: Store, warn: Callable[[str], None]) -> None:
    """Forget what is damaged, and say so: it is missing now."""
    forget(store, there.damaged)
    for damage in there.damaged:
        warn(f"{damage.what}: damaged; computing it again")


def find_missing(plan: Plan, there: Inventory) -> Missing:
    """What is to be computed. Failures were never results: they are to be tried again."""
    missing = Missing()
    for key, measures in plan.wanted.items():
        scorer = plan.scored.get(key)
        for seed in plan.seeds:
            scoring = there.scorings.get((key, seed))
            if scoring is None or scoring.error is not None or scoring.draws != draws_of(scorer):
                lacking = tuple(measures)
                if scorer is not None:
                    missing.unscored.setdefault(key, []).append(seed)
            else:
                done = {*scoring.results}
                if trains_itself(scoring.extra_steps, plan):
                    done.add(Measure(LABELS))
                lacking = tuple(measure for measure in measures if measure not in done)
            if key == DENSE and seed not in there.trained:
                lacking = tuple(measures)
            if lacking:
                missing.measures.setdefault(key, {})[seed] = lacking
    for seed in missing.seeds:
        kept = there.steps.get(seed, set())
        steps = [step for step in plan.steps if step > 0 and step not in kept]
        if seed not in there.trained:
            missing.steps[seed] = plan.recipe.steps
        elif steps:
            missing.steps[seed] = steps[-1] - max((s for s in kept if 0 < s < steps[0]), default=0)
    return missing
