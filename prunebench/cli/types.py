"""What values of options may be, beside what click knows."""

from typing import Annotated, Any

import click
from click.shell_completion import CompletionItem
from msgspec import Meta

from prunebench.errors import RequestError
from prunebench.evaluation.fractions import Share
from prunebench.fields import kind_of, read, written
from prunebench.run_spec import Count
from prunebench.training.seeds import read_seeds


def called(parameter: click.Parameter | None) -> str:
    """What a user calls an option or an argument."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return "" if parameter is None else parameter.human_readable_name


class Typed(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """A value as a field's annotation has it. Raises `RequestError` for any other."""

    def __init__(self, annotation: Any, name: str | None = None) -> None:
        kind = kind_of(annotation)
        assert kind is not None, annotation
        self.annotation, self.choices = annotation, list(map(written, kind.choices))
        self.name = name or {int: "integer", float: "number"}.get(kind.type, "text")

    def get_metavar(self, *_: Any, **__: Any) -> str | None:
        """The choices, where there are some."""
        return f"[{'|'.join(self.choices)}]" if self.choices else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value that a text stands for."""
        return read(called(param), value, self.annotation) if isinstance(value, str) else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The choices that begin so."""
        return [CompletionItem(choice) for choice in self.choices if choice.startswith(incomplete)]


class SeedsType(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """`20` (seeds 0 to 19), `3,5,8` or `0-9`. Raises `RequestError`."""

    name = "seeds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The seeds that the text names."""
        try:
            return read_seeds(value) if isinstance(value, str) else value
        except RequestError as error:
            raise error.about(called(param)) from None


# The empty path, which a shell makes of a variable that is not set, is none.
PATH = Typed(
    Annotated[str, Meta(title="a path of a file or folder", pattern=r"^[^\0]*[^\s\0][^\0]*$")], "path"
)
SEEDS = SeedsType()
STEP = Typed(Count)
SHARE = Typed(Share)
SECONDS = Typed(Annotated[float, Meta(title="a number of seconds", gt=0, le=10_000_000)])
