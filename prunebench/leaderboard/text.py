"""A board as Markdown and CSV."""

import csv
import io
from collections.abc import Sequence
from textwrap import indent

from msgspec import UNSET

from prunebench.escape import for_markdown, for_spreadsheet, for_terminal
from prunebench.evaluation.metrics import BY_LAYER, SPLITS
from prunebench.evaluation.protocols import LABELS
from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.ceiling import by_when, ceilings
from prunebench.leaderboard.columns import SPEARMAN, Section, ranked
from prunebench.leaderboard.cost import COST, cost_cells
from prunebench.leaderboard.notes import notes
from prunebench.leaderboard.ranks import RowKey
from prunebench.leaderboard.summaries import shares_of, summaries
from prunebench.leaderboard.tables import Line, tables
from prunebench.results import WHOLE, Row

MOST_LISTED = 8  # layers whose units a heading lists
RACE = 2  # final norms that are closer have hardly raced (docs/protocols.md)


def heading(board: Board) -> str:
    """The task in words, and any other network than the shallow one: `mnist5k, 800 samples`."""
    task = task_words(board)
    return f"{task}: {network_words(board)}" if board.layered else task


def task_words(board: Board) -> str:
    """`mnist5k, 800 samples`, and how many classes where it is not two."""
    task = board.task
    classes = "" if task.outputs == 2 else f"{task.outputs} classes, "
    return f"{task.name}, {classes}{task.samples} samples"


def network_words(board: Board) -> str:
    """`lenet, 6-16-120-84 units, 61,706 parameters`; `300 neurons` of the shallow network."""
    if not board.layered:
        return f"{board.recipe.width:,} neurons"
    units = [layer.units for layer in known(board.training.layers) or ()]
    words = [board.recipe.network_spec]
    if len(units) <= MOST_LISTED:
        words += [f"{'-'.join(map(str, units))} units"] if units else []
    else:
        words.append(f"{len(units)} layers, {sum(units):,} units")
    whole = (known(board.training.sizes) or {}).get(WHOLE)
    return ", ".join([*words, *([f"{whole.parameters:,} parameters"] if whole else [])])


def headline(board: Board) -> str | None:
    """`final norms of lenet: a twin from step 0 agrees at 0.94`; None where the board has no twin."""
    words = by_when(board)
    name = board.recipe.network_spec if board.layered else network_words(board)
    return None if words is None else f"final norms of {name}: {words}"


def facts(board: Board) -> list[str]:
    """What was trained and how it went, a line each."""
    task, training = board.task, board.training

    def mean(*path: str) -> float:
        return float(training.metrics[path].mean)

    def accuracies(of: str) -> str:
        test, train = (f"{100 * mean(split, of):.1f} %" for split in SPLITS)
        return f"test accuracy {test}, train accuracy {train}"

    lines = [f"{board.recipe.in_words}; {task.inputs} inputs, {task.tests:,} test samples"]
    lines += _layer_facts(board)
    lines.append(
        f"dense: {accuracies('dense')}, train loss {mean('train_loss'):.4f} (from {mean('initial_loss'):.4f})"
    )
    if training.has_groups:
        lines.append(
            f"{mean('groups', 'all'):.0f} groups at cosine 0.95, {mean('groups', 'relevant'):.1f} of them "
            f"above 1 % of the largest norm; merged whole: {accuracies('merged_groups')}"
        )
    if drop := training.drop_step:
        lines.append(f"the plateau ends (loss below 0.98 of the initial one) at step {drop:.0f}")
    return lines + ceiling_facts(board) + _protocol_facts(board.rows)


def ceiling_facts(board: Board) -> list[str]:
    """What could be known at each step with a twin, and by when the norms are decided."""
    layers = [
        (each.name, ceilings(board, (BY_LAYER, each.name))) for each in known(board.training.layers) or ()
    ]
    found = []
    for step, ceiling in ceilings(board).items():
        value = f"{ceiling.value:.2f}"
        if ceiling.low is not None and ceiling.high is not None:
            value += f" [{ceiling.low:.2f}, {ceiling.high:.2f}]"
        own = [f"{name} {at[step].value:.2f}" for name, at in layers if step in at]
        by_layer = f" ({', '.join(own)})" if 1 < len(own) <= MOST_LISTED else ""
        found.append(f"noise ceiling of the Spearman correlation at step {step}: {value}{by_layer}")
    return [*found, *filter(None, [by_when(board)])]


def _layer_facts(board: Board) -> list[str]:
    """The layers of a layered network, and what is left of it when a share of every layer's units is kept."""
    layers, sizes = known(board.training.layers) or [], known(board.training.sizes) or {}
    found = []
    if 1 < len(layers) <= MOST_LISTED:
        found.append(f"layers: {', '.join(f'{layer.name} ({layer.units})' for layer in layers)}")
    shares = shares_of(board)
    if shares and WHOLE in sizes:
        whole = sizes[WHOLE]
        left = ", ".join(f"{100 * float(share):g} %: {board.left(share)}" for share in shares)
        found.append(
            f"{whole.parameters:,} parameters and {whole.multiply_adds:,} multiply-adds a sample; "
            f"% of these left, by share of every layer's units kept: {left}"
        )
    spreads = {
        path[1]: summary.mean for path, summary in board.training.metrics.items() if path[0] == "spread"
    }
    if spreads and len(layers) <= MOST_LISTED:
        values = ", ".join(f"{name} {value:.3g}" for name, value in spreads.items())
        found.append(f"final norms, 90th over 10th percentile: {values}")
    if close := [name for name, value in spreads.items() if value < RACE]:
        found.append(
            f"hardly a race in {', '.join(close)}: final norms within a factor of {RACE}; there the "
            "contribution std(h)|v| is the better truth (--protocol truths)"
        )
    return found


def _protocol_facts(rows: Sequence[Row]) -> list[str]:
    """How the pruned networks were measured, where there is a choice."""
    recalibrated = {row.recalibrated for row in rows if row.recalibrated is not UNSET}
    steps = sorted({steps for row in rows if (steps := known(row.finetune_steps))})
    how = "estimated again in some rows, left as they were in others"
    if len(recalibrated) == 1:
        how = "estimated again over the training inputs" if True in recalibrated else "left as they were"
    return [
        *([f"running statistics of batch normalisation after pruning: {how}"] if recalibrated else []),
        *([f"trained on after pruning for {' or '.join(map(str, steps))} steps"] if steps else []),
    ]


def markdown(board: Board) -> str:
    """The board for people, readable as plain text; equal boards give equal bytes."""
    rows = ranked(board.rows)
    listed = "\n".join(f"- {for_markdown(line)}" for line in facts(board))
    costs, sections_of = cost_cells(board), [*tables(board)]
    lines_of = [line for _, found in sections_of for line in found]
    parts = [f"# {for_markdown(heading(board))}", listed, *notes(board, lines_of, cost=bool(costs))]
    for section, found in sections_of:  # what predictions cost stands beside their correlations
        parts.append(_markdown_section(section, found, costs if SPEARMAN in section.columns else {}))
    for title, lines in without_numbers(rows).items():
        parts.append(f"## {title}\n\n" + "\n".join(f"- {for_markdown(line)}" for line in lines))
    commands = dict.fromkeys(for_terminal(" ".join(row.command.split())) for row in rows if row.command)
    if commands:
        listed = "\n".join(f"    {command}" for command in commands)
        parts.append(f"## Commands\n\nEach makes one row again.\n\n{listed}")
    parts.append("## How to cite\n\n" + indent(board.citation, " " * 4).rstrip())
    return "\n\n".join(parts) + "\n"


def without_numbers(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Why some of these rows have no numbers, a line for each in their order, by what they have in common."""
    said = {
        "Failed": [
            f"{row.scorer} at step {row.at_step}: {row.error}" for row in rows if row.status == "failed"
        ],
        "Failed with shuffled labels": [
            f"{row.scorer} at step {row.at_step}: {error}"
            for row in rows
            if (error := (known(row.errors) or {}).get(LABELS))
        ],
        # The reason is the network or the task, so it is the same at every step.
        "Not for this network or task": [
            f"{row.scorer}: {row.error}" for row in rows if row.status == "unfit"
        ],
    }
    return {title: list(dict.fromkeys(lines)) for title, lines in said.items() if lines}


def to_csv(*boards: Board) -> str:
    """One line per row, every summary by its parts; an empty cell where there is no number.

    Of accuracies the interval is the median's (`..._median_low`).
    """
    lines = [line for board in boards for line in summaries(board, board.name)]
    names = dict.fromkeys(name for line in lines for name in line)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if names:
        writer.writerow(names)
    for line in lines:
        cells = (line.get(name) for name in names)
        writer.writerow(["" if value is None else for_spreadsheet(value) for value in cells])
    return buffer.getvalue()


def _markdown_section(section: Section, lines: list[Line], costs: dict[RowKey, str]) -> str:
    titles = [for_markdown(cell.column.title) for cell in lines[0].cells]
    table = [["step", "rank", "scorer", *titles, "seeds", *([COST] if costs else [])]]
    for line in lines:
        step, rank, name = line.head
        ends = [str(len(line.row.seeds)), *([costs.get(line.row.key, "")] if costs else [])]
        table.append([step, rank, for_markdown(name), *map(str, line.cells), *ends])
    note = for_markdown(f"{section.note[0].upper()}{section.note[1:]}.")
    return "\n\n".join([f"## {section.title}", note, markdown_table(table)])


def markdown_table(lines: list[list[str]]) -> str:
    """Lines of cells, the first the heading, in columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    heading, *rest = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([heading, rule, *rest])
