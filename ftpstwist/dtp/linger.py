"""Finished connections wait for the client to close, too (RFC 4217 section 12.6, RFC 1122 section 4.2.2.13).

Closing at once a socket into which the client still writes (its
``close_notify``, say) makes the kernel answer with RST, and the client may
lose the end of what it was sent. So the socket lives on for a moment after
our FIN, in the background: nobody awaits it, what comes is thrown away, and
time and number are bounded. It refuses to send anything.
"""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime

from ftpstwist.dtp.watched import WatchedSocket

_DISCARD_OCTETS = 64 << 10


class Lingering:
    """All finished connections that wait for their clients.

    Args:
        seconds: How long one waits at most.
        limit: How many wait at most; beyond, the oldest is closed.
        reactor: Watches them.
        clock: For their time limits.
    """

    def __init__(self, *, seconds: float, limit: int, reactor: IReactorFDSet, clock: IReactorTime) -> None:
        self._seconds = seconds
        self._limit = limit
        self._reactor = reactor
        self._clock = clock
        self._waiting: dict[_Finished, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def adopt(self, plain: socket.socket) -> None:
        """Take a non-blocking socket on which FIN was sent, and close it in due time."""
        finished = _Finished(plain, self._reactor, self._waiting)
        if not finished.read_on():
            plain.close()
            return
        while len(self._waiting) >= self._limit:
            next(iter(self._waiting)).close()
        self._waiting[finished] = None
        finished.watch(self._clock.callLater(self._seconds, finished.close))

    def close_all(self) -> None:
        """Close them all now."""
        for finished in list(self._waiting):
            finished.close()


class _Finished(WatchedSocket):
    def __init__(self, plain: socket.socket, reactor: IReactorFDSet, waiting: dict[_Finished, None]) -> None:
        super().__init__(plain, "finished data connection")
        self._reactor = reactor
        self._waiting = waiting
        self._timer: IDelayedCall | None = None

    def watch(self, timer: IDelayedCall) -> None:
        self._timer = timer
        self._reactor.addReader(self)

    def read_on(self) -> bool:
        """Throw away what has come; tell whether more may come."""
        try:
            return bool(self.plain.recv(_DISCARD_OCTETS))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        self._reactor.removeReader(self)
        self.plain.close()
        self._waiting.pop(self, None)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def on_readable(self) -> None:
        if not self.read_on():
            self.close()

    def on_lost(self) -> None:
        self.close()
