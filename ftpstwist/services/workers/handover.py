"""A control connection on its way from the front to a worker: its descriptor, and what was found out about it.

How it works: each worker has a socket pair that keeps messages apart (SOCK_SEQPACKET). A
message carries the descriptor (SCM_RIGHTS); whichever side fails to take it, the kernel closes the connection.
(``socket.send_fds`` and ``recv_fds`` of Python 3.11 forget their flags.)
"""

from __future__ import annotations

import json
import socket
from array import array
from dataclasses import dataclass

from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.proxyheader import ProxyHeader

_LONGEST = 4096
_GIVING = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_TAKING = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
_DESCRIPTOR = array("i").itemsize

PER_WAKE = 32
"""Connections that a worker takes before the reactor turns to others."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What goes with a connection.

    Attributes:
        place: Its number; the worker gives it back when the connection has gone. 0 if it was refused.
        port: Which of the control ports it came to.
        refusal: Why it is refused, fit for the client; ``None`` if it is let in.
        header: What a load balancer says about it; ``None`` if it came by itself.
    """

    place: int
    port: int
    refusal: str | None
    header: ProxyHeader | None


def handover_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends, of the front and of a worker."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def give(end: socket.socket, handover: Handover, connection: socket.socket) -> None:
    """Send a connection; the caller has still to close its own descriptor.

    Raises:
        OSError: The worker has gone, or takes no more at the moment.
    """
    header = handover.header
    known = None if header is None else [_spell(header.source), _spell(header.destination)]
    message = json.dumps([handover.place, handover.port, handover.refusal, known]).encode("ascii")
    descriptor = array("i", [connection.fileno()])
    end.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)], _GIVING)


def take(end: socket.socket) -> tuple[Handover, socket.socket | None] | None:
    """Return the next connection; ``None`` if the front has gone.

    There is no socket if this process has too many open already.

    Raises:
        BlockingIOError: There is none at the moment.
        OSError: The socket is of no use any more.
    """
    message, more, _, _ = end.recvmsg(_LONGEST, socket.CMSG_LEN(_DESCRIPTOR), _TAKING)
    if not message:
        return None
    place, port, refusal, known = json.loads(message)
    header = None if known is None else ProxyHeader(*map(_read, known))
    connection = None
    for _, _, octets in more:
        (descriptor,) = array("i", octets[:_DESCRIPTOR])
        connection = socket.socket(fileno=descriptor)
    return Handover(place, port, refusal, header), connection


def _spell(address: HostPort | None) -> list[object] | None:
    return None if address is None else [address.host, address.port]


def _read(spelt: list[object] | None) -> HostPort | None:
    return None if spelt is None else HostPort(str(spelt[0]), int(str(spelt[1])))
