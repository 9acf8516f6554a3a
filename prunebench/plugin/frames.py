"""Where in a user's own code an error was raised."""

import sys
import sysconfig
import traceback
from pathlib import Path

import prunebench
from prunebench.errors import printable
from prunebench.plugin.imported import is_installed

_OURS = (str(Path(prunebench.__file__).parent), sysconfig.get_path("stdlib"), "<")
# A traceback is read from its end.
_FRAMES, _CHARACTERS = 30, 20_000


def file_of(cls: type) -> str | None:
    """The file that a class is written in."""
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


def place(error: BaseException, file: str | None) -> str:
    """The last frame in `file` or in code that is not installed (`boom.py:5 in normalise`), else nothing."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = frame.f_code.co_filename
        if name == file or not (name.startswith(_OURS) or is_installed(Path(name))):
            return f"{Path(name).name}:{line} in {frame.f_code.co_name}"
    return ""


def trace(error: BaseException) -> str:
    """The traceback, the end of it if it is a long one."""
    text = "".join(traceback.format_exception(error, limit=-_FRAMES))[-_CHARACTERS:]
    return "\n".join(printable(line) for line in text.splitlines())
