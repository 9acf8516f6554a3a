"""The process of its own for plugins that may hang or exit: what `prunebench.plugin.process` starts.

Reads one JSON request per line and puts the answer to each into the request's folder; whatever is printed
meanwhile goes to stderr.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prunebench.errors import PrunebenchError, RequestError, in_words
from prunebench.plugin.description import as_json, describe
from prunebench.plugin.forks import FORKS, Fork
from prunebench.plugin.frames import place, trace
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.process import ANSWER, Answer
from prunebench.plugin.registry import Registry
from prunebench.plugin.source import CHANGED, source_hash

# Asks a plugin in the request's folder, where nothing is but what the request is about. Of an answer's
# `files`, by name, each is put into the folder before the rest is.
Handler = Callable[..., Answer]


def serve(
    kind: PluginKind[Any],
    handlers: Mapping[str, Handler],
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Answer requests about plugins of a kind until there are no more, those of each origin in a process.

    Each of the `handlers` is handed the plugin, the folder and what else the request says. The `guard` is
    around all that a plugin's code does, as it is imported too; a `PrunebenchError` of its own is the answer.
    A plugin that ends its process ends this one, and with it all that was started in any of them.
    """
    here = os.getcwd()
    # Plugins must neither read requests nor write answers: they get an empty stdin, and stderr as stdout.
    requests, bell = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.write(bell, b"\n")

    def work(line: bytes) -> None:
        process, request = os.getpid(), json.loads(line)
        folder = Path(request.pop("folder"))
        os.chdir(here)
        try:
            with guard():
                answer = _answer(kind, handlers, folder, **request)
        except PrunebenchError as error:
            answer = {"failed": str(error)}
        if os.getpid() != process:  # a plugin forked, and came back twice
            os._exit(0)
        _put(folder, answer)

    apart: dict[str, Fork] = {}
    for line in requests:
        request = json.loads(line)
        origin, answer = request["origin"], Path(request["folder"]) / ANSWER
        if not FORKS:
            work(line)
        else:
            if origin not in apart or apart[origin].has_ended():
                others = [pipe for fork in apart.values() for pipe in fork.pipes]
                apart[origin] = Fork(work, [requests.fileno(), bell, *others])
            if not apart[origin].ask(line, answer.is_file):
                os.close(bell)
                apart[origin].end_alike()
        os.write(bell, b"\n")


def _answer(
    kind: PluginKind[Any],
    handlers: Mapping[str, Handler],
    folder: Path,
    do: str,
    origin: str,
    **request: Any,
) -> Answer:
    try:
        registry = Registry(kind, request.pop("files"))
        match do:
            case "names":
                return {"names": registry.names_in(**request)}
            case "describe":
                return asdict(describe(kind, registry.load_class(**request)))
            case "load":
                return asdict(describe(kind, registry.load(**request)))
            case _:
                return _done(handlers[do], registry, folder, **request)
    except RequestError as error:
        return {"refused": [error.option, as_json(error.value), error.accepted]}
    except PrunebenchError as error:
        return {"failed": str(error)}
    except BaseException as error:  # there is no Ctrl-C here: whatever is raised was raised by a plugin
        return {"failed": in_words(error, place(error, None)), "traceback": trace(error)}


def _done(
    handler: Handler, registry: Registry[Any], folder: Path, spec: str, source: str, **arguments: Any
) -> Answer:
    """What a plugin was asked for.

    Raises `PrunebenchError` where the code that ran is not that of the hash `source`: a helper may have been
    imported only now.
    """
    plugin = registry.load(spec)
    with contextlib.chdir(folder):
        answer = handler(plugin, folder, **arguments)
    if source_hash(type(plugin)) != source:
        raise PrunebenchError(CHANGED)
    return answer


def _put(folder: Path, answer: Answer) -> None:
    """Write the answer, whole or not at all."""
    for name, content in answer.pop("files", {}).items():
        (folder / name).write_bytes(content)
    new = folder / f"{ANSWER}.new"
    new.write_text(json.dumps(answer))
    new.replace(folder / ANSWER)
