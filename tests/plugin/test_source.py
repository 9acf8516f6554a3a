import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import Tensor

from prunebench.plugin import source
from prunebench.plugin.imported import content
from prunebench.plugin.registry import Registry
from prunebench.plugin.source import source_hash
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot

SCORER = """
import prunebench as pb
from my_helpers import scale

class Mine(pb.Scorer):
    name = "mine"
    def score(self, snapshot):
        return scale(snapshot.networks.norms())
"""
LATE = """
def late():
    import my_helpers_too
"""
EDITS = """
import sys
from pathlib import Path
from prunebench.plugin.source import source_hash
Path(__file__).write_text(sys.argv[1])
print(source_hash(Mine))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    source._roots.cache_clear()
    (tmp_path / "mine.py").write_text(SCORER)
    (tmp_path / "my_helpers.py").write_text("def scale(x):\n    return 2 * x\n")
    return tmp_path


def mine(folder: Path) -> type[Scorer]:
    """As a fresh process would import it."""
    importlib.invalidate_caches()
    for name in [n for n in sys.modules if n.startswith(("my_helpers", "prunebench_file_"))]:
        del sys.modules[name]
    return Registry(SCORERS, [folder / "mine.py"]).load_class("mine")


def hash_of(folder: Path) -> str:
    return source_hash(mine(folder))


def test_a_changed_helper_is_another_scorer(folder: Path) -> None:
    """A trap of peers: helper code changes, and the cache serves what the old code computed."""
    before = hash_of(folder)
    assert hash_of(folder) == before
    (folder / "my_helpers.py").write_text("def scale(x):\n    return 3 * x\n")
    assert hash_of(folder) != before


def test_a_helper_in_a_folder_without_init_counts(folder: Path) -> None:
    """Python imports from one as from a package."""
    (folder / "mine.py").write_text("import my_helpers_apart.inner as helper\n" + SCORER)
    (folder / "my_helpers_apart").mkdir()
    helper = folder / "my_helpers_apart/inner.py"
    helper.write_text("x = 1\n")
    before = hash_of(folder)
    helper.write_text("x = 2\n")
    assert hash_of(folder) != before


@pytest.mark.parametrize("code", ["import my_helpers_packed.sub", "from my_helpers_packed.sub import x"])
def test_the_package_that_a_helper_is_in_counts(folder: Path, code: str) -> None:
    """It is run before what is imported of it."""
    (folder / "mine.py").write_text(f"{code}\n{SCORER}")
    (folder / "my_helpers_packed").mkdir()
    (folder / "my_helpers_packed/sub.py").write_text("x = 1\n")
    package = folder / "my_helpers_packed/__init__.py"
    package.write_text("scale = 1\n")
    before = hash_of(folder)
    package.write_text("scale = 2\n")
    assert hash_of(folder) != before


def test_comments_and_docstrings_do_not_count(folder: Path) -> None:
    before = hash_of(folder)
    (folder / "mine.py").write_text('"""What it is."""\n# why\n' + SCORER)
    assert hash_of(folder) == before
    (folder / "mine.py").write_text(SCORER.replace("norms()", 'norms("incoming")'))
    assert hash_of(folder) != before


@pytest.mark.parametrize("name", ["mine.py", "my_helpers.py"])
def test_the_hash_is_of_what_was_imported(folder: Path, name: str) -> None:
    """Whatever the file holds by now."""
    cls, file = mine(folder), folder / name
    before = source_hash(cls)
    file.write_text(file.read_text() + "\nx = 1\n")
    assert source_hash(cls) == before
    assert hash_of(folder) != before


def test_compiled_code_of_the_same_second_and_size_is_not_taken_for_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    mine(folder)
    assert sys.modules["my_helpers"].scale(1) == 2
    file = folder / "my_helpers.py"
    began = file.stat()
    file.write_text(file.read_text().replace("2 *", "3 *"))
    os.utime(file, ns=(began.st_atime_ns, began.st_mtime_ns))
    mine(folder)
    assert sys.modules["my_helpers"].scale(1) == 3


def test_what_is_imported_late_counts_as_it_was_then(folder: Path) -> None:
    (folder / "mine.py").write_text(f"{LATE}{SCORER}")
    (folder / "my_helpers_too.py").write_text("x = 1")
    cls = mine(folder)
    before = source_hash(cls)
    (folder / "my_helpers_too.py").write_text("x = 2")
    importlib.import_module("my_helpers_too")
    imported = source_hash(cls)
    (folder / "my_helpers_too.py").write_text("x = 1")
    assert source_hash(cls) == imported != before


def test_a_record_that_is_begun_again_is_kept_once() -> None:
    code = (
        "import importlib, sys, prunebench.plugin.imported as imported\n"
        "importlib.reload(imported)\n"
        "import wave\n"  # found through the finders, which must not ask each other
        "print([type(finder).__name__ for finder in sys.meta_path].count('_RecordingFinder'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_class_of_a_notebook_is_another_scorer_whenever_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no file whose code could be compared."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    code = "import prunebench as pb\nclass Mine(pb.Scorer):\n    name = 'mine'"
    cells = [{"__name__": "__main__"} for _ in range(2)]
    for cell in cells:
        exec(code, cell)
    one, two = (cell["Mine"] for cell in cells)
    assert source_hash(one) == source_hash(one) != source_hash(two)


def test_a_class_that_a_function_makes_is_another_scorer_each_time() -> None:
    """What they take from the function's variables differs, and no file says it."""

    def made(sign: int) -> type[Scorer]:
        class Mine(Scorer):
            name = "mine"

            def score(self, snapshot: Snapshot) -> Tensor:
                return sign * snapshot.networks.norms()

        return Mine

    one, other = made(1), made(-1)
    assert source_hash(one) == source_hash(one) != source_hash(other)


def test_a_class_that_a_function_makes_for_a_module_is_known_by_its_file(folder: Path) -> None:
    """Every process makes it as this one did."""
    (folder / "mine.py").write_text(
        "import prunebench as pb\ndef made(sign):\n    class Mine(pb.Scorer):\n        name = 'mine'\n"
        "        def score(self, snapshot):\n            return sign * snapshot.networks.norms()\n"
        "    return Mine\nMine = made(1)\n"
    )
    before = hash_of(folder)
    assert hash_of(folder) == before
    (folder / "mine.py").write_text((folder / "mine.py").read_text().replace("made(1)", "made(-1)"))
    assert hash_of(folder) != before


def test_a_script_counts_as_it_was_when_it_began(tmp_path: Path) -> None:
    """Whatever its file holds by now; the hash is that of a script that nobody edits."""
    script, hashes = tmp_path / "script.py", []
    code = SCORER.replace("from my_helpers import scale\n", "") + EDITS
    for edited in (code, code.replace("snapshot.networks.norms()", "-snapshot.networks.norms()")):
        script.write_text(code)
        done = subprocess.run(
            [sys.executable, str(script), edited], capture_output=True, text=True, check=True
        )
        assert script.read_text() == edited
        hashes.append(done.stdout)
    assert hashes[0] == hashes[1]


def test_compiled_code_is_known_by_its_bytes(folder: Path) -> None:
    (folder / "mine.py").write_text(f"{LATE}{SCORER}")
    cls, hashes = mine(folder), set()
    for code in (b"\x7fELF\0one", b"\x7fELF\0two"):
        (folder / "my_helpers_too.py").write_bytes(code)
        hashes.add(source_hash(cls))
    assert len(hashes) == 2


def test_prunebench_itself_counts_by_the_version_of_its_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of prunebench makes no score stale, unless it says that numbers change."""
    cls = Registry(SCORERS).load_class("growing_mode")  # calls prunebench.theory
    read: list[str] = []

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return content(path)

    monkeypatch.setattr(source, "content", noted)
    before = source_hash(cls)
    assert read == ["growing_mode.py"]
    monkeypatch.setattr(source, "CONTRACT", "another")
    assert source_hash(cls) != before
