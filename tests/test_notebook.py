"""The notebook of the documentation runs and gives what it shows; progress is seen in notebooks."""

import re
import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

CI = Path(__file__).parents[1] / "ci"
NOTEBOOK: dict[str, Any] = runpy.run_path(str(CI / "notebook.py"))
PAGE: dict[str, Any] = runpy.run_path(str(CI / "notebook_page.py"))
NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?")
RUN = """
import prunebench as pb
task, recipe = pb.load_task("digits", samples=100), pb.Recipe(width=20, steps=1000)
pb.run_benchmark(task, recipe, "snip", seeds=4, protocols="rank")
"""


def given(notebook: nbformat.NotebookNode) -> list[tuple[str, list[str], str]]:
    """Each output: the cell, the kinds, and the text but for numbers, which every machine rounds its way."""
    return [
        (cell.source, sorted(output.data), " ".join(NUMBER.sub("#", output.data["text/plain"]).split()))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    ]


@pytest.mark.slow
def test_the_notebook_runs_and_gives_what_it_shows(tmp_path: Path) -> None:
    shown = nbformat.read(NOTEBOOK["NOTEBOOK"], as_version=4)
    assert given(NOTEBOOK["executed"](NOTEBOOK["NOTEBOOK"], tmp_path)) == given(shown)
    assert (tmp_path / "pruned.pdf").read_bytes().startswith(b"%PDF")


def test_the_notebook_is_a_page_of_the_site() -> None:
    shown = nbformat.read(NOTEBOOK["NOTEBOOK"], as_version=4)
    page = PAGE["notebook_page"](NOTEBOOK["NOTEBOOK"])
    assert page.startswith("# Working with results in Python\n")
    charts = sum("image/svg+xml" in kinds for _, kinds, _ in given(shown))
    assert page.count("](data:image/svg+xml;base64,") == charts > 2
    assert page.count("```python\n") == sum(cell.cell_type == "code" for cell in shown.cells)
    assert page.count("</table>") == sum("text/html" in kinds for _, kinds, _ in given(shown)) > 4


@pytest.mark.slow
@pytest.mark.parametrize("widgets", [True, False])
def test_progress_is_seen_in_notebooks(widgets: bool) -> None:
    without = "" if widgets else "import sys; sys.modules['ipywidgets'] = None"
    cells = [nbformat.v4.new_code_cell(source) for source in (without, RUN)]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3", timeout=300)
    _, run = client.execute().cells
    said = "".join(output.get("data", output).get("text/plain", "") for output in run.outputs)
    assert "train 4 networks of 20 neurons" in said
    assert not [output for output in run.outputs if output.output_type == "stream"]  # no warnings
    bars = str(client.widget_state)
    assert ("━━━" in bars and "4000/4000" in bars) == widgets
