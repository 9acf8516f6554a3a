from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

import prunebench as pb
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.registry import PluginError, Registration, Registry, import_file
from prunebench.plugin.source import source_hash
from prunebench.plugin.spec import canonical
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer

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


def discover(files: Iterable[Path] = ()) -> dict[str, Registration]:
    return Registry(SCORERS, files).plugins


def load_class(name: str, files: Iterable[Path] = ()) -> type[Scorer]:
    return Registry(SCORERS, files).load_class(name)


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
    ],
)
def test_broken_files_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message) as caught:
        discover([write(tmp_path, "broken", text)])
    assert "\n" not in str(caught.value)


INIT = SCORER.replace(
    "    alpha: float = 0.3\n", "    def __init__(self, alpha=0.3):\n        self.alpha = alpha\n"
)


EMPTY = SCORER.replace("def score(", "def scores(")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (INIT, "mine", "mine.__init__: got 'alpha'; declare it as a field of the class"),
        (EMPTY, "mine", "Mine overrides neither score nor score_network"),
        (SCORER, "all", "the name 'all' stands for something else; rename it"),
        (SCORER, "reinitialised", "the name 'reinitialised' stands for something else; rename it"),
    ],
)
def test_classes_that_cannot_be_used_are_one_line_wherever_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str, message: str
) -> None:
    path = write(tmp_path, "mine", text.format(cls="Mine", name=name))
    with pytest.raises(pb.RequestError, match=message) as caught:
        discover([path])
    assert "\n" not in str(caught.value)
    with Isolation(SCORERS) as isolation, pytest.raises(pb.RequestError, match=message):
        isolation.load(f"{path}:Mine")
    cls = vars(import_file(path))["Mine"]
    points = [*entry_points(group="prunebench.scorers"), Point(name, cls)]
    monkeypatch.setattr("prunebench.plugin.registry.entry_points", lambda group: points)
    with pytest.raises(PluginError, match=f"the plugin from other-package 1.2: .*{message}"):
        load_class(name)


def test_a_file_whose_import_was_interrupted_is_imported_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would stay for the life of a notebook."""
    once = 'import os\nif os.environ.pop("INTERRUPT", None): raise KeyboardInterrupt\n'
    path = write(tmp_path, "slow", once + SCORER.format(cls="Slow", name="slow"))
    monkeypatch.setenv("INTERRUPT", "1")
    with pytest.raises(KeyboardInterrupt):
        pb.load_scorer(f"{path}:Slow")
    assert pb.load_scorer(f"{path}:Slow").name == "slow"


def test_a_name_that_another_scorer_has_is_refused(tmp_path: Path) -> None:
    """It would stand on the board for the other one's numbers."""
    one, two = [write(tmp_path, f"file{i}", SCORER.format(cls="Mine", name="mine")) for i in (1, 2)]
    snip = write(tmp_path, "file3", SCORER.format(cls="Mine", name="snip"))
    for files, message in (
        ([one, two], f"its name 'mine' is taken by {one}; rename it$"),
        ([snip], r"'snip' is taken by prunebench .*; rename it, or .* PRUNEBENCH_DISABLE_PLUGINS=snip$"),
    ):
        with pytest.raises(pb.RequestError, match=message):
            pb.load_scorer("snip", files)
    assert discover([one, tmp_path / "." / "file1.py"])["mine"].origin
    twice = write(tmp_path, "file4", SCORER.format(cls="A", name="a") + SCORER.format(cls="B", name="a"))
    with pytest.raises(pb.RequestError, match="give each of its classes A, B its own name"):
        discover([twice])


def test_the_name_of_a_package_that_is_left_out_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snip = write(tmp_path, "mine", SCORER.format(cls="Mine", name="snip"))
    monkeypatch.setenv("PRUNEBENCH_DISABLE_PLUGINS", "snip")
    assert type(pb.load_scorer("snip", [snip])).__name__ == "Mine"


def test_a_spec_may_name_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", SCORER.format(cls="Mine", name="my_name") + "\nAlias = Mine\n")
    for called in ("Mine", "my_name"):
        scorer = pb.load_scorer(f" {path}:{called}[alpha=0.7]")
        assert canonical(scorer) == "my_name[alpha=0.7]"
    for spec, message in (
        (f"{path}:Min", f"did you mean 'Mine'.*scorers in {path}: Mine"),
        (f"{path}:", "write name"),
        (f"{path}:Mine[beta=1]", "no parameter 'beta'"),
        (f"{tmp_path}/no.py:Mine", "a Python file"),
        (str(path), "mine.py:Class"),
    ):
        with pytest.raises(pb.RequestError, match=message):
            pb.load_scorer(spec)


@pytest.mark.parametrize("name", ["nothing.py", "notes.txt", "."])
def test_what_is_no_python_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(pb.RequestError, match="plugin: got"):
        discover([tmp_path / name])


class Point(EntryPoint):
    """An installed package's, which gives `cls`, or raises it."""

    def __init__(self, name: str, cls: object) -> None:
        super().__init__(name, "other:Class", SCORERS.group)
        vars(self).update(cls=cls, dist=SimpleNamespace(name="other-package", version="1.2"))

    def load(self) -> object:
        if isinstance(self.cls, BaseException):
            raise self.cls
        return self.cls


class Named(pb.Scorer):
    name = "named"


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (
            ModuleNotFoundError("No module named 'x'"),
            "does not load: ModuleNotFoundError: No module named 'x'",
        ),
        (SystemExit(1), "does not load: SystemExit: 1"),
        (dict, "is not a prunebench.Scorer class"),
        (Named, "registers 'wanted', a class whose name is 'named'"),
    ],
)
def test_a_broken_package_is_named_and_the_others_load(
    monkeypatch: pytest.MonkeyPatch, cls: object, message: str
) -> None:
    points = [*entry_points(group="prunebench.scorers"), Point("wanted", cls)]
    monkeypatch.setattr("prunebench.plugin.registry.entry_points", lambda group: points)
    with pytest.raises(PluginError, match=message) as caught:
        pb.load_scorer("wanted")
    assert "the plugin from other-package 1.2" in str(caught.value)
    assert pb.load_scorer("snip").name == "snip"


@pytest.mark.parametrize("listed", [None, "", "snip,", " , "])
def test_what_nobody_disabled_is_there_though_its_metadata_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, listed: str | None
) -> None:
    point = Point("named", Named)
    vars(point).update(dist=SimpleNamespace())
    monkeypatch.setattr("prunebench.plugin.registry.entry_points", lambda group: [point])
    if listed is not None:
        monkeypatch.setenv("PRUNEBENCH_DISABLE_PLUGINS", listed)
    assert "named" in discover()


@pytest.mark.parametrize("listed", ["all", "other-package", "x, named"])
def test_plugins_are_disabled_by_distribution_or_name(monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    points = [*entry_points(group="prunebench.scorers"), Point("named", Named)]
    monkeypatch.setattr("prunebench.plugin.registry.entry_points", lambda group: points)
    assert "named" in discover()
    monkeypatch.setenv("PRUNEBENCH_DISABLE_PLUGINS", listed)
    assert set(discover()) >= SHIPPED
    with pytest.raises(pb.RequestError, match="PRUNEBENCH_DISABLE_PLUGINS" if "named" in listed else "named"):
        pb.load_scorer("named")
