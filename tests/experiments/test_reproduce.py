import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from prunebench.experiments.fig8 import Figure8
from prunebench.experiments.lab import Lab
from prunebench.experiments.reproduce import reproduce

ABOUT = {"data": "toy <data>"}


@pytest.fixture
def out(tmp_path: Path, lab: Lab) -> Path:
    reproduce(["fig8", "cells"], lab, tmp_path, ABOUT)
    return tmp_path


def test_every_figure_as_png_svg_and_rows(out: Path) -> None:
    for name in ("fig8", "cells"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text()[:1000]
        record = json.loads((out / f"{name}.json").read_text())
        for table in record["tables"]:
            assert (out / f"{name}.{table}.csv").read_text().count("\n") > 1


def test_the_report_stands_beside_the_claims(out: Path) -> None:
    text = (out / "report.md").read_text()
    for image in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (out / image).exists()
    assert "## Loss curves (figure 8)" in text
    assert re.search(r"holds|fragile", text)
    assert "toy <data>" in text


def test_the_page_needs_no_other_file(out: Path) -> None:
    page = (out / "report.html").read_text()
    sources = re.findall(r'src="([^"]+)"', page)
    assert len(sources) == 2
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "http" not in page
    assert "toy &lt;data&gt;" in page


def test_what_is_done_is_not_done_again(
    out: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch, listener
) -> None:
    def never(self: Figure8, lab: Lab) -> None:
        pytest.fail("computed again")

    before = {path.name: path.read_bytes() for path in out.glob("*.*") if path.suffix != ".json"}
    monkeypatch.setattr(Figure8, "compute", never)
    monkeypatch.setattr(lab, "reporter", listener)
    reproduce(["fig8"], lab, out, ABOUT)
    assert listener.lines == ["fig8 (1 of 1): rows are there"]
    assert {path.name: path.read_bytes() for path in out.glob("*.*") if path.suffix != ".json"} == before


def test_another_setting_is_computed_anew(out: Path, make_lab: Callable[..., Lab]) -> None:
    import dataclasses

    other = make_lab()
    other.setting = dataclasses.replace(other.setting, seeds=(7,))
    reproduce(["fig8"], other, out, ABOUT)
    assert {row.split(",")[0] for row in (out / "fig8.times.csv").read_text().splitlines()[1:]} == {"7"}
    assert "cells" not in (out / "report.md").read_text()  # of the other setting


def test_damaged_rows_are_computed_again(out: Path, lab: Lab) -> None:
    good = (out / "fig8.times.csv").read_text()
    (out / "fig8.times.csv").write_bytes(b"\x00\xff")
    (out / "fig8.json").write_text("{")
    reproduce(["fig8"], lab, out, ABOUT)
    assert (out / "fig8.times.csv").read_text() == good


def test_an_interrupted_run_keeps_its_trainings(
    make_lab: Callable[..., Lab], tmp_path: Path, trainings: list[int], listener
) -> None:
    folder, listener.stop_at = tmp_path / ".cache", 3
    with pytest.raises(KeyboardInterrupt):
        reproduce(["fig8"], make_lab(folder, reporter=listener), tmp_path, ABOUT)
    reproduce(["fig8"], make_lab(folder), tmp_path, ABOUT)
    assert len(trainings) == 5  # four trainings, one of them twice


def test_rows_remember_what_they_were_made_with(lab: Lab, tmp_path: Path) -> None:
    reproduce(["cells"], lab, tmp_path, {"made with": "the first version"})
    reproduce(["cells", "fig8"], lab, tmp_path, {"made with": "the second version"})
    assert "the first version; the second version" in (tmp_path / "report.md").read_text()
