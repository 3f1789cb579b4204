"""When a control connection is read, and what happens to octets that come at another time.

Two sides may ask for silence: the server-PI, which is busy with a command, and
the client, which does not read what we answer. Only while neither does is the
socket read. Twisted may still hand over one read of the socket that was under
way; it is kept and delivered later, never from within the call that asks for
more. The intake refuses to look into what it carries.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from twisted.internet.address import IPv4Address as TcpAddress4
from twisted.internet.address import IPv6Address as TcpAddress6
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ftpstwist.tls.turns import Place, Turns
from ftpstwist.wire.hostport import HostPort

_QUICK_ACKNOWLEDGEMENT: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it; elsewhere nothing is lost but time."""

_ADDRESSES_READ = 4096


class TcpTransport(Protocol):
    """What a control connection needs of Twisted's TCP transport."""

    def getPeer(self) -> object: ...  # noqa: D102, N802
    def getHost(self) -> object: ...  # noqa: D102, N802
    def getHandle(self) -> socket.socket: ...  # noqa: D102, N802
    def setTcpNoDelay(self, enabled: bool) -> None: ...  # noqa: D102, N802, FBT001
    def registerProducer(self, producer: object, streaming: bool) -> None: ...  # noqa: D102, N802, FBT001
    def unregisterProducer(self) -> None: ...  # noqa: D102, N802
    def write(self, data: bytes) -> None: ...  # noqa: D102
    def pauseProducing(self) -> None: ...  # noqa: D102, N802
    def resumeProducing(self) -> None: ...  # noqa: D102, N802
    def loseConnection(self) -> None: ...  # noqa: D102, N802
    def loseWriteConnection(self) -> None: ...  # noqa: D102, N802
    def abortConnection(self) -> None: ...  # noqa: D102, N802


class Intake:
    """Stands between the socket and whoever takes its octets.

    Args:
        transport: The socket.
        clock: Delivers what was kept, in a turn of its own.
        turns: Say when strangers are served.
        take: Takes octets; called with none to go on where :meth:`leave` was called.
        finish: Called once, after the last octets, when the client has sent FIN.
    """

    def __init__(
        self,
        transport: TcpTransport,
        clock: IReactorTime,
        turns: Turns,
        *,
        take: Callable[[bytes], None],
        finish: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._take = take
        self._finish = finish
        self._is_paused = False
        self._is_blocked = False
        self._is_left = False
        self._has_stopped = False
        self._kept = bytearray()
        self._delivery: IDelayedCall | Place | None = None
        self._turns = turns
        self.has_ended = False
        self.is_at_once = False
        """Whether octets are delivered as they come; else in turn with those of all other strangers."""
        # ABOR may come as urgent data (RFC 959 section 4.1.3); out of line its last octet would be lost.
        transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    @property
    def is_open(self) -> bool:
        """Whether octets may be delivered now."""
        return not (self._is_paused or self._is_blocked or self._has_stopped)

    @property
    def is_blocked(self) -> bool:
        """Whether the client does not read."""
        return self._is_blocked

    def arrive(self, octets: bytes) -> None:
        """Take octets from the socket."""
        if self._has_stopped:
            return
        self._kept += octets
        if not self.is_open:
            return
        if self._delivery is not None:
            self._transport.pauseProducing()  # until it is delivered
        elif self.is_at_once:
            self._deliver()
        elif self._turns.is_free:
            self._turns.run(self._deliver)
        else:
            self._delivery = self._turns.wait(self._deliver)

    def end(self) -> None:
        """The client has sent FIN."""
        self.has_ended = True
        if not self._kept and not self._is_left and not self._has_stopped:
            self._finish()

    def acknowledge(self) -> None:
        """Tell the client's kernel at once what has come; to be called after each read where it matters.

        GnuTLS and Java send the end of their handshake in two small pieces, the second one only when the first is
        acknowledged (Nagle), and would wait 40 ms for an acknowledgement that we delay.
        """
        if _QUICK_ACKNOWLEDGEMENT is not None:
            self._transport.getHandle().setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)

    def leave(self) -> None:
        """Whoever takes the octets has found the intake shut and keeps some for later."""
        self._is_left = True

    def pause(self) -> None:
        """The server-PI wants no octets."""
        if not self._has_stopped:
            self._is_paused = True
            self._transport.pauseProducing()

    def resume(self) -> None:
        """The server-PI wants octets again."""
        self._is_paused = False
        self._go_on()

    def block(self) -> None:
        """The client does not read."""
        self._is_blocked = True
        self._transport.pauseProducing()

    def unblock(self) -> None:
        """The client reads again."""
        self._is_blocked = False
        self._go_on()

    def stop(self) -> None:
        """Deliver nothing any more."""
        self._has_stopped = True
        self._kept.clear()
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None

    def _go_on(self) -> None:
        if not self.is_open or self._delivery is not None:
            return
        if self._kept or self._is_left:
            later = self._clock.callLater(0, self._deliver) if self.is_at_once else self._turns.wait(self._deliver)
            self._delivery = later
        elif not self.has_ended:
            self._transport.resumeProducing()

    def _deliver(self) -> None:
        self._delivery = None
        if not self.is_open:
            return
        octets, self._kept = bytes(self._kept), bytearray()
        self._is_left = False
        self._take(octets)
        if self.has_ended and not (self._kept or self._is_left or self._has_stopped):
            self._finish()
        self._go_on()


def host_port(address: object) -> HostPort:
    """Return an address of Twisted as ours; IPv4 never in its v6-mapped form, IPv6 without zone."""
    if not isinstance(address, TcpAddress4 | TcpAddress6):
        raise TypeError(f"not a TCP address: {address!r}")
    return HostPort(_numeric(address.host), address.port)


@lru_cache(_ADDRESSES_READ)
def _numeric(host: str) -> str:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
