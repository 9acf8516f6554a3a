from dataclasses import fields

from made_up_boards import board, layered
from msgspec.structs import replace

from prunebench.leaderboard.apart import _WORDS, apart, changes, headings
from prunebench.leaderboard.overview import overview
from prunebench.leaderboard.page_data import page_data
from prunebench.training.recipe import Recipe


def test_every_field_of_a_recipe_can_tell_boards_apart() -> None:
    assert {*_WORDS, "network"} == {field.name for field in fields(Recipe)}


def test_headings_say_what_is_not_as_by_default() -> None:
    """4,000 steps are the default of mnist5k, and so not said; 1,000 of a network that plugs in."""
    usual = board(fingerprint="one")
    other = board(fingerprint="one", init_std=0.01, width=50, optimizer="adam")
    lenet = layered(2)
    scaled = replace(lenet, recipe=Recipe(**{**vars(lenet.recipe), "scale": 0.5}))
    found = headings([usual, other, lenet, scaled])
    assert found[:2] == [
        "shallow, mnist5k, 800 samples, init std 1e-05",
        "shallow, mnist5k, 800 samples, 50 neurons, init std 0.01, adam",
    ]
    assert found[3] == found[2].replace("samples", "samples, x0.5")
    assert changes(other, without=("width",)) == ["init std 0.01", "adam"]


def test_boards_that_words_do_not_tell_apart_have_their_hash() -> None:
    """Of two draws of the samples, say; everywhere that boards stand side by side."""
    some = [board(0), board(1), layered(2)]
    one, other, lenet = apart(some)
    assert (one, other) == tuple(f"init std 1e-05, {each.name[-8:]}" for each in some[:2])
    assert lenet == ", ".join(changes(some[2]))
    text = overview(some)
    assert all(head in text for head in headings(some))
    assert {each["apart"] for each in page_data(some)["boards"]} == {one, other, lenet}
