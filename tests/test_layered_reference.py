"""Layered networks land where independent measurements on the same data do (docs/layered-reference.md).

Nothing here may be tuned to meet them. Those in `KNOWN` do not agree: the document has them, and says why.
"""

import runpy
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

REFERENCE = runpy.run_path(str(Path(__file__).parents[1] / "ci/layered_reference.py"))


@pytest.mark.parametrize("name", REFERENCE["CASES"])
def test_figures(name: str) -> None:
    known = [figure for case, figure in REFERENCE["KNOWN"] if case == name]
    threads = torch.get_num_threads()
    rows = REFERENCE["compare"](name, [*REFERENCE["BETWEEN"], *known])
    torch.set_num_threads(threads)
    assert len(rows) >= 4
    assert {figure: (round(here, 3), there) for figure, here, there, agrees in rows if not agrees} == {}
