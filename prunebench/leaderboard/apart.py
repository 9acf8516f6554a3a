"""What tells boards apart, in few words: for the headings of tables that have a board a column or a row."""

from collections.abc import Collection, Sequence
from dataclasses import fields

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.text import task_words
from prunebench.training.defaults import defaults_of
from prunebench.training.recipe import Recipe

_WORDS = {
    "width": "{:,} neurons",
    "init_std": "init std {:g}",
    "init": "{} init",
    "scale": "x{:g}",
    "learning_rate": "learning rate {:g}",
    "momentum": "momentum {:g}",
    "batch_size": "batch {}",
    "steps": "{:,} steps",
    "weight_decay": "decay {:g}",
    "schedule": "{} rate",
    "optimizer": "{}",
    "until_loss": "until loss {:g}",
}
_HASH = 8  # letters of a name's end that no two boards share


def changes(board: Board, without: Collection[str] = ()) -> list[str]:
    """What of the recipe is not as by default, in few words: `x0.5`, `2,000 steps`.

    Of the shallow network the initial standard deviation is always said: the paper's results turn on it.

    Args:
        without: fields that are said elsewhere.
    """
    recipe = board.recipe
    dataset = board.task.record.get("dataset", board.task.name)
    usual = {field.name: field.default for field in fields(Recipe)}
    usual |= defaults_of(dataset, recipe.network_spec)
    usual |= {} if board.layered else {"init_std": None}
    values = {name: getattr(recipe, name) for name in _WORDS if name not in without}
    return [_WORDS[name].format(value) for name, value in values.items() if value != usual[name]]


def apart(boards: Sequence[Board]) -> list[str]:
    """`init std 0.01`, `x0.5, 1,500 steps`: what tells each board from others of its network and task.

    Where words do not (another draw of the samples, say), the hash that ends its name does.
    """
    words = [", ".join(changes(board)) for board in boards]
    whole = [(*_where(board), said) for board, said in zip(boards, words, strict=True)]
    return [
        said if whole.count(each) == 1 else ", ".join(filter(None, (said, board.name[-_HASH:])))
        for board, said, each in zip(boards, words, whole, strict=True)
    ]


def headings(boards: Sequence[Board]) -> list[str]:
    """`lenet, mnist5k, 10 classes, 1000 samples, x0.5`: network, task, what else; no two the same."""
    both = zip(boards, apart(boards), strict=True)
    return [", ".join(filter(None, (*_where(board), said))) for board, said in both]


def _where(board: Board) -> tuple[str, str]:
    return board.recipe.network_spec, task_words(board)
