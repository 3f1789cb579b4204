"""A plain non-blocking socket that can be waited for, with the reactor's eyes (``IReactorFDSet``).

How it works: the reactor watches the socket only while somebody awaits
:meth:`ReactorSocket.readable` or :meth:`ReactorSocket.writable`, so between
waits a worker thread may use it, and nothing spins. Errors and hang-ups only
wake the waiter: the next ``recv`` or ``send`` reports what happened. It
refuses to buffer, to read or to write anything itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.watched import WatchedSocket


class ReactorSocket(WatchedSocket):
    """A connected (or connecting) TCP socket, owned by this object.

    Args:
        plain: The socket; becomes non-blocking, without Nagle's delay: every send of ours is a whole one.
        reactor: Watches it.
        clock: For timeouts.
    """

    def __init__(self, plain: socket.socket, *, reactor: IReactorFDSet, clock: IReactorTime) -> None:
        super().__init__(plain, "data connection")
        with contextlib.suppress(OSError):  # already reset: the first recv or send tells
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reactor = reactor
        self._clock = clock
        self._reader: Callable[[], None] | None = None
        self._writer: Callable[[], None] | None = None

    async def readable(self, seconds: float) -> None:
        """Wait until ``recv`` has something to tell; one waiter at a time.

        Raises:
            twisted.internet.defer.TimeoutError: Nothing came for *seconds*.
        """
        waiter: Deferred[None] = Deferred(self._reader_cancelled)
        self.notice(lambda: waiter.callback(None))
        await waiter.addTimeout(seconds, self._clock)

    def notice(self, spoke: Callable[[], None]) -> None:
        """Call *spoke* once, when ``recv`` has something to tell or it is closed; not after :meth:`disregard`."""
        self._reader = spoke
        self._reactor.addReader(self)

    def disregard(self) -> None:
        """Call nobody any more."""
        self._detach_reader()

    async def writable(self, seconds: float) -> None:
        """Wait until ``send`` would take something; one waiter at a time.

        Raises:
            twisted.internet.defer.TimeoutError: There was no room for *seconds*.
        """
        waiter: Deferred[None] = Deferred(self._writer_cancelled)
        self._writer = lambda: waiter.callback(None)
        self._reactor.addWriter(self)
        await waiter.addTimeout(seconds, self._clock)

    def unsent(self) -> int | None:
        """Return the octets the peer has not acknowledged yet; ``None`` where the system can not tell."""
        try:
            answer = fcntl.ioctl(self.plain.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        except (OSError, ValueError):  # ValueError: closed
            return None
        return int(struct.unpack("i", answer)[0])

    def send_end(self) -> None:
        """Send FIN; nothing can be sent after it."""
        with contextlib.suppress(OSError):  # reset already: there is nobody to tell
            self.plain.shutdown(socket.SHUT_WR)

    def release(self) -> socket.socket:
        """Give the socket away; this object is of no use afterwards."""
        self._detach_reader()
        self._detach_writer()
        return self.plain

    def close(self) -> None:
        """Close it; what the kernel took still goes out. Who waits is woken. Calling twice does no harm."""
        waiters = self._detach_reader(), self._detach_writer()
        self.plain.close()
        _wake(*waiters)

    def abort(self) -> None:
        """Close it with RST, so that the peer knows something is missing."""
        with contextlib.suppress(OSError):
            self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def _reader_cancelled(self, _: Deferred[None]) -> None:
        self._detach_reader()

    def _writer_cancelled(self, _: Deferred[None]) -> None:
        self._detach_writer()

    def _detach_reader(self) -> Callable[[], None] | None:
        waiter, self._reader = self._reader, None
        if waiter is not None:
            self._reactor.removeReader(self)
        return waiter

    def _detach_writer(self) -> Callable[[], None] | None:
        waiter, self._writer = self._writer, None
        if waiter is not None:
            self._reactor.removeWriter(self)
        return waiter

    # What the reactor calls.

    def on_readable(self) -> None:
        """Wake who waits to read."""
        _wake(self._detach_reader())

    def on_writable(self) -> None:
        """Wake who waits to write."""
        _wake(self._detach_writer())

    def on_lost(self) -> None:
        """Wake both: the next call on the socket tells what happened."""
        _wake(self._detach_reader(), self._detach_writer())


def _wake(*waiters: Callable[[], None] | None) -> None:
    for wake in waiters:
        if wake is not None:
            wake()


def acknowledge(plain: socket.socket) -> None:
    """Tell the peer's kernel at once what has come.

    A peer that writes in several pieces waits for it before it sends a last small one (Nagle), and
    would lose 40 ms where nothing of ours is due that could carry the acknowledgement: in the
    handshakes of GnuTLS and Java, and in small uploads, whose tickets are held back.
    """
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
