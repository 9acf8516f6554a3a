from pathlib import Path

import pytest

import prunebench as pb
from prunebench.scoring.registry import discover, load_class
from prunebench.scoring.source import source_hash

SCORER = """
import prunebench as pb

class {cls}(pb.Scorer):
    name = "{name}"
    alpha: float = 0.3

    def score(self, snapshot):
        return snapshot.networks.norms("incoming") * self.alpha
"""

SHIPPED = {
    "alignment", "cluster_alignment", "imp", "snip", "grasp", "random", "magnitude", "gradient_norm",
    "synflow", "growth", "growing_mode", "taylor", "oracle", "torch_pruning",
}  # fmt: skip


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def test_shipped_scorers_are_found_by_entry_point_and_load() -> None:
    assert set(discover()) >= SHIPPED
    for name in SHIPPED:
        cls = load_class(name)
        assert cls.name == name
        assert cls.__doc__


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(pb.RequestError, match="did you mean 'alignment'"):
        pb.load_scorer("alignmnt")


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", SCORER.format(cls="Mine", name="mine"))
    scorer = pb.load_scorer("mine[alpha=0.7]", [path])
    assert scorer.alpha == 0.7  # type: ignore[attr-defined]
    assert discover([path])["mine"].origin == str(path)


def test_source_hash_follows_the_file(tmp_path: Path) -> None:
    one = write(tmp_path, "one", SCORER.format(cls="One", name="one"))
    other = write(tmp_path, "other", SCORER.format(cls="One", name="one") + "\nCHANGED = True\n")
    assert source_hash(load_class("one", [one])) != source_hash(load_class("one", [other]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "derives from prunebench.Scorer"),
        (SCORER.format(cls="Mine", name="snip"), "taken by prunebench"),
    ],
)
def test_broken_files_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message) as caught:
        discover([write(tmp_path, "broken", text)])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(pb.RequestError, match="--plugin"):
        discover([tmp_path / "nothing.py"])
