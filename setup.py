"""What pyproject.toml cannot say: what a build starts from, what it packs, and what its README links to.

An earlier build's files in `build` setuptools would pack in again.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from prunebench.leaderboard import archive, locations  # noqa: E402


class Build(build_py):
    """With the boards in `leaderboards/`, and their study, packed beside the code that reads them."""

    def run(self) -> None:
        """An editable installation reads the folder itself."""
        super().run()
        if not self.editable_mode:
            boards = [json.loads(path.read_bytes()) for path in sorted(ROOT.glob("leaderboards/*.json"))]
            packed = Path(self.build_lib) / locations.PACKED.relative_to(ROOT)
            packed.write_bytes(archive.pack(boards))
            for study in locations.STUDIES:
                shutil.copyfile(ROOT / "leaderboards" / study, packed.with_name(study))


def readme() -> str:
    """README.md for a package index, where links to files lead nowhere: they are the files' names instead.

    Whoever knows a lasting address of the repository puts it before them here.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    picture = r"!\[[^]]*\]\((?!\w+:)[^)]*\)\n+\*.*?\*\n+"  # and its caption
    text = re.sub(picture, "", text, flags=re.DOTALL)
    return re.sub(r"\[([^]]*)\]\((?!\w+:|#)([^)]*)\)", r"\1 (`\2`)", text)


shutil.rmtree(ROOT / "build", ignore_errors=True)
setup(cmdclass={"build_py": Build}, long_description=readme(), long_description_content_type="text/markdown")
