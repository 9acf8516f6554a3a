"""`prunebench leaderboard`: the boards in a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.boards import METRIC, from_option, say_left_out, say_whose
from prunebench.cli.complete import complete_boards, complete_metrics, complete_rows
from prunebench.cli.paging import page
from prunebench.cli.types import AMOUNT, PATH, several
from prunebench.errors import RequestError, unknown_name
from prunebench.evaluation.summary import Count
from prunebench.leaderboard.charts import FORMATS, KINDS, read_width
from prunebench.leaderboard.locations import OWN, folder_to_read
from prunebench.words import plural

if TYPE_CHECKING:
    from prunebench.leaderboard.board import Board
    from prunebench.leaderboard.column import Column
    from prunebench.results import Row


@click.command("leaderboard")
@click.argument("name", required=False, shell_complete=complete_boards)
@from_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json", "latex", *FORMATS]),
    help=f"How to print them, a table if left out; figures: {', '.join(FORMATS)}, else the first two.",
)
@click.option("--html", type=PATH, metavar="FILE", help="Write them as one page that works offline.")
@click.option("--site", type=PATH, metavar="DIR", help="Write them as a site that any static host serves.")
@click.option("--figures", type=PATH, metavar="DIR", help="Draw their charts, for papers.")
@click.option(
    "--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="With --figures: this chart; repeatable."
)
@click.option(
    "--width",
    metavar="85mm",
    help="With --figures: their width, a page's if left out. [from 40mm to 1000mm; or cm, in, pt]",
)
@click.option(
    "--overview", "summed_up", is_flag=True, help="Print what the boards say together, as Markdown."
)
@click.option("--cite", is_flag=True, help="Print how to cite these boards, and prunebench, as BibTeX.")
@click.option(
    "--rebuild",
    "again",
    is_flag=True,
    help="Make the tables again from the JSON records, and the overview in the folder's README.md.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    shell_complete=complete_metrics,
    help=f"Show this: {METRIC}; repeatable for one board.",
)
@click.option(
    "--scorer",
    "scorers",
    **several(str),
    shell_complete=complete_rows,
    help="Only these, such as snip,imp.",
)
@click.option(
    "--at-step", "--step", "steps", **several(Count), help="Only these steps, such as 0,50. [from 0 up]"
)
@click.option("--top", type=AMOUNT, help=f"Only so many, the best at each step. [{AMOUNT.limits}]")
def command(
    name: str | None,
    out: str | None,
    of_published: bool,
    form: str | None,
    html: str | None,
    site: str | None,
    figures: str | None,
    kinds: tuple[str, ...],
    width: str | None,
    summed_up: bool,
    cite: bool,
    again: bool,
    **shown: Any,
) -> int:
    """Print how scorers stand over the boards in a folder, or the boards whose names start with NAME.

    \b
    prunebench leaderboard --metric "pruned to 10 %"
    prunebench leaderboard mnist5k_n800 --at-step 50 --top 5
    """
    from prunebench.leaderboard.folder import find_boards

    chosen = {"--html": html, "--site": site, "--figures": figures, "--cite": cite}
    chosen |= {"--overview": summed_up, "--rebuild": again}
    _check_outputs([flag for flag, value in chosen.items() if value], form, _Shown(**shown))
    # Published boards are written only by those who name their folder.
    folder = OWN if again and not (out or of_published) else folder_to_read(out, of_published=of_published)
    boards, left_out = find_boards(folder, name)
    if again:
        _rebuild(boards, folder, name)
        return say_left_out(left_out)
    if (kinds or width or form in FORMATS) and not figures:
        raise click.UsageError("--kind, --width and a --format of pictures need --figures DIR")
    if html:
        _write_page(boards, html)
    if site:
        _write_site(boards, site)
    if figures:
        _draw(boards, figures, kinds, _Shown(**shown), form, width)
    if cite:
        _cite(boards)
    elif not (html or site or figures):
        _print(boards, form or "table", summed_up, name, _Shown(**shown))
    return say_whose(folder, out or of_published, left_out)


@dataclass(frozen=True)
class _Shown:
    """What of the boards tables and LaTeX show."""

    metrics: tuple[str, ...]
    scorers: tuple[str, ...]
    steps: tuple[int, ...]
    top: int | None

    def __bool__(self) -> bool:
        return bool(self.scorers or self.steps or self.top)


def _check_outputs(chosen: list[str], form: str | None, shown: _Shown) -> None:
    """Nothing that is asked for is ignored; what figures take is checked as they are drawn."""
    for alone in ("--rebuild", "--overview"):
        if alone in chosen and len(chosen) > 1:
            others = ", ".join(flag for flag in chosen if flag != alone)
            raise click.UsageError(f"{alone}: it goes with no other output; leave {others} out")
    if not chosen or "--figures" in chosen:
        return
    asked = {"--scorer": shown.scorers, "--at-step": shown.steps, "--top": shown.top, "--format": form}
    asked |= {} if chosen == ["--overview"] else {"--metric": shown.metrics}
    for option, value in asked.items():
        if value:
            raise click.UsageError(f"{option}: {chosen[0]} does not take it; leave one of them out")


def _print(boards: "list[Board]", form: str, summed_up: bool, name: str | None, shown: _Shown) -> None:
    from prunebench.leaderboard.latex import latex
    from prunebench.leaderboard.metric_names import columns_called
    from prunebench.leaderboard.overview import overview
    from prunebench.leaderboard.text import markdown, to_csv

    columns = columns_called(boards, shown.metrics)
    if summed_up:
        click.echo(overview(boards, *columns[:1]), nl=False)
        return
    if form == "table":
        _show(boards, name, columns, shown)
        return
    if form == "latex":
        click.echo("".join(latex(*each) for each in _selected(boards, columns, shown)), nl=False)
        return
    if shown or columns:
        accepted = "--metric, --scorer, --at-step and --top choose what tables and LaTeX show"
        raise RequestError("--format", form, f"{accepted}; files have all rows")
    if form == "csv":
        click.echo(to_csv(*boards), nl=False)
    elif form == "json" and len(boards) > 1:
        click.echo(f"[{','.join(board.to_json() for board in boards)}]")
    else:
        writers = {"markdown": markdown, "json": type(boards[0]).to_json}
        click.echo("".join(map(writers[form], boards)), nl=False)


def _cite(boards: "list[Board]") -> None:
    from prunebench.leaderboard.citation import cite_prunebench
    from prunebench.version import version

    click.echo("\n".join([*(board.citation for board in boards), cite_prunebench(version())]), nl=False)


def _show(boards: "list[Board]", name: str | None, columns: "list[Column]", shown: _Shown) -> None:
    """The boards together, or those that were named one by one."""
    from prunebench.leaderboard.boards_table import BoardsTable
    from prunebench.leaderboard.columns import SPEARMAN
    from prunebench.leaderboard.terminal import render

    if len(boards) > 1 and name is None:
        _check_shown(boards, shown)
        column = columns[0] if columns else SPEARMAN
        page(BoardsTable(boards, column, shown.steps, shown.scorers, shown.top))
        return
    page(*(render(*each) for each in _selected(boards, columns, shown)))


def _selected(
    boards: "list[Board]", columns: "list[Column]", shown: _Shown
) -> "list[tuple[Board, list[Row], list[Column]]]":
    """Of each board the rows and the columns that are asked for; boards without such rows are left out."""
    from prunebench.leaderboard.columns import SPEARMAN, best

    _check_shown(boards, shown)
    column = columns[0] if columns else SPEARMAN
    found = []
    for board in boards:
        of_board = [each.of_board(board) for each in columns]
        chosen = [
            row
            for row in board.rows
            if (not shown.scorers or row.scorer in shown.scorers)
            and (not shown.steps or row.at_step in shown.steps)
        ]
        if shown.top:
            chosen = best([row for row in chosen if not row.sees_end], column.of_board(board), shown.top)
        if chosen or not board.rows:
            found.append((board, chosen, of_board))
    if not found:
        steps, scorers = ",".join(map(str, shown.steps)), ",".join(shown.scorers)
        given = {"--at-step": steps, "--scorer": scorers, "--metric": column.title}
        option, value = next((option, value) for option, value in given.items() if value)
        raise RequestError(option, value, "no row here is of all that is asked for")
    if len(found) < len(boards):
        say_left_out([f"{plural(len(boards) - len(found), 'board')} without such rows"])
    return found


def _check_shown(boards: "list[Board]", shown: _Shown) -> None:
    """Raises `RequestError` for scorers and steps that no board has."""
    from prunebench.leaderboard.across import steps_of

    known = {row.scorer for board in boards for row in board.rows}
    for scorer in shown.scorers:
        if scorer not in known:
            raise unknown_name("--scorer", scorer, known, "scorers with results here")
    steps = steps_of(boards)
    for step in shown.steps:
        if step not in steps:
            accepted = f"steps with results here: {', '.join(map(str, steps)) or 'none'}"
            raise RequestError("--at-step", str(step), accepted)


def _rebuild(boards: "list[Board]", out: Path, name: str | None) -> None:
    from prunebench.leaderboard.folder import rebuild

    if name is not None:
        raise click.UsageError("--rebuild: makes the tables of all boards; leave NAME out")
    files = rebuild(out)
    click.echo(f"{len(files)} files of {len(boards)} boards in {out}", err=True)
    if not any(file.name == "README.md" for file in files):
        click.echo(f"{out / 'README.md'} has no overview to replace; left as it is", err=True)


def _write_page(boards: "list[Board]", html: str) -> None:
    from prunebench.leaderboard.page import to_html
    from prunebench.store.files import writable_file, write_atomically

    path = writable_file("--html", Path(html))
    write_atomically(path, to_html(boards))
    click.echo(f"page: {path}", err=True)


def _write_site(boards: "list[Board]", site: str) -> None:
    from prunebench.leaderboard.site import write_site
    from prunebench.store.files import writable_folder

    folder = writable_folder("--site", Path(site))
    files = list(write_site(boards, folder))
    click.echo(f"site: {folder / 'index.html'} ({len(files)} files)", err=True)


def _draw(
    boards: "list[Board]",
    figures: str,
    kinds: tuple[str, ...],
    shown: _Shown,
    form: str | None,
    width: str | None,
) -> None:
    from prunebench.leaderboard.charts.figures import WIDTH, draw
    from prunebench.leaderboard.charts.pictures import vl_convert
    from prunebench.store.files import writable_folder

    if form is not None and form not in FORMATS:
        raise RequestError("--format", form, f"of figures: {', '.join(FORMATS)}")
    if shown.metrics or shown.scorers or shown.top:
        raise click.UsageError("--metric, --scorer and --top are for the table; figures take --kind, --step")
    _check_shown(boards, shown)
    vl_convert()
    folder = writable_folder("--figures", Path(figures))
    millimetres = WIDTH if width is None else read_width(width)
    formats = FORMATS[:2] if form is None else (form,)
    path: Path | None = None
    for path in draw(boards, folder, kinds or KINDS, shown.steps, formats, millimetres):
        click.echo(f"figure: {path}", err=True)
    if path is None:
        lacks = dict.fromkeys(board.lacks for board in boards if board.lacks)
        accepted = ". ".join(["charts of what these boards have at these steps", *lacks])
        raise RequestError("--kind", ", ".join(kinds or KINDS), accepted)
