"""The control of protocol `labels`: a scorer asked again about one network, with shuffled labels."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float

from prunebench.benchmark.plan import ACCURACY_DRAWS
from prunebench.evaluation.labels import reads_labels, shuffle_labels
from prunebench.evaluation.metrics import SHUFFLED_LABELS
from prunebench.evaluation.rank import within_layers
from prunebench.evaluation.statistics import number_or_none
from prunebench.networks import Networks
from prunebench.scoring.execute import execute
from prunebench.scoring.scorer import Scorer, drawn
from prunebench.store.records import Values
from prunebench.training.snapshot import Snapshot


@dataclass(frozen=True)
class LabelControl:
    """What came of it.

    Attributes:
        values: none where the scores are as they were: the scorer reads no labels.
        error: why there are no values, with the traceback of what was raised.
    """

    values: Values = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None


def ask_shuffled(
    scorer: Scorer, snapshot: Snapshot, scores: Float[np.ndarray, "draws units"], final: Networks
) -> LabelControl:
    """Ask about a snapshot of one network; `scores` are those for the true labels.

    Networks are asked about one by one, since every one has labels in an order of its own.
    """
    (seed,) = snapshot.seeds
    snapshot = replace(snapshot, task=shuffle_labels(snapshot.task, seed))
    draws = scores[:ACCURACY_DRAWS]
    outcomes = [execute(drawn(scorer, draw), snapshot) for draw in range(len(draws))]
    found = [outcome.scores for outcome in outcomes if outcome.scores is not None]
    if len(found) < len(outcomes):
        failed = next(outcome for outcome in outcomes if outcome.scores is None)
        return LabelControl(error=failed.error, traceback=failed.traceback)
    again = torch.cat(found)
    if not reads_labels(draws, again.cpu().float().numpy()):
        return LabelControl()
    values = within_layers(again, final.norms("effective")[0], [layer.units for layer in final.layers])
    return LabelControl({"/".join(SHUFFLED_LABELS): [*map(number_or_none, values)]})
