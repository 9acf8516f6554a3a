"""Boards as one HTML page that needs nothing but itself."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import MARKS, RANKS
from prunebench.leaderboard.page_data import page_data, to_script
from prunebench.leaderboard.styles import DARK, LIGHT

# Each file is one <script>, so that the policy can name its hash.
LIBRARIES = ("d3.min.js", "plot.umd.min.js", "dataTables.min.js")
SCRIPTS = ("data.js", "table.js", "charts.js", "page.js")


def to_html(boards: Sequence[Board]) -> str:
    """The page; equal boards give equal bytes.

    Names and errors in boards are other people's text. They reach the page as JSON only, its scripts put them
    in as text, and the policy runs no script but those whose hashes it names.
    """
    return assemble(page_data(boards))


def assemble(data: dict[str, Any]) -> str:
    """The page that shows this `page_data`."""
    scripts = [*(_asset(f"vendor/{name}") for name in LIBRARIES), *map(_asset, SCRIPTS)]
    licences = [_asset(f"vendor/{name.split('.')[0]}.LICENSE") for name in LIBRARIES]
    return Template(_asset("page.html")).substitute(
        policy="; ".join(
            (
                "default-src 'none'",
                f"script-src {' '.join(_hash(script) for script in scripts)}",
                "style-src 'unsafe-inline'",  # the charts carry their own; without images it can load nothing
                "base-uri 'none'",
                "form-action 'none'",
            )
        ),
        style=_colours() + _asset("page.css"),
        marks=MARKS,
        ranks=RANKS,
        licences="\n".join(licences),
        data=to_script(data),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _asset(name: str) -> str:
    return files("prunebench.leaderboard").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _colours() -> str:
    pairs = zip(LIGHT, DARK, strict=True)
    lines = (f"--s{i}: light-dark({light}, {dark});" for i, (light, dark) in enumerate(pairs))
    return f":root {{ {' '.join(lines)} }}\n"
