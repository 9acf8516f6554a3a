"""What of a sweep is done, what is to do, and how long that may take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prunebench.benchmark.announce import duration
from prunebench.benchmark.missing import estimate, find_missing
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.study import Cell


@dataclass(frozen=True, eq=False)
class Item:
    """A cell with its plan.

    Attributes:
        results, lacking: how many results it has in all, and how many are not in the store.
        seconds: what that may take by what other work took; None where there was none.
    """

    cell: Cell
    plan: Plan
    results: int
    lacking: int
    seconds: float | None

    @property
    def weight(self) -> float:
        """The work to be done, in a unit that is the same for all cells of a study, roughly."""
        recipe = self.plan.recipe
        size = recipe.steps * recipe.batch_size * recipe.width * self.plan.task.inputs * len(self.plan.seeds)
        return size * self.lacking / self.results


def survey(cells: Sequence[tuple[Cell, Plan]], store: Store, *, force: bool = False) -> list[Item]:
    """The cells with what the store lacks of them."""
    items = []
    for cell, plan in cells:
        missing = find_missing(plan, store, force=force)
        lacking = sum(len(seeds) for seeds in missing.values())
        seconds = estimate(plan, missing, store) if missing else 0.0
        items.append(Item(cell, plan, len(plan.wanted) * len(plan.seeds), lacking, seconds))
    return items


def describe(items: Sequence[Item], reporter: Reporter, *, each: bool = False, workers: int = 1) -> None:
    """Say it; with `each`, cell by cell."""
    for line in _lines(items, each, workers):
        reporter.plan(line)


def _lines(items: Sequence[Item], each: bool, workers: int) -> Iterator[str]:
    for item in items if each else ():
        to_do = f"{item.lacking:,} of {item.results:,} to compute" if item.lacking else "done"
        yield f"{item.cell.title}: {to_do}"
    total, lacking = sum(item.results for item in items), sum(item.lacking for item in items)
    cells = sum(item.lacking > 0 for item in items)
    text = f"{len(items)} cells, {cells} of them to compute; "
    text += f"{total - lacking:,} of {total:,} results are in the store"
    if not cells:
        yield text
    elif any(item.seconds is None for item in items):
        yield f"{text}; estimated time: not known before the first cell is done"
    else:
        seconds = sum(item.seconds or 0.0 for item in items) / min(workers, cells)
        yield f"{text}; estimated time: {duration(seconds)}"
