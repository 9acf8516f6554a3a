"""Seeds as command lines write them."""

import numpy as np
import pytest

import prunebench as pb
from prunebench.training.seeds import check_seeds, read_seeds, written_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), (" 3 ", (0, 1, 2)), ("3,5-7", (3, 5, 6, 7)), ("4 - 5", (4, 5))],
)
def test_they_are_read(text: str, seeds: tuple[int, ...]) -> None:
    assert read_seeds(text) == read_seeds(written_seeds(seeds)) == seeds


@pytest.mark.parametrize("text", ["5-3,7", "5-3", "1_0", "1_0,3", "2-1_0", "+3", "-3", "²", "3-", "three"])
def test_what_could_be_another_number_is_refused(text: str) -> None:
    with pytest.raises(pb.RequestError, match=r"seeds: got .*a number of networks"):
        read_seeds(text)


def test_numpys_number_is_a_number_of_them() -> None:
    assert check_seeds(np.int64(3)) == (0, 1, 2)
    with pytest.raises(pb.RequestError):
        check_seeds(True)


def test_seeds_far_apart_are_written_one_by_one() -> None:
    assert written_seeds([3, 2**62 + 5]) == f"3,{2**62 + 5}"
