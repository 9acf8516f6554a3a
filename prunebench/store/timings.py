"""What the newest work in a store took, as it is kept with every network, scoring and result."""

from typing import NamedTuple

from prunebench.store.records import FINAL
from prunebench.store.store import Store

TRAINING, PRUNE_EARLY, SCORER = "training", "prune_early", "scorer "
# How many of the newest scorings are read, with all that belongs to them.
READ = 10_000


class Facts(NamedTuple):
    """What the time of all work on a training goes with; `images` are of its training and its test set."""

    steps: int
    width: int
    batch_size: int
    inputs: int
    images: int


class Timed(NamedTuple):
    """What a piece of work took.

    Attributes:
        kind: a training, `scorer NAME`, a protocol.
        networks: trained or scored side by side, or measured one after the other.
        at, keep: the step that training went on from, and the share of the neurons that it kept.
    """

    kind: str
    seconds: float
    threads: int
    networks: int
    at: int
    keep: float
    facts: Facts


def newest_timings(store: Store, device: str, accuracy_draws: int) -> list[Timed]:
    """What was timed on a device of this name, the newest first.

    A row that damage has left without JSON, or without numbers, says nothing. Of a stochastic scorer,
    prune_early trains `accuracy_draws`.
    """
    values = {"final": FINAL, "read": READ, "device": device, "draws": accuracy_draws}
    return [
        Timed(kind, seconds, threads, networks, at, keep, Facts(*facts))
        for kind, seconds, threads, networks, at, keep, *facts in store.rows(_TIMED, values)
        if all(isinstance(number, int | float) for number in (seconds, threads, networks, at, keep, *facts))
    ]


# A training that the loss ended took fewer steps than its recipe has.
_TIMED = f"""
WITH recent AS (SELECT id, training, step, scorer, error, draws, seconds, provenance
    FROM scorings ORDER BY id DESC LIMIT :read),
timed AS (
    SELECT '{TRAINING}' AS kind, training, provenance, seconds, 1 AS networks, 0 AS at, 1.0 AS keep,
        json_extract(curves, '$.steps[#-1]') AS ended
    FROM networks WHERE step = :final AND training IN (SELECT training FROM recent) AND json_valid(curves)
    UNION ALL
    SELECT '{SCORER}' || scorer, training, provenance, seconds * draws, 1, step, 1.0, NULL
    FROM recent WHERE error IS NULL
    UNION ALL
    SELECT protocol, training, r.provenance, r.seconds, min(draws, :draws), step, keep + 0.0, NULL
    FROM recent JOIN results r ON r.scoring = recent.id WHERE protocol = '{PRUNE_EARLY}'
        AND keep + 0.0 > 0
    UNION ALL
    SELECT protocol, training, r.provenance, r.seconds, 1, 0, 1.0, NULL
    FROM recent JOIN results r ON r.scoring = recent.id WHERE protocol != '{PRUNE_EARLY}')
SELECT kind, sum(seconds) AS total, json_extract(record, '$.threads'), sum(networks), at, keep,
    iif(until_loss IS NULL OR kind != '{TRAINING}', json_extract(recipe, '$.steps'), max(ended)),
    json_extract(recipe, '$.width'), json_extract(recipe, '$.batch_size'), json_extract(task, '$.inputs'),
    json_extract(task, '$.samples') + json_extract(task, '$.tests')
FROM timed JOIN trainings t ON t.id = training JOIN provenance p ON p.id = timed.provenance
WHERE json_valid(task) AND json_valid(recipe)
    AND iif(json_valid(record), json_extract(record, '$.device'), NULL) = :device
GROUP BY kind, training, at, keep, timed.provenance HAVING total > 0 ORDER BY timed.provenance DESC"""
