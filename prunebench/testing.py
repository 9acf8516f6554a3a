"""Checks of a scorer for the test suite of the package that it comes from."""

from typing import ClassVar

import pytest

from prunebench.scoring.conformance import CHECKS, run_check
from prunebench.scoring.scorer import Scorer


class ScorerConformance:
    """The checks of `prunebench check` as tests: derive a class named `Test...` and give it the scorer.

    ```python
    class TestMyIdea(ScorerConformance):
        scorer = MyIdea(alpha=0.3)
    ```
    """

    scorer: ClassVar[Scorer]

    @pytest.mark.parametrize("check", CHECKS)
    def test_conforms(self, check: str) -> None:
        """One check; its failure says what was expected, what was seen and the likely cause."""
        finding = run_check(self.scorer, check)
        if finding.status == "skipped":
            pytest.skip(finding.seen)
        assert finding.status != "failed", f"\n{finding}"
