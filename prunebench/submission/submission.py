"""What is in the folder of a submission (CONTRIBUTING.md).

submission.json   whose results these are, how they were made, what was checked, and the files' hashes
my_idea.py        the scorer, where it is a file; a package is named
boards/           its rows, a board each
store/            its records, with the networks of some seeds, so that they can be computed again
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from prunebench.benchmark.audit import Audit
from prunebench.errors import PrunebenchError
from prunebench.plugin.conformance import Finding
from prunebench.store.files import read_bytes, write_atomically
from prunebench.store.identity import digest

FILE, BOARDS, STORE = "submission.json", "boards", "store"
SCHEMA = 1
# Nothing else is opened: a submission is anybody's.
NAME = re.compile(r"(boards/)?\w[\w.+-]*")


class Submission(msgspec.Struct, forbid_unknown_fields=True):
    """The record of a submission.

    Attributes:
        scorer: the scorer's name.
        specs: with its parameters, as rows have them.
        origin: the file that it is in, or the package and its version.
        files: SHA-256 of the file and of the boards, by their names in the folder.
        environment: where the submission was made; every row has its own.
        checks: what each check of the contract found.
        audit: what came of computing the results again whose networks come along.
    """

    schema: int
    scorer: str
    specs: list[str]
    origin: str
    files: dict[str, str]
    environment: dict[str, Any]
    checks: list[Finding]
    audit: Audit

    def write(self, folder: Path) -> None:
        """As JSON into the folder."""
        write_atomically(folder / FILE, msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def read(cls, folder: Path) -> "Submission":
        """From a folder whose files are what was written. `PrunebenchError`: they are not."""
        try:
            found = msgspec.json.decode(read_bytes(folder / FILE), type=cls)
            if found.schema != SCHEMA:
                raise PrunebenchError(f"{folder}: {FILE} has schema {found.schema}; {SCHEMA} is understood")
            for name, expected in found.files.items():
                path = folder / name
                if not NAME.fullmatch(name) or path.is_symlink() or digest(read_bytes(path)) != expected:
                    raise PrunebenchError(f"{folder}: {name!r} is not what was submitted")
        except (OSError, msgspec.MsgspecError) as error:
            raise PrunebenchError(f"{folder}: not a whole submission ({error})") from error
        return found

    @property
    def plugin(self) -> str | None:
        """The name of the scorer's file; None where it is a package's."""
        return self.origin if self.origin in self.files else None

    @property
    def boards(self) -> list[str]:
        """The names of the boards' files."""
        return [name for name in self.files if name.startswith(f"{BOARDS}/")]
