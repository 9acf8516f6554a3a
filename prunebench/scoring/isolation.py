"""Other people's scorers in a process of their own: one that hangs, exits or crashes harms no other row."""

import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from prunebench.errors import PrunebenchError, RequestError, one_line
from prunebench.networks import Networks
from prunebench.plugin.process import Failed, Lost, PluginProcess, Stopped, scratch
from prunebench.plugin.spec import build, canonical, parse_spec
from prunebench.scoring.conformance import REQUIREMENTS, Finding, Status
from prunebench.scoring.execute import Outcome, failure, judge
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
from prunebench.scoring.stand_in import (
    CHANGED,
    StandIn,
    broken,
    describe,
    parameters_of,
    stand_in,
    with_parameters,
)
from prunebench.scoring.worker import SCORES, SNAPSHOT
from prunebench.training.bundle import bundle_bytes
from prunebench.training.snapshot import Snapshot

# A plugin that takes longer than this to import is broken; time limits of scorers begin after it.
LOAD_SECONDS = 60.0
# What a file of scores holds beside them.
_HEADER = 4096


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
        self,
        timeout: float | None = None,
        files: Iterable[str | Path] = (),
        worker: PluginProcess | None = None,
    ) -> None:
        self.timeout = timeout
        self.problems: list[str] = []
        self._files = [str(file) for file in files if check_file(file)]
        self._worker = worker or PluginProcess()
        self._loaded: set[tuple[int, str]] = set()

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
        return stand_in(self._load("describe", name, name=name), self._execute)

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
            if not issubclass(cls, StandIn):
                return build(cls, parameters, spec)
            if self.plugins[name].own:
                return with_parameters(cls, parameters_of(load_scorer(spec)))
            return with_parameters(cls, self._load("parameters", name, spec=spec))
        except PluginError as error:
            self._note(str(error))
            return broken(spec.replace(" ", ""), str(error))

    def check(self, scorer: Scorer, name: str) -> Finding:
        """The finding of one conformance check, in the worker. Raises `Lost` if there is none."""
        try:
            self._import(scorer)
            return _finding(self._ask("check", self.timeout, spec=canonical(scorer), name=name))
        except Lost:
            raise
        except PrunebenchError as error:
            trace = error.traceback if isinstance(error, Failed) else None
            return Finding(name, "failed", f"it raised {error}", *REQUIREMENTS["raises"], traceback=trace)

    def close(self) -> None:
        """End the worker."""
        self._worker.stop()

    def __enter__(self) -> "Isolation":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _execute(self, scorer: Scorer, snapshot: Snapshot) -> Outcome:
        with scratch() as name:
            folder = Path(name)
            (folder / SNAPSHOT).write_bytes(bundle_bytes(snapshot, order=False))
            began = time.perf_counter()
            try:
                self._import(scorer)
                began = time.perf_counter()
                device = str(snapshot.networks.device)
                answer = self._ask(
                    "score",
                    self.timeout,
                    spec=canonical(scorer),
                    source=_source(scorer),
                    folder=folder,
                    device=device,
                )
            except PrunebenchError as error:
                hint = " (--scorer-timeout)" if isinstance(error, Stopped) else ""
                trace = error.traceback if isinstance(error, Failed) else None
                return failure(f"{error}{hint}", "raises", time.perf_counter() - began, traceback=trace)
            return _outcome(answer, folder / SCORES, snapshot.networks, time.perf_counter() - began)

    def _import(self, scorer: Scorer) -> None:
        """Have the worker import a scorer, if it has not: that is not the scorer's time."""
        self._worker.start()
        if (self._worker.starts, scorer.name) not in self._loaded:
            found = self._ask("describe", LOAD_SECONDS, name=scorer.name)
            if found["source"] != _source(scorer):
                raise PrunebenchError(CHANGED)
            self._loaded.add((self._worker.starts, scorer.name))

    def _ask(self, do: str, timeout: float | None, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._worker.ask(do, timeout, files=self._files, **arguments)
        return answer

    def _load(self, do: str, plugin: str, **arguments: object) -> dict[str, Any]:
        """What the worker says of a plugin; `PluginError` where it says nothing."""
        try:
            found = self._ask(do, LOAD_SECONDS, **arguments)
        except Lost as lost:
            where = self.plugins[plugin].origin
            raise PluginError(f"the plugin from {where} does not load: {lost}") from lost
        except RequestError:
            raise
        except PrunebenchError as error:
            raise PluginError(str(error)) from error
        self._loaded.add((self._worker.starts, plugin))
        return found

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


def _outcome(answer: dict[str, Any], file: Path, networks: Networks, elapsed: float) -> Outcome:
    """What came back from the worker, where a scorer may have changed anything: checked here again."""
    seconds = answer.get("seconds")
    if not (isinstance(seconds, float) and 0 <= seconds <= elapsed):
        seconds = elapsed
    error, steps = answer.get("error"), answer.get("extra_gradient_steps")
    if error is not None:
        kind, trace = str(answer.get("broken")), answer.get("traceback")
        kind = kind if kind in REQUIREMENTS else "raises"
        return failure(str(error), kind, seconds, steps, trace if isinstance(trace, str) else None)
    try:
        tensors = _tensors(file, networks)
    except (OSError, ValueError, SafetensorError) as unreadable:
        return failure(f"its scores cannot be read: {unreadable}", "raises", seconds, steps)
    return judge(tensors.get("scores"), tensors.get("signs"), steps, seconds, networks)


def _tensors(file: Path, networks: Networks) -> dict[str, Tensor]:
    if file.stat().st_size > 16 * networks.seeds * networks.width + _HEADER:
        raise ValueError("the file is larger than scores are")
    return load_file(file, device=str(networks.device))


def _finding(answer: dict[str, Any]) -> Finding:
    """What a check found, as far as it can be told: scorers are checked in the process that they run in."""
    check, seen, expected, cause = (
        one_line(str(answer.get(part, ""))) for part in ("check", "seen", "expected", "cause")
    )
    status, trace = answer.get("status"), answer.get("traceback")
    known: Status = next((known for known in get_args(Status) if known == status), "failed")
    return Finding(check, known, seen, expected, cause, trace if isinstance(trace, str) else None)
