"""Small problems for any network, with every way to train one, which several tests share."""

from typing import Any

import torch

import prunebench as pb
from prunebench.networks import Networks

SPECS = {
    None: (30,),
    "mlp[widths=9-7]": (1, 6, 6),
    "lenet[width=0.5]": (1, 12, 12),
    "vgg[width=0.25]": (1, 8, 8),
    "resnet[depth=8,width=0.25]": (1, 8, 8),
}
SEEDS = (4, 9, 5)
OPTIONS: dict[str, dict[str, Any]] = {
    "decay, no momentum": {"weight_decay": 0.01, "momentum": 0.0},
    "cosine": {"schedule": "cosine", "momentum": 0.5},
    "step": {"schedule": "step", "weight_decay": 0.1},
    "adam": {"optimizer": "adam", "weight_decay": 0.1, "schedule": "cosine", "learning_rate": 0.01},
}
STEPS = 13


def task_of(spec: str | None) -> pb.Task:
    """19 samples: the last minibatch of an epoch is smaller."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((22, *SPECS[spec]), generator=draw), torch.arange(22) % 3
    return pb.Task(x[:19], y[:19], x[19:], y[19:], name="toy")


def recipe_of(spec: str | None, **options: Any) -> pb.Recipe:
    network: dict[str, Any] = {"network": pb.load_network(spec)} if spec else {"width": 7, "init_std": 0.1}
    return pb.Recipe(**{"learning_rate": 0.02, "batch_size": 4, "steps": STEPS, **network, **options})


def trained(spec: str | None, options: dict[str, Any], engine: str | None, **more: Any) -> pb.Trajectory:
    arguments = {"seeds": SEEDS, "dtype": torch.float64, "snapshot_steps": (7,), "device": "cpu"}
    return pb.train(task_of(spec), recipe_of(spec, **options), engine=engine, **{**arguments, **more})


def assert_equal(found: Networks, expected: Networks) -> None:
    for name, tensor in expected.tensors.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-10, atol=1e-12)
