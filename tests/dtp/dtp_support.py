"""What the tests of the server-DTP have in common: sessions, files in memory, clients in threads."""

from __future__ import annotations

import os
import random
import socket
import struct
from contextlib import closing

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ftpstwist.dtp.advertised import AdvertisedAddresses
from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.burst import Bursts
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.dtp.rendezvous import SessionDataConnections
from ftpstwist.dtp.settings import DataSettings, PassiveSettings
from ftpstwist.interfaces import TlsError
from ftpstwist.storage.threads import TwistedWorkerThreads
from ftpstwist.wire.pathname import ROOT


class Source:
    """A ``ReadHandle`` on octets in memory."""

    def __init__(self, octets: bytes, failing_at: Exception | None = None) -> None:
        self._rest = memoryview(octets)
        self._failing_at = failing_at

    def read_into(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._rest))
        if not count and self._failing_at is not None:
            raise self._failing_at
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        pass


class EndlessSource:
    """A ``ReadHandle`` that never ends."""

    def read_into(self, buffer: memoryview) -> int:
        buffer[:1] = b"x"
        return len(buffer)

    def close(self) -> None:
        pass


class Sink:
    """A ``WriteHandle`` in memory."""

    path = ROOT

    def __init__(self, failing_beyond: int | None = None, error: Exception | None = None) -> None:
        self.octets = bytearray()
        self._failing_beyond = failing_beyond
        self._error = error

    @property
    def size(self) -> int:
        return len(self.octets)

    def write(self, data) -> None:
        if self._failing_beyond is not None and len(self.octets) + len(data) > self._failing_beyond:
            raise self._error
        self.octets += data

    def commit(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class Side:
    """The control side of one session."""

    def __init__(self, *, peer="127.0.0.1", host="127.0.0.1", user="alice", session_tls=None) -> None:
        self.peer = peer
        self.host = host
        self.user = user
        self.session_tls = session_tls
        self.control_facts = None
        self.is_protected = False
        self.is_data_private = True
        self.may_end_anyhow = False
        self.other_servers = ()
        self.tls_failures: list[TlsError] = []
        self.servers: list[str] = []
        self.opened: list[tuple] = []

    def data_goes_to_server(self, address: str) -> None:
        self.servers.append(address)

    def data_opened(self, tls, *, passive: bool) -> None:
        self.opened.append((tls, passive))

    def data_tls_failed(self, error: TlsError) -> None:
        self.tls_failures.append(error)


class DtpTestCase(TestCase):
    """A pool on loopback, worker threads, and a check that no descriptor stays open."""

    timeout = 30
    passive = PassiveSettings(addresses=("127.0.0.1",), ports=(0,), linger_seconds=0.2)
    settings = DataSettings(open_seconds=5, handshake_seconds=5, second_chance_seconds=2, stall_seconds=5)

    def setUp(self) -> None:
        self.threads = TwistedWorkerThreads(reactor, threads=8)
        self.threads.start()
        self.addCleanup(self.threads.stop)
        self.bursts = Bursts(self.threads, buffers=Buffers(1 << 20), clock=reactor, at_once=2)
        self.reports: list[tuple[str, str]] = []
        self.pool = self.make_pool(self.passive)

    def make_pool(self, settings: PassiveSettings) -> PassivePool:
        pool = PassivePool(
            settings,
            reactor=reactor,
            clock=reactor,
            random=random.SystemRandom(),
            report=lambda *report: self.reports.append((report[1], report[0])),
        )
        pool.bind()
        pool.start()
        self.addCleanup(pool.stop)
        return pool

    def session(
        self, side: Side | None = None, settings: DataSettings | None = None, clock=reactor
    ) -> SessionDataConnections:
        return SessionDataConnections(
            side or Side(),
            pool=self.pool,
            addresses=AdvertisedAddresses((), threads=self.threads, clock=reactor),
            settings=settings or self.settings,
            reactor=reactor,
            clock=clock,
            bursts=self.bursts,
        )

    async def sockets(self) -> int:
        """Return how many sockets are open once lingering connections are gone."""
        await until(lambda: not len(self.pool.lingering))
        return sum(_target(name).startswith("socket:") for name in os.listdir("/proc/self/fd"))


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except FileNotFoundError:  # the listing's own
        return ""


def started(coroutine) -> Deferred:
    return Deferred.fromCoroutine(coroutine)


def in_thread(function, *args) -> Deferred:
    """Run a blocking client beside the reactor."""
    return deferToThread(function, *args)


async def turn() -> None:
    """Let the reactor turn once."""
    waiter: Deferred[None] = Deferred()
    reactor.callLater(0.002, waiter.callback, None)
    await waiter


async def until(condition) -> None:
    """Turn the reactor until *condition* holds; the test's timeout bounds it."""
    for _ in range(5000):
        if condition():
            return
        await turn()
    raise AssertionError("the condition never came true")


async def upload(data, sink, *, protected=False, **options) -> int:
    async with data.open(protected=protected, upload=True) as connection:
        return await connection.receive(sink, **options)


async def download(data, source, *, protected=False, **options) -> int:
    async with data.open(protected=protected, upload=False) as connection:
        return await connection.send(source, **options)


def dial(port: int, source: str = "127.0.0.1", host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=20, source_address=(source, 0))


def read_all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def fetch(port: int) -> bytes:
    """Download in clear."""
    with closing(dial(port)) as sock:
        return read_all(sock)


def store(port: int, octets: bytes) -> None:
    """Upload in clear, ending with FIN."""
    with closing(dial(port)) as sock:
        sock.sendall(octets)


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
