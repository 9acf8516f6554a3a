"""Plugins as text: `imp[sparsity=0.5,rounds=3]`, `my_idea.py:MyIdea[alpha=0.3]`."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING
from numbers import Real
from typing import Any

from prunebench.errors import RequestError
from prunebench.fields import TYPES, annotations, kind_of, read, written
from prunebench.plugin.plugin import P, Plugin, values_of

NAME = r"[A-Za-z_][\w.-]*"
_FILE = re.compile(r"(?P<file>.+?\.py):(?P<spec>.*)", re.DOTALL)
_SPEC = re.compile(rf"(?P<name>{NAME})(\[(?P<parameters>[^\[\]]*)\])?")


def split_file(spec: str) -> tuple[str | None, str]:
    """The file that a spec names before a colon, or None, and the rest of the spec."""
    match = _FILE.fullmatch(spec.strip())
    return (match["file"], match["spec"].strip()) if match else (None, spec)


def files_of(specs: Iterable[str]) -> list[str]:
    """The files that some of the specs name."""
    return [file for file, _ in map(split_file, specs) if file]


def plugin_words(files: Iterable[str]) -> list[str]:
    """The options that name files of plugins on a command line, each once."""
    return [word for file in dict.fromkeys(files) for word in ("--plugin", file)]


def parse_spec(spec: str, noun: str) -> tuple[str, dict[str, str]]:
    """Name and parameter texts of a spec. `RequestError`, about a `noun`: it cannot be read."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        form = "name or name[parameter=value,...], with file.py: before it for a class in a file"
        raise RequestError(noun, spec, f"write {form}")
    parameters: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in (match["parameters"] or "").split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key or not value or key in parameters:
            raise RequestError(noun, spec, "write each parameter once, as name=value")
        parameters[key] = value
    return match["name"], parameters


def build(cls: type[P], parameters: Mapping[str, str], spec: str, noun: str) -> P:
    """The plugin with these parameters, each read as its field's type. `RequestError`: one does not fit."""
    known = {field.name: field.default for field in cls.parameters()}
    types = annotations(cls)
    values = {}
    for key, text in parameters.items():
        if key not in known:
            lacking = f"{cls.name} has no parameter {key!r}"
            raise RequestError(noun, spec, f"{lacking}; its parameters: {signature(known) or 'none'}")
        values[key] = read(f"{cls.name}[{key}]", text, types[key])
    try:
        return cls(**values)
    except RequestError:
        raise
    except Exception as error:  # whatever its author refuses a value with
        raise RequestError(noun, spec, " ".join(str(error).split())) from error


def canonical(plugin: Plugin) -> str:
    """The spec that rebuilds this plugin, defaults left out: one method, one name.

    Raises `RequestError` for a value that no text stands for, and for a text that would be read as another
    value, or as several parameters.
    """
    values = values_of(plugin)
    changed = {f.name: v for f in plugin.parameters() if not _same(v := values[f.name], f.default)}
    for key, value in changed.items():
        option, annotation = f"{plugin.name}[{key}]", _annotation(type(plugin), key)
        kind = None if annotation is Any else kind_of(annotation)
        if (kind is None and annotation is not Any) or not isinstance(value, str | Real | None):
            raise RequestError(option, value, f"results are named by it: {TYPES} is needed")
        if isinstance(value, str) and (not value or value != value.strip() or set(value) & set(",[]")):
            accepted = "a text without commas, square brackets and blanks around it is needed"
            raise RequestError(option, value, accepted)
        if value == "none" and kind is not None and kind.optional:
            raise RequestError(option, value, "another text is needed: none stands for None")
    if not changed:
        return plugin.name
    return f"{plugin.name}[{','.join(f'{key}={written(value)}' for key, value in changed.items())}]"


def _annotation(cls: type, key: str) -> Any:
    """A parameter's type; Any where nothing is known of it, as of those that run elsewhere."""
    with suppress(Exception):  # types that only their author's type checker finds
        return annotations(cls)[key]
    return Any


def _same(value: object, default: object) -> bool:
    with suppress(Exception):  # arrays are neither the same nor not
        return bool(value == default)
    return False


def signature(parameters: Mapping[str, object]) -> str:
    """`share=0.5, rounds=3`: parameters with their defaults, which are `MISSING` where there is none."""
    return ", ".join(
        name if default is MISSING else f"{name}={written(default)}" for name, default in parameters.items()
    )
