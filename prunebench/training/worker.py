"""What describes the networks of others, in a process of its own: `python -m prunebench.training.worker`."""

from prunebench.plugin.worker import serve
from prunebench.reference_networks import NETWORKS

if __name__ == "__main__":
    serve(NETWORKS, {})
