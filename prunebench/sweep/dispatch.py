"""The cells of a sweep on workers, many at once; each is kept in the one store as soon as it is done."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack
from operator import attrgetter

from prunebench.benchmark.document import document
from prunebench.benchmark.missing import find_missing
from prunebench.device import resolve_device
from prunebench.store.damage import forget_damage
from prunebench.store.networks import Damaged
from prunebench.store.provenance import environment
from prunebench.store.store import Store
from prunebench.sweep.cells import Options, from_anywhere
from prunebench.sweep.cluster import Workers
from prunebench.sweep.failure import ATTEMPTS, record_failure
from prunebench.sweep.local import BUSY_SECONDS
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.shipment import pack, unpack
from prunebench.sweep.to_do import ToDo
from prunebench.sweep.worker import Answer, Job, fingerprint


class Dispatch:
    """Hands cells to workers and takes in what comes back.

    This process alone uses the store: a cell is kept from other sweeps while it is out, what the store holds
    of it is sent along, and what comes back is taken over in one transaction.
    """

    def __init__(
        self,
        workers: Workers,
        items: Sequence[ToDo],
        options: Options,
        store: Store,
        progress: SweepProgress,
        *,
        force: bool = False,
    ) -> None:
        self._workers, self._options, self._store, self._progress = workers, options, store, progress
        self._force = force
        # The heaviest first, so that no worker is left with a long one when the others have no more to do.
        self._waiting = deque(sorted(items, key=attrgetter("estimate.high", "weight"), reverse=True))
        self._out: dict[ToDo, ExitStack] = {}  # with what keeps others from the cell
        self._attempts = Counter[ToDo]()

    def run(self) -> None:
        """Until every cell is done or has failed. However it ends, no cell is kept from others then."""
        try:
            while self._waiting or self._out:
                answers = list(self._workers.answers(BUSY_SECONDS)) if self._out else []
                handed_out = self._hand_out()  # before anything is kept: no worker waits for the disk
                for item, answer in answers:
                    self._take_in(item, answer)
                if self._waiting and not self._out and not handed_out:
                    time.sleep(BUSY_SECONDS)
        finally:
            for claim in self._out.values():
                claim.close()

    def _hand_out(self) -> bool:
        """Start cells while there is room; cells of others are left for later. Whether any was started."""
        room, began = self._workers.room(), False
        for _ in range(len(self._waiting) if room > 0 else 0):
            item = self._waiting.popleft()
            claim = ExitStack()
            if not claim.enter_context(self._store.claimed(item.plan.training, wait=False)):
                claim.close()
                self._waiting.append(item)
                continue
            began = True
            if not self._force and self._show(item):
                claim.close()
                break  # that took a moment: see who has answered
            self._out[item] = claim
            self._send(item)
            room -= 1
            if room <= 0:
                break
        return began

    def _show(self, item: ToDo) -> bool:
        """Put a cell on its board that is wholly in the store; whether it is. What is damaged is named."""
        began, plan = time.perf_counter(), item.plan
        for damaged in forget_damage(self._store, plan.training):
            self._progress.warn(f"{damaged}: damaged; computing it again")
        if find_missing(plan, self._store):
            return False
        try:
            shown = document(plan, self._store, environment(resolve_device(plan.device)))
        except Damaged as damage:
            self._progress.warn(f"{damage}; making it again")
            return False
        self._progress.finish(item, shown, time.perf_counter() - began)
        return True

    def _send(self, item: ToDo) -> None:
        cell, options = from_anywhere(item.cell, self._options)
        shipment = None if self._force else pack(self._store, item.plan.training)
        self._workers.submit(item, Job(cell, options, fingerprint(item.plan), shipment))

    def _take_in(self, item: ToDo, answer: Answer) -> None:
        """Keep what came back, and try again what may go better."""
        plan = item.plan
        self._attempts[item] += answer.attempts
        if answer.shipment is not None:
            unpack(self._store, answer.shipment, plan.training)
        if answer.again and self._attempts[item] < ATTEMPTS:
            self._send(item)
            return
        if answer.document is not None:
            self._store.forget_failure(plan.training)
            self._progress.finish(item, answer.document, answer.seconds)
        else:
            record_failure(plan, self._store, answer.error, self._attempts[item])
            self._progress.give_up(item, answer.error)
        self._out.pop(item).close()
