"""The part of a store that a job needs, and what has become of it, as bytes for another process."""

from collections.abc import Set

from prunebench.errors import PrunebenchError
from prunebench.store.absorb import absorb
from prunebench.store.store import Store
from prunebench.store.tables import NetworkRow, delete

# A database and the networks' files by name. SQLite and safetensors: reading them runs nothing.
Shipment = tuple[bytes, dict[str, bytes]]


def pack(store: Store, training: str) -> Shipment:
    """All that the store holds of one training, less what is damaged."""
    with Store() as part:
        absorb(part, store, training=training)
        return part.to_bytes()


def without_files(part: Store, sent: Set[str]) -> Shipment:
    """All of a store in memory but the files of these names, which were `sent`, and what is said of them."""
    with part.writing() as connection:
        rows = [row for row, _ in part.read(NetworkRow) if row.file in sent]
        connection.executemany(delete(NetworkRow), [row.named for row in rows])
    database, files = part.to_bytes()
    return database, {name: content for name, content in files.items() if name not in sent}


def unpack(store: Store, shipment: Shipment, training: str) -> None:
    """Take over what came back of a training, checked against its hashes, in one transaction.

    It replaces what is there: it was made from that, and what was whole is among it. `PrunebenchError` where
    something is not what a worker wrote.
    """
    with Store.from_bytes(shipment) as part:
        damaged = absorb(store, part, training=training, replace=True).damaged
    if damaged:
        raise PrunebenchError(f"what a worker sent back is damaged, {damaged[0]}; run again")
