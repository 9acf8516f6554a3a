"""Asking the scorers that are handed twins: these are trained when they are first asked for."""

from dataclasses import replace

from prunebench.counting import GRADIENT
from prunebench.networks import Networks
from prunebench.scoring.execute import execute
from prunebench.scoring.outcome import Outcome
from prunebench.scoring.scorer import Scorer
from prunebench.training.snapshot import Snapshot
from prunebench.training.train import Trajectory
from prunebench.training.twins import train_twins, twin_orders

_Trained = tuple[Networks, float]


class Twins:
    """Twins of the networks that were asked for last: the scorers of one step share them."""

    def __init__(self) -> None:
        self._of: tuple[int, tuple[int, ...]] | None = None
        self._trained: list[_Trained] = []

    def ask(self, scorer: Scorer, snapshot: Snapshot, run: Trajectory, count: int) -> list[Outcome]:
        """What a scorer says of so many twins of the snapshot's networks, one after the other.

        The training of all of them is the cost of each answer, whoever they were trained for.
        """
        twins = self._take(run, snapshot.step, count)
        steps = count * (run.gradient_steps - snapshot.step)
        seconds = sum(seconds for _, seconds in twins)
        answers = [execute(scorer, snapshot.with_twin(twin)) for twin, _ in twins]
        spent = steps * run.recipe.batch_size * GRADIENT
        return [
            replace(
                answer,
                extra_gradient_steps=answer.extra_gradient_steps + steps,
                seconds=answer.seconds + seconds,
                sample_gradients=None if (own := answer.sample_gradients) is None else own + spent,
            )
            for answer in answers
        ]

    def _take(self, run: Trajectory, step: int, count: int) -> list[_Trained]:
        if self._of != (step, run.seeds):
            self._of, self._trained = (step, run.seeds), []
        for number in range(len(self._trained), count):
            result = train_twins(run, step, twin_orders(run.seeds, number))
            self._trained.append((result.final, result.seconds))
        return self._trained[:count]
