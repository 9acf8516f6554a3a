"""Training speed, side by side in one run: `python ci/engine_bench.py [--quick | --full] [--out FILE]`.

Every peer trains networks of the same shape on the same data: a plain PyTorch loop with a DataLoader (as
people write it), the same without one, batched PyTorch in closed form, JAX `lax.scan` + `vmap` where JAX is
installed, and the engine that `pb.train` chooses. Peers take turns, several short slices each; the table has
the median network-steps per second, and the ratio of the engine to each peer in the same turn. Then the
engine alone, as one of N, D, d and S grows. `--out` gets the tables, and the plots beside them as .svg.
"""

import argparse
import itertools
import os
import statistics
import time
from pathlib import Path
from typing import BinaryIO, cast

import torch
from peers import BATCH, Slice, engine_steps, everybody, make_task, ours

import prunebench as pb
from prunebench.store.files import atomic_file, write_atomically
from prunebench.training.engines.base import Problem
from prunebench.training.engines.forms import block_steps, dual_is_cheaper

Setting = dict[str, int]  # N, D, d and S by those names
MAIN: Setting = {"S": 20, "d": 300, "N": 800, "D": 1024}
SOME = [{}, {"N": 200}, {"N": 4000}, {"S": 1}, {"S": 5}, {"d": 50}, {"d": 2000}]
GROWTH = {
    "N": (200, 400, 800, 1600, 3200),
    "D": (128, 256, 512, 1024, 2048),
    "d": (50, 100, 300, 1000, 2000),
    "S": (1, 2, 5, 20, 64),
}
ROW_SECONDS = 30.0  # after so long no further turn starts


def problem_of(setting: Setting) -> tuple[pb.Task, pb.Recipe, int]:
    """The task, the recipe and the number of networks."""
    return make_task(setting["N"], setting["D"]), pb.Recipe(width=setting["d"], steps=1_000_000), setting["S"]


def flops(setting: Setting) -> float:
    """Operations of the engine in one network-step (docs/engine.md): the form's, and the corrections'."""
    samples, inputs, width = setting["N"], setting["D"], setting["d"]
    x = torch.empty(1, 1).expand(samples, inputs)
    order = torch.zeros(1, 1, BATCH, dtype=torch.int64)
    problem = Problem(x, order[0, 0], order, order[0, 0], pb.Recipe())
    dual = dual_is_cheaper(problem, setting["S"] * width)
    form = 4 * BATCH * samples * width if dual else 8 * BATCH * (inputs + 1) * width
    return form + BATCH * block_steps(BATCH, 0) * BATCH * width


def measure(runs: dict[str, Slice], turns: int, device: str) -> dict[str, list[float]]:
    """Network-steps per second of each peer in each turn; a first turn warms up and is not counted."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    began_all = time.perf_counter()
    for turn in range(turns + 1):
        if turn > 1 and time.perf_counter() - began_all > ROW_SECONDS:
            break
        for name, run in runs.items():
            began = time.perf_counter()
            steps = run()
            _synchronise(device)
            if turn:
                speeds[name].append(steps / (time.perf_counter() - began))
    return speeds


def gemm_rate(device: str) -> float:
    """The machine's float32 matrix products, in flop/s: the limit that the engine is held against."""
    size = 1200 if device == "cpu" else 8192
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    best = 0.0
    for _ in range(20):
        _synchronise(device)
        began = time.perf_counter()
        torch.mm(a, b)
        _synchronise(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def compare(settings: list[Setting], turns: int, peak: float, device: str) -> list[str]:
    """The table of peers."""
    lines: list[str] = []
    for setting in settings:
        task, recipe, seeds = problem_of(setting)
        speeds = measure(everybody(task, recipe, seeds, device), turns, device)
        if not lines:
            heads = ["S", "d", "N", *speeds, "share of GEMM rate"]
            lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        cells = []
        for name, values in speeds.items():
            ratio = statistics.median(e / v for e, v in zip(speeds["engine"], values, strict=True))
            cells.append(
                f"{statistics.median(values):,.0f}" + ("" if name == "engine" else f" ({ratio:.1f})")
            )
        share = statistics.median(speeds["engine"]) * flops(setting) / peak
        cells.append(f"{100 * share:.0f} %")
        lines.append(f"| {setting['S']} | {setting['d']} | {setting['N']} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def grow(turns: int, device: str) -> dict[str, dict[int, float]]:
    """Microseconds per network-step of the engine, as one of the sizes grows from or towards `MAIN`."""
    costs: dict[str, dict[int, float]] = {}
    for axis, values in GROWTH.items():
        costs[axis] = {}
        for value in values:
            task, recipe, seeds = problem_of(MAIN | {axis: value})
            steps = max(1000, engine_steps(recipe, seeds, device) // 2)
            speeds = measure({"engine": ours(task, recipe, seeds, steps, device)}, turns, device)
            costs[axis][value] = 1e6 / statistics.median(speeds["engine"])
            print(f"{axis} = {value}: {costs[axis][value]:.1f} us per network-step", flush=True)
    return costs


def growth_table(costs: dict[str, dict[int, float]]) -> list[str]:
    """Each axis a line."""
    lines = ["| | microseconds per network-step |", "|---|---|"]
    for axis, line in costs.items():
        lines.append(f"| {axis} | {', '.join(f'{value:,}: {cost:.1f}' for value, cost in line.items())} |")
    return lines


def plot(costs: dict[str, dict[int, float]], path: Path) -> None:
    """A panel for each axis, on equal logarithmic scales."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(10, 3), layout="constrained")
    panels = figure.subplots(1, len(costs), sharey=True)
    for panel, (axis, line) in zip(panels, costs.items(), strict=True):
        panel.loglog(list(line), list(line.values()), "o-", color="tab:blue")
        panel.axvline(MAIN[axis], color="0.8", zorder=0)
        panel.set_xticks(list(line), [f"{value:,}" for value in line])
        panel.set_xticks([], minor=True)
        panel.set_xlabel(axis)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.3)
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panels[0].yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("µs per network-step")
    others = ", ".join(f"{name} = {value:,}" for name, value in MAIN.items())
    figure.suptitle(f"Cost of a network-step as one size grows (grey: {others})", fontsize=10)
    with atomic_file(path) as file:
        figure.savefig(cast(BinaryIO, file), format="svg", metadata={"Date": None})


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one row, no growth (a minute)")
    size.add_argument(
        "--full", action="store_true", help="S in 1, 5, 20; d in 50, 300, 2000; N in 200, 800, 4000"
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    options = parser.parse_args()
    settings = [MAIN | change for change in (SOME[:1] if options.quick else SOME)]
    if options.full:
        grid = itertools.product((1, 5, 20), (50, 300, 2000), (200, 800, 4000))
        settings = [MAIN | {"S": seeds, "d": width, "N": samples} for seeds, width, samples in grid]
    if options.device != "cpu":
        settings.insert(1, MAIN | {"S": 256})
    load = os.getloadavg()[0]
    peak = gemm_rate(options.device)
    where = f"{torch.get_num_threads()} threads"
    if options.device != "cpu":
        where = torch.cuda.get_device_name(options.device)
    lines = [
        f"{where}, torch {torch.__version__}, {peak / 1e9:,.0f} GFLOP/s in float32 matrix products, load "
        f"{load:.1f} at the start. D = {MAIN['D']}, batch {BATCH}. Network-steps per second, median of at "
        f"most {options.turns} turns; in brackets how many times faster the engine was in the same turn. The "
        "share of the GEMM rate is the engine's, by the operations that engine.md counts.",
        "",
        *compare(settings, options.turns, peak, options.device),
    ]
    costs = {} if options.quick else grow(2, options.device)
    if costs:
        main_sizes = ", ".join(f"{name} = {value:,}" for name, value in MAIN.items())
        lines += ["", f"The engine as one size changes and the others stay at {main_sizes}:", ""]
        lines += growth_table(costs)
    picture = options.out.with_suffix(".svg") if options.out and costs else None
    if picture:
        lines += ["", f"![Cost of a network-step as one size grows]({picture.name})"]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        write_atomically(options.out, text)
    if picture:
        plot(costs, picture)


def _synchronise(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
