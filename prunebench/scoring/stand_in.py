"""What stands in this process for scorers that are run in a worker, and for those that do not load."""

from dataclasses import MISSING, field, make_dataclass
from typing import Any, ClassVar, NoReturn

from prunebench.errors import PrunebenchError
from prunebench.plugin.source import source_hash
from prunebench.scoring.execute import Elsewhere, Execute, Outcome
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot

Description = dict[str, Any]
# Why there are no scores: they would stand under the hash of code that did not compute them.
CHANGED = "its code was changed after it was loaded; run again to score with the code as it is now"
_ATTRIBUTES = {"name": str, "version": str, "paper": str, "stochastic": bool, "sees_end": bool}


class StandIn(Elsewhere):
    """Has a scorer's name, parameters and source, and has the worker asked for its scores.

    Derived classes are made by `stand_in`.
    """

    origin_source: ClassVar[str]
    ask: ClassVar[Execute]

    def execute(self, snapshot: Snapshot) -> Outcome:
        """What came of asking the worker."""
        return type(self).ask(self, snapshot)


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
        **{name: kind(getattr(cls, name)) for name, kind in _ATTRIBUTES.items()},
        "source": source_hash(cls),
        "parameters": list(defaults),
        "defaults": {key: as_json(value) for key, value in defaults.items() if value is not MISSING},
    }


def as_json(value: object) -> object:
    """A parameter's value; those that no spec can give are kept as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def stand_in(description: Description, ask: Execute) -> type[StandIn]:
    """The class that stands for the one described; `ask` has its scores computed."""
    attributes = {name: description[name] for name in _ATTRIBUTES}
    defaults = description["defaults"]
    return make_dataclass(
        "StandIn",
        [
            (name, Any, field(default=defaults.get(name, MISSING), kw_only=True))
            for name in description["parameters"]
        ],
        bases=(StandIn,),
        namespace={**attributes, "origin_source": description["source"], "ask": staticmethod(ask)},
        frozen=True,
    )


def parameters_of(scorer: Scorer) -> Description:
    """What tells a scorer from others of its class, as JSON: its parameters, and what follows from them."""
    values = {f.name: as_json(getattr(scorer, f.name)) for f in scorer.parameters()}
    return {"values": values, "initial_only": bool(scorer.initial_only)}


def with_parameters(cls: type[StandIn], parameters: Description) -> StandIn:
    """What stands for the scorer whose `parameters_of` these are."""
    one = type(cls.__name__, (cls,), {"initial_only": parameters["initial_only"]})
    made: StandIn = one(**parameters["values"])
    return made


def broken(spec: str, reason: str) -> Scorer:
    """What stands for the scorer that was asked for."""
    cls: type[Broken] = type("Broken", (Broken,), {"name": spec, "reason": reason})
    return cls()
