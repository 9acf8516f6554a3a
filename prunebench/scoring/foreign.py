"""Scorers of others as this process knows them: their code runs in a worker and nowhere else."""

from dataclasses import MISSING, field, make_dataclass
from typing import Any, ClassVar, NoReturn

from prunebench.errors import PrunebenchError
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.source import source_hash
from prunebench.training.snapshot import Snapshot

Description = dict[str, Any]
_ATTRIBUTES = ("name", "version", "paper", "stochastic", "sees_end")


class Foreign(Scorer):
    """Stands for a scorer that only a worker imports: same name, parameters and source, but no scores.

    Derived classes are made by `stand_in`.
    """

    origin_source: ClassVar[str]

    def score(self, snapshot: Snapshot) -> NoReturn:
        """Is asked of the worker instead (`prunebench.scoring.isolation`)."""
        raise PrunebenchError(f"{self.name} is run in a worker only")


class Broken(Scorer):
    """Stands for a scorer whose plugin does not load: it fails wherever it is run, with the reason.

    Derived classes are made by `broken`.
    """

    reason: ClassVar[str]

    def score(self, snapshot: Snapshot) -> NoReturn:
        """Raises the reason."""
        raise PrunebenchError(self.reason)


def describe(cls: type[Scorer]) -> Description:
    """All that other processes need to know of a scorer class, as JSON."""
    defaults = {f.name: f.default for f in cls.parameters()}
    return {
        **{name: as_json(getattr(cls, name)) for name in _ATTRIBUTES},
        "source": source_hash(cls),
        "parameters": list(defaults),
        "defaults": {key: as_json(value) for key, value in defaults.items() if value is not MISSING},
    }


def as_json(value: object) -> object:
    """A parameter's value; those that no spec can give are kept as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def stand_in(description: Description) -> type[Foreign]:
    """The class that stands for the one described."""
    attributes = {name: description[name] for name in _ATTRIBUTES}
    defaults = description["defaults"]
    return make_dataclass(
        "Foreign",
        [
            (name, Any, field(default=defaults.get(name, MISSING), kw_only=True))
            for name in description["parameters"]
        ],
        bases=(Foreign,),
        namespace={**attributes, "origin_source": description["source"]},
        frozen=True,
    )


def broken(spec: str, reason: str) -> Scorer:
    """What stands for the scorer that was asked for."""
    cls: type[Broken] = type("Broken", (Broken,), {"name": spec, "reason": reason})
    return cls()
