"""TLS that a client begins right after connecting, before it sends the transfer command (RFC 4217 section 12.6).

The RFC's figures show the handshake behind the 150 reply; some clients
(aioftp) wait for it before they send the command at all. So a connection that
was expected is watched from its arrival on: if a ClientHello comes while data
are private, hands are shaken at once. It refuses to judge the outcome: the
transfer command asks for it, and is told of a failure like of any other.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ftpstwist.dtp.expectation import Arrival
from ftpstwist.dtp.handshake import shake_hands
from ftpstwist.dtp.hello import begins_handshake
from ftpstwist.interfaces import SessionTls, TlsChannel


class EarlyHandshake:
    """Watches one connection, and shakes hands if its client begins.

    Args:
        arrival: The connection; whoever expects it closes it when the transfer command does not come.
        session_tls: Of the session that expects it.
        seconds: For the handshake.
        clock: Measures them.
    """

    def __init__(self, arrival: Arrival, session_tls: SessionTls, *, seconds: float, clock: IReactorTime) -> None:
        self.arrival = arrival
        self._session_tls = session_tls
        self._seconds = seconds
        self._clock = clock
        self._run: Deferred[None] | None = None
        self._outcome: TlsChannel | Failure | None = None
        self._ended = False
        self._waiting: Deferred[None] | None = None
        if arrival.channel is None:
            arrival.stream.notice(self._look)
        else:
            self._begin()

    def stop(self) -> None:
        """Watch no longer; the connection is left as it is."""
        if self._run is None:
            self.arrival.stream.disregard()
        else:
            self._run.cancel()

    async def channel(self) -> TlsChannel | None:
        """Return the channel of the handshake; ``None`` if the client has not begun one: all is left to do then.

        Raises:
            TlsError: It failed.
        """
        if self._run is None:
            self.stop()
            return None
        if not self._ended:
            self._waiting = Deferred()
            await self._waiting
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()
        return self._outcome

    def _look(self) -> None:
        if self._is_hello_there():
            self._begin()

    def _begin(self) -> None:
        self._run = Deferred.fromCoroutine(self._shake_hands()).addBoth(self._end)

    async def _shake_hands(self) -> TlsChannel:
        arrival = self.arrival
        channel = arrival.channel or self._session_tls.data_channel()
        has_begun = arrival.channel is not None
        await shake_hands(arrival.stream, channel, has_begun=has_begun, seconds=self._seconds, clock=self._clock)
        return channel

    def _is_hello_there(self) -> bool:
        try:
            octets = self.arrival.stream.plain.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):  # closed meanwhile
            return False
        return bool(octets) and begins_handshake(octets)

    def _end(self, outcome: TlsChannel | Failure | None) -> None:
        self._ended = True
        if isinstance(outcome, Failure) and isinstance(outcome.value, CancelledError):
            outcome = None
        self._outcome = outcome
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
