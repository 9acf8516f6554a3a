"""Threads that wait must not take the cores, and what slows a machine down is said."""

import os
import subprocess
import sys

import pytest
import torch

from prunebench import device, threads

PRINT = "print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('KMP_BLOCKTIME'))"


@pytest.mark.parametrize(
    ("before", "variables", "printed"),
    [
        ("", {}, "PASSIVE 0"),
        ("", {"OMP_WAIT_POLICY": "ACTIVE", "KMP_BLOCKTIME": "7"}, "ACTIVE 7"),
        ("import torch", {}, "None None"),  # too late
    ],
)
def test_importing_prunebench_makes_waiting_passive(
    before: str, variables: dict[str, str], printed: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "KMP_BLOCKTIME")}
    code = f"{before}\nimport os, prunebench\n{PRINT}"
    found = subprocess.check_output([sys.executable, "-c", code], env=environment | variables, text=True)
    assert found.strip() == printed


@pytest.mark.parametrize(("policy", "count"), [("PASSIVE", 3), ("passive", 3), ("ACTIVE", 1), ("", 1)])
def test_where_it_is_not_there_is_one_thread(
    policy: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    with device.torch_threads(3):
        assert list(threads.side_by_side(lambda _: torch.get_num_threads(), 1)) == [count]
        assert torch.get_num_threads() == 3


def test_a_busy_machine_and_too_many_threads_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert device.slow_because() is None
    monkeypatch.setattr(os, "getloadavg", lambda: (5.9, 0.0, 0.0))
    assert device.slow_because() is None
    monkeypatch.setattr(os, "getloadavg", lambda: (9.3, 0.0, 0.0))
    assert "busy (load average 9.3 on 4 cores)" in str(device.slow_because())
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    assert "16 threads for 2 cores" in str(device.slow_because())
    assert "OMP_NUM_THREADS=2" in str(device.slow_because())
