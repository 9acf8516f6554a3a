"""Text of others (names, error texts, boards and stores of anybody) made harmless where it is written.

A text is kept as it is and escaped for the place it goes to: a terminal, JSON, Markdown, LaTeX, spreadsheets.
"""

import re
import unicodedata

# What a terminal obeys rather than shows, what turns the direction of writing, and halves of characters.
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_COMMANDS = re.compile(f"[{_UNSEEN}]")
_COMMANDS_IN_LINES = re.compile(rf"(?!\n)[{_UNSEEN}]")
# A spreadsheet takes a cell that begins so for a formula, unless it is a number.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "°": r"\textdegree{}",
    "≈": r"\ensuremath{\approx}",
    "–": "--",
} | {character: f"\\{character}" for character in "{}$&#_%"}


def for_terminal(text: str, *, lines: bool = False) -> str:
    """With control characters spelled out (`\\x1b`), but for ends of lines where `lines` are wanted."""
    return (_COMMANDS_IN_LINES if lines else _COMMANDS).sub(_spelled, text)


def for_json(text: str) -> str:
    """A JSON text with the same values, in which nothing is left that a terminal obeys or UTF-8 has not."""
    return _COMMANDS_IN_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def for_markdown(text: str) -> str:
    """On one line, without links, images, HTML and code, whatever a reader makes links of by itself."""
    line = for_terminal(" ".join(text.split()))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "\\`")
    line = re.sub(r"\](?=[(\[:])", r"\\]", line).replace("![", "!\\[")
    line = line.replace("://", ":&#47;&#47;")
    line = re.sub(r"(?<=\w)@(?=\w)", "&#64;", line)
    return re.sub(r"(?i)\bwww\.", "www&#46;", line)


def for_latex(text: str) -> str:
    """Text that LaTeX prints as it is; characters that its usual fonts lack are spelled out as `[U+4E2D]`."""
    return "".join(map(_character, " ".join(text.split())))


def for_spreadsheet(cell: object) -> object:
    """A text that a spreadsheet would run gets an apostrophe before it; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    shown = for_terminal(cell, lines=True)
    return f"'{shown}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else shown


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if ord(character) < 128 or "À" <= character <= "ÿ":
        return character if character.isprintable() else " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(c, c) for c in plain) or f"[U+{ord(character):04X}]"
