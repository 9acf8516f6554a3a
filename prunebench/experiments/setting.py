"""How large the experiments are."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prunebench.errors import RequestError
from prunebench.training.recipe import Recipe


@dataclass(frozen=True)
class Setting:
    """Sizes that all experiments share, so that they share their trainings too.

    Attributes:
        name: `quick` or `full`.
        samples: N of the default networks.
        width: d of the default networks.
        sizes: N in figures 4 and 8 and in appendices D and G.
        curve_sizes: N in figure 3a.
        widths: d in figure 3a.
        scales: standard deviations of the initial weights; the first is the default.
        rates: learning rates of relative time; the first is the default. Steps go with 1/rate.
        steps: to the end of training, for up to `samples` samples.
        most_steps: the same for the largest N; in between, steps go with N.
        early: "very early in training".
        sparsities: of IMP in figure 5.
        probes: of the stable-cell estimate, and a second number to see whether it saturates.
        seeds: the replicates.
    """

    name: str = "full"
    samples: int = 800
    width: int = 300
    sizes: tuple[int, ...] = (200, 800, 4000)
    curve_sizes: tuple[int, ...] = (50, 100, 200, 400, 800, 1600, 4000)
    widths: tuple[int, ...] = (50, 100, 300)
    scales: tuple[float, ...] = (1e-5, 1e-3, 1e-2)
    rates: tuple[float, ...] = (1e-3, 5e-4, 2e-3)
    steps: int = 16_000
    most_steps: int = 40_000
    early: tuple[int, ...] = (50, 100, 200)
    sparsities: tuple[float, ...] = (0.2, 0.5, 0.7)
    probes: tuple[int, int] = (2_000, 20_000)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def recipe(self, samples: int | None = None, **options: Any) -> Recipe:
        """The recipe for N samples with these `options`; what is left out has its default."""
        default = {"width": self.width, "init_std": self.scales[0], "learning_rate": self.rates[0]}
        recipe = Recipe(**default | options)
        steps = min(self.most_steps, self.steps * max(1.0, (samples or self.samples) / self.samples))
        return dataclasses.replace(recipe, steps=round(steps * self.rates[0] / recipe.learning_rate))

    def fitting(self, load: Callable[[int], object]) -> "Setting":
        """Without the sizes that the data do not have; raises what else `load` finds wrong with a request."""
        load(self.samples)
        for samples in sorted({*self.sizes, *self.curve_sizes}, reverse=True):
            try:
                load(samples)
            except RequestError as error:
                if error.option != "samples":
                    raise
            else:
                return self.up_to(samples)
        return self.up_to(self.samples)

    def up_to(self, samples: int) -> "Setting":
        """Without the sizes that a data set of this many training samples cannot hold."""
        return dataclasses.replace(
            self,
            sizes=tuple(n for n in self.sizes if n <= samples),
            curve_sizes=tuple(n for n in self.curve_sizes if n <= samples),
        )


FULL = Setting()
QUICK = Setting(
    name="quick",
    samples=400,
    width=100,
    sizes=(100, 400, 1200),
    curve_sizes=(50, 100, 400, 1200),
    widths=(25, 100),
    rates=(1e-3, 2e-3),
    scales=(1e-5, 1e-2),
    steps=3000,
    most_steps=3000,
    early=(25, 50, 100),
    probes=(500, 5000),
    seeds=(0, 1, 2),
)
