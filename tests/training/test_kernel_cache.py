"""Where machine code is kept, and that no state of that place stops a training."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

from prunebench.training.engines import kernel_cache, kernels

Double = Callable[[], Any]
NUMBERS = np.array([1.0, 2.0])


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A user's cache folder with nothing in it."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    kernel_cache._folder.cache_clear()
    yield tmp_path / "home"
    kernel_cache._folder.cache_clear()


@pytest.fixture
def double(tmp_path: Path) -> Double:
    """Makes a function of an installed package, compiled as in a new process."""
    source = tmp_path / "site-packages" / "doubling.py"
    source.parent.mkdir()
    source.write_text("def double(values):\n    return 2 * values\n")

    def compiled() -> Any:
        spec = importlib.util.spec_from_file_location("doubling", source)
        assert spec is not None
        assert spec.loader is not None
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return kernels.compiled(module.double)

    return compiled


def hits(function: Any) -> int:
    np.testing.assert_array_equal(function(NUMBERS), 2 * NUMBERS)
    return sum(function.stats.cache_hits.values())


def test_code_is_kept_for_the_next_process_and_not_beside_the_source(
    double: Double, home: Path, tmp_path: Path
) -> None:
    assert hits(double()) == 0
    assert hits(double()) == 1
    assert list((home / "prunebench" / "kernels").rglob("*.nbc"))
    assert not list((tmp_path / "site-packages").rglob("*.nb?"))


def test_numbas_own_setting_says_where(
    double: Double, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "elsewhere"))
    assert hits(double()) == 0
    assert hits(double()) == 1
    assert list((tmp_path / "elsewhere" / "kernels").rglob("*.nbc"))


def test_without_a_folder_to_write_every_process_compiles(double: Double, home: Path, tmp_path: Path) -> None:
    home.write_text("not a folder")
    assert hits(double()) == 0
    assert hits(double()) == 0
    assert not list((tmp_path / "site-packages").rglob("*.nb?"))


def test_a_user_without_a_home(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nobody)
    assert hits(double()) == 0


@pytest.mark.skipif(os.name != "posix", reason="owners of files")
def test_code_that_another_user_wrote_is_not_run(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hits(double()) == 0
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    kernel_cache._folder.cache_clear()
    assert hits(double()) == 0


def test_a_full_disk_stops_nothing(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_of: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert hits(double()) == 0


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 40, -1])
def test_damaged_files_are_made_again(double: Double, home: Path, ending: str, left: int) -> None:
    assert hits(double()) == 0
    (file,) = home.rglob(f"*.{ending}")
    file.write_bytes(file.read_bytes()[:left])
    assert hits(double()) == 0
    assert hits(double()) == 1


def test_code_for_other_types_under_the_same_name_is_not_run(double: Double, home: Path) -> None:
    function = double()
    function(NUMBERS)
    function(NUMBERS.astype(np.float32))
    first, second = sorted(home.rglob("*.nbc"))
    shutil.copy(second, first)
    assert hits(double()) == 0
    assert hits(double()) == 1


def test_a_change_in_any_kernel_leaves_all_old_code_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kernels of one file are compiled into those of another; numba looks at the latter's file only."""
    copy = tmp_path / "engines"
    shutil.copytree(Path(kernels.__file__).parent, copy)
    monkeypatch.setattr(kernel_cache, "__file__", str(copy / "kernel_cache.py"))
    before = kernel_cache._folder()
    kernel_cache._folder.cache_clear()
    assert kernel_cache._folder() == before
    (copy / "kernels.py").write_text((copy / "kernels.py").read_text() + "# changed\n")
    kernel_cache._folder.cache_clear()
    assert kernel_cache._folder() != before


def test_only_the_versions_that_were_used_last_are_kept(home: Path) -> None:
    versions = home / "prunebench" / "kernels"
    for age in range(6):
        old = versions / f"{age:016x}"
        old.mkdir(parents=True)
        (old / "kernel.nbi").touch()
        os.utime(old, (1e9 - age, 1e9 - age))
    (versions / "notes").mkdir()
    used = kernel_cache._folder()
    assert used is not None
    left = {path.name for path in versions.iterdir()}
    assert left == {"notes", used.name, *(f"{age:016x}" for age in range(kernel_cache.KEPT - 1))}
