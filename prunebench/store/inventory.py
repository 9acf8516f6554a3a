"""What a store holds of one training, read once."""

from dataclasses import dataclass, field

import msgspec

from prunebench.store.checked_rows import CheckedRows
from prunebench.store.integrity import Damage, damage_of
from prunebench.store.records import FINAL, Key, Scoring, Trained
from prunebench.store.store import Store
from prunebench.store.tables import NetworkRow


@dataclass(frozen=True)
class Inventory:
    """What there is of a training, less what is damaged; an empty one where all is to be computed.

    Attributes:
        steps: at which each seed's network is kept; `FINAL` for the end.
        trained: how the training of each seed went that was finished.
        scorings: by what scored and seed, with one evaluator's results but without the scores.
        damaged: what is left out, as if it had never been computed.
    """

    steps: dict[int, set[int]] = field(default_factory=dict)
    trained: dict[int, Trained] = field(default_factory=dict)
    scorings: dict[tuple[Key, int], Scoring] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)


def take_inventory(store: Store, training: str, evaluator: str | None = None) -> Inventory:
    """What `store` holds of a training; of networks alone without an evaluator."""
    rows, found = CheckedRows(store, training), Inventory()
    for network, whole in rows.of(NetworkRow):
        if not whole:
            found.damaged.append(damage_of(network))
            continue
        found.steps.setdefault(network.seed, set()).add(network.step)
        if network.step == FINAL:
            found.trained[network.seed] = network.trained
    for scoring, whole, results in rows.scorings() if evaluator is not None else ():
        if not whole:
            found.damaged.append(damage_of(scoring))
            continue
        made = rows.environment(scoring.provenance)
        assert made is not None
        said = scoring.error, scoring.draws, scoring.extra_steps, scoring.seconds
        kept = Scoring(scoring.seed, scoring.scored, *said, made, sample_gradients=scoring.sample_gradients)
        found.scorings[kept.key, kept.seed] = kept
        for result, is_whole in results:
            if not is_whole:
                found.damaged.append(damage_of(result, scoring))
            elif result.evaluator == evaluator and scoring.error is None:
                if result.error is not None:
                    kept.errors[result.measure] = result.error
                else:
                    kept.results[result.measure] = msgspec.json.decode(result.metrics)
    return found
