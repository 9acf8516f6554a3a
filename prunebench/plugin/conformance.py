"""Checks of a contract: which there are, which needs which, and how they are run and reported."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, get_args

from prunebench.errors import PrunebenchError, in_words, one_line
from prunebench.plugin.frames import file_of, place, trace
from prunebench.plugin.isolation import StandIn
from prunebench.plugin.plugin import P
from prunebench.plugin.process import Failed, Lost

Status = Literal["passed", "failed", "skipped", "reported", "not run"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: the check's name.
        status: `reported` is what is neither right nor wrong; `skipped` is what says nothing of this plugin,
            and `not run` what needs another check to pass.
        seen: what was measured or seen, one line.
        expected: what should have been, where it failed.
        cause: what usually causes the failure.
        traceback: of what the plugin raised, many lines.
    """

    check: str
    status: Status
    seen: str = ""
    expected: str = ""
    cause: str = ""
    traceback: str | None = None

    @property
    def parts(self) -> dict[str, str]:
        """What is to be said of a failure, by what it is."""
        return {"expected": self.expected, "seen": self.seen, "likely cause": self.cause}

    def __str__(self) -> str:
        if self.status != "failed":
            return f"{self.check}: {self.status}: {self.seen}"
        said = [f"{name}: {text}" for name, text in self.parts.items()]
        return "\n  ".join([f"{self.check}: failed", *said])


class Violation(Exception):
    """What a check raises where the plugin does not keep the contract: the parts of a `Finding`."""

    def __init__(self, seen: str, expected: str, cause: str, traceback: str | None = None) -> None:
        self.parts = seen, expected, cause, traceback


class Skip(Exception):
    """What a check raises where it says nothing of this plugin; the message says why."""


class Remark(Exception):
    """What a check raises where something is to be told that is neither right nor wrong: the message."""


@dataclass(frozen=True)
class _Check(Generic[P]):
    """A check gives what it saw; `reports` is for what is neither right nor wrong."""

    run: Callable[[P], str]
    needs: tuple[str, ...]
    reports: bool


@dataclass(frozen=True)
class Checks(Generic[P]):
    """The checks of a kind of plugin.

    Attributes:
        raised: what is expected where code of the plugin raises, and why it usually does.
        lost: the same of a process that ended, or had to be stopped.
        during: what holds while a check runs, by the settings that `run` is given beside the plugin.
    """

    raised: tuple[str, str]
    lost: tuple[str, str]
    during: Callable[..., contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    checks: dict[str, _Check[P]] = field(default_factory=dict)

    def add(
        self, name: str, needs: tuple[str, ...] = (), *, reports: bool = False
    ) -> Callable[[Callable[[P], str]], Callable[[P], str]]:
        """Decorates a check that says something only where those that it `needs` have passed."""

        def decorate(run: Callable[[P], str]) -> Callable[[P], str]:
            self.checks[name] = _Check(run, needs, reports)
            return run

        return decorate

    def run(self, plugin: P, **settings: Any) -> "Findings[P]":
        """Run them as they are asked for. Settings are the kind's own, and of JSON's types."""
        return Findings(self, plugin, settings)

    def answer(self, plugin: P, _folder: Path, name: str, **settings: Any) -> dict[str, Any]:
        """The finding of one check, for another process."""
        return asdict(self.find(plugin, name, settings))

    def find(self, plugin: P, name: str, settings: Mapping[str, Any]) -> Finding:
        """Run one check, where the plugin runs. Raises `Lost` where its process gave no answer."""
        if isinstance(plugin, StandIn):
            return self._find_elsewhere(plugin, name, settings)
        check = self.checks[name]
        try:
            with self.during(**settings):
                return Finding(name, "reported" if check.reports else "passed", check.run(plugin))
        except Skip as why:
            return Finding(name, "skipped", str(why))
        except Remark as remark:
            return Finding(name, "reported", str(remark))
        except Violation as violation:
            return Finding(name, "failed", *violation.parts)
        except Exception as error:  # in code of the plugin that the check does not run apart
            seen = in_words(error, place(error, file_of(type(plugin))))
            return Finding(name, "failed", seen, *self.raised, traceback=trace(error))

    def _find_elsewhere(self, plugin: StandIn, name: str, settings: Mapping[str, Any]) -> Finding:
        try:
            plugin.isolation.prepare(plugin)
            return _finding(plugin.isolation.ask("check", plugin, name=name, **settings))
        except Lost:
            raise
        except PrunebenchError as error:
            raised = error.traceback if isinstance(error, Failed) else None
            return Finding(name, "failed", f"it raised {error}", *self.raised, traceback=raised)


class Findings(Generic[P]):
    """What the checks of a plugin find: each is run once, when it is first asked for, after those it needs.

    Iterate over it for all of them, in order. A process that was lost once is not waited for again.
    """

    def __init__(self, checks: Checks[P], plugin: P, settings: Mapping[str, Any]) -> None:
        self._checks, self._plugin, self._settings = checks, plugin, settings
        self._found: dict[str, Finding] = {}
        self._lost: str | None = None

    def __iter__(self) -> Iterator[Finding]:
        return map(self.__getitem__, self._checks.checks)

    def __getitem__(self, name: str) -> Finding:
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Finding:
        needs = self._checks.checks[name].needs
        failed = next((need for need in needs if self[need].status == "failed"), self._lost)
        if failed is not None:
            return Finding(name, "not run", f"it needs the check {failed!r} to pass")
        try:
            return self._checks.find(self._plugin, name, self._settings)
        except Lost as lost:
            self._lost = name
            return Finding(name, "failed", f"it {lost}", *self._checks.lost)


def _finding(answer: dict[str, Any]) -> Finding:
    """What a check found, as far as it can be told: plugins are checked in the process that they run in."""
    said = {part: one_line(str(answer.get(part, ""))) for part in ("check", "seen", "expected", "cause")}
    status, trace = answer.get("status"), answer.get("traceback")
    known: Status = next((known for known in get_args(Status) if known == status), "failed")
    return Finding(status=known, traceback=trace if isinstance(trace, str) else None, **said)
