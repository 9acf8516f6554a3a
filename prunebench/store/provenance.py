"""Where and with what a result was made."""

import datetime
import platform
from importlib.metadata import version
from typing import Any

import torch

from prunebench.device import device_name
from prunebench.version import code


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, device, threads, commit (see `prunebench.version.Code`) and UTC time."""
    return {
        "prunebench": code().version,
        "commit": code().commit,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
