"""Active mode: connect to where PORT or EPRT said (RFC 959 section 3.3, RFC 2428 section 2).

Only to the client itself, or to other servers that this user may transfer
with, and only to unprivileged ports: a server that connects anywhere is a tool for attacks on
third hosts (RFC 2577 section 3). The unspecified address, which some clients name
for want of knowing their own, stands for the client's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Sequence

from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.peer import lies_in, normal_address, unspecified_address
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import IPNetwork
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.hostport import HostPort

_FIRST_UNPRIVILEGED_PORT = 1024
_TRY_NEXT_PORT = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}


def require_allowed(target: HostPort, peer: str, networks: Iterable[IPNetwork]) -> HostPort:
    """Return *target* with the one spelling of its address, if a data connection may go there.

    Args:
        target: As PORT or EPRT named it.
        peer: Address of the control connection's client.
        networks: Of other servers, where it may go, too.

    Raises:
        FtpError: TARGET_NOT_ALLOWED (client sees 504, RFC 2577 section 3).
    """
    try:
        host = normal_address(target.host)
    except ValueError as error:
        raise FtpError(ErrorKind.TARGET_NOT_ALLOWED, f"not an address: {target.host!r}") from error
    if target.port < _FIRST_UNPRIVILEGED_PORT:
        raise FtpError(
            ErrorKind.TARGET_NOT_ALLOWED, f"data connection to low port {target.port}", "use a port above 1023"
        )
    if host == unspecified_address(peer):
        host = peer
    if host != peer and not lies_in(host, networks):
        raise FtpError(
            ErrorKind.TARGET_NOT_ALLOWED,
            f"data connection to {host}, client is {peer}",
            "only your own address is allowed",
        )
    return HostPort(host, target.port)


async def connect(
    target: HostPort,
    *,
    host: str,
    source_ports: Sequence[int],
    seconds: float,
    reactor: IReactorFDSet,
    clock: IReactorTime,
) -> ReactorSocket:
    """Connect to *target*.

    Args:
        target: Where to.
        host: Our address on the control connection: the client expects to be called from there.
        source_ports: Local ports to try in order; 0 lets the system choose.
        seconds: For the connection.
        reactor: Watches the socket.
        clock: For the time limit.

    Raises:
        FtpError: DATA_NOT_OPENED (client sees 425).
    """
    reason = "no source port is configured"
    for port in source_ports:
        plain = socket.socket(socket.AF_INET6 if ":" in target.host else socket.AF_INET, socket.SOCK_STREAM)
        stream = ReactorSocket(plain, reactor=reactor, clock=clock)
        try:
            await _connect_from(stream, HostPort(host, port), target, seconds)
        except WaitedTooLong:
            stream.close()
            raise _not_opened(target, f"no answer in {seconds:g} s", "closed by a firewall? Try passive mode") from None
        except OSError as error:
            stream.close()
            reason = f"from port {port}: {error.strerror}"
            if error.errno not in _TRY_NEXT_PORT:
                break
        except BaseException:
            stream.close()
            raise
        else:
            return stream
    raise _not_opened(target, reason, "your client did not accept it; try passive mode")


async def _connect_from(stream: ReactorSocket, source: HostPort, target: HostPort, seconds: float) -> None:
    stream.plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    stream.plain.bind((source.host, source.port))
    code = stream.plain.connect_ex((target.host, target.port))
    if code == errno.EINPROGRESS:
        await stream.writable(seconds)
        code = stream.plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _not_opened(target: HostPort, reason: str, hint: str) -> FtpError:
    return FtpError(ErrorKind.DATA_NOT_OPENED, f"data connection to {target.host} port {target.port}: {reason}", hint)
