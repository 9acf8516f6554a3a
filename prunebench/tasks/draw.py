"""The balanced draw of training samples."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int64

from prunebench.errors import RequestError
from prunebench.fields import convert
from prunebench.tasks.classes import Sides, class_label, is_whole
from prunebench.tasks.spec import Seed


def draw(
    y: Int64[np.ndarray, " available"], sides: Sides, samples: int, seed: int, names: Mapping[int, str]
) -> Int64[np.ndarray, " samples"]:
    """Places in `y` of the drawn samples, in random order, without replacement.

    Every side has as many samples, which its classes share equally; what is left over goes, one each, to the
    first sides and to a side's first classes. A larger draw with the same seed contains
    the smaller ones.

    Raises `RequestError` for a number of samples or a seed that is no such number, fewer samples than
    classes, and a class with too few samples.
    """
    classes = [number for side in sides for number in side]
    if not is_whole(samples) or samples < len(classes):
        raise RequestError(
            "samples", samples, f"a whole number from {len(classes)}, one per class, is needed"
        )
    convert("seed", seed, Seed)
    quotas = _quotas(sides, int(samples))
    places = {number: np.flatnonzero(y == number) for number in classes}
    for number, needed in quotas.items():
        if (there := len(places[number])) < needed:
            most = len(sides) * min(min(len(places[n]) for n in side) * len(side) for side in sides)
            # Of what does not divide evenly the first classes have one more.
            while all(len(places[n]) >= own for n, own in _quotas(sides, most + 1).items()):
                most += 1
            accepted = (
                f"class {class_label(number, names)} has {there} training samples, {needed} are "
                f"needed; {most} samples can be drawn from these classes"
            )
            raise RequestError("samples", samples, accepted)
    generator = np.random.default_rng(int(seed))
    drawn = [generator.permutation(places[number])[: quotas[number]] for number in classes]
    return generator.permutation(np.concatenate(drawn))


def _quotas(sides: Sides, samples: int) -> dict[int, int]:
    quotas: dict[int, int] = {}
    of_side, more = divmod(samples, len(sides))
    for number_of_side, side in enumerate(sides):
        each, left = divmod(of_side + (number_of_side < more), len(side))
        quotas |= {number: each + (place < left) for place, number in enumerate(side)}
    return quotas
