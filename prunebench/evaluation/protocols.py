"""The protocols by name (docs/protocols.md)."""

from typing import Literal, get_args

Protocol = Literal[
    "rank", "labels", "prune_final", "merge", "prune_early", "finetune", "prune_global", "ceiling", "truths"
]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
# Of these every row has numbers; of the others that run by default, some have none.
EVERY_ROW: tuple[Protocol, ...] = ("rank", "prune_final", "merge")
DEFAULT_PROTOCOLS: tuple[Protocol, ...] = ("rank", "labels", "prune_final", "merge", "ceiling")
# For which scorers are asked again.
LABELS: Protocol = "labels"
# It is `rank` with one more control.
CEILING: Protocol = "ceiling"
# Correlations with other truths than the norm, and controls that are these truths.
TRUTHS: Protocol = "truths"
# Those for which pruned networks are trained, for each scorer.
TRAINED: tuple[Protocol, ...] = ("prune_early", "finetune")
FINETUNED = 0.1  # of all steps, where nothing is said
# What prune_global is always measured beside: the same scores, permuted within each layer.
SHUFFLED = "prune_global_shuffled"
# The control that prune_early brings: freshly drawn weights, which no scorer has chosen.
REINITIALISED = "reinitialised"


def default_finetune_steps(steps: int) -> int:
    """How long finetune trains on where nothing is said, after a training of so many steps."""
    return max(1, round(FINETUNED * steps))
