"""Where and with what a result was made."""

import datetime
import platform
from importlib.metadata import version
from typing import Any

import torch

from prunebench.device import device_name, resolve_device
from prunebench.version import code


def environment(device: str) -> dict[str, Any]:
    """Versions, device, threads, commit (see `prunebench.version.Code`) and UTC time.

    `device` is a name as `resolve_device` takes it; raises as that does.
    """
    return {
        "prunebench": code().version,
        "commit": code().commit,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "platform": platform.platform(),
        "device": device_name(resolve_device(device)),
        "threads": torch.get_num_threads(),
        "utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
