"""Fetch the page's libraries from npm at their pinned versions: `python ci/vendor.py` (needs npm).

To take a newer version, change it here and run this; the manifest it writes is what the tests hold the files
against.
"""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "prunebench/leaderboard/assets/vendor"
# package, version, the file in it, its licence
LIBRARIES = (
    ("vega", "6.2.0", "build/vega.min.js", "LICENSE"),
    ("vega-lite", "6.4.1", "build/vega-lite.min.js", "LICENSE"),
    ("vega-embed", "7.3.0", "build/vega-embed.min.js", "LICENSE"),
    ("datatables.net", "3.1.5", "js/dataTables.min.js", "License.txt"),
)


def fetch(package: str, version: str, folder: Path) -> tarfile.TarFile:
    """The package's archive; npm checks it against the registry's hash."""
    command = ["npm", "pack", "--json", "--pack-destination", str(folder), f"{package}@{version}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return tarfile.open(folder / json.loads(done.stdout)[0]["filename"])


def main() -> None:
    """Replace the files and the manifest."""
    manifest = []
    with tempfile.TemporaryDirectory() as scratch:
        for package, version, source, licence in LIBRARIES:
            with fetch(package, version, Path(scratch)) as archive:
                name = Path(source).name
                for member, target in ((source, name), (licence, f"{name.split('.')[0]}.LICENSE")):
                    file = archive.extractfile(f"package/{member}")
                    assert file is not None
                    content = file.read()
                    (VENDOR / target).write_bytes(content)
                    digest = hashlib.sha256(content).hexdigest()
                    manifest.append(
                        {"file": target, "package": package, "version": version, "sha256": digest}
                    )
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
