"""Where boards lie: a user's own, and the published ones."""

from pathlib import Path

from prunebench.errors import RequestError

# In the folder of the store, so that all that was computed here is in one place, which git ignores.
OWN = Path(".prunebench", "leaderboards")
_HERE = Path(__file__).resolve()
# A build packs the folder that a clone has (setup.py); only who says `--out leaderboards` writes there.
PACKED = _HERE.with_name("published.json.xz")
STUDIES = ("study.toml", "layered.toml")
PUBLISHED = "published"  # in place of a study's file: those
_PUBLISHED = PACKED if PACKED.is_file() else _HERE.parents[2] / "leaderboards"


def published() -> Path:
    """The published boards: the folder of the clone that this code is in, else the package's file."""
    return _PUBLISHED


def study_files() -> list[Path]:
    """The studies that the published boards come from."""
    where = published().parent if published().is_file() else published()
    return [where / name for name in STUDIES]


def folder_to_read(out: str | Path | None, *, of_published: bool = False) -> Path:
    """The folder that was named, else that of the user's own boards; while there are none, the published.

    Raises `RequestError` where a folder is named and the published boards are asked for too.
    """
    if out is not None:
        if of_published:
            raise RequestError("out", str(out), "either a folder or the published boards")
        return Path(out)
    return published() if of_published or (not holds_boards(OWN) and holds_boards(published())) else OWN


def holds_boards(folder: Path) -> bool:
    """Whether something in a folder may be a board, or the file is one that boards are packed in."""
    return folder.is_file() or any(folder.glob("*.json"))
