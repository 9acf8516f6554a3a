"""Files that are either the old whole or the new whole."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from prunebench.errors import RequestError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by `content` (text as UTF-8) in one step: an interruption leaves the old file whole."""
    with atomic_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BufferedIOBase]:
    """A file to write, which replaces `path` in one step when all went well."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's 0600 would hide a shared board from others
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def writable_folder(option: str, folder: Path) -> Path:
    """The folder, made if need be. `RequestError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RequestError(option, str(folder), f"a folder that can be written: {error.strerror}") from error
    return folder


def writable_file(option: str, path: Path) -> Path:
    """The path, in a folder that is made if need be. `RequestError` where no file can be written there.

    A link is followed: what it points to is replaced, never the link itself.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise RequestError(option, str(path), "an ordinary file is needed")
    try:
        writable_folder(option, target.parent)
    except RequestError as error:
        raise RequestError(option, str(path), f"a file in {error.accepted}") from error
    return target


@contextlib.contextmanager
def folder_lock(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Keep other processes out while something in `folder` is read, changed and written.

    Without `wait`, gives False where another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:  # no advisory locks on this platform
        yield True
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            locked = True
        except BlockingIOError:
            locked = False
        yield locked
    finally:
        os.close(handle)
