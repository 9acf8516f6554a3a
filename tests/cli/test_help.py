"""The help of every command: each option says what it takes."""

from collections.abc import Iterator

import click
import pytest

from prunebench.cli.main import cli
from prunebench.cli.types import Typed
from prunebench.fields import kind_of


def options(group: click.Group, *above: str) -> Iterator[tuple[str, click.Context, click.Option]]:
    """Every option of every command that takes a value."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from options(command, *above, name)
            continue
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag and option.type is not click.BOOL:
                yield " ".join([*above, name, option.opts[0]]), click.Context(command), option


EVERY = {name: (context, option) for name, context, option in options(cli)}


def test_all_commands_are_walked() -> None:
    assert len(EVERY) > 80
    assert {"run --at-step", "leaderboard --top", "list scorers --plugin"} <= set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_help_names_choices_and_ranges(name: str) -> None:
    context, option = EVERY[name]
    record = option.get_help_record(context)
    assert record is not None
    head, text = record
    kind = option.type
    assert not isinstance(kind, click.IntRange | click.FloatRange | type(click.INT) | type(click.FLOAT))
    limits, choices = getattr(kind, "limits", ""), getattr(kind, "choices", ())
    assert limits in text
    assert text.count(limits or "\n") == bool(limits), "once"
    assert text.count("default: ") <= 1
    if isinstance(kind, Typed) and (found := kind_of(kind.annotation)) and found.type in (int, float):
        assert limits
    assert all(choice in head for choice in choices)
