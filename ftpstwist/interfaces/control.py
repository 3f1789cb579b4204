"""The control connection: its transport below, the server-PI above."""

from __future__ import annotations

from typing import Protocol

from ftpstwist.interfaces.tls import SessionTls, TlsError
from ftpstwist.session.events import TlsFacts
from ftpstwist.wire.hostport import HostPort


class ControlTransport(Protocol):
    """What the server-PI talks through: a TCP connection on which TLS can be put and taken off."""

    @property
    def peer(self) -> HostPort:
        """Address and port of the client."""

    @property
    def host(self) -> HostPort:
        """Address and port the client connected to."""

    @property
    def tls(self) -> TlsFacts | None:
        """What protects the connection now; ``None`` in clear."""

    def write(self, octets: bytes) -> None:
        """Send, in clear or protected as the connection is now."""

    def start_tls(self, session_tls: SessionTls) -> None:
        """Expect a ClientHello next; what was written before goes out in clear first."""

    def stop_tls(self) -> None:
        """Take TLS off; what was written before goes out protected, :meth:`ControlProtocol.tls_cleared` tells the end.

        What the client sends under TLS from here on is not delivered, it ends the connection.
        """

    def pause_reading(self) -> None:
        """Deliver no octets until :meth:`resume_reading`."""

    def resume_reading(self) -> None:
        """Deliver octets again."""

    def serve_at_once(self, *, at_once: bool) -> None:
        """Deliver octets as they come, as is due to who is logged in; else in turn with those of all who are not."""

    def close(self) -> None:
        """Send what is queued, then ``close_notify`` under TLS, then FIN; linger briefly for the peer's."""

    def abort(self) -> None:
        """Drop the connection at once."""


class ControlProtocol(Protocol):
    """What the transport calls: the server-PI."""

    def connection_made(self, transport: ControlTransport) -> None:
        """The client is there (under implicit TLS: its TCP connection, no handshake yet)."""

    def tls_established(self, facts: TlsFacts) -> None:
        """A handshake on the control connection is complete."""

    def tls_cleared(self) -> None:
        """TLS is off, as :meth:`ControlTransport.stop_tls` asked; octets come in clear from here on."""

    def tls_failed(self, error: TlsError) -> None:
        """A handshake on the control connection failed; the connection is being closed."""

    def data_received(self, octets: bytes) -> None:
        """Octets from the client, decrypted if TLS is on."""

    def write_blocked(self, *, blocked: bool) -> None:
        """The client does not read (True), or reads again (False)."""

    def connection_lost(self, reason: str) -> None:
        """The connection is gone; always the last call."""
