"""Progress: bars on a terminal and in a notebook, silence elsewhere."""

from importlib.util import find_spec

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from prunebench.benchmark.reporter import Reporter
from prunebench.console import console


class RateColumn(ProgressColumn):
    """Units a second, where there is at least one."""

    def render(self, task: Task) -> Text:
        """The rate as text."""
        rate = task.finished_speed or task.speed or 0
        return Text(f"{rate:,.0f}/s" if rate >= 1 else "")


class TerminalReporter(Reporter):
    """A bar per stage on stderr; with `debug`, the tracebacks of scorers that fail."""

    def __init__(self, *, quiet: bool = False, debug: bool = False) -> None:
        self._console = console(stderr=True)
        self._quiet, self._debug = quiet, debug
        self._stages: dict[str, TaskID] = {}
        # Which rich draws bars in with ipywidgets.
        notebook = self._console.is_jupyter and find_spec("ipywidgets") is not None
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            RateColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not (self._console.is_terminal or notebook),
        )

    def __enter__(self) -> "TerminalReporter":
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if not self._bars.disable:  # which would leave an empty line, before rich 14.3
            self._bars.stop()

    def plan(self, text: str) -> None:
        """Print what is about to be done."""
        if not self._quiet:
            self._console.print(text, style="dim", markup=False)

    def warn(self, text: str) -> None:
        """Print it, also where nothing else is printed."""
        self._console.print(f"prunebench: warning: {text}", markup=False, highlight=False, soft_wrap=True)

    def failure(self, scorer: str, step: int, traceback: str) -> None:
        """Print the traceback, for those who asked for it."""
        if self._debug:
            self._console.print(f"{scorer} at step {step}:\n{traceback}", markup=False, highlight=False)

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        """Move the stage's bar; one that starts anew takes its time anew."""
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=total, unit=unit)
        elif done == 0:
            self._bars.reset(self._stages[stage], total=total)
        self._bars.update(self._stages[stage], completed=done, total=total)
