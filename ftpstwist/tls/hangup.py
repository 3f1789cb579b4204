"""The end of a control connection: everything is sent, then FIN, then the client has a moment to close, too.

Closing at once would make the kernel answer what the client still sends with
RST, and the client could lose the last reply (RFC 1122 section 4.2.2.13).
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ftpstwist.tls.intake import TcpTransport


class HangUp:
    """Closes one TCP connection.

    Args:
        tcp: The connection.
        clock: For the time limit.
        seconds: How long to wait, after our last octet, for the client to close.
    """

    def __init__(self, tcp: TcpTransport, clock: IReactorTime, *, seconds: float) -> None:
        self._tcp = tcp
        self._clock = clock
        self._seconds = seconds
        self._time_limit: IDelayedCall | None = None
        self.has_said_all = False
        """Whether our FIN is out, and everything before it."""

    def begin(self, *, peer_is_done: bool) -> None:
        """Send what is queued and FIN; wait for the client unless it is done."""
        self._time_limit = self._clock.callLater(self._seconds, self._stop_waiting)
        if peer_is_done:
            self._tcp.loseConnection()
        else:
            self._tcp.resumeProducing()
            self._tcp.loseWriteConnection()

    def stop(self) -> None:
        """The connection is gone."""
        if self._time_limit is not None:
            self._time_limit.cancel()
            self._time_limit = None

    def _stop_waiting(self) -> None:
        self._time_limit = None
        hang_up = self._tcp.loseConnection if self.has_said_all else self._tcp.abortConnection
        hang_up()
