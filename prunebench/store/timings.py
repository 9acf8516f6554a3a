"""What the newest work in a store took, as it is kept with every network, scoring and result."""

from prunebench.evaluation.protocols import LABELS
from prunebench.store.records import FINAL
from prunebench.store.store import Store

TRAINING, UNTIL_LOSS, PRUNE_EARLY, SCORER = "training", "training until a loss", "prune_early", "scorer "
# How many of the newest scorings are read, with all that belongs to them.
READ = 10_000


def newest_timings(store: Store, device: str, accuracy_draws: int) -> list[tuple[str, float, float]]:
    """Kind, size and seconds of all work on a device of this name, the newest first.

    A kind is a training, `scorer NAME`, a protocol (for which a scorer is asked again: with its name), and
    ` of NETWORK` where that is not the shallow one.
    The size is the number of networks (of a stochastic scorer, prune_early and finetune train
    `accuracy_draws`), times all that the time of one goes with, by the threads that worked. A row that damage
    has left without JSON, or without numbers, says nothing.
    """
    values = {"final": FINAL, "read": READ, "device": device, "draws": accuracy_draws}
    return [(kind, float(size), seconds) for kind, size, seconds in store.rows(_TIMED, values)]


_TIMED = f"""
WITH recent AS (SELECT id, training, step, scorer, error, draws, seconds, provenance
    FROM scorings ORDER BY id DESC LIMIT :read),
timed AS (
    SELECT iif(until_loss IS NULL, '{TRAINING}', '{UNTIL_LOSS}') AS kind,
        training, provenance, 0 AS at, seconds, 1 AS networks
    FROM networks JOIN trainings t ON t.id = training
    WHERE step = :final AND training IN (SELECT training FROM recent)
    UNION ALL
    SELECT '{SCORER}' || scorer, training, provenance, step, seconds * draws, 1
    FROM recent WHERE error IS NULL
    UNION ALL
    SELECT iif(protocol = '{LABELS}', '{LABELS} ' || scorer, protocol),
        training, r.provenance, step, r.seconds,
        iif(protocol LIKE '{PRUNE_EARLY}%' OR protocol LIKE 'finetune%', min(draws, :draws), 1)
    FROM recent JOIN results r ON r.scoring = recent.id)
SELECT kind || coalesce(' of ' || json_extract(recipe, '$.network.spec'), ''),
    sum(networks) * json_extract(recipe, '$.steps') * json_extract(recipe, '$.batch_size')
    * coalesce(json_extract(recipe, '$.width'), 1) * json_extract(task, '$.inputs')
    * (json_extract(task, '$.samples') + json_extract(task, '$.tests')) / json_extract(record, '$.threads')
    AS size, sum(seconds) AS total
FROM timed JOIN trainings t ON t.id = training JOIN provenance p ON p.id = timed.provenance
WHERE json_valid(task) AND json_valid(recipe)
    AND iif(json_valid(record), json_extract(record, '$.device'), NULL) = :device
GROUP BY kind, training, at, timed.provenance HAVING total > 0 AND size > 0 ORDER BY timed.provenance DESC"""
