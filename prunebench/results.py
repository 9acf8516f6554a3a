"""What a benchmark found, as the JSON document and the boards hold it: rows, their metrics, what was trained.

A board may be anybody's, so what is read is checked: errors name the place, and what is accepted there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from prunebench.errors import RequestError
from prunebench.evaluation.metrics import SPLITS, Path, protocol_of
from prunebench.evaluation.protocols import LABELS, Protocol
from prunebench.evaluation.summary import Amount, Count, Number, Summary, known
from prunebench.training.recipe import Recipe
from prunebench.words import plural

SCHEMA = 1
WHOLE = "1"  # the share that is all of a network
Share = Annotated[float, Meta(gt=0, le=1)]

M = TypeVar("M", bound="Measured")


class Cost(msgspec.Struct, frozen=True):
    """What a prediction took.

    Attributes:
        gradient_steps: to the snapshot.
        extra_gradient_steps: that the scorer trained itself, per network.
        seconds: of scoring, for all networks.
        sample_gradients: per network: of the steps to the snapshot, and of all passes and steps of the
            scorer's own (docs/protocols.md). Boards of before they were counted have none.
    """

    gradient_steps: Count
    extra_gradient_steps: Count
    seconds: Number
    sample_gradients: Amount | UnsetType = UNSET

    @property
    def steps(self) -> int:
        """Gradient steps per network."""
        return self.gradient_steps + self.extra_gradient_steps


class Scores(msgspec.Struct, frozen=True):
    """One network's scores, to draw."""

    seed: Count
    scores: list[Number]


class Norms(msgspec.Struct, frozen=True):
    """One network's final norms, to draw."""

    seed: Count
    norms: list[Number]


class LayerUnits(msgspec.Struct, frozen=True):
    """A prunable layer, and how many units it has."""

    name: str
    units: Annotated[int, Meta(ge=1)]


class Size(msgspec.Struct, frozen=True):
    """What a network is made of, and what it does for one sample."""

    parameters: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    multiply_adds: Annotated[int, Meta(ge=1, le=2**63 - 1)]


class TaskRecord(msgspec.Struct, frozen=True):
    """What is recorded of a task.

    Attributes:
        tests: test samples.
        outputs: C, the number of classes; recorded where it is not two.
        record: all of it: how the task was drawn too (data set, classes, seed), where a data set was named.
    """

    name: str
    samples: Count
    inputs: Count
    tests: Count
    fingerprint: str
    record: dict[str, Any]
    outputs: Annotated[int, Meta(ge=2)] = 2

    @classmethod
    def read(cls, content: object) -> "TaskRecord":
        """Raises `ValueError` with what does not fit."""
        return convert("task", {**_table("task", content), "record": content}, cls)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A record whose metrics stand, as nested tables, among its other fields in JSON."""

    metrics: dict[Path, Summary]

    @classmethod
    def read(cls: type[M], content: object, place: str) -> M:
        """From what JSON has at a place. Raises `ValueError` with the place of what does not fit."""
        table = _table(place, content)
        others = {key: value for key, value in table.items() if key not in cls.__struct_fields__}
        found = convert(place, table | {"metrics": dict(_summaries(others, place))}, cls)
        found.check(place)
        return found

    def check(self, place: str) -> None:
        """Raises `ValueError` where the parts do not go together."""

    def content(self) -> dict[str, Any]:
        """As `read` takes it."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        metrics = nest(content.pop("metrics"))
        if taken := sorted(content.keys() & metrics):
            raise ValueError(f"a metric cannot be called {taken[0]}: a field is")
        return content | metrics


class Row(Measured, frozen=True, kw_only=True):
    """A scorer at a step.

    Attributes:
        scorer: with its parameters; `name` is without.
        source: hash of its code; None for the control that has no scorer.
        sees_end: it knows the trained network, so it is no predictor.
        relative_time: the step over the one at which the plateau ends; None where it does not.
        status: `unfit`: the scorer cannot take this network or task, and was not asked.
        error: why there are no numbers.
        draws: of a stochastic scorer.
        command: makes this row again.
        finetune_steps: of the protocol finetune.
        recalibrated: whether running statistics of batch normalisation, where networks have them, were
            estimated again before accuracies were measured.
        reads_labels: whether its scores are others for shuffled labels; None where nobody knows: it trained
            for as long as the network, so it was not asked, or it failed.
        errors: why a protocol has no numbers, by its name.
    """

    scorer: str
    name: str
    parameters: dict[str, Any]
    version: str
    source: str | None
    sees_end: bool
    control: bool
    at_step: Count
    relative_time: Number | None
    status: Literal["ok", "failed", "unfit"]
    error: str | None
    seeds: Annotated[list[Count], Meta(min_length=1)]
    draws: Count
    cost: Cost
    evaluator: str
    command: str | None
    environment: dict[str, Any]
    example: Scores | UnsetType = UNSET
    finetune_steps: Count | UnsetType | None = UNSET
    recalibrated: bool | UnsetType = UNSET
    reads_labels: bool | UnsetType | None = UNSET
    errors: dict[str, str] | UnsetType = UNSET

    def check(self, place: str) -> None:
        """One number for each seed; shares that are numbers."""
        for path, summary in self.metrics.items():
            where, count = f"{place} {' '.join(path)}", len(self.seeds)
            for values in (summary.per_seed, summary.tested):
                if len(values) != count:
                    raise ValueError(f"{where} has {len(values)} numbers for {count} seeds")
            if len(path) == 3:
                convert(f"{where}: share", path[2], Share, strict=False)

    def __repr__(self) -> str:
        return f"<Row {self.scorer} at step {self.at_step}: {self.status}, {len(self.metrics)} metrics>"

    @property
    def key(self) -> tuple[str, int]:
        """What no two rows of a board share."""
        return self.scorer, self.at_step

    @property
    def spearman(self) -> Summary | None:
        """Rank correlation with the final norms."""
        return self.metrics.get(("spearman",))

    @property
    def protocols(self) -> set[Protocol]:
        """Those that it has numbers of, or went through without."""
        found = {protocol for path in self.metrics if (protocol := protocol_of(path))}
        return found if self.reads_labels is UNSET else {*found, LABELS}

    @property
    def predicts(self) -> bool:
        """Whether it competes: neither a control nor a scorer that sees the end."""
        return not self.control and not self.sees_end


class Training(Measured, frozen=True, kw_only=True):
    """How the networks of a board were trained, and what came of it.

    Attributes:
        gradient_steps: of each.
        seconds: of all.
        drop_step: mean step at which the plateau ends; None where it does not.
        curves: means over the networks of `loss` and `accuracy`, at each `step`.
        layers: of a layered network, in the order in which they run.
        sizes: of a layered network with a share of every layer's units kept, by that share.
    """

    needed: ClassVar[tuple[Path, ...]] = (
        *(("train_loss",), ("initial_loss",)),
        *((split, "dense") for split in SPLITS),
    )
    # All or none: only shallow networks of two classes have groups of neurons that can be merged.
    grouped: ClassVar[tuple[Path, ...]] = (
        *(("groups", "all"), ("groups", "relevant")),
        *((split, "merged_groups") for split in SPLITS),
    )

    gradient_steps: Count | UnsetType = UNSET
    seconds: Number | UnsetType = UNSET
    drop_step: Number | None
    curves: dict[str, list[Number]] | UnsetType = UNSET
    example: Norms | UnsetType = UNSET
    layers: Annotated[list[LayerUnits], Meta(min_length=1)] | UnsetType = UNSET
    sizes: dict[str, Size] | UnsetType = UNSET

    def check(self, place: str) -> None:
        """What every table needs is there; shares are numbers; layers have names of their own."""
        for share in known(self.sizes) or ():
            convert(f"{place} sizes: share", share, Share, strict=False)
        names = [layer.name for layer in known(self.layers) or ()]
        if len({*names}) < len(names):
            raise ValueError(f"{place} layers: two of one name")
        for path in self.needed + (self.grouped if self.has_groups else ()):
            if path not in self.metrics:
                raise ValueError(f"{place} {' '.join(path)} is missing")

    @property
    def has_groups(self) -> bool:
        """Whether groups of neurons were looked for, and merged."""
        return any(path in self.metrics for path in self.grouped)


class Results(msgspec.Struct):
    """Rows on one task and recipe."""

    task: TaskRecord
    recipe: Recipe
    training: Training
    environment: dict[str, Any]
    evaluator: str
    rows: list[Row]

    @property
    def in_words(self) -> str:
        """What is on it, on one line."""
        scorers, steps = {row.scorer for row in self.rows}, sorted({row.at_step for row in self.rows})
        seeds = max((len(row.seeds) for row in self.rows), default=0)
        at = f"step {steps[0]}" if len(steps) == 1 else f"steps {', '.join(map(str, steps))}"
        return f"{plural(len(scorers), 'scorer')} at {at}, {plural(seeds, 'seed')}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.task.name}: {self.in_words}>"

    @property
    def layered(self) -> bool:
        """Whether it is of other networks than the shallow one."""
        return self.recipe.network is not None

    @property
    def units_word(self) -> str:
        """What is scored, in words."""
        return "units" if self.layered else "neurons"

    def left(self, share: str) -> str | None:
        """`26 / 31`: % of the parameters and of the multiply-adds left with a share of the units kept."""
        left = self.shares_left(share)
        return " / ".join(f"{100 * number:.0f}" for number in left) if left else None

    def shares_left(self, share: str) -> tuple[float, float] | None:
        """The same as numbers from 0 to 1; None where nobody counted."""
        sizes = known(self.training.sizes) or {}
        if share not in sizes or WHOLE not in sizes:
            return None
        kept, whole = sizes[share], sizes[WHOLE]
        return kept.parameters / whole.parameters, kept.multiply_adds / whole.multiply_adds

    @property
    def training_steps(self) -> int:
        """Gradient steps of one whole training."""
        return known(self.training.gradient_steps) or self.recipe.steps

    def predicts_early(self, row: Row) -> bool:
        """Whether it is an early predictor: it competes, and took fewer gradient steps than one training."""
        return row.predicts and row.cost.steps < self.training_steps

    def share_of_training(self, row: Row) -> float | None:
        """What a row's prediction took, by what one network's training took; None where nobody counted."""
        spent = known(row.cost.sample_gradients)
        return None if spent is None else spent / (self.training_steps * self.recipe.batch_size)

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema": SCHEMA,
            **msgspec.structs.asdict(self),
            "task": self.task.record,
            "recipe": self.recipe.record,
            "training": self.training.content(),
            "rows": [row.content() for row in self.rows],
        }


class Document(Results):
    """The result of a run (docs/protocols.md)."""

    seeds: list[int]
    protocols: list[Protocol]


def convert(place: str, content: object, kind: Any, *, strict: bool = True) -> Any:
    """What JSON has at a place, by its type. Raises `ValueError` with what does not fit, and where."""
    try:
        return msgspec.convert(content, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise ValueError(f"{place}: {error}") from None


def nest(flat: Mapping[Path, Any]) -> dict[str, Any]:
    """`{("a", "b"): 1}` as `{"a": {"b": 1}}`."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, leaf = path
        level = nested
        for parent in parents:
            level = level.setdefault(parent, {})
        level[leaf] = value
    return nested


def _summaries(level: Mapping[str, Any], place: str, path: Path = ()) -> Iterator[tuple[Path, Summary]]:
    for key, value in level.items():
        inner = f"{place} {key}"
        if isinstance(value, dict) and not {"mean", "per_seed"} & set(value) and (value or not path):
            yield from _summaries(value, inner, (*path, key))
        elif isinstance(value, dict) or path or key in SPLITS:
            yield (*path, key), convert(inner, value, Summary)


def read_recipe(content: object) -> Recipe:
    """Raises `ValueError` with what does not fit, and with what a later version added: it names the board."""
    table = _table("recipe", content)
    unknown = set(table) - {field.name for field in fields(Recipe)}
    if unknown:
        raise ValueError(f"recipe {min(unknown)} is not known here")
    try:
        return Recipe.read(table)
    except RequestError as error:
        raise ValueError(f"recipe {error}") from None


def _table(place: str, content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"{place} is no table of values")
    return content
