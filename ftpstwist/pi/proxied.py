"""Control connections that come through a load balancer: the PROXY header in front of them (HAProxy).

How it works: nothing of a session exists before the header is there. It is
read octet by octet from a peer that is trusted, in limited time; then the
session is made, on a transport that gives the addresses of the header for its
own. What follows the header (a ClientHello, say) goes to the session.

It refuses connections from elsewhere: whoever could send a header from
anywhere could be anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpstwist.pi.admission import Network
from ftpstwist.wire.hostport import HostPort, normal_host
from ftpstwist.wire.proxyheader import ProxyHeader, ProxyHeaderError, octets_wanted, parse_header

Report = Callable[[str, str, str], None]
"""Takes peer, detail and remedy of a connection that was refused."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which load balancers are believed.

    Attributes:
        networks: Where they are.
        seconds: Time limit of a header.
        report: Is told of connections that are refused.
    """

    networks: Sequence[Network]
    seconds: float
    report: Report

    def trusts(self, peer: str) -> bool:
        """Tell whether *peer* is one of them."""
        address = ip_address(peer)
        return any(address in network for network in self.networks)

    def refuse_stranger(self, peer: str) -> None:
        """Report a connection from elsewhere."""
        self.report(peer, "a connection that is of no load balancer", "connect through one, or see server.proxies")

    def refuse_headless(self, peer: str, detail: str) -> None:
        """Report a connection of a load balancer without a header that can be read."""
        self.report(peer, detail, "let the load balancer send one (HAProxy: send-proxy-v2)")


class ProxiedFactory(Factory):
    """Stands in front of a factory of control connections.

    Args:
        inner: Builds them, when it is known whose they are.
        proxies: Which load balancers are believed.
        clock: For the time limit.
    """

    noisy = False

    def __init__(self, inner: Factory, *, proxies: Proxies, clock: IReactorTime) -> None:
        self._inner = inner
        self._proxies = proxies
        self._clock = clock

    def doStart(self) -> None:  # noqa: N802 - Twisted's interface
        """Start the inner factory, too."""
        self._inner.doStart()
        super().doStart()

    def doStop(self) -> None:  # noqa: N802 - Twisted's interface
        """Stop the inner factory, too."""
        self._inner.doStop()
        super().doStop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # noqa: N802 - Twisted's interface
        """Return the protocol for one new connection; ``None``, which closes it, for one from elsewhere."""
        peer = normal_host(addr.host) if isinstance(addr, IPv4Address | IPv6Address) else ""
        if not peer or not self._proxies.trusts(peer):
            self._proxies.refuse_stranger(peer)
            return None
        return _ProxiedConnection(peer, self._inner, self._proxies, self._clock)


@implementer(IHalfCloseableProtocol)
class HeadedConnection(Protocol):
    """Hands a connection on, under the addresses of its header.

    Args:
        factory: Builds what it is handed to.
        header: What is known of it already; ``None`` if :meth:`begin` will be called.
    """

    def __init__(self, factory: Factory, header: ProxyHeader | None = None) -> None:
        self._factory = factory
        self._header = header
        self._inner: Protocol | None = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Begin, if the header is known."""
        self._tcp: Any = self.transport
        if self._header is not None:
            self.begin(self._header, b"")

    def begin(self, header: ProxyHeader, rest: bytes) -> None:
        """Hand it on, with the octets that came behind the header."""
        transport = _ProxiedTransport(self._tcp, header)
        inner = cast("Protocol | None", self._factory.buildProtocol(transport.getPeer()))
        if inner is None:
            self._tcp.loseConnection()
            return
        self._inner = inner
        inner.makeConnection(cast("Any", transport))
        if rest:
            inner.dataReceived(rest)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Octets of the client."""
        if self._inner is not None:
            self._inner.dataReceived(data)

    def readConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """The client has sent FIN."""
        if self._inner is None:
            self._tcp.loseConnection()
        else:
            cast("IHalfCloseableProtocol", self._inner).readConnectionLost()

    def writeConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """Our FIN is out."""
        if self._inner is not None:
            cast("IHalfCloseableProtocol", self._inner).writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The TCP connection is gone."""
        if self._inner is not None:
            self._inner.connectionLost(reason)


class _ProxiedConnection(HeadedConnection):
    """Reads the header, then hands everything on."""

    def __init__(self, peer: str, factory: Factory, proxies: Proxies, clock: IReactorTime) -> None:
        super().__init__(factory)
        self._peer = peer
        self._proxies = proxies
        self._clock = clock
        self._head = b""
        self._limit: IDelayedCall | None = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Wait for the header."""
        super().connectionMade()
        self._limit = self._clock.callLater(self._proxies.seconds, self._refuse, "no PROXY header came in time")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take the header, and what follows it."""
        if self._inner is not None:
            super().dataReceived(data)
            return
        try:
            while (wanted := octets_wanted(self._head)) and data:
                self._head, data = self._head + data[:wanted], data[wanted:]
            if not wanted:
                header = parse_header(self._head)
                self._stop_waiting()
                self.begin(header, data)
        except ProxyHeaderError as error:
            self._refuse(f"no PROXY header: {error}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The TCP connection is gone."""
        self._stop_waiting()
        super().connectionLost(reason)

    def _refuse(self, detail: str) -> None:
        self._proxies.refuse_headless(self._peer, detail)
        self._tcp.abortConnection()

    def _stop_waiting(self) -> None:
        if self._limit is not None and self._limit.active():
            self._limit.cancel()


class _ProxiedTransport:
    """A TCP transport that gives the addresses of a header for its own, where it has some."""

    def __init__(self, tcp: Any, header: ProxyHeader) -> None:
        self._tcp = tcp
        self._peer = _twisted_address(header.source) or tcp.getPeer()
        self._host = _twisted_address(header.destination) or tcp.getHost()

    def getPeer(self) -> IAddress:  # noqa: N802 - Twisted's name
        """Return the client's address."""
        return cast("IAddress", self._peer)

    def getHost(self) -> IAddress:  # noqa: N802 - Twisted's name
        """Return the address that the client connected to."""
        return cast("IAddress", self._host)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tcp, name)


def _twisted_address(address: HostPort | None) -> IPv4Address | IPv6Address | None:
    if address is None:
        return None
    return (IPv6Address if ":" in address.host else IPv4Address)("TCP", address.host, address.port)
