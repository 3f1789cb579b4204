"""The passive ports: bound once, kept open, shared by all sessions (RFC 959 section 3.3, RFC 2428 section 3).

How it works: PASV and EPSV register an *expectation* on a port chosen at
random, if possible one where the same client has no other (RFC 2577 section
8). Who connects without being expected is closed at once, and the true client
is still served. If several sessions of one address wait on one port, the
ClientHello decides: the same octets are fed to a fresh data channel of each
waiting session, and the one whose TLS session they resume gets the
connection. Without TLS, or without resumption, the oldest expectation gets
it, but only if all of them belong to one user.

It refuses to wait, to shake hands, and to bind or close a port for a transfer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from random import Random

from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.expectation import Arrival, Caller, Expectation
from ftpstwist.dtp.linger import Lingering
from ftpstwist.dtp.listener import Listener, bind_ports
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import IPNetwork, PassiveSettings
from ftpstwist.dtp.undecided import UndecidedConnection
from ftpstwist.interfaces import ErrorKind, FtpError, SessionTls, TlsChannel, TlsError

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
        self._random = random
        self._report = _SeldomReport(report, clock)
        self._listeners: list[Listener] = []
        self._expectations: dict[int, list[Expectation]] = {}
        self._undecided: list[UndecidedConnection] = []
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
        self._listeners.append(
            Listener(
                plain,
                self.offer,
                accepts_per_wake=self._settings.accepts_per_wake,
                reactor=self._reactor,
                clock=self._clock,
            )
        )

    def start(self) -> None:
        """Begin to accept."""
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        """Close the ports and everything that waits on them."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for expectation in list(self._all_expectations()):
            expectation.close()
        self.lingering.close_all()

    @property
    def ports(self) -> list[int]:
        """The ports in use, for ``check`` and the logs."""
        return sorted({listener.port for listener in self._listeners})

    @property
    def expectation_seconds(self) -> float:
        """How long PASV or EPSV waits for its transfer command."""
        return self._settings.expectation_seconds

    # What sessions ask for.

    def expect(
        self,
        *,
        peer: str,
        host: str,
        ipv6: bool,
        user: str,
        session_tls: SessionTls | None,
        others: tuple[IPNetwork, ...] = (),
    ) -> Expectation:
        """Expect one connection from *peer*.

        Args:
            peer: Address of the control connection's client.
            host: Address the control connection came to.
            ipv6: Whether the client will use IPv6.
            user: Who is logged in.
            session_tls: Tells this session's ClientHello from others.
            others: Networks of other servers that the connection may come from, too.

        Raises:
            FtpError: NO_DATA_PORT (client sees 425).
        """
        self._require_room(peer)
        port = self._choose_port(peer, host, ipv6=ipv6, alone=bool(others))
        expectation = Expectation(
            port=port,
            caller=Caller(peer, user, session_tls, others),
            settings=self._settings,
            clock=self._clock,
            clear_wanted=lambda expectation: self._settle_in_clear(expectation.port),
            ended=self._forget,
        )
        self._expectations.setdefault(port, []).append(expectation)
        return expectation

    def _require_room(self, peer: str) -> None:
        expected = list(self._all_expectations())
        if len(expected) >= self._settings.expectations:
            raise FtpError(ErrorKind.NO_DATA_PORT, f"{len(expected)} data connections are expected: no more is allowed")
        of_peer = sum(expectation.peer == peer for expectation in expected)
        if of_peer >= self._settings.expectations_per_peer:
            raise FtpError(
                ErrorKind.NO_DATA_PORT,
                f"{of_peer} data connections from {peer} are expected: no more is allowed",
                "too many data connections from your address are open",
            )

    def _choose_port(self, peer: str, host: str, *, ipv6: bool, alone: bool) -> int:
        """Choose a port where *peer* has no expectation, or, if many addresses could come (*alone*), nobody has."""
        listeners = [listener for listener in self._listeners if listener.is_ipv6 == ipv6]
        here = [listener for listener in listeners if listener.host in {host, *_WILDCARDS}]
        ports = [listener.port for listener in here or listeners]
        if not ports:
            raise FtpError(ErrorKind.NO_DATA_PORT, f"no passive port listens on {'IPv6' if ipv6 else 'IPv4'}")
        taken = [port for port in ports if (self._expectations.get(port) if alone else self._candidates(port, peer))]
        free = [port for port in ports if port not in taken]
        return self._random.choice(free or ports)

    def end(self, expectation: Expectation) -> None:
        """End an expectation, with all that came for it.

        Connections that the kernel holds still are accepted first: later they would be taken
        for those of the next expectation on the port, and serve a transfer they were not made for.
        """
        for listener in self._listeners:
            if listener.port == expectation.port:
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
        candidates = self._candidates(port, peer)
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
        waiting = self._expectations.get(port, [])
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
        self._settle_in_clear(port)

    def _decide(self, undecided: UndecidedConnection) -> None:
        """Its ClientHello is here, or octets in clear, or FIN: whose is it?"""
        if not undecided.has_hello:
            self._settle_in_clear(undecided.port)
            return
        candidates = self._candidates(undecided.port, undecided.peer)
        for expectation in candidates:
            channel = _resuming_channel(expectation.session_tls, undecided.head)
            if channel is not None:
                self._give(undecided, expectation, channel)
                return
        self._give_to_oldest(undecided, candidates)

    def _settle_in_clear(self, port: int) -> None:
        """Hand connections without ClientHello to transfers without TLS, in the order they came."""
        silent = [undecided for undecided in self._undecided if undecided.port == port and not undecided.has_hello]
        for undecided in silent:
            if undecided not in self._undecided:  # the one before ended the expectation of this one
                continue
            candidates = self._candidates(port, undecided.peer)
            if any(expectation.waits_in_clear for expectation in candidates):
                self._give_to_oldest(undecided, candidates)

    def _give_to_oldest(self, undecided: UndecidedConnection, candidates: list[Expectation]) -> None:
        if len({expectation.user for expectation in candidates}) != 1:
            self._undecided.remove(undecided)
            undecided.close()
            self._report(
                "ambiguous-data-connection",
                undecided.peer,
                f"users of one address wait on passive port {undecided.port}, and no TLS session tells them apart",
                "open more passive ports, or use clients that resume the TLS session",
            )
            return
        waiting = [expectation for expectation in candidates if not expectation.is_met]
        self._give(undecided, (waiting or candidates)[0])

    def _give(
        self, undecided: UndecidedConnection, expectation: Expectation, channel: TlsChannel | None = None
    ) -> None:
        self._undecided.remove(undecided)
        arrival = undecided.become_arrival(channel)
        if not expectation.arrive(arrival):
            arrival.stream.close()

    # What is expected.

    def _all_expectations(self) -> Iterator[Expectation]:
        for expectations in self._expectations.values():
            yield from expectations

    def _candidates(self, port: int, peer: str) -> list[Expectation]:
        return [expectation for expectation in self._expectations.get(port, ()) if expectation.admits(peer)]

    def _forget(self, ended: Expectation) -> None:
        """An expectation has ended: so have the connections that could only have been its own."""
        expectations = self._expectations[ended.port]
        expectations.remove(ended)
        if not expectations:
            del self._expectations[ended.port]
        for undecided in [each for each in self._undecided if each.port == ended.port]:
            if not self._candidates(undecided.port, undecided.peer):
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
