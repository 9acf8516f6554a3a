"""Commands are run in process, in an empty folder, on a task that trains in a blink."""

from pathlib import Path

import numpy as np
import pytest
from in_process import QUICK, Prunebench, Result

from prunebench.cli.main import run
from prunebench.leaderboard import locations


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Published boards are those that a test puts into a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locations, "_PUBLISHED", tmp_path / "leaderboards")
    return tmp_path


@pytest.fixture
def prunebench(capfd: pytest.CaptureFixture[str]) -> Prunebench:
    def call(*arguments: str) -> Result:
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def quick(prunebench: Prunebench, npz: Path) -> Prunebench:
    """`prunebench run` on the toy data, with these arguments more."""
    return lambda *arguments: prunebench("run", "--dataset", npz, *QUICK, *arguments)


@pytest.fixture(scope="session")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes of 6 x 6 pictures."""
    draw = np.random.default_rng(0)
    centres = draw.uniform(0, 255, size=(4, 6, 6))
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 200), ("test", 100)):
        labels = np.arange(count) % 4
        noisy = np.clip(centres[labels] + draw.normal(0, 60, size=(count, 6, 6)), 0, 255)
        arrays |= {f"x_{part}": noisy.astype(np.uint8), f"y_{part}": labels}
    path = tmp_path_factory.mktemp("data") / "toy.npz"
    np.savez(path, **arrays)
    return path
