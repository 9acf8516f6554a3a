"""Training speed of the built-in networks on a CPU: `python ci/networks_bench.py [--quick] [--out FILE]`.

20 networks on 1,000 MNIST digits of ten classes, by what people write (a module, `torch.optim.SGD`, one
network after another, with all of torch's threads and with one) and by our engine: the one that `pb.train`
chooses, with several networks at once (vmap) and one by one, and in two processes of one thread each. All
take turns in one run, a slice each. Where the machine does other work too, milliseconds of CPU time still
tell how much each has to do, though not how well it is spread over the cores.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is there: as importing prunebench does

import torch

import prunebench as pb
from prunebench.device import torch_threads
from prunebench.training.engines import Engine, Problem, choose, together
from prunebench.training.order import minibatch_orders
from prunebench.training.state import State

NETWORKS = ("mlp", "lenet", "vgg", "resnet[depth=8]")
BATCHES = (4, 16, 64, 128)
SEEDS = 20
SLICE_SECONDS = 0.3
ORDERS = 200  # steps after which the minibatches come again
AT_ONCE = (2, 5, 10)  # networks in a vmap
# Trains a little and returns the network-steps taken, and the seconds of CPU time they took elsewhere.
Slice = Callable[[], tuple[int, float]]
Costs = dict[str, list[tuple[float, float]]]


def problem_of(spec: str, batch: int, seeds: range, steps: int) -> tuple[Problem, State]:
    """As `run_loop` makes it."""
    task = pb.load_task("mnist5k", classes="all", samples=1000)
    recipe = pb.Recipe(network=pb.load_network(spec), learning_rate=0.01, batch_size=batch)
    state = State(pb.initialise(recipe, task.shape, seeds, outputs=task.outputs))
    x = state.networks.architecture.shaped(task.x_train)
    orders = minibatch_orders(task.samples, batch, steps, seeds)
    order_of = torch.arange(len(seeds))
    return Problem(x, task.y_train, orders, order_of, recipe), state


def torch_loop(problem: Problem, state: State, steps: int, threads: int, *, compiled: bool = False) -> Slice:
    """The first of the networks, as people train one; with its module and loss `compiled`."""
    module = state.networks.to_module(0).train()
    recipe = problem.recipe
    optimiser = torch.optim.SGD(module.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(module(x), y)

    compute = torch.compile(loss, dynamic=False) if compiled else loss

    def run() -> tuple[int, float]:
        with torch_threads(threads):
            for batch in problem.orders[0, :steps]:
                optimiser.zero_grad()
                compute(problem.x[batch], problem.y[batch]).backward()
                optimiser.step()
        return steps, 0.0

    return run


def ours(problem: Problem, state: State, steps: int, at_once: int | None = None) -> Slice:
    """All networks: by the engine that is chosen, or with so many of them in a vmap."""
    choice = together.on_a_thread
    if at_once is not None:
        together.on_a_thread = lambda *_: at_once
    engine = choose(problem, state)
    together.on_a_thread = choice
    return lambda: (advance(engine, steps), 0.0)


def advance(engine: Engine, steps: int) -> int:
    """Network-steps that were taken: from the start again where the order ends."""
    if engine.step + steps > engine.problem.orders.shape[1]:
        engine.step = 0
        for part in getattr(engine, "parts", ()):
            part.step = 0
    engine.advance(engine.step + steps)
    return steps * len(engine.problem.order_of)


_engine: Engine | None = None  # of a worker's process


def set_up(spec: str, batch: int, seeds: range, steps: int) -> None:
    """In a process of one thread: the engine for these seeds."""
    global _engine  # noqa: PLW0603 (how a pool's initialiser leaves something to its work)
    torch.set_num_threads(1)
    _engine = choose(*problem_of(spec, batch, seeds, steps))


def work(steps: int) -> tuple[int, float]:
    """A slice in a worker's process."""
    assert _engine is not None
    began = time.process_time()
    return advance(_engine, steps), time.process_time() - began


@contextmanager
def processes(spec: str, batch: int, steps: int) -> Iterator[Slice]:
    """Half of the networks in each of two processes."""
    with ExitStack() as stack:
        pools = []
        for seeds in (range(SEEDS // 2), range(SEEDS // 2, SEEDS)):
            arguments = (spec, batch, seeds, ORDERS)
            pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=set_up, initargs=arguments)
            pools.append(stack.enter_context(pool))

        def run() -> tuple[int, float]:
            taken, seconds = zip(*(f.result() for f in [p.submit(work, steps) for p in pools]), strict=True)
            return sum(taken), sum(seconds)

        yield run


def measure(runs: dict[str, Slice], turns: int) -> Costs:
    """Seconds, and seconds of CPU time, of a network-step in each turn, after one that warms up."""
    costs: Costs = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            steps, elsewhere = run()
            wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu + elsewhere
            if turn:
                costs[name].append((wall / steps, cpu / steps))
    return costs


def slice_steps(problem: Problem, state: State) -> int:
    """Steps of the loop on one thread that take a slice."""
    one = torch_loop(problem, state, 2, 1)
    one()
    began = time.process_time()
    one()
    return min(ORDERS, max(2, int(2 * SLICE_SECONDS / (time.process_time() - began))))


def compare(spec: str, batch: int, turns: int, *, all_ways: bool) -> Costs:
    """What a network-step costs each, in each turn."""
    problem, state = problem_of(spec, batch, range(SEEDS), ORDERS)
    steps = slice_steps(problem, state)
    few = max(1, steps // SEEDS)
    count = torch.get_num_threads()
    runs = {
        f"PyTorch, {count} threads": torch_loop(problem, state, steps, count),
        "PyTorch, 1 thread": torch_loop(problem, state, steps, 1),
        "one by one": ours(problem, state, few, 1),
    }
    if not all_ways:
        return measure(runs | {"engine": ours(problem, state, few)}, turns)
    runs |= {f"{at_once} at once": ours(problem, state, few, at_once) for at_once in AT_ONCE}
    with processes(spec, batch, few) as two_processes:
        return measure(runs | {"two processes": two_processes, "engine": ours(problem, state, few)}, turns)


def row(spec: str, batch: int, costs: Costs) -> str:
    """Medians; in brackets the ratio to the faster of the PyTorch loops in the same turn."""
    fastest = [min(wall for wall, _ in pair) for pair in zip(*list(costs.values())[:2], strict=True)]
    cells = []
    for name, turns in costs.items():
        ratio = statistics.median(there / wall for (wall, _), there in zip(turns, fastest, strict=True))
        wall, cpu = (1000 * statistics.median(of) for of in zip(*turns, strict=True))
        cells.append(f"{wall:.2f}" + ("" if "PyTorch" in name else f" ({ratio:.2f})") + f", {cpu:.2f}")
    return f"| {spec} | {batch} | {' | '.join(cells)} |"


def read_options(description: str, quick: str, turns: int) -> argparse.Namespace:
    """What the command line says; `quick` is the help of that option."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--network", action="append", help="these only")
    parser.add_argument("--batch", action="append", type=int, help="these only")
    parser.add_argument("--turns", type=int, default=turns)
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    return parser.parse_args()


def main() -> None:
    """Print the table, and write it where asked."""
    options = read_options(str(__doc__), "two networks, one batch size, fewer ways", 7)
    networks = options.network or (("mlp", "lenet") if options.quick else NETWORKS)
    batches = options.batch or ((4,) if options.quick else BATCHES)
    load = os.getloadavg()[0]
    lines: list[str] = []
    for spec in networks:
        for batch in batches:
            costs = compare(spec, batch, 2 if options.quick else options.turns, all_ways=not options.quick)
            if not lines:
                heads = ["network", "batch", *costs]
                lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
                print("\n".join(lines))
            lines.append(row(spec, batch, costs))
            print(lines[-1], flush=True)
    if options.out:
        head = (
            f"{torch.get_num_threads()} threads, torch {torch.__version__}, load {load:.1f} at the start. "
            f"{SEEDS} networks, 1,000 MNIST digits. Milliseconds of a network-step, medians of "
            f"{options.turns} turns: first on the clock (in brackets how many times as fast as the faster "
            "PyTorch loop of the same turn), then of CPU time."
        )
        options.out.write_text("\n".join([head, "", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
