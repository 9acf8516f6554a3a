"""Boards as one HTML page that needs nothing but itself."""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, metadata
from importlib.resources import files
from string import Template
from typing import Any

from prunebench.leaderboard.best_early import EARLY_READ, SIGNS_READ
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.notes import MARKS, RANKS
from prunebench.leaderboard.page_data import page_data
from prunebench.leaderboard.styles import DARK, LIGHT

# Each file is one <script>, so that the policy can name its hash.
LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "dataTables.min.js")
SCRIPTS = ("data.js", "table.js", "charts.js", "copying.js", "page.js")


def to_html(boards: Sequence[Board]) -> str:
    """The page; equal boards give equal bytes.

    Names and errors in boards are other people's text. They reach the page as compressed JSON only, its
    scripts put them in as text, and the policy runs no script but those whose hashes it names.
    """
    return assemble(page_data(boards))


def assemble(data: dict[str, Any], scripts_at: str = "", links: str = "") -> str:
    """The page that shows this `page_data`.

    Args:
        scripts_at: where its scripts lie beside it; in the page itself where that is empty.
        links: HTML at its top.
    """
    texts = scripts()
    names = [board["name"] for board in data["boards"]] if data.get("site") == "board" else []
    newest = max((board["newest"] or "" for board in data["boards"]), default="")
    licences = [_asset(f"vendor/{name.split('.')[0]}.LICENSE") for name in LIBRARIES]
    # Of the policy: charts carry styles of their own; without images these can load nothing.
    allowed = "'self'" if scripts_at else " ".join(map(_hash, texts.values()))
    tags = [
        f'<script src="{scripts_at}{name}"></script>' if scripts_at else f"<script>{text}</script>"
        for name, text in texts.items()
    ]
    return Template(_asset("page.html")).substitute(
        allowed=allowed,
        title=escape(" · ".join((*names, "prunebench leaderboard"))),
        style=_colours() + _asset("page.css"),
        marks=MARKS,
        links=links + _links(),
        made=escape(f"version {data['version']}" + (f", newest run {newest}" if newest else "")),
        ranks=RANKS,
        early=EARLY_READ,
        signs=escape(SIGNS_READ),
        licences="\n".join(licences),
        data=_packed(data),
        scripts="\n".join(tags),
    )


def scripts() -> dict[str, str]:
    """The scripts of the page by name, libraries first."""
    return {name: _asset(f"vendor/{name}") for name in LIBRARIES} | {name: _asset(name) for name in SCRIPTS}


def _packed(data: dict[str, Any]) -> str:
    """As the page unpacks it: compressed JSON in letters of base64, which are inert wherever they stand."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


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
