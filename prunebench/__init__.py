"""prunebench: which neurons of a network will matter at the end of training, and how early can we tell?

The public names are listed in `__init__.pyi`, for type checkers and for this module, and imported when they
are first used, so that `import prunebench` and the command line's help stay instant.
"""

import os
import re
import sys
from importlib import import_module
from pathlib import Path

# Threads of PyTorch that wait for each other must not keep cores busy meanwhile: that slows work down many
# times, and passive waiting costs an idle machine nothing. It is read when PyTorch is imported; where that
# came first, `prunebench.threads.few_threads` helps.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # GNU's and LLVM's OpenMP
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # Intel's

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
