"""What is damaged is found, named and computed again, whatever it is."""

import dataclasses
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import prunebench as pb
from prunebench.benchmark.missing import find_missing, inventory_of
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import run_plan
from prunebench.results import Document
from prunebench.store.absorb import absorb
from prunebench.store.database import FILE, StoreError
from prunebench.store.export import ResultTable
from prunebench.store.integrity import find_damage, forget
from prunebench.store.network_files import Damaged
from prunebench.store.records import FINAL
from prunebench.store.status import read_status
from prunebench.store.store import Store
from prunebench.store.tables import EnvironmentRow, FailureRow


@pytest.fixture
def plan(task: pb.Task, recipe: pb.Recipe) -> Plan:
    scorers = [pb.load_scorer("magnitude")]
    protocols = ("rank", "prune_final", "merge", "prune_early")
    return Plan(task, recipe, scorers, (15,), (0, 1), protocols=protocols, device="cpu", fractions=(0.5,))


@pytest.fixture
def store(tmp_path: Path, plan: Plan) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        yield store


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, task: pb.Task, recipe: pb.Recipe) -> tuple[Path, Document]:
    """A whole store, closed, and what was made of it."""
    folder = tmp_path_factory.mktemp("done")
    scorers = [pb.load_scorer("magnitude")]
    protocols = ("rank", "prune_final", "merge", "prune_early")
    plan = Plan(task, recipe, scorers, (15,), (0, 1), protocols=protocols, device="cpu", fractions=(0.5,))
    with Store(folder) as store:
        document = run_plan(plan, store=store)
        store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder, document


@pytest.fixture
def copy(done: tuple[Path, Document], tmp_path: Path) -> Path:
    return Path(shutil.copytree(done[0], tmp_path / "copy"))


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, text: str) -> None:
        self.lines.append(text)


def numbers(value: Any) -> Any:
    """A document without times and environments, its numbers to six digits."""
    if isinstance(value, Document):
        return numbers(value.content())
    if isinstance(value, dict):
        left_out = ("environment", "seconds", "command")
        return {name: numbers(part) for name, part in value.items() if name not in left_out}
    if isinstance(value, list):
        return [numbers(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


@pytest.mark.parametrize("damage", ["truncated", "longer", "changed", "missing"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_damaged_network_is_named_and_made_again(
    plan: Plan, store: Store, tmp_path: Path, damage: str, seed: int
) -> None:
    """Seed 0 is the one that the document shows, and nothing else may need it."""
    before = run_plan(plan, store=store)
    file = next((tmp_path / "store").rglob(f"seed{seed}-final-*.safetensors"))
    content = file.read_bytes()
    damage_file(file, damage)
    with Store(tmp_path / "store", read_only=True) as reader:
        with pytest.raises(Damaged, match=file.name):
            reader.load_state(plan.training, seed, FINAL)
        (found,) = find_damage(reader, files=True)
        assert file.name in found.what
    more = plan if seed == 0 else dataclasses.replace(plan, scorers=[*plan.scorers, pb.load_scorer("snip")])
    lines = Lines()
    after = run_plan(more, lines, store)
    assert any(file.name in line and "making it again" in line for line in lines.lines)
    assert file.read_bytes() == content
    assert list(find_damage(store, files=True)) == []
    assert numbers(after)["training"] == numbers(before)["training"]
    if seed == 0:
        assert numbers(after) == numbers(before)


def damage_file(file: Path, damage: str) -> None:
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        contents = {"truncated": content[:-40], "longer": content + b"x", "changed": content[:-1] + b"x"}
        file.write_bytes(contents[damage])


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 10**9)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, huge], ids=["pipe", "folder", "huge"])
def test_what_is_no_networks_file_is_not_read(
    plan: Plan, copy: Path, done: tuple[Path, Document], make: Callable[[Path], None]
) -> None:
    """Reading it would wait for ever, or fill the memory."""
    file = next(copy.rglob("seed0-final-*.safetensors"))
    file.unlink()
    make(file)
    with Store(copy.parent / "mine") as mine, Store(copy, read_only=True) as theirs:
        merged = absorb(mine, theirs)
        assert merged.networks == 3
        assert file.name in merged.damaged[0]
    with Store(copy) as store:
        if make is huge:
            assert numbers(run_plan(plan, store=store)) == numbers(done[1])
        else:
            with pytest.raises(StoreError, match=f"{file.name}: an ordinary file is needed"):
                run_plan(plan, store=store)


CHANGES = {
    "a result": """UPDATE results SET metrics = '{"spearman": [1.0]}' WHERE protocol = 'rank'""",
    "a result's name": "UPDATE results SET keep = '0.25' WHERE protocol = 'merge'",
    "a result of prune_early": "UPDATE results SET metrics = '{}' WHERE protocol = 'prune_early'",
    "text that is none": "UPDATE results SET metrics = CAST(x'ff00fe' AS TEXT) WHERE protocol = 'rank'",
    "draws": "UPDATE scorings SET draws = 3 WHERE scorer = 'magnitude'",
    "a seed": "UPDATE scorings SET seed = seed + 100 WHERE scorer = 'magnitude'",
    "scores": "UPDATE scorings SET scores = zeroblob(length(scores)) WHERE scorer = 'magnitude'",
    "scores cut": "UPDATE scorings SET scores = substr(scores, 1, 8) WHERE scorer = 'magnitude' AND seed = 0",
    "an error": "UPDATE scorings SET error = x'00' WHERE scorer = 'magnitude'",
    "a dense row": "UPDATE scorings SET seconds = 7 WHERE scorer = '' AND seed = 0",
    "all dense rows": "UPDATE scorings SET draws = 'x' WHERE scorer = ''",
    "the control without scores": "UPDATE scorings SET seconds = 7 WHERE scores IS NULL AND scorer != ''",
    "curves": """UPDATE networks SET curves = '{"steps": []}' WHERE step = -1 AND seed = 1""",
    "seconds of a network": "UPDATE networks SET seconds = 1e9 WHERE step = 15",
    "a file's name": "UPDATE networks SET sha256 = 'x' WHERE step = -1",
    "how it was made": "UPDATE provenance SET record = '{}'",
    "how it was made, no JSON": "UPDATE provenance SET record = '{'",
    "a task": """UPDATE trainings SET task = '{"name": "other"}'""",
    "a task, no JSON": "UPDATE trainings SET task = '{'",
    "a recipe": """UPDATE trainings SET recipe = replace(recipe, '16', '17')""",
    "a recipe, no JSON": "UPDATE trainings SET recipe = 'x'",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_damaged_row_is_named_and_computed_again(
    plan: Plan, copy: Path, done: tuple[Path, Document], what: str
) -> None:
    with closing(sqlite3.connect(copy / FILE)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(CHANGES[what]).rowcount > 0
        connection.commit()
    with Store(copy) as store:
        named = {damage.what for damage in find_damage(store)}
        assert named
        table = ResultTable(store)  # nothing that reads stumbles over it
        assert sum(1 for _ in table) >= 0
        find_missing(plan, inventory_of(plan, store))
        lines = Lines()
        after = run_plan(plan, lines, store)
        assert numbers(after) == numbers(done[1])
        left = {type(damage.row) for damage in find_damage(store, files=True)}
        assert left <= {EnvironmentRow}
        if not what.startswith(("a task", "a recipe")):  # of which the run itself knows better
            assert any(": damaged; computing it again" in line for line in lines.lines)
        assert run_plan(plan, lines, store).rows == after.rows


@pytest.mark.parametrize("what", CHANGES)
def test_damage_of_another_training_stops_nothing(
    plan: Plan, copy: Path, done: tuple[Path, Document], what: str
) -> None:
    """It is counted, looked up for estimates and exported; the next run of that training makes it good."""
    with closing(sqlite3.connect(copy / FILE)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(CHANGES[what])
        connection.commit()
    other = dataclasses.replace(plan, recipe=dataclasses.replace(plan.recipe, width=12))
    assert read_status(copy).holdings
    with Store(copy) as store:
        run_plan(other, Lines(), store)
        assert store.find(FailureRow, plan.training) is None
        assert list(find_damage(store, other.training, files=True)) == []
        assert list(find_damage(store, files=True)) != []
        assert sum(1 for _ in ResultTable(store)) > 0
        run_plan(plan, Lines(), store)
        forget(store, list(find_damage(store, files=True)))
        assert list(find_damage(store, files=True)) == []
        assert numbers(run_plan(plan, Lines(), store)) == numbers(done[1])
    with Store(copy.parent / "mine") as mine, Store(copy, read_only=True) as theirs:
        assert absorb(mine, theirs).damaged == []


def test_a_damaged_index_is_named_and_can_be_mended(
    plan: Plan, copy: Path, done: tuple[Path, Document]
) -> None:
    """Rows that an index does not find are not missing, and cannot be written again either."""
    index = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_scorings_1'"
    with closing(sqlite3.connect(copy / FILE)) as connection:
        ((page,), (size,)) = (connection.execute(q).fetchone() for q in (index, "PRAGMA page_size"))
    content = bytearray((copy / FILE).read_bytes())
    begin = (page - 1) * size
    old = content[begin : begin + size]
    content[begin : begin + size] = old.replace(plan.training.encode(), plan.training[::-1].encode(), 4)
    (copy / FILE).write_bytes(content)
    with Store(copy) as store:
        with pytest.raises(StoreError, match=f"{FILE}: the database is damaged .*--check --forget"):
            run_plan(plan, store=store)
        forget(store, list(find_damage(store)))
        assert list(find_damage(store)) == []
        assert numbers(run_plan(plan, store=store)) == numbers(done[1])


def test_results_whose_record_of_making_is_gone_are_computed_again(
    plan: Plan, copy: Path, done: tuple[Path, Document]
) -> None:
    with closing(sqlite3.connect(copy / FILE)) as connection:
        connection.execute("DELETE FROM provenance")
        connection.commit()
    with Store(copy) as store:
        assert numbers(run_plan(plan, Lines(), store)) == numbers(done[1])


def test_a_row_that_took_anothers_name_can_be_mended(
    plan: Plan, copy: Path, done: tuple[Path, Document]
) -> None:
    """One byte of a key: the row stands where it is not looked for, and no index of both can be made."""
    content = (copy / FILE).read_bytes()
    changed = content.replace(b"\x04merge0.5", b"\x02merge0.5", 1)  # another scoring's
    assert changed != content
    (copy / FILE).write_bytes(changed)
    with Store(copy) as store:
        with pytest.raises(StoreError, match=f"{FILE}: the database is damaged .*--check --forget"):
            run_plan(plan, Lines(), store)
        for _ in range(2):
            forget(store, list(find_damage(store)))
        assert list(find_damage(store)) == []
        assert numbers(run_plan(plan, Lines(), store)) == numbers(done[1])


@pytest.mark.parametrize("seed", range(24))
def test_no_flipped_bytes_give_other_numbers(
    plan: Plan, copy: Path, done: tuple[Path, Document], seed: int
) -> None:
    """A damaged file is refused by name, or what it holds is computed again to the same numbers."""
    draw, path = random.Random(seed), copy / FILE
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 4, 16))):
        content[draw.randrange(100, len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    for _ in range(2):
        refused, after = "", None
        try:
            with Store(copy) as store:
                after = run_plan(plan, store=store)
        except StoreError as error:
            refused = str(error)
        assert (FILE in refused and refused.count("\n") == 0) or numbers(after) == numbers(done[1])
