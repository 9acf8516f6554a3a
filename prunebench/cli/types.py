"""What values of options may be, beside what click knows."""

from typing import Annotated, Any

import click
from click.shell_completion import CompletionItem
from msgspec import Meta

from prunebench.errors import RequestError
from prunebench.evaluation.fractions import Share
from prunebench.evaluation.summary import Count
from prunebench.fields import kind_of, parts, read, written
from prunebench.training.seeds import MOST_SEEDS, read_seeds


def called(parameter: click.Parameter | None) -> str:
    """What a user calls an option or an argument."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return "" if parameter is None else parameter.human_readable_name


class Typed(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """A value as a field's annotation has it. Raises `RequestError` for any other.

    Attributes:
        limits: of a number, in words, for the option's help.
        choices: that a value is one of; empty: of any other.
    """

    def __init__(self, annotation: Any, name: str | None = None) -> None:
        kind = kind_of(annotation)
        assert kind is not None, annotation
        self.annotation, self.choices = annotation, list(map(written, kind.choices))
        self.limits = kind.limits
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


class Several(Typed):
    """Values with commas between them, as a tuple; commas in brackets divide nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The values that a text stands for."""
        return tuple(super(Several, self).convert(part.strip(), param, ctx) for part in parts(value))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The choices that begin as the last one does."""
        before, last = last_part(incomplete)
        return [CompletionItem(f"{before}{item.value}") for item in super().shell_complete(ctx, param, last)]


def together(_ctx: click.Context, _param: click.Parameter, values: Any) -> tuple[Any, ...]:
    """What a repeatable option of `Several` was given, as one tuple."""
    return tuple(value for several in values or () for value in several)


def several(annotation: Any) -> dict[str, Any]:
    """What makes an option take values with commas between them, once or repeated."""
    return {"type": Several(annotation), "multiple": True, "callback": together}


def last_part(text: str) -> tuple[str, str]:
    """What stands up to the last comma that divides, and what stands after it."""
    closing = "]" * (text.count("[") - text.count("]"))  # commas in brackets still open divide nothing
    last = parts(text + closing)[-1].removesuffix(closing)
    return text.removesuffix(last), last


class SeedsType(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """`20` (seeds 0 to 19), `3,5,8` or `0-9`. Raises `RequestError`."""

    name = "seeds"
    limits = f"up to {MOST_SEEDS:,}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The seeds that the text names."""
        try:
            return read_seeds(value)
        except RequestError as error:
            raise error.about(called(param)) from None


# The empty path, which a shell makes of a variable that is not set, is none; nor has a file so long a name.
_NAMES = r"^(?!.*[^/]{256})[^\0]*[^\s\0][^\0]*$"
PATH = Typed(Annotated[str, Meta(title="a path of a file or folder", pattern=_NAMES)], "path")
SEEDS = SeedsType()
AMOUNT = Typed(Annotated[int, Meta(ge=1)])
STEP = Typed(Count)
SHAPE = Several(Annotated[int, Meta(ge=1, le=100_000)], "shape")
SHARE = Typed(Share)
SECONDS = Typed(Annotated[float, Meta(title="a number of seconds", gt=0, le=10_000_000)])
