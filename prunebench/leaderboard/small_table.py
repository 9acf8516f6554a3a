"""A board as a small table for notebooks."""

from html import escape

from prunebench.leaderboard.columns import ranked, telling
from prunebench.leaderboard.tables import lines
from prunebench.results import Results

MOST_COLUMNS = 5
MOST_ROWS = 60  # of what is shown at once; the rest is said


def small_table(board: Results) -> str:
    """Names and errors of scorers are other people's text, and are escaped."""
    rows, columns = ranked(board.rows), telling(board, MOST_COLUMNS)
    # A row without numbers says why in the first cell behind its name, which is there without columns, too.
    head = ["step", "rank", "scorer", *([column.title for column in columns] or [""])]
    body = []
    for line in lines(rows[:MOST_ROWS], columns, board.rows):
        cells = [*line.head, *map(str, line.cells)]
        if line.row.status != "ok":
            cells[3:] = [f"{line.row.status}: {line.row.error}"]
        body.append(cells + [""] * (len(head) - len(cells)))
    more = f"<p>and {len(rows) - MOST_ROWS} rows more</p>" if len(rows) > MOST_ROWS else ""
    table = "".join(
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
        for tag, cells in (("th", head), *(("td", cells) for cells in body))
    )
    return f"<table><caption>{escape(str(board.recipe.in_words))}</caption>{table}</table>{more}"
