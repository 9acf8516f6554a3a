"""A process of its own for scorers that may hang or exit: `python -m prunebench.scoring.worker`.

Reads one JSON request per line and answers each with one line; whatever else is printed goes to stderr.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from prunebench.errors import PrunebenchError, RequestError
from prunebench.scoring.conformance import run_check
from prunebench.scoring.execute import execute
from prunebench.scoring.process import READY
from prunebench.scoring.registry import load_class, load_scorer, names_in_file
from prunebench.scoring.source import source_hash
from prunebench.scoring.stand_in import CHANGED, Description, as_json, values_of
from prunebench.scoring.stand_in import describe as describe_class
from prunebench.store.bundle import read_bundle

Answer = dict[str, Any]


def names(file: str) -> Answer:
    """The names of the scorers in a file."""
    return {"names": names_in_file(file)}


def describe(name: str, files: list[str]) -> Description:
    """What a scorer class is (see `prunebench.scoring.stand_in`)."""
    return describe_class(load_class(name, files))


def parameters(spec: str, files: list[str]) -> Answer:
    """The values of a scorer's parameters."""
    return {"values": values_of(load_scorer(spec, files))}


def score(spec: str, files: list[str], source: str, snapshot: str, device: str, answer: str) -> Answer:
    """Score the snapshot in a file; scores and signs go to the file `answer`.

    Raises `PrunebenchError` where the code that ran is not that of the hash `source`: a helper may have been
    imported only now.
    """
    scorer = load_scorer(spec, files)
    outcome = execute(scorer, read_bundle(Path(snapshot), device))
    if source_hash(type(scorer)) != source:
        raise PrunebenchError(CHANGED)
    tensors = {"scores": outcome.scores, "signs": outcome.signs}
    given: dict[str, torch.Tensor] = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in tensors.items()
        if tensor is not None
    }
    save_file(given, answer)
    return {name: value for name, value in vars(outcome).items() if name not in tensors}


def check(spec: str, files: list[str], name: str) -> Answer:
    """The finding of one conformance check."""
    return asdict(run_check(load_scorer(spec, files), name))


DO: dict[str, Callable[..., Answer]] = {
    "names": names,
    "describe": describe,
    "parameters": parameters,
    "score": score,
    "check": check,
}


def end_with(parent: int) -> None:
    """End this process when its parent is gone, killed perhaps, whatever a scorer is doing."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Answer requests until there are no more."""
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    # Scorers must neither read requests nor write answers: they get an empty stdin, and stderr as stdout.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    print(READY, end="", file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        try:
            answer = DO[request.pop("do")](**request)
        except RequestError as error:
            answer = {"refused": [error.option, as_json(error.value), error.accepted]}
        except PrunebenchError as error:
            answer = {"failed": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
