"""Called by Dask in the process in front, before it starts a worker's."""

import signal
from multiprocessing import resource_tracker


def dask_setup(_nanny: object) -> None:
    """Keep the terminal's Ctrl-C from workers, from their first moment.

    It reaches every process: the one in front stops the workers, they must not stop themselves in the middle
    of a line. What is blocked in the thread that starts a process is blocked in the process; this thread is
    Dask's, and the main one goes on hearing Ctrl-C.
    """
    resource_tracker.ensure_running()  # starting it unblocks the signal again
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
