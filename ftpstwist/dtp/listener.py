"""One port: a listening socket, bound once and kept open (RFC 959 section 3.2).

It accepts and passes on; it refuses to judge who came: that is the pool's work.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Iterator

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.logger import Logger

from ftpstwist.dtp.peer import normal_address
from ftpstwist.dtp.watched import WatchedSocket

_log = Logger()

_PAUSE_SECONDS = 1.0
"""Rest after ``accept`` failed for want of descriptors: trying on would only burn time."""
_GONE_BEFORE_ACCEPT = (ConnectionAbortedError, InterruptedError)

Accepted = Callable[[socket.socket, str, int], None]
"""Takes the accepted socket, the peer's address and the port it came to."""


class Listener(WatchedSocket):
    """Accepts connections on one address and port.

    Args:
        plain: Bound and listening; becomes non-blocking.
        accepted: Is called for each connection; owns its socket then.
        accepts_per_wake: Connections accepted before the reactor turns to others.
        reactor: Watches the socket.
        clock: For a rest when descriptors run out.
        words: What the log calls it, before its number.
    """

    def __init__(
        self,
        plain: socket.socket,
        accepted: Accepted,
        *,
        accepts_per_wake: int,
        reactor: IReactorFDSet,
        clock: IReactorTime,
        words: str = "passive port",
    ) -> None:
        host, port = plain.getsockname()[:2]
        super().__init__(plain, f"{words} {port}")
        self._words = words
        self.host = normal_address(host)
        self.port = int(port)
        self._accepted = accepted
        self._accepts_per_wake = accepts_per_wake
        self._reactor = reactor
        self._clock = clock
        self._rest: IDelayedCall | None = None
        self.is_ipv6 = plain.family == socket.AF_INET6

    def start(self) -> None:
        """Begin to accept."""
        self.pause()
        self._reactor.addReader(self)

    def pause(self) -> None:
        """Accept nothing for now; who comes waits in the kernel."""
        if self._rest is not None and self._rest.active():
            self._rest.cancel()
        self._rest = None
        self._reactor.removeReader(self)

    def close(self) -> None:
        """Stop listening. Calling twice does no harm."""
        self.pause()
        self.plain.close()

    def on_readable(self) -> None:
        """Accept some of those who wait."""
        self.accept(self._accepts_per_wake)

    def accept(self, limit: int) -> None:
        """Accept those who wait, at most *limit*."""
        for _ in range(limit):
            try:
                plain, address = self.plain.accept()
            except BlockingIOError:
                return
            except _GONE_BEFORE_ACCEPT:
                continue
            except OSError as error:
                self._take_a_rest(error)
                return
            self._accepted(plain, normal_address(address[0]), self.port)

    def on_lost(self) -> None:
        """Close it: the reactor stops."""
        self.close()

    def _take_a_rest(self, error: OSError) -> None:
        _log.error("accept on {words} {port} failed: {error}", words=self._words, port=self.port, error=error)
        self._reactor.removeReader(self)
        self._rest = self._clock.callLater(_PAUSE_SECONDS, self.start)


def bind_ports(addresses: Iterable[str], ports: Iterable[int], backlog: int) -> Iterator[socket.socket]:
    """Yield a listening socket for each address and port; ports in use are left out, and logged.

    IPv6 sockets take IPv6 only, whatever the system's default.

    Raises:
        OSError: An address can not be listened on at all, or a port is not ours to bind.
    """
    numbers = list(ports)
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        taken: OSError | None = None
        bound = 0
        for port in numbers:
            try:
                yield _bind(family, address, port, backlog)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise OSError(error.errno, f"passive port {port} on {address}: {error.strerror}") from None
                taken = error
                _log.warn("passive port {port} on {address} is in use: left out", port=port, address=address)
            else:
                bound += 1
        if not bound and taken is not None:
            raise OSError(taken.errno, f"all passive ports on {address} are in use")


def _bind(family: socket.AddressFamily, address: str, port: int, backlog: int) -> socket.socket:
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        plain.bind((address, port))
        plain.listen(backlog)
    except BaseException:
        plain.close()
        raise
    return plain
