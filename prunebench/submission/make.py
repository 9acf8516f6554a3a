"""Making a submission of one's own results."""

import hashlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from prunebench.benchmark.audit import audit
from prunebench.errors import PrunebenchError, RequestError
from prunebench.leaderboard.board import Board
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.spec import parse_spec
from prunebench.results import Row
from prunebench.scoring.conformance import SCORER_CHECKS
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.store.absorb import absorb
from prunebench.store.files import write_atomically
from prunebench.store.identity import digest
from prunebench.store.provenance import environment
from prunebench.store.store import Store
from prunebench.submission.records import of_other_code, training_of, unlike_records
from prunebench.submission.submission import BOARDS, NAME, SCHEMA, STORE, Submission


def make(
    scorer: str,
    folder: Path,
    boards: Sequence[Board],
    store: Store,
    isolation: Isolation[Scorer],
    *,
    networks: int = 1,
) -> Submission:
    """Write a scorer's rows on these boards into an empty folder, with what it takes to check them.

    Args:
        scorer: its name, or its name with parameters for these rows alone.
        networks: how many seeds' networks come along for each training. Which, the rows themselves decide.

    Raises:
        RequestError: no such rows, a scorer that comes with prunebench, a folder with something in it.
        PrunebenchError: it breaks the contract, its code is no longer that of the rows, or the store has
            other numbers.
    """
    own = _own_rows(scorer, boards)
    specs = list(dict.fromkeys(row.scorer for board in own for row in board.rows))
    name = parse_spec(specs[0], SCORERS.noun)[0]
    plugin = isolation.require(name)
    if plugin.own:
        raise RequestError("SCORER", scorer, "a scorer of yours; this one comes with prunebench")
    source = Path(plugin.origin)
    if plugin.point is None and not NAME.fullmatch(source.name):  # it could not be merged
        accepted = "a file whose name has letters, digits and ._+- alone, a letter or digit first"
        raise RequestError("--plugin", source.name, accepted)
    if folder.exists() and any(folder.iterdir()):
        raise RequestError("FOLDER", str(folder), "a new or empty folder is needed")
    if changed := of_other_code(own, isolation.load):
        raise PrunebenchError(f"{changed[0]}: its code was changed since its rows were made; run it again")
    findings = [finding for spec in specs for finding in SCORER_CHECKS.run(isolation.load(spec))]
    if failed := [finding.check for finding in findings if finding.status == "failed"]:
        raise PrunebenchError(f"{scorer}: fails {', '.join(failed)}; see `prunebench check {scorer}`")
    for board in own:
        if unlike := unlike_records(board, store):
            raise PrunebenchError(f"the store has no equal numbers of {len(unlike)} metrics, as {unlike[0]}")
    files = {f"{BOARDS}/{board.name}.json": board.to_json().encode() for board in own}
    if plugin.point is None:
        files[source.name] = source.read_bytes()
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / file, content)
    codes = {(row.scorer, row.version, row.source or "") for board in own for row in board.rows}
    codes.add(("", "", ""))  # no scorer: what the trained networks themselves measure
    drawn = random.Random(hashlib.sha256(b"".join(files.values())).digest())
    with Store(folder / STORE) as theirs:
        for training, seeds in _trainings(own).items():
            chosen = drawn.sample(seeds, min(networks, len(seeds)))
            absorb(theirs, store, training=training, scorers=codes, networks=chosen)
        audited = audit(theirs, 1.0, load=isolation.load, files=isolation.files)
    shutil.rmtree(folder / STORE / "claims", ignore_errors=True)
    origin = source.name if plugin.point is None else plugin.origin
    hashes = {file: digest(content) for file, content in files.items()}
    submission = Submission(SCHEMA, name, specs, origin, hashes, environment("cpu"), findings, audited)
    submission.write(folder)
    return submission


def _own_rows(scorer: str, boards: Sequence[Board]) -> list[Board]:
    """The boards with the scorer's rows alone."""

    def asked(row: Row) -> bool:
        return row.status == "ok" and not row.control and scorer in (row.scorer, row.name)

    own = [replace(board, rows=[row for row in board.rows if asked(row)], lacks=None) for board in boards]
    own = [board for board in own if board.rows]
    if not own:
        raise RequestError(
            "SCORER", scorer, "a scorer with results on these boards; `prunebench sweep published`"
        )
    return own


def _trainings(boards: Sequence[Board]) -> dict[str, list[int]]:
    """The seeds of every training that rows are of."""
    found: dict[str, set[int]] = {}
    for board in boards:
        for row in board.rows:
            found.setdefault(training_of(board, row), set()).update(row.seeds)
    return {training: sorted(seeds) for training, seeds in found.items()}
