"""Run a burst in a worker thread so that cancelling it ends it soon, and never leaves it running."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ftpstwist.dtp.pump import Flow, Pause
from ftpstwist.interfaces import WorkerThreads


async def run_burst(threads: WorkerThreads, flow: Flow, quantum: int) -> Pause:
    """Run one burst of *flow* in a thread.

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

    Deferred.fromCoroutine(threads.run(flow.burst, quantum, patient=True)).addBoth(end)
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
