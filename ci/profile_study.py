"""Where a job of the study spends its time: `python ci/profile_study.py [--seeds 2] [--job NAME ...]`.

CPU time, which a busy machine does not change much, of one thread, under Python's profiler. The jobs are
those of `leaderboards/study.toml`: with `rank`, `prune_final` and `merge` at its five steps, or `prune_early`
at three. Prints a Markdown table; docs/study-profile.md holds those of two versions. `--ratio TURNS` tells
instead how much more a board of ten scorers takes than one of one.
"""

import argparse
import cProfile
import pstats
import time
import tomllib
from pathlib import Path

import torch

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.protocols import Protocol

ROOT = Path(__file__).resolve().parents[1]
CIFAR = "../shared/data/cifar10-gray-0123.npz"
BOARD: tuple[Protocol, ...] = ("rank", "prune_final", "merge")
# A job's data set, training samples, steps and protocols.
JOBS: dict[str, tuple[str, int, int, tuple[Protocol, ...]]] = {
    "mnist5k": ("mnist5k", 800, 4000, BOARD),
    "cifar10": (CIFAR, 800, 16_000, BOARD),
    "mnist5k early": ("mnist5k", 800, 4000, ("prune_early",)),
}
# What a row of the table adds up: functions by file and name, which call none of each other.
PARTS = {
    "training the networks": [("store/reference.py", "trajectory")],
    "scores: imp, which trains": [("scorers/imp.py", "score")],
    "scores: all others": [("scoring/execute.py", "execute")],
    "rank": [("evaluation/rank.py", "rank")],
    "prune_final and merge": [
        ("benchmark/measures.py", "measure_scores"),
        ("benchmark/measures.py", "measure_network"),
    ],
    "prune_early": [("evaluation/prune.py", "prune_early")],
    "the document, its intervals": [("benchmark/document.py", "document")],
}
# Rows whose functions call those of an earlier row.
WITHIN = {"scores: all others": "scores: imp, which trains", "prune_final and merge": "rank"}


def plan_of(job: str, seeds: int, cifar: str = CIFAR) -> Plan:
    """The plan of a job, with fewer seeds."""
    dataset, samples, steps, protocols = JOBS[job]
    scorers = tomllib.loads((ROOT / "leaderboards" / "study.toml").read_text())["run"]["scorers"]
    at_steps = (0, 50, 200) if "prune_early" in protocols else (0, 10, 50, 200, 1000)
    task = pb.load_task(cifar if dataset == CIFAR else dataset, samples=samples)
    recipe = pb.Recipe(steps=steps)
    loaded = [pb.load_scorer(scorer) for scorer in scorers]
    return Plan(task, recipe, loaded, at_steps, range(seeds), protocols, device="cpu")


def spent(plan: Plan) -> dict[str, float]:
    """CPU seconds of each part, of the rest, and of all."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(run_plan, plan)
    stats = pstats.Stats(profile)
    totals: dict[tuple[str, str], float] = {}
    for (file, _, name), (*_, cumulative, _) in stats.stats.items():  # type: ignore[attr-defined]  # not in the stubs
        key = "/".join(Path(file).parts[-2:]).removeprefix("prunebench_"), name  # installed, or a source tree
        totals[key] = totals.get(key, 0.0) + cumulative
    seconds = {part: sum(totals.get(key, 0.0) for key in keys) for part, keys in PARTS.items()}
    for outer, inner in WITHIN.items():
        seconds[outer] -= seconds[inner]
    seconds["all"] = stats.total_tt  # type: ignore[attr-defined]  # not in the stubs
    seconds["the rest"] = seconds["all"] - sum(seconds[part] for part in PARTS)
    return seconds


def ratios(seeds: int, turns: int) -> list[float]:
    """CPU time of a board of ten scorers as a multiple of that of one, taking turns."""
    names = tomllib.loads((ROOT / "leaderboards" / "study.toml").read_text())["run"]["scorers"][:10]
    scorers, task, recipe = [pb.load_scorer(name) for name in names], pb.load_task("mnist5k"), pb.Recipe()
    found = []
    for turn in range(turns):
        seconds = []
        for number, asked in enumerate((scorers[:1], scorers)):
            first = (2 * turn + number) * seeds  # other networks each time: nothing is remembered of them
            own = range(first, first + seeds)
            began = time.process_time()
            run_plan(Plan(task, recipe, asked, (50,), own, BOARD, device="cpu"))
            seconds.append(time.process_time() - began)
        found.append(seconds[1] / seconds[0])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cifar", default=CIFAR, help="the file of the CIFAR-10 jobs")
    parser.add_argument("--job", nargs="*", choices=JOBS, default=list(JOBS))
    parser.add_argument("--ratio", type=int, metavar="TURNS", help="ten scorers against one, instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warm = plan_of(options.job[0], 1)  # imports, and compiles what is not compiled yet
    run_plan(Plan(warm.task, pb.Recipe(width=20, steps=20), warm.scorers, (0,), (0,), device="cpu"))
    if options.ratio:
        found = ", ".join(f"{ratio:.2f}" for ratio in ratios(options.seeds, options.ratio))
        print(f"a board of ten scorers / of one, CPU time, {options.seeds} networks: {found}")
        return
    print(f"| CPU seconds, {options.seeds} networks | {' | '.join(options.job)} |")
    print("|---" * (1 + len(options.job)) + "|")
    columns = [spent(plan_of(job, options.seeds, options.cifar)) for job in options.job]
    for part in [*PARTS, "the rest", "all"]:
        print(f"| {part} | {' | '.join(f'{column[part]:.1f}' for column in columns)} |", flush=True)


if __name__ == "__main__":
    main()
