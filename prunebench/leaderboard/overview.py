"""All boards of a folder in one text, made from the records alone."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from prunebench.escape import for_markdown, for_terminal
from prunebench.leaderboard.across import EARLY, Across, Wins, across, by_family, early, steps_of, wins
from prunebench.leaderboard.apart import changes, headings
from prunebench.leaderboard.best_early import EARLY_READ, SIGNS_READ, best_early
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import RANK, SPEARMAN
from prunebench.leaderboard.columns import overview as telling
from prunebench.leaderboard.cost import BUDGETS, SPANS, Priced, best_within, front, percent, span_of
from prunebench.leaderboard.critical_difference import diagram, interval, title, verdict
from prunebench.leaderboard.text import markdown_table, network_words, task_words

_HOW = (
    "Made from the records by `prunebench leaderboard --rebuild`. *Best early predictor*: the highest mean "
    f"over seeds on the board; {EARLY_READ}. {for_markdown(SIGNS_READ)} "
    "*Average rank*: of the means, over "
    "the boards (1 is best). *Win rate*: % of the boards and steps in which the row's mean is above that of "
    "the column. Scorers are told apart over boards by Friedman's test, then exact paired Wilcoxon tests of "
    "all pairs with Holm's correction, level 0.05; a board is the replicate here, and boards that share a "
    "data set are less independent than the tests take them to be."
)

_STANDING = (
    "*Average rank*: with its 95 % interval over boards (bootstrap-t and Student's t). *First on*: boards on "
    "which no other mean is higher. *Wins*: share of all boards and other scorers in which its mean is the "
    "higher. In the diagram a line is the interval, and a bar joins scorers that are not told apart."
)
DIAGRAM_WIDTH = 80  # characters, as many as the documentation's site has room for


def overview(boards: Sequence[Board], column: Column | None = None) -> str:
    """What the boards say together, as Markdown; equal boards give equal bytes.

    How the scorers stand over all boards, the best early predictor by board and step, average ranks, win
    rates, and which scorers differ over the boards: in this column, or in all that compare scorers.
    """
    boards = sorted(boards, key=lambda board: board.name)
    columns = [column] if column else compared(boards)
    parts = [_HOW, *_standing(boards, columns[:1]), "## The boards", _boards(boards)]
    parts += [*_how_early(boards), *_how_cheaply(boards)]
    for each in columns:
        parts += _column(boards, each)
    return "\n\n".join(parts) + "\n"


def compared(boards: Sequence[Board]) -> list[Column]:
    """The columns in which the scorers of these boards are compared: rank correlation and accuracies."""
    columns = dict.fromkeys(column for board in boards for column in telling(board) if column.compares)
    few = [column for column in columns if column == SPEARMAN or column not in RANK]
    return [column for column in few if any(column.summary(row) for board in boards for row in board.rows)]


def in_order(boards: Sequence[Board]) -> list[Board]:
    """Boards by task and then by recipe, as people look for them."""

    def order(board: Board) -> tuple[str, bool, str, int, str, float, str]:
        recipe, task = board.recipe, board.task
        network = board.layered, recipe.network_spec
        return task_words(board), *network, recipe.width, task.fingerprint, recipe.init_std, board.name

    return sorted(boards, key=order)


def _standing(boards: Sequence[Board], columns: Sequence[Column]) -> list[str]:
    """Average ranks with their intervals, wins, and a diagram: of all boards and of each family."""
    parts = []
    for found in by_family(boards, columns, (0, EARLY)):
        lines = [["scorer", "average rank", "first on", "wins"]]
        for scorer in found.order:
            wins_of = f"{100 * found.win_rates[scorer]:.0f} %"
            first = f"{found.firsts[scorer]} of {len(found.boards)}"
            lines.append([for_markdown(scorer), interval(found, scorer), first, wins_of])
        parts += [f"### {for_markdown(title(found))}", markdown_table(lines)]
        if found.comparison is not None:  # indented, and so text as it is, whatever names are
            shown = (f"    {for_terminal(line)}" for line in diagram(found, DIAGRAM_WIDTH, numbers=False))
            parts.append("\n".join(shown))
        parts.append(f"{verdict(found, escape=for_markdown)}.")
    return ["## How scorers stand over the boards", _STANDING, *parts] if parts else []


def _boards(boards: Sequence[Board]) -> str:
    heads = ["board", "task", "samples", "classes", "network", "steps", "plateau ends", "dense test accuracy"]
    lines = [heads]
    for board in boards:
        recipe, training, task = board.recipe, board.training, board.task
        network = ", ".join([network_words(board), *changes(board, without=("width", "steps"))])
        lines.append(
            [
                f"[{board.name}]({board.name}.md)",
                *(for_markdown(task.name), str(task.samples), str(task.outputs), for_markdown(network)),
                f"{recipe.steps:,}",
                "" if training.drop_step is None else f"{training.drop_step:.0f}",
                f"{100 * training.metrics['accuracy', 'dense'].mean:.1f} %",
            ]
        )
    return markdown_table(lines)


def _how_early(boards: Sequence[Board]) -> list[str]:
    """Every scorer on every board, at the steps up to the end of the plateau."""
    if len({board.recipe.network_spec for board in boards}) < 2:
        return []
    found = [(board, by_step) for board in boards if (by_step := early(board, SPEARMAN))]
    means = defaultdict[str, list[float]](list)
    for of_step in (of_step for _, by_step in found for of_step in by_step.values()):
        for scorer, mean in of_step.items():
            means[scorer].append(mean)
    order = sorted(
        means, key=lambda scorer: (-len(means[scorer]), -sum(means[scorer]) / len(means[scorer]), scorer)
    )
    heads = headings([board for board, _ in found])
    steps = (", ".join(map(str, by_step)) for _, by_step in found)
    lines = [
        ["scorer", *(f"{for_markdown(head)}: {at}" for head, at in zip(heads, steps, strict=True))],
    ]
    controls = {row.scorer for board in boards for row in board.rows if row.control}
    for scorer in sorted(order, key=controls.__contains__):
        cells = []
        for _, by_step in found:
            at = [SPEARMAN.number(of[scorer]) if scorer in of else "–" for of in by_step.values()]
            cells.append(", ".join(at) if set(at) != {"–"} else "")
        lines.append([for_markdown(scorer) + (" ‡" if scorer in controls else ""), *cells])
    note = (
        "Spearman correlation of every early predictor with the final norms at these steps, up to the end of "
        "the plateau, means over seeds, and of random (‡). Networks are different populations: compare "
        "scorers down a column, not numbers along a row."
    )
    return ["## How early, on which network", note, markdown_table(lines)]


def _how_cheaply(boards: Sequence[Board]) -> list[str]:
    """The best predictor on every board for at most a share of its training."""
    lines = [["board", *(percent(budget) for budget in BUDGETS)]]
    for board in boards:
        best = front(board)
        if best:
            lines.append([board.name, *(_priced(best_within(best, budget)) for budget in BUDGETS)])
    if len(lines) == 1:
        return []
    note = (
        "The predictor of the highest Spearman correlation, and the step at which it is asked, for at most "
        "this share of a training (in sample gradients: the steps to the snapshot, and the scorer's own "
        "passes and steps)."
    )
    return ["## How cheaply", note, markdown_table(lines)]


def _priced(one: Priced | None) -> str:
    if one is None:
        return ""
    return f"{for_markdown(one.row.scorer)} at {one.row.at_step}: {SPEARMAN.number(one.mean)}"


def _column(boards: Sequence[Board], column: Column) -> list[str]:
    what = "test accuracy" if "accuracy" in column.path else "prediction of the final norms"
    title = f"## {column.title[0].upper()}{column.title[1:]}: {what}"
    parts = [
        title,
        "Best early predictor, by the share of the training that its step is:",
        _best(boards, column),
    ]
    if len(boards) < 2:
        return parts
    found = [one for step in steps_of(boards) if (one := across(boards, column, step))]
    if found:
        parts += ["Average rank:", _average_ranks(found), "\n".join(_verdict(one) for one in found)]
    if (won := wins(boards, column)) is not None:
        parts += ["Win rate:", _win_rates(won)]
    return parts


def _win_rates(won: Wins) -> str:
    numbers = [str(number) for number in range(1, len(won.scorers) + 1)]
    lines = [["", "scorer", *numbers]]
    for number, scorer, rates in zip(numbers, won.scorers, won.rates, strict=True):
        cells = ["" if np.isnan(rate) else f"{100 * rate:.0f}" for rate in rates]
        lines.append([number, for_markdown(scorer), *cells])
    return markdown_table(lines)


def best_of(board: Board, column: Column, step: int) -> str:
    """The best early predictor at a step, its mean and how sure it is that it is the best."""
    column = column.of_board(board)
    found = best_early(board, column, step)
    if found is None or (summary := column.summary(found.row)) is None:
        return ""
    return f"{found.row.scorer} {column.number(summary.mean)} {found.sign}".rstrip()


def _best(boards: Sequence[Board], column: Column) -> str:
    """On each board at each step, in columns by the share of the training that the steps are."""
    found: dict[str, dict[int, list[str]]] = {board.name: {} for board in boards}
    for board in boards:
        for step in steps_of([board]):
            if words := best_of(board, column, step):
                at = f"step {step}: " if step else ""
                found[board.name].setdefault(span_of(step, board), []).append(for_markdown(at + words))
    spans = sorted({span for by_span in found.values() for span in by_span})
    lines = [["board", *(SPANS[span] for span in spans)]]
    for name, by_span in found.items():
        lines.append([name, *("; ".join(by_span.get(span, ())) for span in spans)])
    return markdown_table(lines)


def _average_ranks(found: Sequence[Across]) -> str:
    """The scorer that is best on average over the steps comes first."""
    by_scorer = {
        scorer: [one.average_ranks.get(scorer) for one in found]
        for scorer in sorted({scorer for one in found for scorer in one.scorers})
    }
    present = {scorer: [r for r in ranks if r is not None] for scorer, ranks in by_scorer.items()}
    order = sorted(by_scorer, key=lambda scorer: (sum(present[scorer]) / len(present[scorer]), scorer))
    lines = [["scorer", *(f"step {one.step} ({len(one.boards)} boards)" for one in found)]]
    for scorer in order:
        lines.append([for_markdown(scorer), *("" if r is None else f"{r:.1f}" for r in by_scorer[scorer])])
    return markdown_table(lines)


def _verdict(one: Across) -> str:
    """Whether the boards can tell the scorers apart, as one line of a list."""
    return f"- Step {one.step}: {len(one.boards)} boards; {verdict(one, named=True, escape=for_markdown)}."
