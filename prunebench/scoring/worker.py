"""A process of its own for scorers that may hang or exit: `python -m prunebench.scoring.worker`.

Reads one JSON request per line and puts the answer to each into the request's folder; whatever is printed
meanwhile goes to stderr.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from prunebench.errors import PrunebenchError, RequestError, in_words
from prunebench.plugin.frames import place, trace
from prunebench.plugin.process import ANSWER
from prunebench.plugin.source import source_hash
from prunebench.scoring.conformance import run_check
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import load_class, load_scorer, names_in_file
from prunebench.scoring.stand_in import CHANGED, Description, as_json, parameters_of
from prunebench.scoring.stand_in import describe as describe_class
from prunebench.training.bundle import read_bundle

SNAPSHOT, SCORES = "snapshot.safetensors", "scores.safetensors"
_TENSORS = ("scores", "signs")

Answer = dict[str, Any]


def names(folder: Path, file: str) -> Answer:
    """The names of the scorers in a file."""
    return {"names": names_in_file(file)}


def describe(folder: Path, name: str, files: list[str]) -> Description:
    """What a scorer class is (see `prunebench.scoring.stand_in`)."""
    return describe_class(load_class(name, files))


def parameters(folder: Path, spec: str, files: list[str]) -> Answer:
    """A scorer's parameters, and what follows from them."""
    return parameters_of(load_scorer(spec, files))


def score(folder: Path, spec: str, files: list[str], source: str, device: str) -> Answer:
    """Score the snapshot in the folder; `scores` and `signs` are tensors.

    Raises `PrunebenchError` where the code that ran is not that of the hash `source`: a helper may have been
    imported only now.
    """
    scorer, snapshot = load_scorer(spec, files), read_bundle(folder / SNAPSHOT, device)
    with contextlib.chdir(folder):  # where no store is, nor anything else but the snapshot
        outcome = execute(scorer, snapshot)
    if source_hash(type(scorer)) != source:
        raise PrunebenchError(CHANGED)
    return dict(vars(outcome))


def check(folder: Path, spec: str, files: list[str], name: str) -> Answer:
    """The finding of one conformance check."""
    scorer = load_scorer(spec, files)
    with contextlib.chdir(folder):
        return asdict(run_check(scorer, name))


DO: dict[str, Callable[..., Answer]] = {
    "names": names,
    "describe": describe,
    "parameters": parameters,
    "score": score,
    "check": check,
}


def main() -> None:
    """Answer requests until there are no more."""
    here, process = os.getcwd(), os.getpid()
    # Scorers must neither read requests nor write answers: they get an empty stdin, and stderr as stdout.
    requests, bell = os.fdopen(os.dup(0)), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.write(bell, b"\n")
    for line in requests:
        request = json.loads(line)
        folder = Path(request["folder"])
        os.chdir(here)
        answer = _answer(request)
        if os.getpid() != process:  # a scorer forked, and came back twice
            os._exit(0)
        _put(folder, answer)
        os.write(bell, b"\n")


def _answer(request: dict[str, Any]) -> Answer:
    try:
        return DO[request.pop("do")](Path(request.pop("folder")), **request)
    except RequestError as error:
        return {"refused": [error.option, as_json(error.value), error.accepted]}
    except PrunebenchError as error:
        return {"failed": str(error)}
    except BaseException as error:  # there is no Ctrl-C here: whatever is raised was raised by a scorer
        return {"failed": in_words(error, place(error, None)), "traceback": trace(error)}


def _put(folder: Path, answer: Answer) -> None:
    """Write the answer, whole or not at all."""
    tensors = {name: value for name in _TENSORS if isinstance(value := answer.pop(name, None), Tensor)}
    if tensors:
        # The format wants memory of its own for every tensor.
        own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(own, folder / SCORES)
    new = folder / f"{ANSWER}.new"
    new.write_text(json.dumps(answer))
    new.replace(folder / ANSWER)


if __name__ == "__main__":
    main()
