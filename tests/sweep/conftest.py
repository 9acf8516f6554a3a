from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sweep_process import STUDY, records, sweep, values

from prunebench.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """Makes folders with nothing but a study of four jobs in them."""

    def make() -> Path:
        folder = tmp_path / f"sweep{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "study.toml").write_text(STUDY)
        return folder

    return make


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Any, ...], Any]:
    """What the study's results are."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "study.toml").write_text(STUDY)
    said = sweep(folder, mark="undisturbed")
    assert said.endswith("exit code 0"), said
    found = values(records(folder))
    assert len([key for key in found if key[0] == "result"]) == 4 * 2 * 4  # dense, alignment, two controls
    return found
