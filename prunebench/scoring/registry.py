"""Finding scorers: entry points of installed packages, and files."""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from prunebench.errors import RequestError, unknown_name
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import build, parse_spec

GROUP = "prunebench.scorers"


@dataclass(frozen=True)
class Plugin:
    """A scorer that can be loaded.

    Attributes:
        name: what the command line calls it.
        origin: the distribution and version, or the file, that it comes from.
        load: imports and returns the class; whatever the import raises passes through.
    """

    name: str
    origin: str
    load: Callable[[], type[Scorer]]


def discover(files: Iterable[str | Path] = ()) -> dict[str, Plugin]:
    """All scorers by name. Only the given files are imported: a broken package costs nothing."""
    found: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
        found.setdefault(point.name, Plugin(point.name, origin, point.load))
    for file in files:
        for cls in _classes_of(Path(file)):
            if cls.name in found:
                taken = found[cls.name].origin
                raise RequestError(
                    "--plugin", str(file), f"its name {cls.name!r} is taken by {taken}; rename it"
                )
            found[cls.name] = Plugin(cls.name, str(file), lambda cls=cls: cls)  # type: ignore[misc]
    return found


def load_class(name: str, files: Iterable[str | Path] = ()) -> type[Scorer]:
    """The scorer class called `name`. `RequestError`: an unknown name, or a plugin that won't load."""
    known = discover(files)
    if name not in known:
        raise unknown_name("--scorer", name, known, "scorers")
    plugin = known[name]
    try:
        cls = plugin.load()
    except (Exception, SystemExit) as error:
        reason = f"the plugin from {plugin.origin} does not load: {type(error).__name__}: {error}"
        raise RequestError("--scorer", name, reason) from error
    if not (inspect.isclass(cls) and issubclass(cls, Scorer)):
        raise RequestError(
            "--scorer", name, f"the plugin from {plugin.origin} is not a prunebench.Scorer class"
        )
    return cls


def load_scorer(spec: str, files: Iterable[str | Path] = ()) -> Scorer:
    """The scorer for a spec such as `alignment` or `imp[sparsity=0.5]`, from packages and from `files`."""
    name, parameters = parse_spec(spec)
    return build(load_class(name, files), parameters, spec)


def _classes_of(file: Path) -> list[type[Scorer]]:
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
                "--plugin", str(file), f"it does not load: {type(error).__name__}: {error}"
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
