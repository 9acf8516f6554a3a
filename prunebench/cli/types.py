"""What values of options may be, beside what click knows."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A number of a range that is one: neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class PathType(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """A file or folder. The empty path, which a shell makes of a variable that is not set, is none."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path as it was written."""
        if not str(value).strip() or "\0" in str(value):
            self.fail(f"{value!r} is no path of a file or folder.", param, ctx)
        return str(value)


COUNT = click.IntRange(min=1)
SEED = click.IntRange(min=0, max=2**63 - 1)
RATE = Number(min=0, min_open=True)
SECONDS = Number(min=0, min_open=True, max=1e7)
PATH = PathType()


class SeedsType(click.ParamType):  # type: ignore[type-arg]  # generic only in click's newer stubs
    """`20` (seeds 0 to 19), `3,5,8` or `0-9`."""

    name = "seeds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The seeds that the text names."""
        if isinstance(value, tuple):
            return value
        text = str(value)
        try:
            seeds = _expand(text)
        except ValueError:
            self.fail(
                f"{text!r}: write a number of networks (20), seeds (3,5,8) or a range (0-9)", param, ctx
            )
        if not 1 <= len(seeds) <= 100_000 or len(set(seeds)) < len(seeds) or max(seeds) >= 2**63:
            self.fail(f"{text!r}: 1 to 100,000 distinct seeds from 0 to 2^63 - 1 are needed", param, ctx)
        return seeds


SEEDS = SeedsType()


def _expand(text: str) -> tuple[int, ...]:
    if text.strip().isdigit():
        return tuple(range(min(int(text), 100_001)))
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        end = int(last) if dash else int(first)
        if end - int(first) > 100_000:
            raise ValueError(text)
        seeds += range(int(first), end + 1)
    return tuple(seeds)
