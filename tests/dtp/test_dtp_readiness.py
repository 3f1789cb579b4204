"""Waiting for sockets: wakes when it should, never spins, leaves nothing with the reactor."""

from __future__ import annotations

import contextlib
import socket

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from ftpstwist.dtp.linger import Lingering
from ftpstwist.dtp.readiness import ReactorSocket

from .dtp_support import reset, started, until


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    return near, far


class Waiting(TestCase):
    timeout = 20

    def setUp(self) -> None:
        near, self.far = _tcp_pair()
        self.clock = Clock()
        self.near = ReactorSocket(near, reactor=reactor, clock=self.clock)
        self.addCleanup(self.far.close)
        self.addCleanup(self.near.close)

    def assertIdle(self) -> None:
        assert self.near not in reactor.getReaders()
        assert self.near not in reactor.getWriters()
        assert self.clock.getDelayedCalls() == []

    async def test_readable(self) -> None:
        """Octets wake the reader once; between waits the reactor does not watch."""
        waiting = started(self.near.readable(10))
        assert self.near in reactor.getReaders()
        self.far.sendall(b"x")
        await waiting
        self.assertIdle()

    async def test_writable(self) -> None:
        """Room wakes the writer, only when there is some."""
        self._fill()
        waiting = started(self.near.writable(10))
        self.far.setblocking(False)
        await until(lambda: self._drain_far() or waiting.called)
        await waiting
        self.assertIdle()

    def _fill(self) -> None:
        chunk = bytes(1 << 20)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.near.plain.send(chunk)

    def _drain_far(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.far.recv(1 << 20)

    async def test_timeout(self) -> None:
        """A wait ends at its time limit and leaves nothing behind."""
        for wait in (self.near.readable, self.near.writable):
            waiting = started(wait(10))
            if wait == self.near.readable:
                self.clock.advance(10)
                await self.assertFailure(waiting, WaitedTooLong)
            else:
                await waiting
            self.assertIdle()

    async def test_cancel(self) -> None:
        """A cancelled wait ends at once and leaves nothing behind."""
        waiting = started(self.near.readable(10))
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        self.assertIdle()

    async def test_hang_up_wakes_both(self) -> None:
        """After RST the waiter wakes, and its next call on the socket says why; nothing spins."""
        reading, writing = started(self.near.readable(10)), started(self.near.writable(10))
        reset(self.far)
        await reading
        await writing
        with pytest.raises(ConnectionResetError):
            self.near.plain.recv(1)
        self.assertIdle()

    async def test_fin_wakes_the_reader(self) -> None:
        """FIN is something to read."""
        waiting = started(self.near.readable(10))
        self.far.shutdown(socket.SHUT_WR)
        await waiting
        assert self.near.plain.recv(1) == b""

    async def test_closing_wakes_who_waits(self) -> None:
        """Nobody waits for a socket that is closed, and the reactor forgets it."""
        reading = started(self.near.readable(10))
        self.near.close()
        await reading
        self.assertIdle()
        self.near.close()

    async def test_unacknowledged_octets_are_known(self) -> None:
        """A slow reader can be told from one that has stalled."""
        if self.near.unsent() is None:
            return
        self._fill()
        before = self.near.unsent()
        self.far.recv(1 << 20)
        await until(lambda: self.near.unsent() < before or self.far.recv(1 << 20) is None)
        self.near.close()
        assert self.near.unsent() is None


class FinishedConnections(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.lingering = Lingering(seconds=2, limit=3, reactor=reactor, clock=self.clock)
        self.addCleanup(self.lingering.close_all)

    def finished(self) -> tuple[socket.socket, socket.socket]:
        near, far = _tcp_pair()
        near.setblocking(False)
        near.shutdown(socket.SHUT_WR)
        self.addCleanup(far.close)
        return near, far

    async def test_peer_closes(self) -> None:
        """The socket goes when the client has closed, too; what it sends meanwhile is thrown away, without RST."""
        near, far = self.finished()
        self.lingering.adopt(near)
        far.sendall(bytes(200_000))
        assert far.recv(1) == b""
        far.close()
        await until(lambda: not len(self.lingering))
        assert near.fileno() == -1
        assert self.clock.getDelayedCalls() == []

    async def test_peer_closed_before(self) -> None:
        """A client that has closed already costs nothing."""
        near, far = self.finished()
        far.close()
        await until(lambda: len(near.recv(1, socket.MSG_PEEK)) == 0)
        self.lingering.adopt(near)
        assert (len(self.lingering), near.fileno()) == (0, -1)

    async def test_peer_stays(self) -> None:
        """A client that never closes costs two seconds."""
        near, _ = self.finished()
        self.lingering.adopt(near)
        self.clock.advance(2)
        assert (len(self.lingering), near.fileno()) == (0, -1)

    async def test_cap(self) -> None:
        """At the cap all wait; one more closes the oldest."""
        nears = [self.finished()[0] for _ in range(4)]
        for near in nears[:3]:
            self.lingering.adopt(near)
        assert len(self.lingering) == 3
        self.lingering.adopt(nears[3])
        assert len(self.lingering) == 3
        assert [near.fileno() == -1 for near in nears] == [True, False, False, False]

    async def test_rst(self) -> None:
        """A client that resets is gone at once."""
        near, far = self.finished()
        self.lingering.adopt(near)
        reset(far)
        await until(lambda: not len(self.lingering))
        assert near.fileno() == -1
