"""How much memory a piece of work needs."""

import contextlib
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Peak:
    """The peak above what was in use before, in units of 10^6 bytes; filled in when the work is done."""

    megabytes: float = 0.0


@contextlib.contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak of the enclosed work, of this process."""
    # Linux can forget an earlier peak; elsewhere only growth beyond it shows.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    peak, before = Peak(), _high_water()
    yield peak
    peak.megabytes = (_high_water() - before) / 1e6


def _high_water() -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
