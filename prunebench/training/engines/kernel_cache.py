"""The machine code that numba makes is kept in the user's cache folder.

Not beside the source, as numba would: an uninstalled package would leave it behind, and a folder
`site-packages/prunebench` that holds nothing else hides an editable install.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

from prunebench.tasks.cache import user_folder

CONFIG: Any = numba.config  # its names are made when it is imported
KEPT = 4  # versions of the kernels: those that were used last


class KernelCache(FunctionCache):
    """Numba's cache of one function, made to help where it can and to stand in nobody's way."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The function compiled for these types of arguments; None where there is none that is whole."""
        try:
            found = super().load_overload(sig, target_context)
            # Processes that save at the same time may give two signatures one file.
            if found is None or found.signature.args == tuple(sig):
                return found
        except Exception:
            pass  # a file that cannot be read, or that lost its end: damage raises whatever it likes
        with contextlib.suppress(OSError):
            self.flush()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, where there is room."""
        # Whatever the index has become: this process holds the code that it needs.
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def cache_of(function: Callable[..., Any]) -> KernelCache | None:
    """Where the compiled function is kept; None where no folder can be written."""
    folder = _folder()
    if folder is None:
        return None
    before, CONFIG.CACHE_DIR = CONFIG.CACHE_DIR, str(folder)
    try:
        found = KernelCache(function)
    except RuntimeError:  # numba found no place at all
        return None
    finally:
        CONFIG.CACHE_DIR = before
    # Where its folder in ours is another's, numba falls back on the one beside the source.
    return found if Path(found.cache_path).is_relative_to(folder) else None


@cache
def _folder() -> Path | None:
    """`NUMBA_CACHE_DIR`, else the user's own cache folder; in it, a folder for these very kernels.

    They call each other across files, of which numba knows nothing: it would serve a function whose own file
    is as it was, with the old code of another one in it. So the name holds a digest of all of them.
    """
    try:
        kernels = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
        base = Path(CONFIG.CACHE_DIR) if CONFIG.CACHE_DIR else user_folder()
        folder = base / "kernels" / hashlib.sha256(kernels).hexdigest()[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # which makes it the newest
            pass
        # What is loaded from here is run: files that another user wrote are not.
        own = os.name != "posix" or folder.stat().st_uid == os.geteuid()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    _remove_old(folder.parent)
    return folder if own else None


def _remove_old(versions: Path) -> None:
    """Whoever still uses one of them compiles anew."""
    with contextlib.suppress(OSError):  # another process removes them too
        named = (path for path in versions.iterdir() if re.fullmatch("[0-9a-f]{16}", path.name))
        for old in sorted(named, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
