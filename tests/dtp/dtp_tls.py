"""TLS for the tests of the server-DTP: sessions of the tls room, and clients with all manners."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import ServerCertificates, TlsPolicy, TlsVersion
from ftpstwist.tls.selfsigned import make_self_signed


@cache
def certificate() -> CertificatePair:
    return make_self_signed(["localhost"], now=datetime.now(UTC))


@cache
def shared_contexts(version: str) -> SharedContexts:
    only = {"TLSv1.2": TlsVersion.TLS_1_2, "TLSv1.3": TlsVersion.TLS_1_3}[version]
    return SharedContexts(TlsPolicy((ServerCertificates((certificate(),)),), minimum=only, maximum=only))


def server_tls(version: str = "TLSv1.3", *, require: bool = False) -> PerSessionTls:
    """Return the TLS of a new control session; *require* refuses data connections that do not resume it."""
    return PerSessionTls(shared_contexts(version), reuse=SessionReuse.REQUIRE if require else SessionReuse.PREFER)


@cache
def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ca.pem")
        path.write_bytes(certificate().leaf.public_bytes(Encoding.PEM))
        context.load_verify_locations(path)
    return context


class ClientTls:
    """A blocking TLS client on a socket, step by step, so that each step can be left out."""

    def __init__(self, sock, session=None) -> None:
        self.sock = sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = _client_context().wrap_bio(self._in, self._out, server_hostname="localhost", session=session)

    def hello(self) -> bytes:
        """Return the ClientHello without sending it."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._out.read()

    def send_pending(self) -> None:
        self.sock.sendall(self._out.read())

    def _repeat(self, step):
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self.send_pending()
                octets = self.sock.recv(65536)
                if octets:
                    self._in.write(octets)
                else:
                    self._in.write_eof()
            else:
                self.send_pending()
                return result

    def shake_hands(self):
        self._repeat(self._tls.do_handshake)
        return self

    @property
    def resumed(self) -> bool:
        return bool(self._tls.session_reused)

    @property
    def session(self):
        return self._tls.session

    def write(self, data: bytes) -> None:
        """Send without ever reading."""
        view = memoryview(data)
        for start in range(0, len(view), 65536):
            self._tls.write(view[start : start + 65536])
            self.send_pending()

    def read_to_end(self) -> bytes:
        """Return all data; raise ``ssl.SSLEOFError`` if it does not end with close_notify."""
        pieces = []
        while True:
            try:
                piece = self._repeat(lambda: self._tls.read(65536))
            except ssl.SSLZeroReturnError:
                break
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    def close_notify(self) -> None:
        """Send close_notify without waiting for the server's."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self.send_pending()


def control_session(server: PerSessionTls):
    """Do the control connection's handshake in memory; return the client's TLS session."""
    channel = server.control_channel()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        if octets := outgoing.read():
            channel.feed(octets)
        channel.handshake()
        if octets := channel.drain():
            incoming.write(octets)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.read(1)
    return tls.session
