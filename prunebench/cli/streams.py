"""Standard output and error: whatever they can show and wherever they lead, no traceback comes of them."""

import codecs
import contextlib
import os
import sys
from contextlib import AbstractContextManager

# What stands for characters that a terminal of few characters does not have; `?` for all others.
_PLAIN = {"†": "+", "‡": "#", "°": "~", "…": ".", "–": "-", "—": "-", "’": "'", "·": ".", "≈": "=", "±": "+-"}
_PLAIN |= {"●": "o", "├": "[", "┤": "]", "─": "-", "┃": "|"}  # of diagrams
_ERRORS = "prunebench"
# Modules that write to standard output.
_WRITERS = ("click.", "rich.", "prunebench.cli.", "prunebench.store.formats")


def prepare() -> None:
    """Have every text printed on any terminal; a stream that is closed leads nowhere."""
    codecs.register_error(_ERRORS, _in_plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def others_on_stderr() -> AbstractContextManager[object]:
    """Meanwhile what code of others prints, as a network's forward, goes there: stdout has results alone."""
    return contextlib.redirect_stdout(sys.stderr)


def encodable(text: str) -> str:
    """What standard output makes of it, for what is sent elsewhere instead: pagers get UTF-8."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, _ERRORS).decode(encoding)


def is_of_stdout(error: OSError) -> bool:
    """Whether writing to standard output failed so: files say their names, and it has none."""
    from traceback import walk_tb

    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    return error.filename is None and modules[-1].startswith(_WRITERS)


def abandon_stdout() -> None:
    """Nobody reads it: what is still to be written, as the process ends, leads nowhere."""
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end
