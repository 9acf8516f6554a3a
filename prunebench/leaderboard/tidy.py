"""Results as a pandas frame: every number in a row of its own, in the columns of `prunebench export`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from prunebench.evaluation.metrics import place_of, protocol_of
from prunebench.evaluation.summary import known
from prunebench.results import Results, Row

if TYPE_CHECKING:
    import pandas as pd

DENSE = ("accuracy", "dense")
COLUMNS = (
    *("board", "scorer", "at_step", "seed", "protocol", "keep", "metric", "layer", "value"),
    *("status", "error", "version", "source", "evaluator", "extra_gradient_steps", "sample_gradients"),
)


def tidy(results: Results, name: str) -> "pd.DataFrame":
    """The rows of some results; `name` is that of their board."""
    import pandas as pd

    found = [dict.fromkeys(COLUMNS) | cells | {"board": name} for cells in _cells(results)]
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    whole = ["at_step", "seed", "extra_gradient_steps"]
    numbers = ["keep", "value", "sample_gradients"]
    return frame.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(numbers, "float64"))


def _cells(results: Results) -> Iterator[dict[str, Any]]:
    for row in results.rows:
        fields = asdict(row) | asdict(row.cost)
        about = {name: known(fields[name]) for name in COLUMNS if name in fields}
        if not row.metrics:
            yield from (about | {"seed": seed} for seed in row.seeds)
        for path, summary in sorted(row.metrics.items()):
            protocol = protocol_of(path)
            if protocol is not None:  # what is of the whole network stands below, once
                place = about | {"protocol": protocol} | place_of(path)._asdict()
                for seed, value in zip(row.seeds, summary.per_seed, strict=True):
                    yield place | {"seed": seed, "value": value}
    seeds = _seeds(results)
    for path, summary in sorted(results.training.metrics.items()):
        place = {"protocol": "dense", "status": "ok", "evaluator": results.evaluator}
        place |= place_of(path)._asdict()
        for of_network, value in zip(seeds, summary.per_seed, strict=False):
            yield place | {"seed": of_network, "value": value}


def _seeds(results: Results) -> Sequence[int | None]:
    """Those of the trained networks, which are the newest run's: of a row whose dense accuracies are theirs.

    Rows of earlier runs may be of other networks, and these as accurate. A failed row has no accuracies; it
    is asked last.
    """
    dense, example = results.training.metrics[DENSE].per_seed, known(results.training.example)
    of_these = [
        row
        for row in results.rows
        if len(row.seeds) == len(dense)
        and (DENSE not in row.metrics or row.metrics[DENSE].per_seed == dense)
        and (example is None or row.seeds[0] == example.seed)
    ]

    def likely(row: Row) -> tuple[bool, bool]:
        return row.environment == results.environment, DENSE in row.metrics

    row = max(of_these, key=likely, default=None)
    return row.seeds if row else [None] * len(dense)
