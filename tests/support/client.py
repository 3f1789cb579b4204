"""A client that does exactly what a test says, octet by octet: the user-PI and user-DTP of RFC 959."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.server import PASSWORD, USER, Server

TIMEOUT = 10


@dataclass(frozen=True)
class Answer:
    """One reply."""

    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def tls_context(version: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    return context


def obsolete_context() -> ssl.SSLContext:
    """A client with nothing newer than TLS 1.1."""
    context = tls_context()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class Client:
    """A control connection and, one at a time, a data connection."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        implicit: bool = False,
        version: str | None = None,
        server_name: str | None = None,
        source: str | None = None,
        certificate: Path | None = None,
    ) -> None:
        self.context = tls_context(version)
        if certificate is not None:
            self.context.load_cert_chain(certificate)
        self.server_name = server_name
        address = None if source is None else (source, 0)
        self.sock: socket.socket = socket.create_connection((host, port), timeout=TIMEOUT, source_address=address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.private = False
        self.session: ssl.SSLSession | None = None
        if implicit:
            self.wrap()
            self.private = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # --- the control connection ---

    def wrap(self) -> None:
        """Shake hands; from here on, an end without close_notify is an ``ssl.SSLEOFError``."""
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.server_name, suppress_ragged_eofs=False)

    def unwrap(self, *, notify: bool = True) -> None:
        """Take TLS off the control connection, with close_notify both ways or without a word."""
        self.session = self.sock.session
        if notify:
            self.sock.unwrap()
        self.sock = socket.socket(fileno=self.sock.detach())
        self.sock.settimeout(TIMEOUT)

    def send(self, line: str | bytes) -> None:
        octets = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
        self.sock.sendall(octets + b"\r\n")

    def line(self) -> str:
        return self.line_octets().decode("utf-8", "surrogateescape")

    def line_octets(self) -> bytes:
        """Read one line as it came, without its CRLF."""
        while b"\r\n" not in self._buffer:
            octets = self.sock.recv(65536)
            if not octets:
                raise EOFError(f"the server closed the connection; left: {self._buffer!r}")
            self._buffer += octets
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def answer(self) -> Answer:
        """Read one reply, single- or multi-line, and insist on its form (RFC 959 section 4.2)."""
        first = self.line()
        match = re.fullmatch(r"([1-6][0-9]{2})([ -])(.*)", first, re.DOTALL)
        assert match, f"not a reply: {first!r}"
        lines = [match[3]]
        if match[2] == "-":
            while True:
                line = self.line()
                if line.startswith(match[1] + " "):
                    lines.append(line[4:])
                    break
                assert line.startswith(" "), f"a line inside a reply must be indented: {line!r}"
                lines.append(line[1:])
        return Answer(int(match[1]), lines)

    def do(self, line: str | bytes) -> Answer:
        self.send(line)
        return self.answer()

    def code(self, line: str | bytes) -> int:
        return self.do(line).code

    def codes(self, count: int) -> list[int]:
        """Read that many replies."""
        return [self.answer().code for _ in range(count)]

    def is_closed(self) -> bool:
        """Whether the server has closed the control connection (waits for it)."""
        try:
            while octets := self.sock.recv(65536):
                self._buffer += octets
        except (ConnectionError, ssl.SSLError):
            pass
        except TimeoutError:
            return False
        return True

    # --- login ---

    def auth(self) -> Client:
        assert self.do("AUTH TLS").code == 234
        self.wrap()
        return self

    def login(self, user: str = USER, password: str = PASSWORD) -> Client:
        assert self.do(f"USER {user}").code == 331
        answer = self.do(f"PASS {password}")
        assert answer.code == 230, answer
        return self

    def protect(self) -> Client:
        assert self.do("PBSZ 0").code == 200
        assert self.do("PROT P").code == 200
        self.private = True
        return self

    # --- data connections ---

    def passive_port(self) -> int:
        """EPSV: the port to connect to."""
        answer = self.do("EPSV")
        assert answer.code == 229, answer
        return int(re.search(r"\(\|\|\|([0-9]+)\|\)", answer.text)[1])

    def connect(self, port: int, *, source: str | None = None) -> socket.socket:
        """Connect to a passive port, from the address of the control connection or from *source*."""
        address = (source or self.sock.getsockname()[0], 0)
        return socket.create_connection((self.sock.getpeername()[0], port), timeout=TIMEOUT, source_address=address)

    def passive(self) -> socket.socket:
        """EPSV and connect."""
        return self.connect(self.passive_port())

    def pasv(self) -> socket.socket:
        """PASV and connect."""
        answer = self.do("PASV")
        assert answer.code == 227, answer
        numbers = re.search(r"\(([0-9]+(?:,[0-9]+){5})\)", answer.text)[1].split(",")
        port = int(numbers[4]) * 256 + int(numbers[5])
        return socket.create_connection((".".join(numbers[:4]), port), timeout=TIMEOUT)

    def active(self, verb: str = "EPRT") -> socket.socket:
        """Listen where the control connection comes from, and tell by PORT or EPRT; return the listener."""
        host = self.sock.getsockname()[0]
        listener = socket.create_server((host, 0), family=self.sock.family)
        listener.settimeout(TIMEOUT)
        port = listener.getsockname()[1]
        if verb == "PORT":
            argument = ",".join([*host.split("."), *map(str, divmod(port, 256))])
        else:
            argument = f"|{2 if ':' in host else 1}|{host}|{port}|"
        answer = self.do(f"{verb} {argument}")
        if answer.code != 200:
            listener.close()
        assert answer.code == 200, answer
        return listener

    def begin_plain(self, command: str | bytes) -> socket.socket:
        """Begin a transfer; return its data connection before any handshake."""
        data = self.passive()
        first = self.do(command)
        if first.code != 150:
            data.close()
        assert first.code == 150, first
        return data

    def begin(self, command: str | bytes) -> socket.socket:
        """Begin a transfer; return its data connection, shaken hands on if private."""
        data = self.begin_plain(command)
        return self.wrap_data(data) if self.private else data

    def wrap_data(self, data: socket.socket, session: ssl.SSLSession | bool | None = True) -> ssl.SSLSocket:
        """Shake hands on a data connection, with the control connection's TLS session unless told otherwise."""
        if session is True:
            session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else self.session
        return self.context.wrap_socket(
            data, server_hostname=self.server_name, session=session or None, suppress_ragged_eofs=False
        )

    def download(self, command: str | bytes) -> tuple[bytes, Answer]:
        """RETR, LIST, …: everything up to the end, and the final reply."""
        data = self.passive()
        first = self.do(command)
        if first.code != 150:
            data.close()
            return b"", first
        if self.private:
            data = self.wrap_data(data)
        octets = b"".join(iter(lambda: data.recv(1 << 20), b""))
        if self.private:
            data = data.unwrap()
        data.close()
        return octets, self.answer()

    def upload(self, command: str | bytes, octets: bytes, *, unwrap: bool = True) -> Answer:
        """STOR, APPE, STOU: send everything, end it as the protocol wants, return the final reply."""
        data = self.passive()
        first = self.do(command)
        if first.code != 150:
            data.close()
            return first
        if self.private:
            data = self.wrap_data(data)
        data.sendall(octets)
        if self.private and unwrap:
            data = data.unwrap()
        data.close()
        return self.answer()


def connected(server: Server, host: str = "127.0.0.1", **options) -> Client:
    """Connect to the explicit service and read the greeting."""
    client = Client(host, server.port("explicit", host), **options)
    assert client.answer().code == 220
    return client


def logged_in(server: Server, host: str = "127.0.0.1", **options) -> Client:
    """Log in with TLS on both connections."""
    return connected(server, host, **options).auth().login().protect()


def implicit(server: Server, host: str = "127.0.0.1", **options) -> Client:
    """Log in on the implicit service."""
    client = Client(host, server.port("implicit", host), implicit=True, **options)
    assert client.answer().code == 220
    return client.login()
