"""What the documentation's site needs besides docs/ (a hook of mkdocs.yml).

Links in the repository's Markdown are those of the repository, where they lead somewhere as they stand. Here
pages of docs/ move one folder up, some files from outside become pages, and a link to what is no page is its
text and the file's name. Notebooks become pages with what their cells gave.
"""

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files
from notebook_page import notebook_page

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs/"
# From outside docs/, under the paths that they have in the repository.
PAGES = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "leaderboards/*.md"]
_LINK = re.compile(r"(?<!!)\[([^][]*)\]\(((?!\w+:|#)[^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """With the pages from outside; boards are linked by their overview, not by the menu."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for path in sorted((ROOT / DOCS).glob("*.ipynb")):
        files.append(File.generated(config, f"{path.stem}.md", content=notebook_page(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """With the links that lead to the same pages here."""
    here = PurePosixPath(page.file.src_uri)
    source = PurePosixPath(_in_repository(here.as_posix())).parent

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = os.path.normpath(source / target)
        for candidate in (re.sub(r"\.ipynb$", ".md", path), f"{path}/README.md"):
            name = candidate.removeprefix(DOCS)
            if candidate == _in_repository(name) and files.get_file_from_path(name) is not None:
                return f"[{text}]({os.path.relpath(name, here.parent)}{anchor})"
        return f"{text} (`{path}`)"

    return _LINK.sub(link, markdown)


def _in_repository(name: str) -> str:
    outside = any(fnmatchcase(name, pattern) for pattern in PAGES)
    return name if outside else f"{DOCS}{name}"
