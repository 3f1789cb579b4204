"""What PASV and EPSV promise: one connection, from one client, for one session (RFC 959 section 3.3).

How it works: an expectation waits on a passive port until a connection from
its client comes, and is taken by the transfer command. Under TLS the first to
come need not be the true client (a neighbour behind the same NAT may be
quicker), so a few more may queue until the first has proved itself; then, or
when the expectation ends otherwise, the others are closed.

::

    WAITING ──arrive──▶ CONNECTED ──next──▶ TAKEN ──close──▶ CLOSED
       │  ▲                                  │  ▲ (next again, after an impostor)
       └──┴───── next ───────────────────────┘  │
    WAITING, CONNECTED ──expectation_seconds──▶ EXPIRED
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorTime

from ftpstwist.dtp.peer import lies_in, may_stand_for
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import IPNetwork, PassiveSettings
from ftpstwist.interfaces import ErrorKind, FtpError, SessionTls, TlsChannel

ARRIVALS_AT_MOST = 3
"""Connections one expectation ever accepts: the true client and two that were quicker."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection that came to a passive port.

    Attributes:
        stream: The connection.
        channel: Was fed its ClientHello and resumes the session; ``None`` if nobody asked yet.
    """

    stream: ReactorSocket
    channel: TlsChannel | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose data connection is expected.

    Attributes:
        peer: Address of the control connection's client.
        user: Who is logged in; empty if nobody is.
        session_tls: Tells a ClientHello of this session from others; ``None`` if data go in clear.
        others: Networks of other servers whose connection will do, too (server-to-server transfer).
    """

    peer: str
    user: str
    session_tls: SessionTls | None
    others: tuple[IPNetwork, ...] = ()


class ExpectationState(Enum):
    """How far it got."""

    WAITING = "nothing has come yet"
    CONNECTED = "a connection waits for the transfer command"
    TAKEN = "the transfer command has taken a connection, or waits for one"
    EXPIRED = "no transfer command came in time"
    CLOSED = "served, replaced or forgotten, or the ports are closed"


class Expectation:
    """One PASV or EPSV.

    Args:
        port: Where it waits.
        caller: Whose connection it waits for.
        settings: How long to wait for the transfer command, and who may stand for the peer.
        clock: For the wait.
        ended: Is called once, when it accepts nothing any more.
    """

    def __init__(
        self,
        *,
        port: int,
        caller: Caller,
        settings: PassiveSettings,
        clock: IReactorTime,
        ended: Callable[[Expectation], None],
    ) -> None:
        self.port = port
        self.caller = caller
        self.state = ExpectationState.WAITING
        self.refused = 0
        """Connections from elsewhere that came to this port meanwhile."""
        self.on_arrival: Callable[[Arrival], None] | None = None
        """Is called with the first connection, if it comes before the transfer command."""
        self._networks = settings.peer_networks
        self._clock = clock
        self._ended = ended
        self._room = ARRIVALS_AT_MOST
        self._arrivals: deque[Arrival] = deque()
        self._waiter: Deferred[None] | None = None
        self._expiry = clock.callLater(settings.expectation_seconds, self._expire)

    def admits(self, peer: str) -> bool:
        """Tell whether a connection from *peer* may be the one."""
        return may_stand_for(peer, self.caller.peer, self._networks) or lies_in(peer, self.caller.others)

    def arrive(self, arrival: Arrival) -> bool:
        """Queue a connection; False if there is no room for more of them."""
        if not self._room:
            return False
        self._room -= 1
        self._arrivals.append(arrival)
        if self.state is ExpectationState.WAITING:
            self.state = ExpectationState.CONNECTED
            if self.on_arrival is not None:
                self.on_arrival(arrival)
        self._wake()
        return True

    def take(self) -> None:
        """The transfer command is here: its own time limits hold from now on.

        Raises:
            FtpError: DATA_NOT_OPENED, it came too late.
        """
        if self._is_over:
            raise FtpError(
                ErrorKind.DATA_NOT_OPENED, f"passive port {self.port}: the transfer command came too late", "try again"
            )
        self._expiry.cancel()
        self.state = ExpectationState.TAKEN

    async def next(self, seconds: float) -> Arrival | None:
        """Return the next connection, after :meth:`take`; ``None`` if none comes in *seconds*."""
        if not self._arrivals:
            waiter: Deferred[None] = Deferred(self._forget_waiter)
            self._waiter = waiter
            try:
                await waiter.addTimeout(seconds, self._clock)
            except WaitedTooLong:
                return None
        return self._arrivals.popleft() if self._arrivals else None

    def close(self) -> None:
        """Accept nothing more, and close what nobody took. Calling twice does no harm."""
        self._end(ExpectationState.CLOSED)

    def _expire(self) -> None:
        self._end(ExpectationState.EXPIRED)

    def _end(self, state: ExpectationState) -> None:
        if self._is_over:
            return
        self.state = state
        self._room = 0
        if self._expiry.active():
            self._expiry.cancel()
        for arrival in self._arrivals:
            arrival.stream.close()
        self._arrivals.clear()
        self._wake()
        self._ended(self)

    @property
    def _is_over(self) -> bool:
        return self.state is ExpectationState.CLOSED or self.state is ExpectationState.EXPIRED

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    def _forget_waiter(self, _: Deferred[None]) -> None:
        self._waiter = None
