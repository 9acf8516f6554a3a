"""What travels to the process of a scorer that stands for one of others, and what comes back."""

import math
import os
import time
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load

from prunebench.errors import PrunebenchError, one_line
from prunebench.networks import Networks
from prunebench.plugin.isolation import StandIn
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.process import Failed, Stopped, scratch
from prunebench.plugin.registry import file_of
from prunebench.scoring.outcome import REQUIREMENTS, Outcome, failure, judge
from prunebench.training.bundle import bundle_bytes
from prunebench.training.snapshot import Snapshot

SNAPSHOT, SCORES = "snapshot.safetensors", "scores.safetensors"
# What a file of scores holds beside them.
_HEADER = 4096


def execute_elsewhere(scorer: StandIn, snapshot: Snapshot) -> Outcome:
    """As `prunebench.scoring.execute.execute`, in the scorer's process."""
    began = time.perf_counter()
    try:
        with scratch() as name:
            folder = Path(name)
            scorer.isolation.prepare(scorer)
            (folder / SNAPSHOT).write_bytes(bundle_bytes(snapshot, order=False))
            began = time.perf_counter()
            device = str(snapshot.networks.device)
            networks = _files(snapshot)
            answer = scorer.isolation.ask("score", scorer, folder, device=device, networks=networks)
            return _outcome(answer, folder / SCORES, snapshot.networks, time.perf_counter() - began)
    except PrunebenchError as error:
        hint = " (--scorer-timeout)" if isinstance(error, Stopped) else ""
        trace = error.traceback if isinstance(error, Failed) else None
        return failure(f"{error}{hint}", "raises", time.perf_counter() - began, traceback=trace)
    except OSError as error:  # a folder for temporary files that is full, say: others need none
        where = error.filename or "its snapshot"
        return failure(f"{where}: {error.strerror}", "raises", time.perf_counter() - began)


def unfit_elsewhere(scorer: StandIn, snapshot: Snapshot) -> str | None:
    """As `prunebench.scoring.execute.unfit`, in the scorer's process."""
    try:
        with scratch() as name:
            folder = Path(name)
            scorer.isolation.prepare(scorer)
            (folder / SNAPSHOT).write_bytes(bundle_bytes(snapshot, order=False))
            answer = scorer.isolation.ask("unfit", scorer, folder, networks=_files(snapshot))
    except (PrunebenchError, OSError):  # it is said where scores are asked for
        return None
    reason = answer.get("unfit")
    return one_line(reason) if isinstance(reason, str) else None


def _files(snapshot: Snapshot) -> list[str]:
    """The file that the kind of network is written in, where it is in no package."""
    network = snapshot.recipe.network
    file = file_of(type(network)) if isinstance(network, Plugin) else None
    return [] if file is None else [os.path.abspath(file)]


def _outcome(answer: dict[str, Any], file: Path, networks: Networks, elapsed: float) -> Outcome:
    """What came back from the process, where a scorer may have changed anything: checked here again."""
    seconds = answer.get("seconds")
    if not (isinstance(seconds, float) and 0 <= seconds < math.inf):
        seconds = elapsed
    error, steps = answer.get("error"), answer.get("extra_gradient_steps")
    if error is not None:
        kind, trace = str(answer.get("broken")), answer.get("traceback")
        kind = kind if kind in REQUIREMENTS else "raises"
        return failure(str(error), kind, seconds, steps, trace if isinstance(trace, str) else None)
    try:
        largest = 16 * networks.seeds * networks.units + _HEADER
        with file.open("rb") as opened:  # read, not mapped: whoever shortens it now would end this process
            content = opened.read(largest + 1)
        if len(content) > largest:
            raise ValueError("the file is larger than scores are")
        tensors = {name: tensor.to(networks.device) for name, tensor in load(content).items()}
    except (OSError, ValueError, SafetensorError) as unreadable:
        return failure(f"its scores cannot be read: {unreadable}", "raises", seconds, steps)
    passes = answer.get("sample_gradients")
    return judge(tensors.get("scores"), tensors.get("signs"), steps, passes, seconds, networks)
