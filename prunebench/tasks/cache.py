"""Where downloaded files lie, and the promise that only verified ones are read."""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prunebench.errors import PrunebenchError, RequestError


@dataclass(frozen=True)
class Cache:
    """A folder of downloaded data sets, one folder each.

    Attributes:
        root: the folder.
        download: whether a file that is missing may be downloaded.
    """

    root: Path
    download: bool = False

    def file(self, dataset: str, name: str, md5: str, urls: Sequence[str]) -> Path:
        """The data set's file of this name, its checksum verified on every call.

        Raises:
            RequestError: it is missing or another file, and `download` is off.
            PrunebenchError: no address delivered it.
        """
        from torchvision.datasets.utils import check_integrity

        path = self.root / dataset / name
        if check_integrity(path, md5):
            return path
        if not self.download:
            state = "is not the original file (its checksum differs)" if path.exists() else "is not there"
            accepted = f"{path} {state}: add --download (in Python download=True), or put {urls[0]} there"
            raise RequestError("dataset", dataset, accepted)
        return _download(path, md5, urls)


def default_folder() -> Path:
    """Of downloaded data sets: `PRUNEBENCH_CACHE`, else the user's own folder."""
    if own := os.environ.get("PRUNEBENCH_CACHE"):
        return Path(own).expanduser()
    return user_folder()


def user_folder() -> Path:
    """The folder `prunebench` in the user's cache folder of this platform."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "prunebench"


def _download(path: Path, md5: str, urls: Sequence[str]) -> Path:
    from torchvision.datasets.utils import download_url

    problem = "no address is known"
    for url in urls:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Verified beside its place and then moved there, so that an interrupted download leaves nothing.
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                download_url(url, folder, path.name, md5)
                os.replace(Path(folder) / path.name, path)
            return path
        except (OSError, RuntimeError) as error:
            problem = f"{url}: {error}"
    raise PrunebenchError(f"could not download {path.name} to {path.parent} ({problem}); put the file there")
