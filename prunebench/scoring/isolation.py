"""Other people's scorers in a process of their own: one that hangs, exits or crashes harms no other row."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file

from prunebench.errors import PrunebenchError
from prunebench.scoring.execute import Outcome, execute
from prunebench.scoring.process import Stopped, Worker
from prunebench.scoring.registry import discover
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import canonical
from prunebench.store.bundle import write_bundle
from prunebench.training.snapshot import Snapshot


class Isolation:
    """Runs scorers, those of others in a worker.

    A scorer of prunebench itself is run there too where there is a time limit. Scorers that have no place
    to be loaded from (a class in a notebook) and saved arrays are run here.

    Args:
        timeout: seconds for each scorer at a step (and draw); it is stopped when they are over.
        files: files that scorers come from (`--plugin`).
    """

    def __init__(self, timeout: float | None = None, files: Sequence[str | Path] = ()) -> None:
        self.timeout, self.files = timeout, [str(Path(file).resolve()) for file in files]
        self._worker = Worker()

    def covers(self, scorer: Scorer) -> bool:
        """Whether the scorer is run in a process of its own."""
        plugin = discover(self.files).get(scorer.name)
        if plugin is None or plugin.load() is not type(scorer):
            return False
        return self.timeout is not None or not plugin.own

    def execute(self, scorer: Scorer, snapshot: Snapshot) -> Outcome:
        """As `prunebench.scoring.execute.execute`; a scorer that hangs, exits or crashes is an error too."""
        if not self.covers(scorer):
            return execute(scorer, snapshot)
        device = snapshot.networks.device
        with tempfile.TemporaryDirectory(prefix="prunebench-") as folder:
            here, back = Path(folder, "snapshot.safetensors"), Path(folder, "scores.safetensors")
            write_bundle(here, snapshot, order=False)
            began = time.perf_counter()
            try:
                answer = self._worker.ask(
                    "score",
                    self.timeout,
                    spec=canonical(scorer),
                    files=self.files,
                    snapshot=str(here),
                    device=str(device),
                    answer=str(back),
                )
            except PrunebenchError as error:
                hint = " (--scorer-timeout)" if isinstance(error, Stopped) else ""
                return Outcome(None, None, f"{error}{hint}", 0, time.perf_counter() - began, "raises")
            tensors = load_file(back, device=str(device))
        return Outcome(tensors.get("scores"), tensors.get("signs"), **answer)
