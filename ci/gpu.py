"""How far the networks that a GPU trains are from the CPU's: `python ci/gpu.py` prints a table in Markdown.

The task is real (scikit-learn's digits, the benchmark's default recipe for it), and the numbers are those
that a board depends on: the weights, and the ranks of the neurons by final norm.
"""

import torch
from scipy import stats

import prunebench as pb

SEEDS = 20
STEPS = 4000
# (device, engine, dtype) by what the table calls it; the first one is what the others are compared with.
RUNS = {
    "CPU, plain loop, float64": ("cpu", "plain", torch.float64),
    "CPU, the engine it chooses": ("cpu", None, torch.float32),
    "GPU, the engine it chooses": ("cuda", None, torch.float32),
    "GPU, batched": ("cuda", "batched", torch.float32),
    "GPU, the engine it chooses, float64": ("cuda", None, torch.float64),
}


def main() -> None:
    """Print the table."""
    task, recipe = pb.load_task("digits", samples=400), pb.Recipe(steps=STEPS)
    finals = {}
    for name, (device, engine, dtype) in RUNS.items():
        run = pb.train(task, recipe, seeds=range(SEEDS), device=device, engine=engine, dtype=dtype)
        finals[name] = run.final.to("cpu", torch.float64)
    (first, reference), *others = finals.items()
    norms = reference.norms()
    size = f"{SEEDS} seeds, {STEPS:,} steps"
    print(f"Final networks of {task.name} ({size}) against {first}, the worst over the seeds:\n")
    print(
        "| | difference of a weight, as a share of its tensor's largest | rank correlation of final norms |"
    )
    print("|---|---|---|")
    for name, networks in others:
        far = max(
            float((p - q).abs().max() / q.abs().max())
            for p, q in zip(networks.tensors.values(), reference.tensors.values(), strict=True)
        )
        pairs = zip(networks.norms(), norms, strict=True)
        ranks = min(float(stats.spearmanr(a.numpy(), b.numpy()).statistic) for a, b in pairs)
        print(f"| {name} | {far:.1e} | {ranks:.6f} |")


if __name__ == "__main__":
    main()
