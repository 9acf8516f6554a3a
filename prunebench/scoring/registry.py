"""Finding and loading scorers, in this process."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prunebench.plugin.kind import PluginKind
from prunebench.plugin.registry import Registry

if TYPE_CHECKING:
    from prunebench.scoring.scorer import Scorer

# What every scorer that is found is called on command lines and in studies.
ALL = "all"

SCORERS: "PluginKind[Scorer]" = PluginKind(
    noun="scorer",
    group="prunebench.scorers",
    base="prunebench.scoring.scorer:Scorer",
    server="prunebench.scoring.server",
    flags=("stochastic", "board_draws", "sees_end", "initial_only", "twins"),
    # And a row of boards (`evaluation.protocols.REINITIALISED`, on a higher floor).
    reserved=(ALL, "reinitialised"),
    methods=("score", "score_network"),
)


def load_scorer(spec: str, files: Iterable[str | Path] = ()) -> "Scorer":
    """The scorer for a spec: `alignment`, `imp[sparsity=0.5]` or `my_idea.py:MyIdea[alpha=0.3]`.

    Scorers come from packages, from `files`, and from the file that the spec names. A file is imported once
    in a process, as Python does it. `RequestError`: a spec that cannot be read, an unknown name or parameter,
    a file that does not load; `PluginError`: an installed scorer that does not load.
    """
    return Registry(SCORERS, files).load(spec)
