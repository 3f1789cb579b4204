"""How octets leave on a control connection: at once, as long as the client's side takes them.

How it works: a reply is a few dozen octets, and the kernel has room for them.
Given to Twisted they would wait for a turn of the reactor, and cost two more
system calls to be told when the socket is ready. So they go straight to the
socket, all that one read of the socket gave rise to together; what the socket
does not take goes to Twisted, and everything behind it, too, until Twisted has
sent all of it. It refuses to judge errors: Twisted meets them again, and ends
the connection.
"""

from __future__ import annotations

from ftpstwist.tls.intake import TcpTransport

MAX_HELD = 1 << 16
"""Octets kept together at most."""


class Outlet:
    """Stands before the writing side of the socket.

    Args:
        transport: The socket.
    """

    def __init__(self, transport: TcpTransport) -> None:
        self._transport = transport
        self._is_free = True
        self._holders = 0
        self._held = bytearray()

    def hold(self) -> None:
        """Keep octets together until :meth:`release` was called as often."""
        self._holders += 1

    def release(self) -> None:
        """Send what was kept."""
        self._holders -= 1
        if not self._holders:
            self.flush()

    def write(self, octets: bytes) -> None:
        """Send octets, behind all that was written before."""
        if self._holders:
            self._held += octets
            if len(self._held) > MAX_HELD:
                self.flush()
        else:
            self._send(octets)

    def flush(self) -> None:
        """Send what was kept so far."""
        if self._held:
            octets, self._held = bytes(self._held), bytearray()
            self._send(octets)

    def free(self) -> None:
        """Twisted has sent all that it had."""
        self._is_free = True

    def _send(self, octets: bytes) -> None:
        sent = 0
        if self._is_free:
            try:
                sent = self._transport.getHandle().send(octets)
            except OSError:
                self._is_free = False
            else:
                self._is_free = sent == len(octets)
        if sent < len(octets):
            self._transport.write(octets[sent:])
