"""The protocols by name (docs/protocols.md)."""

from typing import Literal, get_args

Protocol = Literal["rank", "prune_final", "merge", "prune_early"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
DEFAULT_PROTOCOLS: tuple[Protocol, ...] = ("rank", "prune_final", "merge")
# The control that prune_early brings: freshly drawn weights, which no scorer has chosen.
REINITIALISED = "reinitialised"
