"""From the command to the first training step, in the processor's time: others hardly change that."""

import json
import subprocess
import sys

import pytest

# PyTorch's own import is most of it, and says how fast this machine is: 1.2 of 2.2 seconds on the one here,
# where 3 are allowed.
ALLOWED = 3 / 1.2
# What takes a second to import, and nothing that trains a network needs.
HEAVY = {"torch._dynamo", "sympy", "pandas", "sklearn", "matplotlib", "torchvision", "dask"}
CODE = """
import json, sys, time
import torch
imported = time.process_time()
from prunebench.cli.main import run
from prunebench.training import loop
choose = loop.choose
def chosen(*arguments, **options):
    trainer = choose(*arguments, **options)
    at_start.append(time.process_time())
    return trainer
at_start, loop.choose = [], chosen
code = run(sys.argv[1:])
print(json.dumps([code, imported, at_start[0], sorted(sys.modules)]))
"""
NETWORKS = {"shallow": (), "lenet": ("--network", "lenet", "--classes", "all")}


def test_import_takes_less_than_a_third_of_a_second() -> None:
    code = "import time; import prunebench; print(time.process_time())"
    spent = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(spent) < 0.3


@pytest.mark.parametrize("network", NETWORKS)
def test_training_starts_within_three_seconds(network: str) -> None:
    """With machine code in the cache, as the first of three runs leaves it; the best of the others."""
    command = ["run", "--scorer", "snip", "--at-step", "2", "--seeds", "1", "--protocol", "rank", "--quiet"]
    shares = []
    for steps in ("4", "5", "6"):
        command = [*command, *NETWORKS[network], "--steps", steps]
        text = subprocess.check_output([sys.executable, "-c", CODE, *command], text=True)
        code, imported, started, modules = json.loads(text.splitlines()[-1])
        assert (code, HEAVY & set(modules)) == (0, set())
        shares.append(started / imported)
        if min(shares) < ALLOWED:
            break
    assert min(shares) < ALLOWED
