"""A connection that several sessions of one client address may have been waiting for.

It listens for the ClientHello, which tells whose it is, as long as somebody waits for it.
It refuses to decide: it only reads, bounded in octets and time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime

from ftpstwist.dtp.expectation import Arrival
from ftpstwist.dtp.hello import MAX_HELLO_OCTETS, begins_handshake, is_complete_hello
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.watched import WatchedSocket
from ftpstwist.interfaces import TlsChannel


class UndecidedConnection(WatchedSocket):
    """Reads from an accepted socket until it is known what its client wants.

    Args:
        plain: The socket.
        peer: Address of its client.
        port: The passive port it came to.
        seconds: Time for the rest of a ClientHello once it began.
        reactor: Watches the socket.
        clock: For the time limit.
        spoke: Is called once, when a whole ClientHello or octets in clear have come, or their end.
        lost: Is called once, when it broke or took too long, after it closed itself.
    """

    def __init__(
        self,
        plain: socket.socket,
        peer: str,
        port: int,
        *,
        seconds: float,
        reactor: IReactorFDSet,
        clock: IReactorTime,
        spoke: Callable[[UndecidedConnection], None],
        lost: Callable[[UndecidedConnection], None],
    ) -> None:
        super().__init__(plain, "undecided data connection")
        self.peer = peer
        self.port = port
        self.head = b""
        self._seconds = seconds
        self._reactor = reactor
        self._clock = clock
        self._spoke = spoke
        self._lost = lost
        self._timer: IDelayedCall | None = None
        reactor.addReader(self)

    @property
    def has_hello(self) -> bool:
        """Whether what was read is a ClientHello."""
        return bool(self.head) and begins_handshake(self.head)

    def become_arrival(self, channel: TlsChannel) -> Arrival:
        """Give the connection to a session; *channel* was fed what was read of it."""
        self._be_still()
        stream = ReactorSocket(self.plain, reactor=self._reactor, clock=self._clock)
        return Arrival(stream, channel)

    def close(self) -> None:
        """Close it."""
        self._be_still()
        self.plain.close()

    def _be_still(self) -> None:
        self._reactor.removeReader(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _give_up(self) -> None:
        self.close()
        self._lost(self)

    # What the reactor calls.

    def on_readable(self) -> None:
        """Read: octets have come, or their end."""
        try:
            octets = self.plain.recv(MAX_HELLO_OCTETS - len(self.head))
        except BlockingIOError:
            return
        except OSError:
            self._give_up()
            return
        self.head += octets
        if octets and self.has_hello and not self._is_hello_over():
            if self._timer is None:
                self._timer = self._clock.callLater(self._seconds, self._give_up)
            return
        self._be_still()
        self._spoke(self)

    def on_lost(self) -> None:
        """Give up, unless it was closed while it was read."""
        if self.plain.fileno() != -1:
            self._give_up()

    def _is_hello_over(self) -> bool:
        return len(self.head) >= MAX_HELLO_OCTETS or is_complete_hello(self.head)
