"""Shapes in the annotations are checked while the tests run; small tasks and networks to test on."""

import contextlib
import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run in Triton's interpreter; it reads this when imported

if find_spec("beartype"):  # the GPU tests run from the source tree, on machines where nothing was installed
    root = Path(__file__).resolve().parents[1]
    sources = [*(root / "prunebench").rglob("*.py"), *(root / "plugins").rglob("*.py")]
    # In modules without shapes the checks find what mypy finds, and take a quarter of the time.
    shaped = [path for path in sources if "from jaxtyping import" in path.read_text(encoding="utf-8")]
    modules = [".".join(path.relative_to(root).with_suffix("").parts) for path in shaped]
    modules = [re.sub("^plugins", "prunebench_plugins", name) for name in modules]
    install_import_hook(modules, "beartype.beartype")

import prunebench as pb
from prunebench import cache
from prunebench.store.store import Store

CIFAR = "cifar10-gray-0123.npz"
BEGAN = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How CI takes as many of the slow tests as there is time for."""
    text = "skip tests that have not begun by then; which files come first differs from commit to commit"
    parser.addoption("--begin-within", type=float, metavar="SECONDS", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """So that what one commit has no time for is tested at another."""
    if config.getoption("--begin-within") is not None:
        head = ("git", "rev-parse", "HEAD")
        commit = subprocess.run(head, cwd=config.rootpath, capture_output=True, check=False).stdout
        items.sort(key=lambda item: hashlib.sha256(commit + item.path.name.encode()).digest())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips it where its time is over, or its device is not here."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    limit = item.config.getoption("--begin-within")
    if limit is not None and time.monotonic() - BEGAN > limit:
        pytest.skip(f"not begun within {limit:g} seconds")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """The whole suite takes a process for each core; a few files are done sooner than those have started."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


# There may be a process for each core, and on a busy machine more threads only wait.
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _idle() -> None:
    """Nothing that is printed depends on what else this machine does."""
    os.getloadavg = lambda: (0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what is computed in two ways would be compared with itself."""
    monkeypatch.setattr(cache, "BYTES", 0)
    for kept in (cache._kept, cache._hashed):
        kept.clear()


@pytest.fixture
def open_store() -> Iterator[Callable[..., Store]]:
    """Opens stores that are closed when the test is done: Python 3.13 says so of those that are not."""
    with contextlib.ExitStack() as stores:
        yield lambda *folder: stores.enter_context(Store(*folder))


@pytest.fixture(scope="session")
def cifar() -> Path:
    """Real gray CIFAR-10 images of classes 0-3, for the tests that compare with the reference figures."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / CIFAR
    path = Path(os.environ.get("PRUNEBENCH_CIFAR", beside))
    if not path.is_file():
        pytest.skip(f"{CIFAR} is not here: put it in ../shared/data or name it in PRUNEBENCH_CIFAR")
    return path


@pytest.fixture(scope="session")
def task() -> pb.Task:
    """40 samples of 7 inputs that can be told apart, and 60 tests."""
    draw = np.random.default_rng(3)
    x = torch.from_numpy(draw.uniform(-1, 1, size=(100, 7)).astype(np.float32))
    y = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] < 0).to(torch.int64)
    return pb.Task(x[:40], y[:40], x[40:], y[40:], name="toy")


@pytest.fixture(scope="session")
def recipe() -> pb.Recipe:
    """A recipe that learns the toy task in a blink."""
    return pb.Recipe(width=16, init_std=0.05, learning_rate=0.02, batch_size=4, steps=120)


@pytest.fixture(scope="session")
def run(task: pb.Task, recipe: pb.Recipe) -> pb.Trajectory:
    """Four trained networks with snapshots at steps 0 and 15."""
    return pb.train(task, recipe, seeds=range(4), snapshot_steps=(0, 15, 120), record_every=10, device="cpu")


@pytest.fixture
def networks() -> pb.Networks:
    """Three networks with biases, one dead and one silent neuron, 2 outputs."""
    draw = torch.Generator().manual_seed(5)
    w_in, bias, w_out = (torch.randn(shape, generator=draw) for shape in ((3, 16, 7), (3, 16), (3, 2, 16)))
    w_in[:, 3], bias[:, 3], w_out[:, :, 3] = 0, 0, 0
    w_in[:, 5], bias[:, 5] = 0.01 * w_in[:, 5], -50
    return pb.shallow_networks(w_in, bias, w_out)
