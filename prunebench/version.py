"""Which code this is: the version that builds are named by, and the commit in every result.

A build asks before anything is installed (pyproject.toml), so only the standard library is imported here.
"""

import hashlib
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, PathDistribution, distribution
from pathlib import Path
from typing import NamedTuple

# What the code will be when its commit has the tag `v` and this. Without it, and with changes, the version
# has the day and the name of the commit besides: no tags, and no history, are needed to tell what it is.
RELEASE = "0.1.0"

_HERE = Path(__file__).resolve().parent


class Code(NamedTuple):
    """What this code is.

    Attributes:
        version: such as `0.1.0`, or `0.1.0.dev20261125+g1c1240d04cb1`, with `.changes` if some are not
            committed. Of source that came without git, `0.1.0.dev0+files.` and a digest of it.
        commit: the git commit, with `+changes` if some are not committed; of an installed package its first
            twelve digits. None for a release and for source that came without git.
    """

    version: str
    commit: str | None


@cache
def code() -> Code:
    """Asked of git in a clone, of the metadata in a package that was built, of the files else."""
    root = _HERE.parent
    if (found := _of_clone(root)) is not None:
        return found
    built = _of_build(root) or f"{RELEASE}.dev0+files.{_digest(root)}"
    return Code(built, built.partition("+g")[2].replace(".", "+") or None)


def version() -> str:
    """What a build is named by."""
    return code().version


def _of_clone(root: Path) -> Code | None:
    if not (root / ".git").exists():
        return None
    # Said outright, so that no variable of a hook that runs us points to another repository.
    git = ["git", "--git-dir", str(root / ".git"), "--work-tree", str(root)]
    questions = (
        ["log", "-1", "--format=%H %cs"],
        ["tag", "--points-at", "HEAD"],
        ["status", "--porcelain", "--untracked-files=no"],
    )
    try:
        head, tags, changed = (
            subprocess.run(
                [*git, *question], cwd=root, capture_output=True, text=True, check=True, timeout=10
            ).stdout.strip()
            for question in questions
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git here, or a clone that belongs to somebody else
    commit, day = head.split()
    if f"v{RELEASE}" in tags.split() and not changed:
        return Code(RELEASE, commit)
    local = f"g{commit[:12]}" + (".changes" if changed else "")
    return Code(f"{RELEASE}.dev{day.replace('-', '')}+{local}", commit + ("+changes" if changed else ""))


def _of_build(root: Path) -> str | None:
    """The version in the metadata that were made for these very files."""
    if (root / "PKG-INFO").is_file():  # a source distribution, unpacked
        return PathDistribution(root).version
    try:
        installed = distribution("prunebench")
    except PackageNotFoundError:
        return None
    own = Path(str(installed.locate_file("prunebench/version.py"))).resolve() == _HERE / "version.py"
    return installed.version if own else None


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for folder in (_HERE, root / "plugins"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
