"""Files that are either the old whole or the new whole."""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from prunebench.errors import RequestError
from prunebench.store.database import FILE

# Folders of a store, beside its database.
NETWORKS, CLAIMS = "networks", "claims"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by `content` (text as UTF-8) in one step: an interruption leaves the old file whole."""
    with atomic_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BufferedIOBase]:
    """A file to write, which replaces `path` (an ordinary file, or none yet) in one step at the end."""
    _check_kind("output", path)
    # Short, so that the longest name that a file may have is one that can be written.
    temporary = path.with_name(f".{path.name[:20]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # a full disk does not say of which file
        raise


def read_bytes(path: Path) -> bytes:
    """What is in an ordinary file. `OSError` for others: what is in a pipe or a device may have no end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "no ordinary file", str(path))
    return path.read_bytes()


def check_folder(option: str, folder: Path) -> None:
    """Raises `RequestError` where the folder cannot be made or written, and makes nothing."""
    for there in (folder, *folder.absolute().parents):
        try:
            is_folder = stat.S_ISDIR(there.stat().st_mode)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = f"a folder that can be written: {error.strerror}"
            raise RequestError(option, str(folder), reason) from error
        if not is_folder or not os.access(there, os.W_OK):
            denied = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
            reason = os.strerror(denied) if is_folder else f"{there} is a file"
            raise RequestError(option, str(folder), f"a folder that can be written: {reason}")
        return


def writable_folder(option: str, folder: Path) -> Path:
    """The folder, made if need be. `RequestError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise RequestError(option, str(folder), f"a folder that can be written: {error.strerror}") from error
    return folder


def writable_file(option: str, path: Path) -> Path:
    """The path, in a folder that is made if need be: where an output option may write.

    Raises `RequestError` where no file can be written, where anything but an ordinary file is there already
    (a link, a device, a folder), and for the files of a store.
    """
    _check_kind(option, path)
    if _is_of_store(path.parent.resolve() / path.name):
        raise RequestError(option, str(path), "it is a file of a store, which is never overwritten")
    try:
        writable_folder(option, path.parent)
    except RequestError as error:
        raise RequestError(option, str(path), f"a file in {error.accepted}") from error
    return path


def _check_kind(option: str, path: Path) -> None:
    """Nothing there, or an ordinary file: what else is there is not to be replaced by one."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise RequestError(option, str(path), f"a file that can be written: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
        kind = kinds.get(stat.S_IFMT(mode), "device")
        raise RequestError(option, str(path), f"an ordinary file is needed, and a {kind} is there")


def _is_of_store(path: Path) -> bool:
    if path.name.startswith(FILE) and (path.parent / FILE).is_file():  # with -wal, -shm and -journal
        return True
    kept = [folder for folder in path.parents if folder.name in (NETWORKS, CLAIMS)]
    return any((folder.parent / FILE).is_file() for folder in kept)


@contextlib.contextmanager
def folder_lock(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Keep other processes out while something in `folder` is read, changed and written.

    Without `wait`, gives False where another process holds the lock.
    """
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
