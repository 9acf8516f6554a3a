"""Other people's scorers in a process of their own: one that hangs, exits or crashes harms no other row."""

import tempfile
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from prunebench.errors import PrunebenchError, RequestError
from prunebench.scoring.conformance import Finding
from prunebench.scoring.execute import Outcome
from prunebench.scoring.process import Lost, Stopped, Worker
from prunebench.scoring.registry import (
    Plugin,
    PluginError,
    check_file,
    discover,
    load_class,
    load_scorer,
    require,
    split_spec,
)
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import build, canonical, parse_spec
from prunebench.scoring.stand_in import CHANGED, StandIn, broken, describe, stand_in, values_of
from prunebench.store.bundle import write_bundle
from prunebench.training.snapshot import Snapshot

# A plugin that takes longer than this to import is broken; time limits of scorers begin after it.
LOAD_SECONDS = 60.0


class Isolation:
    """Finds and loads scorers; code of others runs in a worker, never in this process.

    What is loaded are stand-ins, which `prunebench.scoring.execute.execute` takes like any scorer: one that
    hangs, exits or crashes has failed. Scorers of prunebench itself are run here, unless there is a time
    limit. Close it, or use it in a `with` statement, to end the worker.

    Args:
        timeout: seconds for each scorer at a step (and draw); it is stopped when they are over.
        files: files that scorers come from (`--plugin`). `RequestError` for one that is not there.
        worker: the process, where it was started before.

    Attributes:
        problems: a line for each package's scorer that was found to be broken so far; it is left out.
    """

    def __init__(
        self, timeout: float | None = None, files: Iterable[str | Path] = (), worker: Worker | None = None
    ) -> None:
        self.timeout = timeout
        self.problems: list[str] = []
        self._files = [str(file) for file in files if check_file(file)]
        self._worker = worker or Worker()
        self._loaded: set[str] = set()

    @cached_property
    def plugins(self) -> dict[str, Plugin]:
        """All scorers by name. `RequestError` for a file that does not load or has a name that is taken."""
        return discover(self._files, self._names_in)

    def load_class(self, name: str) -> type[Scorer]:
        """The scorer's class, or what stands for it here.

        `RequestError`: an unknown name. `PluginError`: its plugin is broken.
        """
        plugin = require(name, self.plugins)
        for rival in plugin.rivals:
            self._note(_taken(plugin, rival))
        if plugin.own:
            cls = load_class(name)
            return cls if self.timeout is None else stand_in(describe(cls), self._execute)
        try:
            found = self._ask("describe", LOAD_SECONDS, name=name)
        except Lost as lost:
            raise PluginError(f"the plugin from {plugin.origin} does not load: {lost}") from lost
        except RequestError:
            raise
        except PrunebenchError as error:
            raise PluginError(str(error)) from error
        self._loaded.add(name)
        return stand_in(found, self._execute)

    def load(self, spec: str) -> Scorer:
        """The scorer for a spec. One whose package is broken is noted, and fails when it is run.

        `RequestError`: a spec that cannot be read, an unknown name or parameter, a file that does not load.
        """
        files, spec = split_spec(spec, self._names_in)
        if new := [file for file in files if file not in self._files]:
            self._files += new
            self.__dict__.pop("plugins", None)
        name, parameters = parse_spec(spec)
        try:
            cls = self.load_class(name)
        except PluginError as error:
            self._note(str(error))
            return broken(spec.replace(" ", ""), str(error))
        if not issubclass(cls, StandIn):
            return build(cls, parameters, spec)
        if self.plugins[name].own:
            return cls(**values_of(load_scorer(spec)))
        return cls(**self._ask("parameters", LOAD_SECONDS, spec=spec)["values"])

    def check(self, scorer: Scorer, name: str) -> Finding:
        """The finding of one conformance check, in the worker. Raises `Lost` if there is none."""
        self._import(scorer)
        return Finding(**self._ask("check", self.timeout, spec=canonical(scorer), name=name))

    def close(self) -> None:
        """End the worker."""
        self._worker.stop()

    def __enter__(self) -> "Isolation":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _execute(self, scorer: Scorer, snapshot: Snapshot) -> Outcome:
        device = snapshot.networks.device
        with tempfile.TemporaryDirectory(prefix="prunebench-") as folder:
            here, back = Path(folder, "snapshot.safetensors"), Path(folder, "scores.safetensors")
            write_bundle(here, snapshot, order=False)
            began = time.perf_counter()
            try:
                self._import(scorer)
                began = time.perf_counter()
                answer = self._ask(
                    "score",
                    self.timeout,
                    spec=canonical(scorer),
                    source=_source(scorer),
                    snapshot=str(here),
                    device=str(device),
                    answer=str(back),
                )
            except PrunebenchError as error:
                hint = " (--scorer-timeout)" if isinstance(error, Stopped) else ""
                return Outcome(None, None, f"{error}{hint}", 0, time.perf_counter() - began, "raises")
            tensors = load_file(back, device=str(device))
        return Outcome(tensors.get("scores"), tensors.get("signs"), **answer)

    def _import(self, scorer: Scorer) -> None:
        """Have the worker import a scorer, if it has not: that is not the scorer's time."""
        if scorer.name not in self._loaded:
            found = self._ask("describe", LOAD_SECONDS, name=scorer.name)
            if found["source"] != _source(scorer):
                raise PrunebenchError(CHANGED)
            self._loaded.add(scorer.name)

    def _ask(self, do: str, timeout: float | None, **arguments: object) -> dict[str, Any]:
        try:
            return self._worker.ask(do, timeout, files=self._files, **arguments)
        except Lost:
            self._loaded.clear()
            raise

    def _names_in(self, file: str | Path) -> dict[str, str]:
        try:
            names: dict[str, str] = self._worker.ask("names", LOAD_SECONDS, file=str(file))["names"]
        except RequestError:
            raise
        except PrunebenchError as error:
            raise RequestError("--plugin", str(file), f"it does not load: {error}") from error
        return names

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _source(scorer: Scorer) -> str:
    assert isinstance(scorer, StandIn)
    return scorer.origin_source


def _taken(plugin: Plugin, rival: str) -> str:
    return f"the plugin {rival} is left out: its name {plugin.name!r} is taken by {plugin.origin}; rename it"
