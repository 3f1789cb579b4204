"""What a test sees of a server from outside: its events, its process, and its octets on the wire."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import TypeVar

from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.support.client import TIMEOUT
from tests.support.server import Server

T = TypeVar("T")

_PAUSE = 0.02
_ROUNDS = int(TIMEOUT / _PAUSE)
_DER = ssl.PEM_cert_to_DER_cert


# --- the server's side ---


def eventually(look: Callable[[], T], what: str = "it") -> T:
    """Look again and again, at most for the time limit of the tests, until there is something to see; return that."""
    pause = Event()
    for _ in range(_ROUNDS):
        seen = look()
        if seen:
            return seen
        pause.wait(_PAUSE)
    raise AssertionError(f"{what} did not happen")


def events(server: Server, kind: str = "", **fields: object) -> list[dict]:
    """Return the audit events of a kind (as the JSON log names it) whose fields have the given values."""
    found = [json.loads(line) for line in server.whole_lines("events.json")]
    return [
        event
        for event in found
        if kind in {"", event["event"]} and all(event.get(name) == value for name, value in fields.items())
    ]


def closed_sessions(server: Server) -> int:
    """Count the sessions that have come to their end."""
    return len(events(server, "session_closed"))


class Marked:
    """The log from one moment on."""

    def __init__(self, server: Server, name: str = "server.log") -> None:
        self._server = server
        self._name = name
        self._start = len(server.log(name))

    @property
    def text(self) -> str:
        return self._server.log(self._name)[self._start :]

    def wait_for(self, words: str) -> str:
        """Wait until a line with *words* is there; return it."""
        return eventually(lambda: next((line for line in self.text.splitlines() if words in line), ""), words)


def process_counts(pid: int) -> tuple[int, int]:
    """Return how many descriptors and threads a process has."""
    process = Path(f"/proc/{pid}")
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


def resident_kib(pid: int) -> int:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def assert_no_traceback(server: Server) -> None:
    """Every error was foreseen."""
    assert "Traceback" not in server.log()


_strangers = count(1)


def stranger() -> str:
    """Return a loopback address that no test has come from: the logs only count what one address repeats."""
    number = next(_strangers)
    return f"127.77.{number >> 8}.{number & 255}"


# --- certificates ---


def write_certificate(folder: Path, name: str, *names: str, age: int = 0, days: int = 3650) -> str:
    """Make ``<name>.crt`` and ``<name>.key`` for host names, *age* days ago; return the configuration that uses them."""
    write_pair(make_self_signed(names or (name,), now=datetime.now(UTC) - timedelta(age), days=days), folder, name)
    return f'[[tls.certificates]]\ncertificate = "{name}.crt"\nkey = "{name}.key"\n'


def fingerprint(certificate: Path | ssl.SSLSocket) -> str:
    """Return the fingerprint of a certificate in a file, or of what the server showed."""
    der = _DER(certificate.read_text()) if isinstance(certificate, Path) else certificate.getpeercert(True)
    return hashlib.sha256(der).hexdigest()


# --- the wire ---


def reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_to_end(sock: socket.socket) -> bytes:
    """Read to the end; under TLS an end without close_notify is an ``ssl.SSLEOFError``."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def octets_until_closed(sock: socket.socket) -> bytes:
    """Read until the other side has closed, by FIN or RST; no patience for one that does not."""
    received = b""
    with suppress(ConnectionError):
        while octets := sock.recv(65536):
            received += octets
    return received


def heard_when_turned_away(port: int, source: str | None = None) -> bytes:
    """Connect where we are not welcome; return all that is said to us. The end may come while we still connect."""
    address = None if source is None else (source, 0)
    with suppress(ConnectionResetError):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=address) as sock:
            return octets_until_closed(sock)
    return b""


class Tapped:
    """TLS put on a socket by hand, so that every octet of the server is seen as it came.

    Args:
        sock: A connected socket; owned by the caller.
        context: The client's.
        session: To resume.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, session=session)
        self.ciphertext = b""
        self._run(self.tls.do_handshake)

    def send(self, octets: bytes) -> None:
        self.tls.write(octets)
        self._flush()

    def receive(self) -> bytes:
        """Return the next decrypted octets, empty after close_notify."""
        try:
            return self._run(lambda: self.tls.read(65536))
        except ssl.SSLZeroReturnError:
            return b""

    def close_notify(self, behind: bytes = b"") -> None:
        """Send ours without waiting for theirs, and octets in clear *behind* it in the same segment."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self._outgoing.write(behind)
        self._flush()

    def records(self) -> list[int]:
        """Return the types of all records that came; raises if something else than whole records came."""
        types, rest = [], self.ciphertext
        while rest:
            assert len(rest) >= 5, f"no TLS record: {rest!r}"
            length = int.from_bytes(rest[3:5], "big")
            assert rest[0] in {20, 21, 22, 23}, f"no TLS record: {rest[:80]!r}"
            assert rest[1] == 3, f"no TLS record: {rest[:80]!r}"
            assert len(rest) >= 5 + length, f"half a TLS record: {rest[:80]!r}"
            types.append(rest[0])
            rest = rest[5 + length :]
        return types

    def _run(self, step: Callable[[], T]) -> T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                octets = self._sock.recv(65536)
                self.ciphertext += octets
                if octets:
                    self._incoming.write(octets)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        self._sock.sendall(self._outgoing.read())


@contextmanager
def listening(host: str) -> Iterator[socket.socket]:
    """Listen on a port of ours, for active mode."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.settimeout(TIMEOUT)
        yield listener


def nobody_comes_to(listener: socket.socket) -> bool:
    """Tell whether no connection has come by now (to be asked after the server has answered)."""
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False
