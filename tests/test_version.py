"""What the code says it is: in a clone, in what is built of it, and in source that came without git."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import prunebench as pb
from prunebench import version
from prunebench.store.provenance import environment
from prunebench.version import RELEASE, Code

NAMED = re.compile(rf"{re.escape(RELEASE)}\.dev20260102\+g([0-9a-f]{{12}})")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree that came without git."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
        monkeypatch.setenv(f"GIT_{name}_DATE", "2026-01-02T03:04:05Z")
    return source(tmp_path / "tree")


def source(root: Path) -> Path:
    (root / "prunebench").mkdir(parents=True)
    (root / "plugins").mkdir()
    (root / "plugins" / "snip.py").write_text("'''SNIP'''\n")
    shutil.copy(version.__file__, root / "prunebench" / "version.py")
    return root


def git(root: Path, *arguments: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    subprocess.run(
        ["git", "-C", root, "-c", "commit.gpgsign=false", *arguments], check=True, capture_output=True
    )


def committed(root: Path) -> None:
    git(root.parent, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")


def asked(root: Path) -> Code:
    """As a new process says it, or a build: the file alone, not as a part of the package."""
    spec = importlib.util.spec_from_file_location("alone", root / "prunebench" / "version.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    code: Callable[[], Code] = module.code
    found = code()
    assert module.version() == found.version
    return found


def test_a_clone_is_its_commit_and_says_when_it_was_changed(root: Path) -> None:
    committed(root)
    first = asked(root)
    assert first.commit is not None
    assert re.fullmatch(r"[0-9a-f]{40}", first.commit)
    named = NAMED.fullmatch(first.version)
    assert named is not None
    assert first.commit.startswith(named[1])
    (root / "plugins" / "snip.py").write_text("'''another SNIP'''\n")
    assert asked(root) == Code(f"{first.version}.changes", f"{first.commit}+changes")
    git(root, "commit", "-q", "-a", "-m", "second")
    assert NAMED.fullmatch(asked(root).version)
    assert asked(root).version != first.version


def test_a_shallow_clone_without_tags_says_the_same(root: Path, tmp_path: Path) -> None:
    committed(root)
    git(root, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-tags", root.as_uri(), "shallow")
    assert asked(tmp_path / "shallow") == asked(root)


def test_a_tag_makes_the_release(root: Path) -> None:
    committed(root)
    git(root, "tag", "v9.9.9")
    assert NAMED.fullmatch(asked(root).version)
    git(root, "tag", f"v{RELEASE}")
    assert asked(root).version == RELEASE
    (root / "plugins" / "snip.py").write_text("'''changed since'''\n")
    assert asked(root).version.endswith(".changes")


def test_another_repository_around_it_or_in_a_hook_is_not_asked(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    inside = source(tmp_path / "other" / "vendored")
    committed(tmp_path / "other")
    assert asked(inside).commit is None
    committed(root)
    own = asked(root)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert asked(root) == own


def test_source_without_git_is_known_by_its_files(root: Path) -> None:
    first = asked(root)
    assert first.commit is None
    assert re.fullmatch(rf"{re.escape(RELEASE)}\.dev0\+files\.[0-9a-f]{{12}}", first.version)
    assert asked(root) == first
    (root / "plugins" / "snip.py").write_text("'''another SNIP'''\n")
    assert asked(root).version != first.version


def test_a_clone_where_git_does_not_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(root)
    monkeypatch.setenv("PATH", "")
    assert "+files." in asked(root).version


@pytest.mark.parametrize(
    ("built", "commit"),
    [
        ("0.1.0", None),
        ("0.1.0.dev20260102+g0123456789ab", "0123456789ab"),
        ("0.1.0.dev20260102+g0123456789ab.changes", "0123456789ab+changes"),
        ("0.1.0.dev0+files.0123456789ab", None),
    ],
)
def test_what_was_built_says_what_it_was_built_from(
    root: Path, monkeypatch: pytest.MonkeyPatch, built: str, commit: str | None
) -> None:
    metadata = f"Metadata-Version: 2.4\nName: prunebench\nVersion: {built}\n"
    installed = root / "prunebench-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(metadata)
    monkeypatch.syspath_prepend(root)
    assert asked(root) == Code(built, commit)
    shutil.rmtree(installed)
    (root / "PKG-INFO").write_text(metadata)
    assert asked(root) == Code(built, commit)


def test_the_metadata_of_another_installation_is_not_taken(root: Path) -> None:
    """This environment's own, say, when another tree is on PYTHONPATH."""
    assert "+files." in asked(root).version


def test_every_result_says_it() -> None:
    record = environment("cpu")
    assert (record["prunebench"], record["commit"]) == version.code()
    assert pb.__version__ == record["prunebench"]
