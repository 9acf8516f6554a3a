"""Runs the notebook of the documentation and writes what its cells give into it: `python ci/notebook.py`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/python.ipynb"


def executed(notebook: Path, folder: str | Path) -> nbformat.NotebookNode:
    """The notebook after all of its cells ran in a folder. Raises `CellExecutionError` where one fails."""
    found = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)
    for cell in found.cells:
        cell.metadata.clear()
    place = {"metadata": {"path": str(folder)}}
    return NotebookClient(found, kernel_name="python3", resources=place, record_timing=False).execute()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        nbformat.write(executed(NOTEBOOK, folder), NOTEBOOK)
