"""What plugins are, remembered under the code that they are written in: to list them, few are imported."""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from prunebench.plugin.description import Description
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.plugin import P
from prunebench.plugin.source import codes_of, file_of_module
from prunebench.version import version

T = TypeVar("T")
# Of each sort; those that were asked for longest ago go first.
_MOST = 500


@dataclass
class _Known:
    """By what they were made of: descriptions of plugins, and the plugins in a file by their classes."""

    plugins: dict[str, Description] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)


class Listing(Isolation[P]):
    """Describes plugins; imports those that are new, or changed, since they were last described.

    A change is one of their code, of what is installed, or of prunebench.

    Args:
        cache: the file that remembers; one that cannot be read, or written, remembers nothing.
    """

    def __init__(self, kind: PluginKind[P], files: Iterable[str | Path], cache: Path) -> None:
        super().__init__(kind, files=files)
        self._cache, self._known = cache, _Known()
        with contextlib.suppress(OSError, ValueError, msgspec.ValidationError, RecursionError):
            self._known = msgspec.convert(json.loads(cache.read_bytes()), _Known)

    def names_in(self, file: str) -> dict[str, str]:
        """As `Isolation.names_in`."""
        ask = partial(super().names_in, file)
        return self._recall(self._known.names, Path(file), "__main__", ask)

    def describe(self, name: str) -> Description:
        """As `Isolation.describe`."""
        plugin = self.require(name)
        module = "__main__" if plugin.point is None else plugin.point.value.partition(":")[0]
        file = Path(plugin.origin) if plugin.point is None else file_of_module(module)
        return self._recall(self._known.plugins, file, module, partial(super().describe, name), name)

    def close(self) -> None:
        """End the process, and remember."""
        super().close()
        with contextlib.suppress(OSError):
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            new = self._cache.with_name(f".{self._cache.name}.{os.getpid()}")
            new.write_text(json.dumps(asdict(self._known)))
            new.replace(self._cache)

    def _recall(
        self, known: dict[str, T], file: Path | None, module: str, ask: Callable[[], T], name: str = ""
    ) -> T:
        """What is known of the code in a file, or what comes of asking."""
        try:
            codes = None if file is None else codes_of(file, module)
        except OSError:
            codes = None
        if codes is None:
            return ask()
        told = [each.name for each in fields(Description)]
        made_of = json.dumps([version(), told, _installed(), self.kind.group, name, module, codes])
        key = hashlib.sha256(made_of.encode()).hexdigest()
        found = known.pop(key) if key in known else ask()
        known[key] = found  # the last of them now
        for oldest in list(known)[:-_MOST]:
            del known[oldest]
        return found


def _installed() -> list[tuple[str, int]]:
    """Changes with each package that is installed, or removed."""
    folders = [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
    return [(folder, os.stat(folder).st_mtime_ns) for folder in folders if os.path.isdir(folder)]
