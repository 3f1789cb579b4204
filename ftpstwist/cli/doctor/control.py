"""The user-PI of the doctor: a blocking control connection that believes nothing (RFC 959 sections 4.2 and 5.4).

Lines and replies have caps, every wait has a deadline. It refuses to guess: what is no reply raises.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ftpstwist.cli.doctor.finding import quoted, said
from ftpstwist.cli.doctor.patience import Patience
from ftpstwist.wire.pathname import decode_name, encode_name
from ftpstwist.wire.reply import Reply

MAX_LINE_OCTETS = 16384
MAX_REPLY_LINES = 1000
AUTH_ACCEPTED = 234
"""RFC 2228 section 4: go on with the security data exchange."""
_FIRST_LINE = re.compile(r"([1-6][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_CHUNK = 65536


class ConversationError(Exception):
    """The conversation can not go on; the text says why."""


class Silence(ConversationError):  # noqa: N818 - it is what happened
    """No answer came in time."""


class NotFtp(ConversationError):  # noqa: N818
    """What came is no reply.

    Args:
        line: What came.
    """

    def __init__(self, line: str) -> None:
        super().__init__(f"the server said {quoted(line)}, which is no FTP reply")
        self.line = line


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is.

    Attributes:
        host: As the user wrote it; for SNI and the certificate.
        address: Numeric address.
        port: Of the control connection.
        implicit: Whether TLS starts with the connection.
    """

    host: str
    address: str
    port: int
    implicit: bool = False


class ControlConnection:
    """A control connection.

    Args:
        place: Where to connect.
        patience: Limits every wait.

    Raises:
        OSError: It can not be connected.
    """

    def __init__(self, place: Place, patience: Patience) -> None:
        self.place = place
        self._patience = patience
        self._buffer = b""
        self._sock: socket.socket | ssl.SSLSocket = connect(place.address, place.port, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self._sock.close()

    @property
    def tls(self) -> ssl.SSLSocket:
        """The TLS connection.

        Raises:
            ConversationError: There is none yet.
        """
        if not isinstance(self._sock, ssl.SSLSocket):
            raise ConversationError("the control connection is in clear")
        return self._sock

    def ask_for_tls(self) -> None:
        """AUTH TLS.

        Raises:
            ConversationError: It was refused.
        """
        answer = self.do("AUTH TLS")
        if answer.code != AUTH_ACCEPTED:
            raise ConversationError(f"AUTH TLS was answered with {said(answer)}")

    def start_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Shake hands.

        Raises:
            OSError: The handshake failed (``ssl.SSLError`` among them).
        """
        self._buffer = b""
        self._sock.settimeout(self._patience.left(self._patience.deadline()))
        self._sock = context.wrap_socket(self._sock, server_hostname=self.place.host, suppress_ragged_eofs=False)
        return self._sock

    def send(self, line: str) -> None:
        """Send one command, or several with CRLF between them.

        Raises:
            ConversationError: The connection is gone.
        """
        try:
            self._sock.settimeout(self._patience.left(self._patience.deadline()))
            self._sock.sendall(encode_name(line) + b"\r\n")
        except OSError as error:
            raise ConversationError(f"the control connection broke ({words(error)})") from error

    def reply(self, seconds: float | None = None) -> Reply:
        """Read one reply.

        Args:
            seconds: Longest wait, if not the usual one.

        Raises:
            Silence: Nothing, or only a part, came in time.
            NotFtp: Something else than a reply came.
            ConversationError: The connection is gone.
        """
        deadline = self._patience.deadline(seconds)
        first = self._line(deadline)
        match = _FIRST_LINE.fullmatch(first)
        if match is None:
            raise NotFtp(first)
        lines = [match[3] or ""]
        if match[2] == "-":
            while not (line := self._line(deadline)).startswith(f"{match[1]} ") and line != match[1]:
                if len(lines) >= MAX_REPLY_LINES:
                    raise ConversationError(f"the server sent a reply of more than {MAX_REPLY_LINES} lines")
                lines.append(line)
            lines.append(line[4:])
        return Reply(int(match[1]), *lines)

    def do(self, line: str) -> Reply:
        """Send a command and read its reply."""
        self.send(line)
        return self.reply()

    def _line(self, deadline: float) -> str:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE_OCTETS:
                raise NotFtp(decode_name(self._buffer[:MAX_LINE_OCTETS]))
            octets = self._receive(deadline)
            if not octets and self._buffer:
                raise NotFtp(decode_name(self._buffer))
            if not octets:
                raise ConversationError("the server closed the control connection")
            self._buffer += octets
        line, _, self._buffer = self._buffer.partition(b"\n")
        return decode_name(line.rstrip(b"\r"))

    def _receive(self, deadline: float) -> bytes:
        try:
            self._sock.settimeout(self._patience.left(deadline))
            return self._sock.recv(_CHUNK)
        except (TimeoutError, ssl.SSLWantReadError):
            raise Silence("the server did not answer in time") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        except OSError as error:
            raise ConversationError(f"the control connection broke ({words(error)})") from error


def connect(address: str, port: int, patience: Patience) -> socket.socket:
    """Open a TCP connection.

    Raises:
        OSError: It can not be connected.
    """
    sock = socket.create_connection((address, port), timeout=patience.left(patience.deadline()))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def words(error: OSError) -> str:
    """Return what the system or the TLS library says, without numbers and file names."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return str(getattr(error, "reason", None) or error.strerror or error).replace("_", " ").lower()
    return str(error.strerror or error).lower()


def open_encrypted(place: Place, context: ssl.SSLContext, patience: Patience) -> ControlConnection:
    """Connect, read the greeting, and put TLS on, in the order that the mode wants.

    Raises:
        OSError: No connection, or the handshake failed.
        ConversationError: The server does not talk FTP, or refuses AUTH TLS.
    """
    control = ControlConnection(place, patience)
    try:
        if place.implicit:
            control.start_tls(context)
            control.reply()
        else:
            control.reply()
            control.ask_for_tls()
            control.start_tls(context)
    except BaseException:
        control.close()
        raise
    return control
