"""A server-PI that takes notes, and a TCP connection in memory, for the tests of the switch."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ftpstwist.tls.turns import Turns
from ftpstwist.tls.upgrade import SwitchProtocol
from tests.tls.tls_support import StdlibClient


class Notes:
    """A ``ControlProtocol`` that writes down what it is told, and answers what it was taught."""

    def __init__(self, *, greets: bool = True) -> None:
        self.greets = greets
        self.events: list[tuple] = []
        self.answers: dict[bytes, object] = {}
        self.transport = None

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.events.append(("made",))
        if self.greets:
            transport.write(b"220 hello\r\n")

    def tls_established(self, facts) -> None:
        self.events.append(("established", facts.version))

    def tls_failed(self, error) -> None:
        self.events.append(("failed", error.cause))
        self.error = error

    def data_received(self, octets: bytes) -> None:
        self.events.append(("data", octets))
        for start, answer in self.answers.items():
            if octets.startswith(start):
                answer()

    def write_blocked(self, *, blocked: bool) -> None:
        self.events.append(("blocked", blocked))

    def connection_lost(self, reason: str) -> None:
        self.events.append(("lost", reason))

    def named(self, kind: str) -> list:
        return [event[1] if len(event) > 1 else None for event in self.events if event[0] == kind]

    @property
    def received(self) -> bytes:
        return b"".join(self.named("data"))


class MemoryTcp(StringTransport):
    """Twisted's TCP transport as far as the switch uses it, FIN and RST included."""

    def __init__(self, peer=None, host=None) -> None:
        super().__init__(host or IPv4Address("TCP", "192.0.2.1", 21), peer or IPv4Address("TCP", "192.0.2.99", 4321))
        self.protocol = None
        self.ends: list[str] = []
        self.is_stuck = False  # the client does not read
        self.no_delay = False
        self.options: list[tuple[int, int, int]] = []

    def getHandle(self):
        return self

    def send(self, octets: bytes) -> int:
        raise BlockingIOError  # everything goes the way through Twisted

    def setsockopt(self, level: int, name: int, value: int) -> None:
        self.options.append((level, name, value))

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def loseWriteConnection(self) -> None:
        assert self.producer is None, "Twisted would never send the FIN"
        self.ends.append("FIN")
        if not self.is_stuck:
            self.protocol.writeConnectionLost()

    def loseConnection(self) -> None:
        assert self.producer is None, "Twisted would never close"
        self.ends.append("close")
        if not self.is_stuck:
            self.lose(ConnectionDone())

    def abortConnection(self) -> None:
        self.ends.append("RST")
        self.lose(ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        if not self.disconnected:
            self.disconnected = True
            self.protocol.connectionLost(Failure(reason))

    def reset_by_peer(self) -> None:
        self.lose(ConnectionLost())

    def taken(self) -> bytes:
        octets = self.value()
        self.clear()
        return octets


class Line:
    """A switch, its server-PI and its clock, connected."""

    def __init__(
        self, *, implicit_tls=None, inner: Notes | None = None, tcp: MemoryTcp | None = None, **settings
    ) -> None:
        self.notes = inner or Notes(greets=implicit_tls is None)
        self.clock = Clock()
        self.tcp = tcp or MemoryTcp()
        self.turns = Turns(self.clock)
        self.switch = SwitchProtocol(
            self.notes, clock=self.clock, turns=self.turns, implicit_tls=implicit_tls, **settings
        )
        self.tcp.protocol = self.switch
        self.switch.makeConnection(self.tcp)

    def receive(self, octets: bytes) -> None:
        self.switch.dataReceived(octets)

    def shake_hands(self, client: StdlibClient) -> StdlibClient:
        for _ in range(6):
            client.step()
            if octets := client.take():
                self.receive(octets)
            client.give(self.tcp.taken())
        assert client.is_complete, client.error
        return client

    def is_quiet(self) -> bool:
        """Whether no timer is left."""
        return not self.clock.getDelayedCalls()
