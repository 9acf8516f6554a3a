"""Finding scorers: entry points of installed packages, and files."""

import hashlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from prunebench.errors import RequestError, unknown_name
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import build, parse_spec

GROUP = "prunebench.scorers"
OWN = "prunebench"
# Scorers and distributions that are left out: a comma-separated list, or `all` for every other package.
DISABLE = "PRUNEBENCH_DISABLE_PLUGINS"


@dataclass(frozen=True)
class Plugin:
    """A scorer that can be loaded.

    Attributes:
        name: what the command line calls it.
        origin: the distribution and version, or the file, that it comes from.
        load: imports and returns the class; whatever the import raises passes through.
        own: whether it comes with prunebench.
        rivals: origins of other packages that register the same name and are left out.
    """

    name: str
    origin: str
    load: Callable[[], Any]
    own: bool = False
    rivals: tuple[str, ...] = ()


def discover(files: Iterable[str | Path] = ()) -> dict[str, Plugin]:
    """All scorers by name. Only the given files are imported: a broken package costs nothing.

    A name that several packages register is prunebench's own, else the first package's in the alphabet.
    """
    found: dict[str, Plugin] = {}
    for distribution, origin, point in sorted(
        _entry_points(), key=lambda entry: (entry[0] != OWN, *entry[:2])
    ):
        if point.name not in found:
            found[point.name] = Plugin(point.name, origin, point.load, own=distribution == OWN)
        elif origin != found[point.name].origin:
            rivals = (*found[point.name].rivals, origin)
            found[point.name] = replace(found[point.name], rivals=rivals)
    for file in files:
        for cls in load_file(file):
            if cls.name in found:
                taken = found[cls.name].origin
                raise RequestError(
                    "--plugin", str(file), f"its name {cls.name!r} is taken by {taken}; rename it"
                )
            found[cls.name] = Plugin(cls.name, str(file), lambda cls=cls: cls)  # type: ignore[misc]
    return dict(sorted(found.items()))


def load_class(name: str, files: Iterable[str | Path] = ()) -> type[Scorer]:
    """The scorer class called `name`. `RequestError`: an unknown name, or a plugin that won't load."""
    known = discover(files)
    if name not in known:
        if _is_disabled(name, None):
            raise RequestError("--scorer", name, f"it is disabled by {DISABLE}")
        raise unknown_name("--scorer", name, known, "scorers")
    plugin = known[name]
    try:
        cls = plugin.load()
    except (Exception, SystemExit) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        reason = f"the plugin from {plugin.origin} does not load: {what}"
        raise RequestError("--scorer", name, reason) from error
    if not (inspect.isclass(cls) and issubclass(cls, Scorer)):
        reason = f"the plugin from {plugin.origin} is not a prunebench.Scorer class"
        raise RequestError("--scorer", name, reason)
    if getattr(cls, "name", None) != name:
        called = getattr(cls, "name", None)
        reason = (
            f"the plugin from {plugin.origin} registers a class whose name is {called!r}; they must agree"
        )
        raise RequestError("--scorer", name, reason)
    return cls


def _entry_points() -> Iterator[tuple[str, str, EntryPoint]]:
    """Distribution, origin and entry point of every installed scorer that is not disabled."""
    for point in entry_points(group=GROUP):
        try:
            distribution = str(point.dist.name) if point.dist else ""
            origin = f"{distribution} {point.dist.version}" if point.dist else "unknown distribution"
        except Exception:  # metadata that cannot be read must not take the others down
            distribution, origin = "", "a distribution without readable metadata"
        if not _is_disabled(point.name, distribution):
            yield distribution, origin, point


def _is_disabled(name: str, distribution: str | None) -> bool:
    listed = {item.strip() for item in os.environ.get(DISABLE, "").split(",")}
    return name in listed or distribution in listed or ("all" in listed and distribution not in (OWN, None))


def load_scorer(spec: str, files: Iterable[str | Path] = ()) -> Scorer:
    """The scorer for a spec such as `alignment` or `imp[sparsity=0.5]`, from packages and from `files`."""
    name, parameters = parse_spec(spec)
    return build(load_class(name, files), parameters, spec)


def load_file(file: str | Path) -> list[type[Scorer]]:
    """The scorer classes in a file. `RequestError` where it cannot be imported, or has none."""
    file = Path(file)
    module_name = f"prunebench_file_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    if module_name not in sys.modules:
        if not file.is_file():
            raise RequestError("--plugin", str(file), "a Python file that exists is needed")
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise RequestError("--plugin", str(file), "a file that ends in .py is needed")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            raise RequestError(
                "--plugin", str(file), " ".join(f"it does not load: {type(error).__name__}: {error}".split())
            ) from error
    classes = [
        cls
        for cls in vars(sys.modules[module_name]).values()
        if inspect.isclass(cls)
        and issubclass(cls, Scorer)
        and cls.__module__ == module_name
        and isinstance(getattr(cls, "name", None), str)
    ]
    if not classes:
        raise RequestError(
            "--plugin", str(file), "a class with a name that derives from prunebench.Scorer is needed"
        )
    return classes
