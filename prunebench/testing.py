"""Checks of a scorer for the test suite of the package that it comes from."""

from functools import cache
from typing import ClassVar

import pytest

from prunebench.plugin.conformance import Findings
from prunebench.scoring.conformance import SCORER_CHECKS
from prunebench.scoring.scorer import Scorer


class ScorerConformance:
    """The checks of `prunebench check` as tests: derive a class named `Test...` and give it the scorer.

    ```python
    class TestMyIdea(ScorerConformance):
        scorer = MyIdea(alpha=0.3)
    ```
    """

    scorer: ClassVar[Scorer]

    @classmethod
    @cache
    def findings(cls) -> Findings[Scorer]:
        """What the checks find; each is run once, after those that it needs."""
        return SCORER_CHECKS.run(cls.scorer)

    @pytest.mark.parametrize("check", SCORER_CHECKS.checks)
    def test_conforms(self, check: str) -> None:
        """One check; its failure says what was expected, what was seen and the likely cause."""
        finding = self.findings()[check]
        if finding.status in ("skipped", "not run"):
            pytest.skip(finding.seen)
        assert finding.status != "failed", f"\n{finding}"
