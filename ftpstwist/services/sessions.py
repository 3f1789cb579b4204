"""The sessions of the server: made for every connection, counted, and ended together."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol

from ftpstwist.commands.context import Session
from ftpstwist.commands.hosts import HostBook
from ftpstwist.interfaces import ControlTransport, DataConnections, EventSink, SessionTls, WorkerThreads
from ftpstwist.pi.admission import Door
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.session.state import Service, SessionState
from ftpstwist.tls.turns import Turns
from ftpstwist.tls.upgrade import SwitchProtocol

MintTls = Callable[[], SessionTls]
MakeData = Callable[[Session], DataConnections]


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What every session is made of.

    Attributes:
        hosts: Returns all virtual hosts, as they are for a session that begins now.
        handshake_seconds: Time limit of a TLS handshake.
        mint_tls: Makes the TLS of one session.
        make_data: Makes the server-DTP of one session.
        threads: For storage.
        digest_turns: How many digests of files are computed at once.
        sink: Takes audit events.
        now: Seconds since the epoch.
        clock: For time limits.
    """

    hosts: Callable[[], HostBook]
    handshake_seconds: float
    mint_tls: MintTls
    make_data: MakeData
    threads: WorkerThreads
    digest_turns: DeferredSemaphore
    sink: EventSink
    now: Callable[[], float]
    clock: IReactorTime


class Sessions:
    """All control connections, of both services.

    Args:
        parts: What sessions are made of.
        door: Lets them in, or not; unless each has a door of its own.
    """

    def __init__(self, parts: SessionParts, door: Door) -> None:
        self._parts = parts
        self._door = door
        self._turns = Turns(parts.clock)
        self._open: set[ServerPI] = set()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[ServerPI]:
        """Go through those that are open now; they may end meanwhile."""
        return iter(list(self._open))

    def make(self, service: Service, *, mint_tls: MintTls | None = None, door: Door | None = None) -> Protocol:
        """Return the protocol for one new TCP connection.

        Args:
            service: Explicit or implicit TLS.
            mint_tls: For a listener that has TLS of its own.
            door: For a connection that was judged elsewhere.
        """
        session_tls = (mint_tls or self._parts.mint_tls)()
        server_pi = ServerPI(
            build_session=lambda transport: self._build(server_pi, service, transport, session_tls),
            door=door or self._door,
            clock=self._parts.clock,
            gone=self._gone,
        )
        return SwitchProtocol(
            server_pi,
            implicit_tls=session_tls if service is Service.IMPLICIT else None,
            clock=self._parts.clock,
            turns=self._turns,
            handshake_seconds=self._parts.handshake_seconds,
        )

    async def drain(self, seconds: float) -> None:
        """End all sessions: idle ones at once, transferring ones when done, the rest after *seconds*."""
        for server_pi in self:
            server_pi.shut_down()
        if not self._open:
            return
        limit = self._parts.clock.callLater(seconds, self._drop_all)
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        await done
        if limit.active():
            limit.cancel()

    def _build(
        self, server_pi: ServerPI, service: Service, transport: ControlTransport, session_tls: SessionTls
    ) -> Session:
        self._open.add(server_pi)
        parts = self._parts
        session = Session(
            id=secrets.token_hex(4),
            state=SessionState(service=service),
            hosts=parts.hosts(),
            transport=transport,
            tls=session_tls,
            threads=parts.threads,
            digest_turns=parts.digest_turns,
            sink=parts.sink,
            now=parts.now,
        )
        session.data = parts.make_data(session)
        return session

    def _drop_all(self) -> None:
        for server_pi in self:
            server_pi.drop()

    def _gone(self, server_pi: ServerPI) -> None:
        self._open.discard(server_pi)
        if not self._open:
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)


class ControlFactory(Factory):
    """Builds the control connections of one service; what a Twisted endpoint listens with.

    Args:
        sessions: Makes and counts them.
        service: Explicit or implicit TLS.
    """

    noisy = False

    def __init__(self, sessions: Sessions, service: Service) -> None:
        self._sessions = sessions
        self._service = service

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # noqa: N802 - Twisted's interface
        """Return the protocol for one new connection."""
        return self.build(addr)

    def build(self, addr: IAddress | None, door: Door | None = None) -> Protocol | None:  # noqa: ARG002 - all are let in
        """Likewise; *door* is for a connection that was judged elsewhere."""
        return self._sessions.make(self._service, door=door)
