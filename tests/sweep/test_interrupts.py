"""What ends a sweep while it starts workers, or takes its scheduler away, is said in one line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sweep_process import STUDY

import prunebench as pb
from prunebench.benchmark.reporter import Reporter
from prunebench.sweep.cluster import Cluster
from prunebench.sweep.plans import Options

pytestmark = pytest.mark.xdist_group("processes that sweep")

# Ctrl-C reaches every process of the terminal, here as the workers' processes are made.
INTERRUPTED = """
import asyncio, os, signal, sys
import distributed
from prunebench.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background may ignore it
start = distributed.Nanny.instantiate

async def interrupted(self):
    if self.name == 0:
        asyncio.get_running_loop().call_later(float(sys.argv[1]), os.killpg, os.getpgid(0), signal.SIGINT)
    return await start(self)

distributed.Nanny.instantiate = interrupted
if __name__ == "__main__":
    main(["sweep", "study.toml", "--workers", "2", "--device", "cpu"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.3, 1, 2])
def test_an_interrupt_while_workers_start_is_one_line(tmp_path: Path, seconds: float) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "program.py").write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, "program.py", str(seconds)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        start_new_session=True,
        # Python's resource tracker may say of a worker that was ended as it started what it left behind.
        env=os.environ | {"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"},
        check=False,
    )
    assert done.returncode in (130, -2)
    said = [line for line in done.stderr.splitlines() if line.strip()]
    lines = [line for line in said if not line.startswith("this machine is busy")]
    assert lines[-1] == "prunebench: interrupted; results that were already written are whole"
    assert lines[-2] == "starting 2 worker processes"
    assert len(lines) == 3
    assert done.stdout == ""


class Gone:
    """A client whose scheduler was killed."""

    def __getattr__(self, name: str) -> Any:
        def lost(*_: Any, **__: Any) -> None:
            raise OSError("in <Client: tcp://127.0.0.1:8786>:\\nConnectionRefusedError")

        return lost


def test_a_scheduler_that_is_gone_is_one_line(open_store) -> None:
    with pytest.raises(pb.PrunebenchError, match="the scheduler is gone; what came back is in") as error:
        Cluster(Gone(), Options(), open_store(), Reporter()).room()
    assert "\n" not in str(error.value)
