import pytest
from markdown_it import MarkdownIt

from prunebench.escape import for_markdown, for_spreadsheet, for_terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\x9bJ\x7f\x00", "a\\x0db\\x9bJ\\x7f\\x00"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("half \ud800", "half \\ud800"),
        ("two\nlines", "two\\x0alines"),
        ("größe 中 †", "größe 中 †"),
    ],
)
def test_a_terminal_shows_what_it_would_obey(text: str, shown: str) -> None:
    assert for_terminal(text) == shown


def test_ends_of_lines_stay_where_lines_are_wanted() -> None:
    assert for_terminal("a\n\x1bb", lines=True) == "a\n\\x1bb"


@pytest.mark.parametrize(
    "text",
    [
        "[click](https://evil.example)",
        "![pixel](http://evil.example/x.png)",
        "[click][1]",
        "[1]: https://evil.example",
        "<img src=x onerror=alert(1)>",
        "<https://evil.example>",
        "https://evil.example",
        "www.evil.example",
        "me@evil.example",
    ],
)
def test_markdown_makes_no_link_image_or_tag_of_text(text: str) -> None:
    cell = for_markdown(text)
    html = MarkdownIt("commonmark", {"html": True}).render(f"- {cell}")
    assert "<a" not in html
    assert "<img" not in html
    for bare in ("://", "www.", "e@e"):  # readers make links of these by themselves
        assert bare not in cell


def test_markdown_keeps_tables_and_usual_names_whole() -> None:
    assert for_markdown("a | b\nc") == "a \\| b c"
    for name in (
        "imp[sparsity=0.5]",
        "growing_mode †",
        "torch_pruning[kind=hessian]",
        "mnist5k, 800 samples",
    ):
        assert for_markdown(name) == name


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_spreadsheet_runs_no_text(cell: str) -> None:
    assert str(for_spreadsheet(cell)).startswith("'")


@pytest.mark.parametrize("cell", [-0.5, -3, "-0.5", "+1e-5", "-.5", 0.0, None, "alignment", "1.2.3"])
def test_numbers_and_names_stay_what_they_are(cell: object) -> None:
    assert for_spreadsheet(cell) == cell
