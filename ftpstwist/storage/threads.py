"""A bounded pool of threads for blocking work, on Twisted's own (``WorkerThreads`` seam).

What waits for a free thread is bounded by its callers: a session waits for one
piece of work at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from ftpstwist.interfaces import ErrorKind, FtpError

P = ParamSpec("P")
T = TypeVar("T")


class TwistedWorkerThreads:
    """Threads that work for the reactor.

    Args:
        reactor: Where results come back to.
        threads: How many there are at most; they are started as they are needed.
        name: What they are called in a list of threads.
    """

    def __init__(self, reactor: IReactorFromThreads, *, threads: int, name: str = "ftpstwist") -> None:
        self._reactor = reactor
        self._threads = threads
        self._name = name
        self._pool: ThreadPool | None = None
        self._given = 0

    @property
    def busy(self) -> int:
        """Threads at work now."""
        return min(self._given, self._threads)

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for a thread."""
        return self._given - self.busy

    def start(self) -> None:
        """Take work from now on; calling twice does no harm."""
        if self._pool is None:
            self._pool = ThreadPool(minthreads=0, maxthreads=self._threads, name=self._name)
            self._pool.start()

    def stop(self) -> None:
        """Refuse work from now on, finish what was taken and end the threads; blocks so long.

        To be called when there is no more work, or the reactor shuts down. Calling
        twice does no harm; :meth:`start` begins anew.
        """
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *function* in a thread and return its result, never before it has ended.

        Raises:
            CancelledError: It was cancelled meanwhile, once or more often; the result is lost.
            FtpError: STORAGE_FAILED if the threads are not running.
        """
        if self._pool is None:
            raise FtpError(ErrorKind.STORAGE_FAILED, "the worker threads are not running")
        ended: list[T | Failure] = []
        waiting: Deferred[None] = Deferred()

        def end(result: T | Failure) -> None:
            ended.append(result)
            self._given -= 1
            waiting.callback(None)

        def end_soon(_is_good: bool, result: T | Failure) -> None:  # noqa: FBT001 - Twisted's signature
            self._reactor.callFromThread(end, result)

        self._given += 1
        self._pool.callInThreadWithCallback(end_soon, function, *args, **kwargs)
        was_cancelled = False
        while not ended:
            try:
                await waiting
            except CancelledError:
                was_cancelled = True
                waiting = Deferred()
        if was_cancelled:
            raise CancelledError
        (result,) = ended
        if isinstance(result, Failure):
            result.raiseException()
        return result
