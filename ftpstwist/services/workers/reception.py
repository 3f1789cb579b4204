"""Where a worker takes control connections: each is built by the factory of its port, and let in as the front said."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger

from ftpstwist.dtp.watched import WatchedSocket
from ftpstwist.pi.proxied import HeadedConnection
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.sessions import ControlFactory
from ftpstwist.services.workers.handover import PER_WAKE, Handover, take

_log = Logger()

Gone = Callable[[int], None]
"""Takes the number of a place that is free again."""


class JudgedDoor:
    """Lets one connection in, or not, as was decided elsewhere. A ``Door``.

    Args:
        handover: What was decided.
        gone: Is told when the place is free again.
    """

    def __init__(self, handover: Handover, gone: Gone) -> None:
        self._handover = handover
        self._gone = gone

    def admit(self, address: str) -> str | None:  # noqa: ARG002 - it was looked at already
        """Return what was decided."""
        return self._handover.refusal

    def release(self, address: str) -> None:  # noqa: ARG002 - the place says it
        """Give the place back."""
        self._gone(self._handover.place)


class _Closed:
    """Lets nobody in. A ``Door``: that of a process whose connections were all judged elsewhere."""

    def admit(self, address: str) -> str | None:  # noqa: ARG002 - whoever it is
        """Say no."""
        return "Connections come in elsewhere"

    def release(self, address: str) -> None:
        """Do nothing: nobody is in."""


CLOSED = _Closed()


class Reception(WatchedSocket):
    """Takes connections from the front.

    Args:
        end: This process's end of the pair.
        factories: What builds connections, by number of the control port.
        reactor: Watches them.
        gone: Is told of places that are free again.
    """

    def __init__(
        self, end: socket.socket, factories: Sequence[ControlFactory], *, reactor: IReactor, gone: Gone
    ) -> None:
        super().__init__(end, "reception")
        self._factories = factories
        self._reactor = reactor
        self._gone = gone

    def open(self) -> None:
        """Begin to take them."""
        self._reactor.addReader(self)

    def finish(self) -> None:
        """Take all that wait, and then no more."""
        while self.plain.fileno() != -1 and self._take_one():
            pass
        self.close()

    def close(self) -> None:
        """Take no more. Calling twice does no harm."""
        self._reactor.removeReader(self)
        self.plain.close()

    def on_readable(self) -> None:
        """Take some of those that wait."""
        for _ in range(PER_WAKE):
            if not self._take_one():
                return

    def on_lost(self) -> None:
        """Close it: the front has gone."""
        self.close()

    def _take_one(self) -> bool:
        """Take the next one; return whether there was one."""
        try:
            taken = take(self.plain)
        except BlockingIOError:
            return False
        except OSError:
            taken = None
        if taken is None:
            self.close()
            return False
        self._receive(*taken)
        return True

    def _receive(self, handover: Handover, connection: socket.socket | None) -> None:
        if connection is None:
            _log.error("a control connection could not be taken: this process has too many files open")
            self._gone(handover.place)
            return
        with connection:
            connection.setblocking(False)
            factory = _HandedFactory(self._factories[handover.port], handover, self._gone)
            try:
                self._reactor.adoptStreamConnection(connection.fileno(), connection.family, factory)
            except OSError:  # the client has gone before anything began
                self._gone(handover.place)


class _HandedFactory(ServerFactory):
    """Builds the one connection that was handed over."""

    noisy = False

    def __init__(self, inner: ControlFactory, handover: Handover, gone: Gone) -> None:
        self._inner = inner
        self._handover = handover
        self._gone = gone
        self._header = handover.header

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # noqa: N802 - Twisted's interface
        """Return its protocol; ``None``, which closes it, if it came from where nobody is let in."""
        header, self._header = self._header, None
        if header is not None:  # which asks once more, with the address that the load balancer told
            return HeadedConnection(self, header)
        protocol = self._inner.build(addr, JudgedDoor(self._handover, self._gone))
        if protocol is None:
            self._gone(self._handover.place)
        return protocol
