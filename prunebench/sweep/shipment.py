"""The part of a store that a cell needs, and what has become of it, as bytes for another process."""

from collections.abc import Iterable

from prunebench.store.merge import merge
from prunebench.store.networks import file_name
from prunebench.store.store import Store

# A database and the networks' files by name. SQLite and safetensors: reading them runs nothing.
Shipment = tuple[bytes, dict[str, bytes]]


def pack(store: Store, training: str) -> Shipment:
    """All that the store holds of one training, less what is damaged."""
    with Store() as part:
        merge(part, store, training=training)
        return part.to_bytes()


def without_files(part: Store, names: Iterable[str]) -> Shipment:
    """All of a store in memory but these files, and what is said of them."""
    sent = set(names)
    with part.writing() as connection:
        for training, seed, step, sha256 in part.rows("SELECT training, seed, step, sha256 FROM networks"):
            if file_name(training, seed, step, sha256) in sent:
                connection.execute(
                    "DELETE FROM networks WHERE training = ? AND seed = ? AND step = ?",
                    [training, seed, step],
                )
    database, files = part.to_bytes()
    return database, {name: content for name, content in files.items() if name not in sent}


def unpack(store: Store, shipment: Shipment, training: str) -> None:
    """Take over what came back of a training, checked against its hashes, in one transaction.

    It replaces what is there: it was made from that, and what was whole is among it.
    """
    with Store.from_bytes(shipment) as part:
        merge(store, part, training=training, replace=True)
