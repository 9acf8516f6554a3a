"""The Triton kernel takes the same steps as plain torch: on a GPU, or else in Triton's interpreter."""

import os
import subprocess
import sys

import pytest
import torch
from engine_cases import Case, assert_same, plain
from torch import Tensor

from prunebench.training.engines import batched_blocks, inner_steps
from prunebench.training.engines.inner_steps import Block, Rates

inner_kernel = pytest.importorskip("prunebench.training.engines.inner_kernel", exc_type=ImportError)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Networks, steps, samples in a minibatch, outputs and neurons; powers of two and other numbers.
SHAPES = [(2, 6, 4, 2, 7), (1, 5, 3, 5, 9), (2, 4, 1, 2, 1), (1, 3, 6, 3, 33), (3, 1, 8, 2, 16)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 5e-6)])
def test_equal_to_torch(shape: tuple[int, ...], dtype: torch.dtype, tolerance: float) -> None:
    networks, steps, batch, outputs, width = shape
    samples = steps * batch
    draw = torch.Generator().manual_seed(sum(shape))

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=draw, dtype=dtype).to(DEVICE)

    z, corrections = normal(networks, samples, width), normal(networks, samples, samples) / samples
    share = torch.full((networks, samples, 1), 1 / batch, dtype=dtype, device=DEVICE)
    share[:, 1] = 0  # a pad
    targets = normal(networks, samples, outputs).softmax(dim=2) * share
    outgoing = normal(networks, outputs, width), normal(networks, outputs, width)
    rates = Rates(0.1, 0.9, torch.tensor([0.1, 0.9], dtype=dtype, device=DEVICE))
    results = []
    for take_steps in (inner_steps.take_steps, inner_kernel.take_steps):
        w_out, velocity = (t.clone() for t in outgoing)
        delta = take_steps(Block(z.clone(), corrections, targets, share, w_out, velocity, batch), rates)
        results.append((delta, w_out, velocity))
    torch.testing.assert_close(*results, rtol=tolerance, atol=tolerance)
    assert not results[0][0][:, 1].any()


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_not_a_number_stays() -> None:
    z = torch.full((1, 2, 3), float("nan"), device=DEVICE)
    weights = torch.ones(1, 2, 3, device=DEVICE)
    rates = Rates(0.1, 0.9, torch.tensor([0.1, 0.9], device=DEVICE))
    some = torch.ones(1, 2, 2, device=DEVICE)
    for take_steps in (inner_steps.take_steps, inner_kernel.take_steps):
        delta = take_steps(Block(z.clone(), some, some, some[:, :, :1], weights.clone(), weights, 1), rates)
        assert delta.isnan().all()


@pytest.mark.slow
@pytest.mark.skipif(DEVICE == "cuda", reason="the GPU tests train with the kernel anyway")
@pytest.mark.parametrize("case", [Case(steps=100), Case(90, 12, 3, 7, 0.0, steps=60)], ids=str)
def test_training_with_the_kernel_equals_the_plain_loop(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_blocks, "fastest_inner_steps", lambda like, batch: inner_kernel.take_steps)
    case = Case(**{**vars(case), "stops": (30,)})
    assert_same(case.train("batched_blocks", torch.float64), plain(case, torch.float64), 1e-9)


def test_networks_too_large_for_its_registers_go_through_torch() -> None:
    assert inner_kernel.fits(4, 2, 300)
    assert inner_kernel.fits(4, 2, 2000)
    assert not inner_kernel.fits(4, 2, 10_000)
    assert not inner_kernel.fits(800, 2, 300)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from prunebench.training.engines import inner_kernel
sizes = dict(zip(("ROWS", "CLASSES", "COLUMNS"), inner_kernel._padded(4, 2, 300)))
sizes |= {"BATCH": 4, "OUTPUTS": 2, "AT_ONCE": inner_kernel.AT_ONCE}
for dtype in ("fp32", "fp64"):
    kinds = {"steps": "i32", "width": "i32"} | dict.fromkeys(sizes, "constexpr")
    types = {p.name: kinds.get(p.name, "*" + dtype) for p in inner_kernel._kernel.params}
    source = ASTSource(inner_kernel._kernel, types, constexprs=sizes)
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


@pytest.mark.slow
def test_it_compiles_for_a_hopper_gpu() -> None:
    """Triton brings the assembler, so this needs no GPU."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    subprocess.run([sys.executable, "-c", COMPILE], check=True, env=environment, cwd=os.curdir)
