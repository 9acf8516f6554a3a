"""Finding and loading reference networks; nothing of torch is imported before one is loaded.

A network is built in this process, which trains it: unlike a scorer it cannot be kept apart. Where none of a
file is asked for, its file is not imported here; describing and checking run in a process of their own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prunebench.plugin.kind import PluginKind
from prunebench.plugin.registry import Registry

if TYPE_CHECKING:
    from prunebench.networks.network import Network

NETWORKS: "PluginKind[Network]" = PluginKind(
    noun="network",
    group="prunebench.networks",
    base="prunebench.networks.network:Network",
    server="prunebench.training.server",
)


def load_network(spec: str, files: Iterable[str | Path] = ()) -> "Network":
    """The reference network for a spec: `lenet`, `mlp[widths=100-50]` or `my_net.py:MyNet[width=64]`.

    Networks come from packages, from `files`, and from the file that the spec names. `RequestError`: a spec
    that cannot be read, an unknown name or parameter, a file that does not load; `PluginError`: an installed
    network that does not load. A recipe of `shallow` is one without a network (None): its `width` and
    `init_std` say all of it.
    """
    return Registry(NETWORKS, files).load(spec)
