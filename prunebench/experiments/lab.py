"""Tasks and trainings, shared by all experiments so that nothing is trained twice."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prunebench.experiments.run import COARSE, Run, geometric, train_run
from prunebench.experiments.setting import Setting
from prunebench.networks import Networks
from prunebench.store.files import write_atomically
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe

# Called with a training's name, steps taken, steps to take.
Progress = Callable[[str, int, int], None]
Arrays = Mapping[str, np.ndarray]

# Raised when a training or an experiment's rows would be others, and no version of an experiment says so.
RESULTS_VERSION = "0.1.0"
IN_MEMORY = 2  # runs held besides those on disk


class Lab:
    """Loads tasks and trains networks of a setting, once.

    Args:
        load: gives the task of N training samples.
        cache: folder for what was trained, or None to keep only the last few runs in memory.
    """

    def __init__(
        self,
        setting: Setting,
        load: Callable[[int], Task],
        cache: Path | None = None,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> None:
        self.setting, self.device = setting, device
        self._load, self._cache, self._progress = load, cache, progress
        self._tasks: dict[int, Task] = {}
        self._runs: dict[str, Run] = {}

    def task(self, samples: int | None = None) -> Task:
        """The task of N samples (the setting's by default)."""
        samples = samples or self.setting.samples
        if samples not in self._tasks:
            self._tasks[samples] = self._load(samples)
        return self._tasks[samples]

    def run(
        self,
        samples: int | None = None,
        width: int | None = None,
        init_std: float | None = None,
        learning_rate: float | None = None,
    ) -> Run:
        """Networks trained by the setting's recipe; what is left out has its default.

        Networks of the default size are kept on a geometric grid of steps, others only at 0, at the early
        steps, before the drop and at the end.
        """
        setting = self.setting
        recipe = setting.recipe(samples, width, init_std, learning_rate)
        task = self.task(samples)
        keep = {0} | {step for step in setting.early if step <= recipe.steps}
        default_size = recipe.width == setting.width and task.samples == setting.samples
        if default_size:
            keep |= set(geometric(COARSE, recipe.steps, first=12))
        record_every = 50 if default_size else max(50, recipe.steps // 80)
        key = self.key("run", task, recipe, setting.seeds, sorted(keep), record_every)
        if key not in self._runs:
            label = f"N={task.samples} d={recipe.width} std={recipe.init_std:g} lr={recipe.learning_rate:g}"

            def make() -> Arrays:
                run = train_run(
                    task,
                    recipe,
                    setting.seeds,
                    keep=keep,
                    device=self.device,
                    record_every=record_every,
                    progress=self.watch(label),
                )
                return _pack(run)

            run = _unpack(self.arrays(key, make), task, recipe, setting.seeds)
            while len(self._runs) >= IN_MEMORY:
                self._runs.pop(next(iter(self._runs)))
            self._runs[key] = run
        return self._runs[key]

    def arrays(self, key: str, make: Callable[[], Arrays]) -> Arrays:
        """What `make` makes, or what it made when this was last asked for under the same key."""
        path = None if self._cache is None else self._cache / f"{key}.npz"
        if path is not None and path.exists():
            try:
                with path.open("rb") as stored, np.load(stored, allow_pickle=False) as file:
                    return {name: file[name] for name in file.files}
            except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)  # damaged: made again
        arrays = make()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            write_atomically(path, content.getvalue())
        return arrays

    def key(self, kind: str, task: Task, recipe: Recipe, *more: Any) -> str:
        """A name that holds everything that a training's result depends on."""
        parts = [kind, RESULTS_VERSION, task.fingerprint, recipe.record, more]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{kind}-{digest[:24]}"

    def watch(self, label: str) -> Callable[[int, int], None]:
        """Hears how the training called `label` gets on."""

        def report(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(label, done, total)

        return report


_WEIGHTS = ("w_in", "bias", "w_out")


def _pack(run: Run) -> Arrays:
    networks = {f"kept{step}": nets for step, nets in run.kept.items()}
    networks |= {"before": run.before, "final": run.final}
    arrays: dict[str, Tensor] = {
        f"{name}.{part}": tensor
        for name, nets in networks.items()
        for part, tensor in zip(_WEIGHTS, nets.tensors, strict=True)
    }
    for name in ("before_steps", "steps", "loss", "accuracy"):
        arrays[name] = getattr(run, name)
    return {name: tensor.numpy() for name, tensor in arrays.items()}


def _unpack(arrays: Arrays, task: Task, recipe: Recipe, seeds: tuple[int, ...]) -> Run:
    def networks(name: str) -> Networks:
        return Networks(*(torch.from_numpy(arrays[f"{name}.{part}"]) for part in _WEIGHTS))

    steps = sorted(int(name[4:-5]) for name in arrays if name.startswith("kept") and name.endswith(".bias"))
    return Run(
        task=task,
        recipe=recipe,
        seeds=seeds,
        kept={step: networks(f"kept{step}") for step in steps},
        before=networks("before"),
        final=networks("final"),
        **{k: torch.from_numpy(arrays[k]) for k in ("before_steps", "steps", "loss", "accuracy")},
    )
