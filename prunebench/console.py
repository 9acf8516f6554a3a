"""The console that everything is printed on."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.segment import Segment

from prunebench.escape import for_terminal


def console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where there is no terminal."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = 185
    made.push_render_hook(_Harmless())
    return made


class _Harmless(RenderHook):
    """Nothing that is printed is obeyed by the terminal, whoever wrote it: only rich's own styles are."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wrap all of them."""
        return [_Shown(renderable) for renderable in renderables]


@dataclass(frozen=True, eq=False)
class _Shown:
    what: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self.what, options):
            yield Segment(text if control else for_terminal(text, lines=True), style, control)
