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


# What each does: a title, and a sentence; `{units}` are neurons or units, whatever the networks have.
DESCRIBED: dict[Protocol, tuple[str, str]] = {
    "rank": (
        "Prediction of the final norms",
        "rank correlation of the scores with the final norms, and overlap of the largest",
    ),
    "labels": ("Shuffled labels", "the correlation of the same scorer when it is given shuffled labels"),
    "ceiling": (
        "Noise ceiling",
        "networks trained on from the snapshot in another minibatch order, the twins: how their norms agree",
    ),
    "truths": (
        "Prediction of other truths",
        "rank correlation with growth, contribution and ablation, and controls that are these truths",
    ),
    "prune_final": ("Pruned at the end", "the best {units} of the trained network, without retraining"),
    "merge": ("Merged at the end", "every dropped {unit} folded into the kept one it is parallel to"),
    "finetune": ("Pruned at the end, then trained on", "the best {units} of the trained network, trained on"),
    "prune_early": ("Pruned early, then trained", "the best {units} at the snapshot, trained to the end"),
    "prune_global": (
        "Pruned over all layers",
        "the best {units} of the trained network by one threshold over all layers' scores, without "
        "retraining; shuffled: by the same scores shuffled within each layer, which leaves the layers' sizes",
    ),
}
# Those that keep shares of the units, in the order of their tables.
KEEPING: tuple[Protocol, ...] = ("prune_final", "merge", "finetune", "prune_early", "prune_global")


def default_finetune_steps(steps: int) -> int:
    """How long finetune trains on where nothing is said, after a training of so many steps."""
    return max(1, round(FINETUNED * steps))
