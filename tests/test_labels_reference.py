"""What scores know of the task at the start, as independent measurements on the same digits found it.

In ten-class networks SNIP, Taylor, the gradient's norm and alignment rank the units as well with shuffled
labels as with true ones. Growing mode does not.
"""

import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.metrics import SHUFFLED_LABELS
from prunebench.evaluation.statistics import paired_difference

pytestmark = pytest.mark.slow

TOLERANCE, ALIKE = 0.12, 0.06
# Learning rate, steps, and the correlation with true and with shuffled labels.
NETWORKS: dict[str, tuple[float, int, dict[str, tuple[float, float]]]] = {
    "mlp[widths=100]": (0.005, 1200, {
        "snip": (0.51, 0.51), "taylor": (0.58, 0.58), "gradient_norm": (0.55, 0.53),
        "alignment": (0.32, 0.33), "growing_mode": (0.61, 0.49),
    }),
    "mlp": (0.01, 1200, {
        "snip": (0.55, 0.55), "taylor": (0.59, 0.59), "gradient_norm": (0.53, 0.54),
        "growing_mode": (0.57, 0.52),
    }),
    "lenet": (0.01, 1000, {
        "snip": (0.59, 0.53), "taylor": (0.59, 0.59), "gradient_norm": (0.57, 0.51),
        "growing_mode": (0.62, 0.51),
    }),
}  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_who_knows_the_task_at_the_start(network: str) -> None:
    rate, steps, expected = NETWORKS[network]
    task = pb.load_task("mnist5k", classes=tuple((digit,) for digit in range(10)), samples=1000)
    recipe = pb.Recipe(network=pb.load_network(network), learning_rate=rate, batch_size=16, steps=steps)
    scorers = [pb.load_scorer(name) for name in (*expected, "magnitude", "synflow")]
    document = run_plan(Plan(task, recipe, scorers, (0,), range(8), ("rank", "labels"), device="cpu"))
    rows = {row.scorer: row for row in document.rows}
    assert rows["magnitude"].reads_labels is rows["synflow"].reads_labels is False
    for scorer, (true, shuffled) in expected.items():
        own, other = rows[scorer].metrics["spearman",], rows[scorer].metrics[SHUFFLED_LABELS]
        assert own.mean == pytest.approx(true, abs=TOLERANCE), scorer
        assert other.mean == pytest.approx(shuffled, abs=TOLERANCE), scorer
        learnt = paired_difference(own, other)
        assert learnt is not None
        if scorer == "growing_mode":
            assert learnt.low is not None
            assert learnt.low > 0
        else:
            assert abs(learnt.mean) < ALIKE, scorer
