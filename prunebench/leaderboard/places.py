"""Where boards lie: a user's own, and those that somebody published."""

from pathlib import Path

# In the folder of the store, so that all that was computed here is in one place, which git ignores.
OWN = Path(".prunebench", "leaderboards")
# In a clone of the repository. Only who says `--out leaderboards` writes there.
PUBLISHED = Path("leaderboards")


def folder_to_read(out: str | Path | None) -> Path:
    """The folder that was named, else that of the user's own boards; while there are none, the published."""
    if out is not None:
        return Path(out)
    return PUBLISHED if not holds_boards(OWN) and holds_boards(PUBLISHED) else OWN


def holds_boards(folder: Path) -> bool:
    """Whether something in a folder may be a board."""
    return any(folder.glob("*.json"))
