"""How cost grows, and what a million networks cost: `python ci/growth.py --out docs/growth.md` (10 minutes).

A small board (MLPs on MNIST digits: train, score, rank, prune) is run in a process of one thread for each
size; each of the sizes is doubled three times. Then two Dask workers say how many tasks a second a scheduler
gives out, a job says how many bytes it is and how long its results take to be taken over, and a simulation
with these numbers says what a million networks take on a cluster of so many workers.
"""

import argparse
import ctypes
import gc
import heapq
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.store.store import Store
from prunebench.sweep.cluster import local_client
from prunebench.sweep.shipment import pack, unpack

Size = dict[str, int]
BASE: Size = {"seeds": 4, "width": 64, "depth": 1, "samples": 500, "scorers": 1}
AXES = {
    "seeds": "S, networks",
    "width": "units of a layer",
    "depth": "hidden layers",
    "samples": "N, samples",
    "scorers": "scorers",
}
DOUBLINGS = 3
TASKS = 2000  # that do nothing, to time the scheduler
NETWORKS, JOB = 10**6, 20  # networks in all, and in a job, which is one task of Dask's
WORKERS = (1, 10, 100, 1000, 10_000, 100_000)

TEXT = """# How cost grows

    python ci/growth.py --out docs/growth.md

A board of MLPs on MNIST digits (200 steps, batch 16; forms of `lookahead`, which cost the same, at two steps;
`rank`, `prune_final`) in a process of one thread: {base};
and one of these doubled three times. CPU seconds, and megabytes that the board adds at its peak to those of a
process that has run a very small one and given back what that freed. The powers are those of the last
doubling: 1 is linear, and what any board costs once keeps them below it.

| | sizes | CPU seconds | power | megabytes | power |
|---|---|---|---|---|---|
{rows}

![CPU time and memory as one size grows](growth.svg)

Memory grows by about 30 times the float32 weights that are added: initial ones, snapshots and the end, each
with velocities; the engine's own; and in float64, which counts twice, the networks that are scored, their
gradients, and copies of these that are remembered for other scorers.

## A million networks

A job of {size} LeNets (1,000 steps on 1,000 digits, three scorers at two steps, `rank`, `prune_final`) takes
{seconds:.0f} s of CPU time, and {megabytes:.1f} MB come back. A million networks are {jobs:,} jobs:
{days:,.0f} days of one core, and {gigabytes:,.0f} GB. A sweep is one process, of which Dask's scheduler is a
part: for {rate:,.0f} tasks that do nothing, given to two workers here, it took a second of CPU time (on
connections that are encrypted, as ours are), and to take over what comes back of a job {intake:.0f} ms. With
these numbers, simulated: each job waits for a worker, then for that one process.

| workers of one core | days | share of the time that they work | that the one process works |
|---|---|---|---|
{cluster}

One sweep keeps about {most:,.0f} workers busy and ends after {floor:.1f} hours at the earliest. Where that is
too little, several sweeps, each with a part of the study and a store of its own: `prunebench merge` puts them
together. Not in the simulation: workers that are lost, the network, and a disk slower than the one here.
"""


def plan_of(size: Size, steps: int = 200) -> Plan:
    """The board of this size; its scorers all cost the same."""
    task = pb.load_task("mnist5k", classes="all", samples=size["samples"])
    widths = "-".join([str(size["width"])] * size["depth"])
    recipe = pb.Recipe(
        network=pb.load_network(f"mlp[widths={widths}]"), learning_rate=0.01, batch_size=16, steps=steps
    )
    scorers = [pb.load_scorer(f"lookahead[c={1 + number / 10}]") for number in range(size["scorers"])]
    return Plan(
        task, recipe, scorers, (0, 10), range(size["seeds"]), protocols=("rank", "prune_final"), device="cpu"
    )


def point(size: Size) -> dict[str, float]:
    """CPU seconds and megabytes of a board, beyond those of a very small one."""
    run_plan(plan_of(BASE | {"samples": 50}, steps=20))  # imports, and what is found once
    before, began = settled(), time.process_time()
    run_plan(plan_of(size))
    return {"seconds": time.process_time() - began, "megabytes": peak() - before}


def settled() -> float:
    """Megabytes of this program without those that it freed and kept; its peak begins here.

    Kept memory would hold a part of the next board, and make small boards look smaller than they are.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def peak() -> float:
    """Megabytes that this program took at most; `ru_maxrss` would count what started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(size: Size) -> dict[str, float]:
    """A point in a process of its own: the smaller of two times."""
    command = [sys.executable, __file__, "--point", json.dumps(size)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = [json.loads(subprocess.check_output(command, env=environment)) for _ in range(2)]
    return {name: min(each[name] for each in found) for name in found[0]}


def grow() -> dict[str, list[dict[str, float]]]:
    """Each size doubled three times, the others as they are."""
    first = measure(BASE)
    grown = {}
    for axis in AXES:
        grown[axis] = [first | {"value": BASE[axis]}]
        for doubling in range(1, DOUBLINGS + 1):
            value = BASE[axis] * 2**doubling
            grown[axis].append(measure(BASE | {axis: value}) | {"value": value})
            print(axis, grown[axis][-1], flush=True)
    return grown


def nothing(number: int) -> int:
    """A task that costs its scheduling alone."""
    return number


def scheduler_rate() -> float:
    """Tasks that two workers are given, and give back, in a second of CPU time of the scheduler's process."""
    with local_client(2) as client:
        client.gather(client.map(nothing, range(100)))
        began = time.process_time()
        client.gather(client.map(nothing, range(1000, 1000 + TASKS)))
        return TASKS / (time.process_time() - began)


def job_cost(folder: Path) -> dict[str, float]:
    """Of a job of 20 LeNets: its bytes, and CPU seconds to compute it and to take it over into a store."""
    recipe = pb.Recipe(network=pb.load_network("lenet"), learning_rate=0.01, batch_size=16, steps=1000)
    task = pb.load_task("mnist5k", classes="all", samples=1000)
    scorers = [pb.load_scorer(name) for name in ("growing_mode", "snip", "magnitude")]
    plan = Plan(task, recipe, scorers, (0, 50), range(JOB), protocols=("rank", "prune_final"), device="cpu")
    began = time.process_time()
    with Store() as store:
        run_plan(plan, store=store)
        seconds = time.process_time() - began
        shipment = pack(store, plan.training)
    began = time.process_time()
    with Store(folder) as taken:
        unpack(taken, shipment, plan.training)
    intake = time.process_time() - began
    size = len(shipment[0]) + sum(map(len, shipment[1].values()))
    return {"seconds": seconds, "intake": intake, "bytes": size}


def simulate(workers: int, jobs: int, seconds: float, service: float) -> float:
    """Seconds until all are done: each job waits for a worker, and then for the one process that serves all.

    `service` is what that process spends on a job, on sending it and on taking over what comes back.
    """
    ready = [0.0] * min(workers, jobs)
    server = 0.0
    for _ in range(jobs):
        free = heapq.heappop(ready)
        server = max(server, free) + service
        heapq.heappush(ready, server + seconds)
    return max(ready)


def slope(line: list[dict[str, float]], what: str) -> float:
    """The power of the size that the last doubling grew with: 1 is linear."""
    last, before = line[-1][what], line[-2][what]
    return math.log2(last / before) if before > 0 and last > 0 else 0.0


def document(grown: dict[str, list[dict[str, float]]], rate: float, job: dict[str, float]) -> str:
    """Both parts as Markdown."""
    base = ", ".join(f"{AXES[axis]} {value}" for axis, value in BASE.items())
    rows = []
    for axis, line in grown.items():
        cells = [
            ", ".join(f"{each['value']:,.0f}" for each in line),
            ", ".join(f"{each['seconds']:.2f}" for each in line),
            f"{slope(line, 'seconds'):.2f}",
            ", ".join(f"{each['megabytes']:.0f}" for each in line),
            f"{slope(line, 'megabytes'):.2f}",
        ]
        rows.append(f"| {AXES[axis]} | {' | '.join(cells)} |")
    jobs, service = NETWORKS // JOB, 1 / rate + job["intake"]
    cluster = []
    for workers in WORKERS:
        took = simulate(workers, jobs, job["seconds"], service)
        busy = jobs * job["seconds"] / (workers * took)
        shares = f"{100 * busy:.0f} % | {100 * jobs * service / took:.0f} %"
        cluster.append(f"| {workers:,} | {took / 86400:,.2f} | {shares} |")
    return TEXT.format(
        base=base,
        rows="\n".join(rows),
        cluster="\n".join(cluster),
        size=JOB,
        jobs=jobs,
        seconds=job["seconds"],
        megabytes=job["bytes"] / 1e6,
        days=jobs * job["seconds"] / 86400,
        gigabytes=jobs * job["bytes"] / 1e9,
        rate=rate,
        intake=1000 * job["intake"],
        most=job["seconds"] / service,
        floor=jobs * service / 3600,
    )


def plot(grown: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Time and memory over the size, as multiples of the first; a grey line is linear."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    multiples = [2**doubling for doubling in range(DOUBLINGS + 1)]
    panels = figure.subplots(1, 2, sharey=True)
    for panel, what, title in zip(panels, ("seconds", "megabytes"), ("CPU time", "memory"), strict=True):
        panel.loglog(multiples, multiples, color="0.7", zorder=0)
        for axis, line in grown.items():
            values = [each[what] / line[0][what] for each in line]
            panel.loglog(multiples, values, "o-", label=AXES[axis])
        panel.set_xticks(multiples, [f"x {multiple}" for multiple in multiples])
        panel.set_xticks([], minor=True)
        panel.set_yticks(multiples, [f"x {multiple}" for multiple in multiples])
        panel.set_yticks([], minor=True)
        panel.set_title(title, fontsize=10)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> None:
    """Measure all and write the document, or print one point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--point", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="a Markdown file to write, and its picture beside it")
    options = parser.parse_args()
    if options.point:
        print(json.dumps(point(json.loads(options.point))))
        return
    found: dict[str, Any] = {"rate": scheduler_rate()}
    print(f"{found['rate']:,.0f} tasks a second", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        found["job"] = job_cost(Path(scratch) / "store")
    print(found["job"], flush=True)
    found["grown"] = grow()
    text = document(found["grown"], found["rate"], found["job"])
    print(text)
    if options.out:
        plot(found["grown"], options.out.with_suffix(".svg"))
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
