"""Checks of a scorer, or a network, for the test suite of the package that it comes from."""

from functools import cache
from typing import ClassVar

import pytest

from prunebench.networks.network import Network
from prunebench.plugin.conformance import Finding, Findings
from prunebench.scoring.conformance import SCORER_CHECKS
from prunebench.scoring.scorer import Scorer
from prunebench.training.conformance import NETWORK_CHECKS


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
        _assert_passed(self.findings()[check])


class NetworkConformance:
    """The same for a network.

    ```python
    class TestMyNet(NetworkConformance):
        network = MyNet(width=64)
    ```

    `shape` is that of a sample; None: the first of a few that the network takes.
    """

    network: ClassVar[Network]
    shape: ClassVar[tuple[int, ...] | None] = None

    @classmethod
    @cache
    def findings(cls) -> Findings[Network]:
        """What the checks find; each is run once, after those that it needs."""
        return NETWORK_CHECKS.run(cls.network, shape=cls.shape)

    @pytest.mark.parametrize("check", NETWORK_CHECKS.checks)
    def test_conforms(self, check: str) -> None:
        """One check; its failure says what was expected, what was seen and the likely cause."""
        _assert_passed(self.findings()[check])


def _assert_passed(finding: Finding) -> None:
    if finding.status in ("skipped", "not run"):
        pytest.skip(finding.seen)
    assert finding.status != "failed", f"\n{finding}"
