"""Connections that come through a load balancer: the PROXY header in front of them (HAProxy).

It is read octet by octet, so that nothing of what follows is taken away from
the handshake or the file. It refuses to judge whose connection it is.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.watched import WatchedSocket
from ftpstwist.wire.proxyheader import ProxyHeader, ProxyHeaderError, octets_wanted, parse_header

HEADER_SECONDS = 5.0
"""Time limit of a header: it comes with the connection."""


class HeadedConnection(WatchedSocket):
    """Reads the header of one connection.

    Args:
        plain: The connection.
        reactor: Watches the socket.
        clock: For the time limit.
        told: Is called once with the header; the socket is the callee's then.
        refused: Is called once with the reason, after it was closed. The reason is empty for a
            load balancer that went away without a word.
    """

    def __init__(
        self,
        plain: socket.socket,
        *,
        reactor: IReactorFDSet,
        clock: IReactorTime,
        told: Callable[[HeadedConnection, ProxyHeader], None],
        refused: Callable[[HeadedConnection, str], None],
    ) -> None:
        super().__init__(plain, "connection of a load balancer")
        self._head = b""
        self._reactor = reactor
        self._told = told
        self._refused = refused
        self._limit = clock.callLater(HEADER_SECONDS, self._refuse, "no PROXY header came in time")
        reactor.addReader(self)

    def close(self) -> None:
        """Close it."""
        self._be_still()
        self.plain.close()

    def on_readable(self) -> None:
        """Read what there is of the header, and nothing behind it."""
        try:
            while wanted := octets_wanted(self._head):
                octets = self.plain.recv(wanted)
                if not octets:
                    self._refuse("" if not self._head else "the PROXY header breaks off")
                    return
                self._head += octets
            header = parse_header(self._head)
        except BlockingIOError:
            return
        except (OSError, ProxyHeaderError) as error:
            self._refuse(f"no PROXY header: {error}")
            return
        self._be_still()
        self._told(self, header)

    def on_lost(self) -> None:
        """Give up, unless it was closed while it was read."""
        if self.plain.fileno() != -1:
            self._refuse("")

    def _refuse(self, reason: str) -> None:
        self.close()
        self._refused(self, reason)

    def _be_still(self) -> None:
        self._reactor.removeReader(self)
        if self._limit.active():
            self._limit.cancel()
