"""How a board, prunebench and the paper are cited, as BibTeX (CITATION.cff says the same of prunebench)."""

import re
from typing import Any

from prunebench.escape import for_latex
from prunebench.results import Results

AUTHORS = "The prunebench maintainers"
PAPER = (
    "It's Not a Lottery, It's a Race: Understanding How Gradient Descent Adapts the Network's Capacity to "
    "the Task"
)


def cite(board: Results, name: str) -> str:
    """The entry of a board of this name; of when and by which version is its newest row."""
    made = [row.environment for row in board.rows] or [board.environment]
    newest: dict[str, Any] = max(made, key=lambda environment: str(environment.get("utc", "")))
    day, version = str(newest.get("utc", ""))[:10], newest.get("prunebench")
    network = board.recipe.network_spec if board.layered else f"{board.recipe.width} neurons"
    newest_of = f", the newest of {day}" if day else ""
    return _entry(
        f"prunebench-{name}",
        title=f"{board.task.name}, {board.task.samples} samples, {network}: early predictors of final norms",
        howpublished=f"Board {name} of prunebench" + (f" {version}" if version else ""),
        note=f"{board.in_words}, {len(board.rows)} rows{newest_of}",
        year=day[:4],
    )


def cite_prunebench(version: str) -> str:
    """The entries of the software and of the paper whose theory and experiments it comes from."""
    software = _entry("prunebench", title="prunebench", note=f"Version {version}")
    return software + _entry("prunebench-paper", author="", title=PAPER)


def _entry(key: str, *, author: str = AUTHORS, **fields: str) -> str:
    """Values in braces, so none may have its own; the doubled ones keep a title's capitals."""
    escaped = {name: for_latex(re.sub(r"[{}\\]", "", value)) for name, value in fields.items() if value}
    if author:
        escaped = {"author": f"{{{author}}}", **escaped}
    escaped["title"] = f"{{{escaped['title']}}}"
    lines = [f"  {name} = {{{value}}}," for name, value in escaped.items()]
    return "\n".join([f"@misc{{{re.sub(r'[^A-Za-z0-9-]+', '-', key)},", *lines, "}"]) + "\n"
