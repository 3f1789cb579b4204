"""A socket as the reactor watches it (``IReadDescriptor``, ``IWriteDescriptor``): Twisted's names end here."""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IReadDescriptor, IWriteDescriptor)
class WatchedSocket:
    """Passes the reactor's calls on to the methods below, which do nothing here.

    Args:
        plain: Becomes non-blocking.
        log_name: What Twisted's log calls it.
    """

    def __init__(self, plain: socket.socket, log_name: str) -> None:
        plain.setblocking(False)
        self.plain = plain
        self._log_name = log_name

    def on_readable(self) -> None:
        """There is something to read, or to accept."""

    def on_writable(self) -> None:
        """There is room to write."""

    def on_lost(self) -> None:
        """An error or a hang-up, or the reactor stops. It may have been closed already."""

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self.plain.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Return what Twisted's log calls it."""
        return self._log_name

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """There is something to read, or to accept."""
        self.on_readable()

    def doWrite(self) -> None:  # noqa: N802 - Twisted's name
        """There is room to write."""
        self.on_writable()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802, ARG002 - Twisted's name and argument
        """An error or a hang-up, or the reactor stops."""
        self.on_lost()
