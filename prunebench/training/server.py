"""What describes and checks networks, in a process of its own: `python -m prunebench.training.server`."""

from prunebench.plugin.server import serve
from prunebench.reference_networks import NETWORKS
from prunebench.training.conformance import NETWORK_CHECKS

if __name__ == "__main__":
    serve(NETWORKS, {"check": NETWORK_CHECKS.answer})
