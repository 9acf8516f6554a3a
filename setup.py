"""What pyproject.toml cannot say: a build starts from nothing, and its README has no links to files.

An earlier build's files in `build` setuptools would pack in again.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent


def readme() -> str:
    """README.md for a package index, where links to files lead nowhere: they are the files' names instead.

    Whoever knows a lasting address of the repository puts it before them here.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    picture = r"!\[[^]]*\]\((?!\w+:)[^)]*\)\n+\*.*?\*\n+"  # and its caption
    text = re.sub(picture, "", text, flags=re.DOTALL)
    return re.sub(r"\[([^]]*)\]\((?!\w+:|#)([^)]*)\)", r"\1 (`\2`)", text)


shutil.rmtree(ROOT / "build", ignore_errors=True)
setup(long_description=readme(), long_description_content_type="text/markdown")
