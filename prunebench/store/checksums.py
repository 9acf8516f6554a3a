"""Hashes of the database's rows, by which damage is found.

They have no key: whoever writes to the database can compute them too. They find accidents, not forgers.
"""

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunebench.store.records import Key, Measure


def row_digest(*values: object) -> str:
    """Hash of a row's values, of whatever type damage has left them."""
    return hashlib.sha256(json.dumps(values, default=repr).encode()).hexdigest()[:16]


def scoring_digest(training: object, seed: object, key: "Key", *values: object) -> str:
    """Hash of a scoring with all that names it: error, draws, extra steps and seconds, and its two arrays."""
    *row, scores, signs = values
    arrays = (part if isinstance(part, bytes) else str(part or "").encode() for part in (scores, signs))
    return row_digest(training, seed, *key, *row) + hashlib.sha256(b"|".join(arrays)).hexdigest()[:16]


def result_digest(
    training: object, seed: object, key: "Key", measure: "Measure", evaluator: object, metrics: object
) -> str:
    """Hash of a result, with all that names it."""
    return row_digest(training, seed, *key, *measure, evaluator, metrics)
