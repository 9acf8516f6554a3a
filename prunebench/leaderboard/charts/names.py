"""Names of scorers as charts have room for them."""

import json
from collections.abc import Iterable
from itertools import groupby


def shortened(names: Iterable[str], letters: int = 26) -> dict[str, str]:
    """A label of at most so many letters for each name; longer only where two would be the same.

    The middle is left out, since scorers that differ in a parameter mostly differ at the end; where they do
    not, what is left out is what they share.
    """
    whole = {name: " ".join(name.split()) for name in names}
    head = (letters - 1) // 2
    found = {
        name: text if len(text) <= letters else f"{text[:head]}…{text[head + 1 - letters :]}"
        for name, text in whole.items()
    }
    head, rest = letters // 3, letters - letters // 3 - 1
    for alike in _alike(found):
        columns = enumerate(zip(*(whole[name] for name in alike), strict=False))
        differing = next((place for place, signs in columns if len(set(signs)) > 1), 0)
        start = max(head, differing - rest // 2)
        for name in alike:
            tail = whole[name][start:]
            found[name] = f"{whole[name][:head]}…{tail if len(tail) <= rest else tail[: rest - 1] + '…'}"
    return found | {name: whole[name] for alike in _alike(found) for name in alike}


def expression(labels: dict[str, str]) -> str:
    """The Vega expression of an axis or a legend that shows these labels."""
    return f"{json.dumps(labels)}[datum.label]"


def _alike(labels: dict[str, str]) -> list[list[str]]:
    """The names of each label that several have."""
    label = labels.__getitem__
    groups = (list(group) for _, group in groupby(sorted(labels, key=label), label))
    return [group for group in groups if len(group) > 1]
