"""Names of scorers as charts have room for them."""

import json
from collections.abc import Iterable

LONGEST = 26  # letters of a name in most charts


def shortened(names: Iterable[str], letters: int = LONGEST) -> dict[str, str]:
    """A label of at most so many letters for each name; longer only where two would be the same.

    The middle is left out, since scorers that differ in a parameter mostly differ at the end; where they do
    not, what is left out is what they share.
    """
    whole = {name: " ".join(name.split()) for name in names}
    found = {name: _without_middle(text, letters) for name, text in whole.items()}
    for group in _alike(found):
        place = _shared([whole[name] for name in group])
        found |= {name: _from(whole[name], place, letters) for name in group}
    for group in _alike(found):
        found |= {name: whole[name] for name in group}
    return found


def expression(labels: dict[str, str]) -> str:
    """The Vega expression of an axis or a legend that shows these labels."""
    return f"{json.dumps(labels)}[datum.label]"


def _without_middle(text: str, letters: int) -> str:
    head = (letters - 1) // 2
    return text if len(text) <= letters else f"{text[:head]}…{text[head + 1 - letters :]}"


def _alike(labels: dict[str, str]) -> list[list[str]]:
    """The names of each label that several have."""
    groups: dict[str, list[str]] = {}
    for name, label in labels.items():
        groups.setdefault(label, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _shared(texts: list[str]) -> int:
    """How many letters all of them start with."""
    differing = (place for place, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1)
    return next(differing, min(map(len, texts)))


def _from(text: str, place: int, letters: int) -> str:
    """The start of the text, and what stands about this place."""
    head = letters // 3
    rest = letters - head - 1
    return f"{text[:head]}…{_cut(text[max(head, place - rest // 2) :], rest)}"


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
