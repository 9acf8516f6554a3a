"""What is built of a commit: whole, named after it, and gone when it is uninstalled."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = [
    pytest.mark.slow,  # packages are built and installed, and numba compiles for an empty cache
    pytest.mark.xdist_group("packages"),
]
ROOT = Path(__file__).resolve().parents[1]
BUILD = "from setuptools import build_meta; print(build_meta.build_{0}({1!r}))"
# Of the repository's leaderboards/.
BOARDS = {f"prunebench/leaderboard/{name}" for name in ("published.json.xz", "study.toml", "layered.toml")}
GENERATED = {"PKG-INFO", "setup.cfg"}
QUICK = [
    "--dataset",
    "digits",
    "--samples",
    "40",
    "--width",
    "10",
    "--steps",
    "60",
    "--seeds",
    "3",
    "--at-step",
    "20",
    "--quiet",
]
# What a source distribution can show in seconds: data files are there, and the code says what it is.
OWN_TESTS = [
    "leaderboard/test_committed_boards.py",
    "test_repository.py",
    "test_version.py",
    "cli/test_main.py",
]


class Built(NamedTuple):
    clone: Path
    unpacked: Path
    files: list[str]
    wheel: Path
    printed: str


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = os.environ | variables
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(kind: str, out: Path, source: Path) -> str:
    # With bytecode switched off, as in some environments, setuptools warns of that.
    code = BUILD.format(kind, str(out))
    return run(sys.executable, "-W", "error", "-c", code, cwd=source, PYTHONDONTWRITEBYTECODE="")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """As `python -m build` does it: a source distribution of a clone without history, and a wheel of that."""
    if not (ROOT / ".git").exists():
        pytest.skip("what is to be built is a clone, and this is none")
    folder = tmp_path_factory.mktemp("built")
    run("git", "clone", "-q", "--depth", "1", "--no-tags", ROOT.as_uri(), "clone", cwd=folder)
    printed = build("sdist", folder, folder / "clone")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        files = [each.name.partition("/")[2] for each in file.getmembers() if each.isfile()]
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    stale = unpacked / "build" / "lib" / "prunebench" / "removed_since.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("# of an earlier build in the same tree\n")
    printed += build("wheel", folder, unpacked)
    (wheel,) = folder.glob("*.whl")
    return Built(folder / "clone", unpacked, files, wheel, printed)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of an environment that has all that this one has, but prunebench."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env", cwd=tmp_path)
    interpreter = tmp_path / "env" / "bin" / "python"
    site = run(
        interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path
    ).strip()
    beside = [path for path in sys.path if path.endswith("site-packages")]
    Path(site, "beside.pth").write_text("\n".join([*beside, sysconfig.get_path("purelib")]))
    return interpreter


def pip(python: Path, *arguments: str | Path) -> str:
    return run(sys.executable, "-m", "pip", "--python", python, *arguments, cwd=python.parent)


def tracked(clone: Path, *folders: str) -> set[str]:
    return set(run("git", "ls-files", *folders, cwd=clone).split("\n")) - {""}


def test_the_build_warns_of_nothing(built: Built) -> None:
    warned = [line for line in built.printed.splitlines() if "warning" in line.lower()]
    assert not warned


def test_the_source_distribution_has_every_file_of_the_commit(built: Built) -> None:
    packed = {name for name in built.files if name not in GENERATED and ".egg-info/" not in name}
    assert packed == tracked(built.clone)


def test_the_wheel_has_every_file_of_the_packages_and_no_other(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as file:
        packed = {name for name in file.namelist() if ".dist-info/" not in name}
    expected = tracked(built.clone, "prunebench", "plugins")
    assert packed == {re.sub("^plugins/", "prunebench_plugins/", name) for name in expected} | BOARDS


def test_what_a_package_index_shows_links_to_no_file(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        described = file.read(name).decode()
    assert "Description-Content-Type: text/markdown" in described
    assert "Protocols and files (`docs/protocols.md`): what every number means" in described
    assert not re.findall(r"\]\((?!\w+:)[^)]*\)", described)
    assert "intervals; t_drop" not in described  # the caption of a picture that is not there


def test_a_wheel_says_its_commit_and_leaves_nothing_behind(
    built: Built, python: Path, tmp_path: Path
) -> None:
    commit = run("git", "rev-parse", "HEAD", cwd=built.clone).strip()
    site = next(python.parent.parent.glob("lib/*/site-packages"))
    before = set(site.iterdir())
    pip(python, "install", "--no-deps", "--no-index", built.wheel)
    command = python.parent / "prunebench"
    said = run(command, "--version", cwd=tmp_path).split()[1]
    assert said.endswith(f"+g{commit[:12]}")
    assert said in built.wheel.name
    assert "published boards" in run(command, "leaderboard", cwd=tmp_path)
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": ""}
    run(command, "run", *QUICK, cwd=tmp_path, **own)
    (board,) = tmp_path.glob(".prunebench/leaderboards/*.json")
    made = json.loads(board.read_text())["rows"][0]["environment"]
    assert (made["prunebench"], made["commit"]) == (said, commit[:12])
    assert list((tmp_path / "cache" / "prunebench" / "kernels").rglob("*.nbc"))
    pip(python, "uninstall", "--yes", "prunebench")
    assert set(site.iterdir()) == before
    assert not command.exists()


def test_the_source_distribution_passes_its_own_tests(built: Built, python: Path) -> None:
    pip(python, "install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", built.unpacked)
    tests = [str(Path("tests", name)) for name in OWN_TESTS]
    printed = run(
        python, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests, cwd=built.unpacked
    )
    assert "passed" in printed
    where = run(python, "-c", "import prunebench; print(prunebench.__file__)", cwd=python.parent)
    assert Path(where.strip()).is_relative_to(built.unpacked)
