"""The user-DTP of the doctor: passive data connections under TLS (RFC 959 section 4.1.2, RFC 2428, RFC 4217 section 9).

It refuses to connect anywhere but to the address of the control connection:
a server could otherwise send the doctor to any machine it likes.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ftpstwist.cli.doctor.control import ControlConnection, ConversationError, connect, words
from ftpstwist.cli.doctor.patience import Patience
from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.reply import Reply

MAX_OCTETS = 16 << 20
"""Octets read at most of a listing or a file."""
_CHUNK = 65536
_EPSV = re.compile(r"\((.)\1\1([0-9]{1,5})\1\)")
_PASV = re.compile(r"([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})")


class TransferError(Exception):
    """A transfer came to nothing.

    Args:
        cause: What the client saw.
        reply: What the server said, if it said something.
    """

    def __init__(self, cause: str, reply: Reply | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Received:
    """What came over a data connection.

    Attributes:
        octets: The content.
        resumed: Whether the TLS session of the control connection was resumed.
        ended: Whether the server ended it with close_notify.
    """

    octets: bytes
    resumed: bool
    ended: bool


def read_epsv(reply: Reply) -> int | None:
    """Return the port of a 229 reply, or nothing if there is none in it."""
    match = _EPSV.search(reply.lines[-1])
    return int(match[2]) if match else None


def read_pasv(reply: Reply) -> HostPort | None:
    """Return the address and port of a 227 reply, or nothing if there are none in it."""
    match = _PASV.search(reply.lines[-1])
    if match is None or max(numbers := [int(number) for number in match.groups()]) > 255:  # noqa: PLR2004 - an octet
        return None
    *host, high, low = numbers
    return HostPort(".".join(map(str, host)), high * 256 + low)


class DataConnections:
    """Makes data connections of one session.

    Args:
        control: Logged in, under TLS.
        context: The one the control connection was made with, or its session can not be resumed.
        verb: ``EPSV`` or ``PASV``.
        patience: Limits every wait.

    Attributes:
        resume: Whether to resume the TLS session of the control connection.
    """

    def __init__(self, control: ControlConnection, context: ssl.SSLContext, verb: str, patience: Patience) -> None:
        self.resume = True
        self._control = control
        self._context = context
        self._verb = verb
        self._patience = patience

    def receive(self, command: str) -> Received:
        """LIST, MLSD or RETR, to the end.

        Raises:
            TransferError: It was refused, broken, or not confirmed with 2xx.
            ConversationError: The control connection is gone.
        """
        with self._begin(command) as data:
            octets, ended = self._read(data)
            resumed = bool(data.session_reused)
            if ended:
                _send_close_notify(data)
        self._confirm()
        return Received(octets, resumed, ended)

    def send(self, command: str, octets: bytes, *, properly: bool = True) -> Reply:
        """STOR.

        Args:
            command: With its argument.
            octets: The content.
            properly: Whether to end with close_notify.

        Returns:
            The reply at the end, whatever it is.

        Raises:
            TransferError: It was refused, or broke.
            ConversationError: The control connection is gone.
        """
        with self._begin(command) as data:
            try:
                data.sendall(octets)
                if properly:
                    _send_close_notify(data)
                data.shutdown(socket.SHUT_WR)
                self._wait_for_end(data)
            except OSError as error:
                raise self._broken("the data connection broke", error) from error
        return self._control.reply()

    @contextmanager
    def _begin(self, command: str) -> Iterator[ssl.SSLSocket]:
        plain = self._connect()
        try:
            self._require_preliminary(command)
            data = self._wrap(plain)
        except BaseException:
            plain.close()
            raise
        with data:
            yield data

    def _require_preliminary(self, command: str) -> None:
        first = self._control.do(command)
        if not first.is_preliminary:
            raise TransferError(f"{command.partition(' ')[0]} is refused", first)

    def _connect(self) -> socket.socket:
        reply = self._control.do(self._verb)
        place = read_pasv(reply) if self._verb == "PASV" else None
        port = place.port if place else read_epsv(reply)
        if not reply.is_positive or port is None:
            raise TransferError(f"{self._verb} is refused", reply)
        try:
            return connect(self._control.place.address, port, self._patience)
        except OSError as error:
            raise TransferError(f"port {port} can not be reached ({words(error)})") from error

    def _wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        session = self._control.tls.session if self.resume else None
        plain.settimeout(self._patience.left(self._patience.deadline()))
        try:
            return self._context.wrap_socket(
                plain, server_hostname=self._control.place.host, session=session, suppress_ragged_eofs=False
            )
        except OSError as error:
            raise self._broken("the TLS handshake of the data connection fails", error) from error

    def _read(self, data: ssl.SSLSocket) -> tuple[bytes, bool]:
        deadline = self._patience.deadline()
        octets = bytearray()
        try:
            while len(octets) < MAX_OCTETS:
                data.settimeout(self._patience.left(deadline))
                chunk = data.recv(_CHUNK)
                if not chunk:
                    break
                octets += chunk
        except ssl.SSLEOFError:
            return bytes(octets), False
        except OSError as error:
            raise self._broken("the data connection broke", error) from error
        return bytes(octets), True

    def _confirm(self) -> None:
        last = self._control.reply()
        if not last.is_positive:
            raise TransferError("the transfer was not confirmed", last)

    def _broken(self, what: str, error: OSError) -> TransferError:
        reply = None
        with suppress(ConversationError):
            reply = self._control.reply()
        return TransferError(f"{what} ({words(error)})", reply)

    def _wait_for_end(self, data: ssl.SSLSocket) -> None:
        """Read what the server still sends, for closing before it would reset the connection and lose our octets."""
        deadline = self._patience.deadline()
        with suppress(OSError):
            while data.recv(_CHUNK):
                data.settimeout(self._patience.left(deadline))


def _send_close_notify(data: ssl.SSLSocket) -> None:
    """Send ours and do not wait for theirs: not every server sends one."""
    timeout = data.gettimeout()
    data.settimeout(0)
    with suppress(OSError):
        data.unwrap()
    data.settimeout(timeout)
