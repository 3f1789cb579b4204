"""Bursts of all transfers, run in worker threads in turn (see ``dtp/pump``).

How it works: a burst keeps a processor busy. More of them at once than there
are processors move no octet more; they only make each other, and the reactor,
wait. So they take turns, in the order they asked. But a burst that takes
longer than it could compute waits for a disk: its turn passes on, and it goes on beside the
others. So there are more threads than turns, and one slow disk slows nobody else.

A burst is never left running: cancelling it ends it soon, and waits for that.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.pump import Flow, Pause
from ftpstwist.interfaces import WorkerThreads

_OVERDUE_SECONDS = 0.05


class Bursts:
    """What the bursts of all transfers share.

    Args:
        threads: Where they run.
        buffers: Lends them memory.
        clock: Tells which are overdue.
        at_once: How many may begin while none is.
    """

    def __init__(self, threads: WorkerThreads, *, buffers: Buffers, clock: IReactorTime, at_once: int) -> None:
        self.threads = threads
        self.buffers = buffers
        self._clock = clock
        self._turns = at_once
        self._waiting: deque[Deferred[None]] = deque()

    async def run(self, flow: Flow, quantum: int) -> Pause:
        """Run one burst of *flow* when its turn comes.

        Raises:
            FtpError: What the burst raised.
            CancelledError: After a cancellation; what the burst returned is lost.
        """
        if self._turns:
            self._turns -= 1
        else:
            turn: Deferred[None] = Deferred(self._waiting.remove)
            self._waiting.append(turn)
            await turn
        overdue = self._clock.callLater(_OVERDUE_SECONDS, self._pass_on)
        try:
            return await _run_in_thread(self.threads, flow, quantum, patient=not self._waiting)
        finally:
            self._end(overdue)

    def _end(self, overdue: IDelayedCall) -> None:
        if overdue.active():
            overdue.cancel()
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().callback(None)
        else:
            self._turns += 1


async def _run_in_thread(threads: WorkerThreads, flow: Flow, quantum: int, *, patient: bool) -> Pause:
    """Run one burst.

    Returns, or raises, only after the burst has ended, cancelled or not: then
    the socket and the file may be closed. It is not the wait for the thread that is
    cancelled but a Deferred beside it, so that the burst can be told to stop.

    Raises:
        FtpError: What the burst raised.
        CancelledError: After a cancellation; what the burst returned is lost.
    """
    ended: list[Pause | Failure] = []
    waiting: Deferred[None] = Deferred()

    def end(result: Pause | Failure) -> None:
        ended.append(result)
        waiting.callback(None)

    Deferred.fromCoroutine(threads.run(flow.burst, quantum, patient=patient)).addBoth(end)
    was_cancelled = False
    while not ended:
        try:
            await waiting
        except CancelledError:
            was_cancelled = True
            flow.stop()
            waiting = Deferred()
    (result,) = ended
    if was_cancelled:
        raise CancelledError
    if isinstance(result, Failure):
        result.raiseException()
    return result
