"""What runs the scorers of others, in a process of its own: `python -m prunebench.scoring.server`."""

from pathlib import Path
from typing import Any

from prunebench.plugin.process import Answer
from prunebench.plugin.server import Handler, serve
from prunebench.scoring.conformance import SCORER_CHECKS
from prunebench.scoring.elsewhere import SCORES, SNAPSHOT
from prunebench.scoring.execute import execute, unfit
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.surroundings import defaults_unchanged
from prunebench.training.bundle import file_bytes, read_bundle


def score(scorer: Scorer, folder: Path, device: str, networks: list[str]) -> Answer:
    """Score the snapshot in the folder."""
    answer: dict[str, Any] = dict(vars(execute(scorer, read_bundle(folder / SNAPSHOT, device, networks))))
    tensors = {name: found for name in ("scores", "signs") if (found := answer.pop(name)) is not None}
    return answer | {"files": {SCORES: file_bytes(tensors)} if tensors else {}}


def say_unfit(scorer: Scorer, folder: Path, networks: list[str]) -> Answer:
    """Why the scorer cannot take the networks or the task in the folder, if it cannot."""
    return {"unfit": unfit(scorer, read_bundle(folder / SNAPSHOT, files=networks))}


if __name__ == "__main__":
    handlers: dict[str, Handler] = {"score": score, "unfit": say_unfit, "check": SCORER_CHECKS.answer}
    serve(SCORERS, handlers, defaults_unchanged)
