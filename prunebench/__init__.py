"""prunebench: which neurons of a network will matter at the end of training, and how early can we tell?

The public names are listed in `__init__.pyi`, for type checkers and for this module, and imported when they
are first used, so that `import prunebench` and the command line's help stay instant.
"""

import re
from importlib import import_module
from pathlib import Path

_LISTED = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
_HOMES = {name: home for home, name in re.findall(r"^from (\S+) import (\w+)", _LISTED, re.MULTILINE)}
__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (all are strings)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("prunebench.version").code().version
    if name not in _HOMES:
        raise AttributeError(f"module 'prunebench' has no attribute {name!r}")
    home = _HOMES[name]
    value = import_module(f"{home}.{name}") if home == __name__ else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
