"""The passive ports: bound once, kept open, shared by all sessions (RFC 959 section 3.3, RFC 2428 section 3).

How it works: PASV and EPSV register an *expectation* on a port of the book
(``dtp/ports``). Who connects without being expected is closed at once, and the
true client is still served. If users of one address wait on one port, the
ClientHello decides: the same octets are fed to a fresh data channel of each
waiting session, and the one whose TLS session they resume gets the
connection; if they resume none, nobody does.

It refuses to wait, to shake hands, and to bind or close a port for a transfer.
"""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from random import Random

from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.expectation import Arrival, Caller, Expectation
from ftpstwist.dtp.linger import Lingering
from ftpstwist.dtp.listener import Listener, bind_ports
from ftpstwist.dtp.peer import lies_in, normal_address
from ftpstwist.dtp.ports import PortBook
from ftpstwist.dtp.proxied import HeadedConnection
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import PassiveSettings
from ftpstwist.dtp.undecided import UndecidedConnection
from ftpstwist.interfaces import ErrorKind, FtpError, SessionTls, TlsChannel, TlsError
from ftpstwist.wire.proxyheader import ProxyHeader

_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
_REPORT_SECONDS = 60.0

Report = Callable[[str, str, str, str], None]
"""Takes peer, kind, detail and remedy of a ``session.events.Misused`` that no session can be blamed for."""


class PassivePool:
    """The listening sockets and what is expected on them.

    Call :meth:`bind` (or :meth:`adopt`) while privileges are there, :meth:`start` when
    the reactor runs, :meth:`stop` at the end.

    Args:
        settings: Addresses, ports and caps.
        reactor: Watches the sockets.
        clock: For time limits.
        random: Chooses ports; ``random.SystemRandom`` in service.
        report: Is told of connections that nobody expected, at most once a minute.
    """

    def __init__(
        self,
        settings: PassiveSettings,
        *,
        reactor: IReactorFDSet,
        clock: IReactorTime,
        random: Random,
        report: Report,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._book = PortBook(settings, clock=clock, random=random)
        self._report = _SeldomReport(report, clock)
        self._listeners: list[Listener] = []
        self._listeners_of: defaultdict[int, list[Listener]] = defaultdict(list)
        self._ports_of: dict[tuple[str, bool], list[int]] = {}
        self._undecided: list[UndecidedConnection] = []
        self._headed: list[HeadedConnection] = []
        self.lingering = Lingering(
            seconds=settings.linger_seconds, limit=settings.lingering, reactor=reactor, clock=clock
        )

    # The life of the ports.

    def bind(self) -> None:
        """Bind and listen; accept nothing yet. Starts no thread and no timer.

        Raises:
            OSError: An address can not be used at all, or all its ports are taken.
        """
        try:
            for plain in bind_ports(self._settings.addresses, self._settings.ports, self._settings.backlog):
                self.adopt(plain)
        except BaseException:
            self.stop()
            raise

    def adopt(self, plain: socket.socket) -> None:
        """Use a socket that listens already (handed over by systemd, say); the pool owns it then."""
        self._ports_of.clear()
        listener = Listener(
            plain,
            self.offer,
            accepts_per_wake=self._settings.accepts_per_wake,
            reactor=self._reactor,
            clock=self._clock,
        )
        self._listeners.append(listener)
        self._listeners_of[listener.port].append(listener)

    def start(self) -> None:
        """Begin to accept."""
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        """Close the ports and everything that waits on them."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._listeners_of.clear()
        for headed in self._headed:
            headed.close()
        self._headed.clear()
        for expectation in list(self._book):
            expectation.close()
        self.lingering.close_all()

    @property
    def ports(self) -> list[int]:
        """The ports in use, for ``check`` and the logs."""
        return sorted({listener.port for listener in self._listeners})

    @property
    def expected(self) -> Counter[int]:
        """The ports where data connections are expected now, and how many on each."""
        return Counter(expectation.port for expectation in self._book)

    @property
    def waiting(self) -> int:
        """Clients that wait for a port."""
        return self._book.waiting

    # What sessions ask for.

    async def expect(self, caller: Caller, *, host: str, ipv6: bool) -> Expectation:
        """Expect one connection of *caller*, on a port where it can be told from others; wait for one if need be.

        Args:
            caller: Whose connection it will be.
            host: Address the control connection came to.
            ipv6: Whether the client will use IPv6.

        Raises:
            FtpError: NO_DATA_PORT (client sees 425).
        """
        port = await self._book.choose(caller, self._ports(host, ipv6=ipv6))
        expectation = Expectation(
            port=port, caller=caller, settings=self._settings, clock=self._clock, ended=self._forget
        )
        self._book.add(expectation)
        return expectation

    def _ports(self, host: str, *, ipv6: bool) -> Sequence[int]:
        """Return the ports a client that talks to *host* can reach."""
        key = host, ipv6
        if key not in self._ports_of:
            listeners = [listener for listener in self._listeners if listener.is_ipv6 == ipv6]
            here = [listener for listener in listeners if listener.host in {host, *_WILDCARDS}]
            self._ports_of[key] = [listener.port for listener in here or listeners]
        if not self._ports_of[key]:
            raise FtpError(ErrorKind.NO_DATA_PORT, f"no passive port listens on {'IPv6' if ipv6 else 'IPv4'}")
        return self._ports_of[key]

    def end(self, expectation: Expectation) -> None:
        """End an expectation, with all that came for it.

        Connections that the kernel holds still are accepted first: later they would be taken
        for those of the next expectation on the port, and serve a transfer they were not made for.
        """
        for listener in self._listeners_of[expectation.port]:
            listener.accept(self._settings.backlog)
        expectation.close()

    # Who came.

    def offer(self, plain: socket.socket, peer: str, port: int) -> None:
        """Take an accepted connection: give it to who expects it, or close it.

        Args:
            plain: The connection; the pool owns it.
            peer: Its client's address, normalised.
            port: The port it came to.
        """
        if self._settings.proxies and lies_in(peer, self._settings.proxies):
            self._read_header(plain, peer, port)
        else:
            self._give_away(plain, peer, port, self._book.candidates(port, peer))

    def _read_header(self, plain: socket.socket, proxy: str, port: int) -> None:
        """Ask who comes through a load balancer; who begins to wait only after it came is not meant."""
        waiting = list(self._book.on(port))

        def told(headed: HeadedConnection, header: ProxyHeader) -> None:
            self._headed.remove(headed)
            if header.source is None:  # the load balancer only looks whether we are there
                headed.plain.close()
                return
            peer = normal_address(header.source.host)
            candidates = [each for each in self._book.candidates(port, peer) if each in waiting]
            self._give_away(headed.plain, peer, port, candidates)

        def refused(headed: HeadedConnection, reason: str) -> None:
            self._headed.remove(headed)
            if reason:
                remedy = "let the load balancer send one on passive ports, too, or take it out of passive.proxies"
                self._report("proxy-header", proxy, f"passive port {port}: {reason}", remedy)

        if len(self._headed) >= self._settings.expectations:
            plain.close()
            return
        self._headed.append(
            HeadedConnection(plain, reactor=self._reactor, clock=self._clock, told=told, refused=refused)
        )

    def _give_away(self, plain: socket.socket, peer: str, port: int, candidates: list[Expectation]) -> None:
        if not candidates:
            plain.close()
            self._refuse_unexpected(peer, port)
        elif len(candidates) == 1:
            stream = ReactorSocket(plain, reactor=self._reactor, clock=self._clock)
            if not candidates[0].arrive(Arrival(stream)):
                stream.close()
                self._report("unexpected-data-connection", peer, f"too many connections to passive port {port}")
        elif len([None for undecided in self._undecided if undecided.port == port]) >= 2 * len(candidates):
            plain.close()
            self._report("unexpected-data-connection", peer, f"too many connections to passive port {port}")
        else:
            self._listen_for_hello(plain, peer, port)

    def _refuse_unexpected(self, peer: str, port: int) -> None:
        waiting = self._book.on(port)
        for expectation in waiting:
            expectation.refused += 1
        if waiting:
            self._report(
                "foreign-data-peer",
                peer,
                f"connected to passive port {port}, where only others are expected",
                "if this is a client behind several addresses, list them in the peer networks",
            )
        else:
            self._report("unexpected-data-connection", peer, f"connected to passive port {port}: nobody waits there")

    def _listen_for_hello(self, plain: socket.socket, peer: str, port: int) -> None:
        undecided = UndecidedConnection(
            plain,
            peer,
            port,
            seconds=self._settings.hello_seconds,
            reactor=self._reactor,
            clock=self._clock,
            spoke=self._decide,
            lost=self._undecided.remove,
        )
        self._undecided.append(undecided)

    def _decide(self, undecided: UndecidedConnection) -> None:
        """Its ClientHello is here, or octets in clear, or FIN: whose is it?"""
        self._undecided.remove(undecided)
        for expectation in self._book.candidates(undecided.port, undecided.peer) if undecided.has_hello else ():
            channel = _resuming_channel(expectation.caller.session_tls, undecided.head)
            if channel is not None:
                arrival = undecided.become_arrival(channel)
                if not expectation.arrive(arrival):
                    arrival.stream.close()
                return
        undecided.close()
        self._report(
            "ambiguous-data-connection",
            undecided.peer,
            f"users of one address wait on passive port {undecided.port}, and no TLS session tells them apart",
            "open more passive ports, or use clients that resume the TLS session",
        )

    def _forget(self, ended: Expectation) -> None:
        """An expectation has ended: so have the connections that could only have been its own."""
        self._book.remove(ended)
        for undecided in [each for each in self._undecided if each.port == ended.port]:
            if not self._book.candidates(undecided.port, undecided.peer):
                self._undecided.remove(undecided)
                undecided.close()


def _resuming_channel(session_tls: SessionTls | None, hello: bytes) -> TlsChannel | None:
    """Return a channel of the session that has taken *hello*, if that resumes the session."""
    if session_tls is None:
        return None
    channel = session_tls.data_channel()
    channel.feed(hello)
    try:
        channel.handshake()
    except TlsError:
        return None
    return channel if channel.resumes else None


class _SeldomReport:
    """Passes on the first report of a kind at once and counts the others of the same minute."""

    def __init__(self, report: Report, clock: IReactorTime) -> None:
        self._report = report
        self._clock = clock
        self._silent_until: dict[str, float] = {}
        self._silenced: dict[str, int] = {}

    def __call__(self, kind: str, peer: str, detail: str, remedy: str = "") -> None:
        now = self._clock.seconds()
        if now < self._silent_until.get(kind, now):
            self._silenced[kind] += 1
            return
        if self._silenced.get(kind):
            detail += f" (and {self._silenced[kind]} others before)"
        self._silent_until[kind] = now + _REPORT_SECONDS
        self._silenced[kind] = 0
        self._report(peer, kind, detail, remedy)
