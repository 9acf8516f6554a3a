"""Boards as one HTML page that needs nothing but itself."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, metadata
from importlib.resources import files
from string import Template
from typing import Any

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import MARKS, RANKS
from prunebench.leaderboard.packing import to_script
from prunebench.leaderboard.page_data import page_data
from prunebench.leaderboard.styles import DARK, LIGHT

# Each file is one <script>, so that the policy can name its hash.
LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "dataTables.min.js")
SCRIPTS = ("data.js", "table.js", "charts.js", "copying.js", "page.js")


def to_html(boards: Sequence[Board]) -> str:
    """The page; equal boards give equal bytes.

    Names and errors in boards are other people's text. They reach the page as JSON only, its scripts put them
    in as text, and the policy runs no script but those whose hashes it names.
    """
    return assemble(page_data(boards))


def assemble(data: dict[str, Any]) -> str:
    """The page that shows this `page_data`."""
    scripts = [*(_asset(f"vendor/{name}") for name in LIBRARIES), *map(_asset, SCRIPTS)]
    newest = max((board["newest"] or "" for board in data["boards"]), default="")
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
        links=_links(),
        made=escape(f"version {data['version']}" + (f", newest run {newest}" if newest else "")),
        ranks=RANKS,
        licences="\n".join(licences),
        data=to_script(data),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _links() -> str:
    """Where the project is at home, as far as the installed package says it."""
    try:
        found = metadata("prunebench").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    pairs = (line.split(", ", 1) for line in found)
    return "".join(f'<a href="{escape(url)}">{escape(name.lower())}</a> ' for name, url in pairs)


def _asset(name: str) -> str:
    return files("prunebench.leaderboard").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _colours() -> str:
    pairs = zip(LIGHT, DARK, strict=True)
    lines = (f"--s{i}: light-dark({light}, {dark});" for i, (light, dark) in enumerate(pairs))
    return f":root {{ {' '.join(lines)} }}\n"
