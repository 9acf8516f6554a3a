"""Plugins as text: `imp[sparsity=0.5,rounds=3]`, `my_idea.py:MyIdea[alpha=0.3]`."""

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any, TypeVar

from prunebench.errors import RequestError
from prunebench.plugin.plugin import Plugin

P = TypeVar("P", bound=Plugin)
NAME = r"[A-Za-z_][\w.-]*"
_FILE = re.compile(r"(?P<file>.+?\.py):(?P<spec>.*)", re.DOTALL)
_SPEC = re.compile(rf"(?P<name>{NAME})(\[(?P<parameters>[^\[\]]*)\])?")


def split_file(spec: str) -> tuple[str | None, str]:
    """The file that a spec names before a colon, or None, and the rest of the spec."""
    match = _FILE.fullmatch(spec.strip())
    return (match["file"], match["spec"].strip()) if match else (None, spec)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Name and parameter texts of a spec. Raises `RequestError` where it cannot be read."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise RequestError(
            "--scorer",
            spec,
            "write name or name[parameter=value,...], with file.py: before it for a class in a file",
        )
    parameters: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in (match["parameters"] or "").split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key or not value or key in parameters:
            raise RequestError("--scorer", spec, "write each parameter once, as name=value")
        parameters[key] = value
    return match["name"], parameters


def build(cls: type[P], parameters: Mapping[str, str], spec: str) -> P:
    """The plugin with these parameters, each converted to its field's type."""
    known = {f.name: f for f in cls.parameters()}
    hints = typing.get_type_hints(cls)
    values = {}
    for key, text in parameters.items():
        if key not in known:
            accepted = ", ".join(describe(f) for f in known.values()) or "none"
            raise RequestError(
                "--scorer", spec, f"{cls.name} has no parameter {key!r}; its parameters: {accepted}"
            )
        values[key] = _convert(text, hints[key], f"{cls.name}[{key}]")
    try:
        return cls(**values)
    except RequestError:
        raise
    except Exception as error:  # whatever its author refuses a value with
        raise RequestError("--scorer", spec, " ".join(str(error).split())) from error


def canonical(plugin: Plugin) -> str:
    """The spec that rebuilds this plugin, defaults left out: one method, one name."""
    changed = {f.name: v for f in plugin.parameters() if (v := getattr(plugin, f.name)) != f.default}
    if not changed:
        return plugin.name
    return f"{plugin.name}[{','.join(f'{key}={_text(value)}' for key, value in changed.items())}]"


def describe(parameter: "Field[Any]") -> str:
    """`name=default` of a parameter."""
    return parameter.name if parameter.default is MISSING else f"{parameter.name}={_text(parameter.default)}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _convert(text: str, hint: Any, option: str) -> Any:
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        by_text = {_text(choice): choice for choice in choices}
        if text not in by_text:
            raise RequestError(option, text, f"one of {', '.join(by_text)}")
        return by_text[text]
    if origin in (typing.Union, types.UnionType):
        if text == "none" and type(None) in choices:
            return None
        return _convert(text, next(choice for choice in choices if choice is not type(None)), option)
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise RequestError(option, text, "true or false")
        return text.lower() == "true"
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            kind = "a whole number" if hint is int else "a number"
            raise RequestError(option, text, f"{kind} is needed") from None
    return text
