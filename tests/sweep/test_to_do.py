"""What of a sweep is to do, how heavy its jobs are, and how long they may take."""

from dataclasses import replace
from pathlib import Path

import torch
from one_worker import STUDY, Client, Sweep
from torch import Tensor, nn

import prunebench as pb
from prunebench.benchmark.sizes import multiply_adds_of
from prunebench.store.store import Store
from prunebench.sweep.attempt import Attempted
from prunebench.sweep.boards import Boards
from prunebench.sweep.plans import plans_of
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.study import read_study
from prunebench.sweep.to_do import describe, find_to_do
from prunebench.training.architecture import architecture_of


class OfItsOwn(nn.Module):
    """Forward makes a tensor, and reads units by an index that it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 9), nn.Linear(9, 10)
        self.register_buffer("chosen", torch.arange(64))

    def forward(self, x: Tensor) -> Tensor:
        read = x.flatten(1)[:, self.get_buffer("chosen")]
        return self.last(torch.relu(self.first(read) + torch.ones(1)))


def test_a_job_weighs_what_it_trains_and_how_much_its_networks_multiply(tmp_path: Path) -> None:
    """In this order, lightest first, workers would be left with the longest job at the end."""
    text = """
[task]
dataset = "digits"
samples = 40
[recipe]
network = ["mlp[widths=8]", "mlp[widths=64-64]"]
steps = 40
[run]
scorers = ["magnitude"]
at_steps = [10]
seeds = 2
protocols = ["rank"]
[[grid]]
run.protocols = ["rank"]
[[grid]]
run.protocols = ["prune_early"]
"""
    (tmp_path / "study.toml").write_text(text)
    with Store(tmp_path / "store") as store:
        items = find_to_do(plans_of(read_study(tmp_path / "study.toml")), store)
    weights = {item.job.title: item.weight for item in items}
    assert sorted(weights, key=weights.__getitem__) == list(weights), weights
    assert len(set(weights.values())) == 4


def test_whatever_forward_does_its_products_are_counted() -> None:
    recipe = pb.Recipe(network=pb.from_module(OfItsOwn), steps=40)
    found = multiply_adds_of(architecture_of(recipe, (1, 8, 8), 10))
    assert 64 * 9 + 9 * 10 <= found <= 1.2 * (64 * 9 + 9 * 10)


def test_a_plan_of_the_whole_and_time_left(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    items = find_to_do(sweep.jobs, store)
    describe(items, sweep.lines, each=True)
    assert sweep.lines.lines == [
        "width=6: 8 of 8 to compute",
        "width=8: 8 of 8 to compute",
        "2 jobs, 2 of them to compute; 0 of 16 results are in the store; networks to train: 4; "
        "estimated time: unknown (nothing was timed here before)",
    ]
    sweep(Client())
    progress = SweepProgress(items, 2, Boards(tmp_path), sweep.lines)
    before = progress.seconds_left
    assert before is None
    progress.end(items[0], Attempted(None, "no"))
    left = progress.seconds_left
    assert left is not None
    assert 0 < left < 60
    progress.end(items[1], Attempted(None, "no"))
    assert progress.seconds_left is None
    sweep.lines.lines.clear()
    describe(find_to_do(sweep.jobs, store), sweep.lines, each=True)
    assert sweep.lines.lines[0] == "width=6: done"
    assert sweep.lines.lines[2] == "2 jobs, 0 of them to compute; 16 of 16 results are in the store"
    more = find_to_do(Sweep(tmp_path, store, STUDY.replace("[6, 8]", "[6, 8, 12]")).jobs, store)
    assert [item.lacking for item in more] == [0, 0, 8]
    assert more[2].estimate.seconds is not None
    assert replace(more[2], lacking=4).weight == more[2].weight // 2
