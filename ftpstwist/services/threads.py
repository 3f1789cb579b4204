"""Worker threads as a service: started after the process has forked and dropped its privileges."""

from __future__ import annotations

from twisted.application.service import Service

from ftpstwist.storage.threads import TwistedWorkerThreads


class ThreadService(Service):
    """Starts and stops a pool of threads.

    Args:
        threads: The pool.
    """

    def __init__(self, threads: TwistedWorkerThreads) -> None:
        self._threads = threads

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Start the threads."""
        super().startService()
        self._threads.start()

    def stopService(self) -> None:  # noqa: N802 - Twisted's interface
        """Stop them, when their work is done."""
        super().stopService()
        self._threads.stop()
