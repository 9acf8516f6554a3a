"""Errors that reach a user: one line that names the option, the value and what would be accepted."""

import difflib
import importlib
from collections.abc import Iterable, Sequence
from typing import Any


class PrunebenchError(Exception):
    """The work failed (exit code 1). The message is one line for a person."""


class RequestError(PrunebenchError, ValueError):
    """The request was wrong (exit code 2): `option` got `value`, but needs `accepted`.

    Python callers may catch it as a `ValueError`.
    """

    def __init__(self, option: str, value: object, accepted: str) -> None:
        self.option, self.value, self.accepted = option, value, accepted
        super().__init__(f"{option}: got {_shorten(value)}; {accepted}")

    def about(self, option: str) -> "RequestError":
        """The same of an option of another name: a command line's, where this is a Python argument."""
        return RequestError(option, self.value, self.accepted)


def check_type(option: str, value: object, expected: type | tuple[type, ...], accepted: str) -> None:
    """Raise a `RequestError` where a value is of another type."""
    if not isinstance(value, expected):
        raise RequestError(option, value, accepted)


def optional(module: str, option: str, value: object, accepted: str) -> Any:
    """A module of a package that is not always there; `RequestError` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RequestError(option, value, accepted) from error


def unknown_name(option: str, name: str, known: Iterable[str], noun: str) -> RequestError:
    """The error for a name that is not in `known`, with the nearest name first."""
    known = sorted(known)
    return RequestError(option, name, f"{did_you_mean(name, known)}{noun}: {', '.join(known) or 'none'}")


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The question before a list of what is known; empty where nothing is near."""
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? " if close else ""


def in_words(error: BaseException, place: str = "") -> str:
    """An error as one line, with the `place` where it was raised; ours say all in their message.

    Nothing that the error does can fail here: its text may be an endless one, or raise itself.
    """
    try:
        message = one_line(str(error)) or "no message"
    except BaseException as another:  # whatever it raises, it is the error's own text that is lacking
        message = f"its message cannot be shown: {one_line(type(another).__name__)}"
    if isinstance(error, PrunebenchError):
        return message
    return one_line(type(error).__name__, 100) + f": {message}" + (f" ({place})" if place else "")


def one_line(text: str, limit: int = 400) -> str:
    """Text of others as one line that can be kept and shown anywhere: no control characters, bounded."""
    line = printable(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def printable(text: str) -> str:
    """Characters that move the cursor, or that no encoding has (lone surrogates), as their escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _shorten(value: object, limit: int = 120) -> str:
    try:
        text = repr(value).replace("\n", " ")
    except Exception:  # a number of thousands of digits, or an object that cannot say what it is
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 3] + "..."
