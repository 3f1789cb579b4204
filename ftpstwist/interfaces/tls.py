"""TLS without a socket (RFC 8446): octets in, octets out."""

from __future__ import annotations

from typing import Protocol

from ftpstwist.interfaces.storage import Octets
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.events import TlsFacts


class TlsError(Exception):
    """A handshake or a protected connection failed.

    Args:
        cause: What happened, in words.
        remedy: What to change, and where.
        offered: What the client offered, as far as known.
        truncated: Whether the connection simply ended without ``close_notify``.
    """

    def __init__(self, cause: str, remedy: str = "", offered: str = "", *, truncated: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.offered = offered
        self.truncated = truncated


class TlsClosed(Exception):  # noqa: N818 - not an error: the peer's close_notify, the good end
    """The peer has sent ``close_notify``; nothing more will come."""


class TlsChannel(Protocol):
    """One TLS connection without a socket: octets in, octets out (RFC 8446 as OpenSSL does it).

    One thread at a time may use it; which one does not matter.
    """

    def feed(self, ciphertext: Octets) -> None:
        """Take octets that came from the peer."""

    def feed_end(self) -> None:
        """Tell that the peer's octets ended (TCP FIN)."""

    def drain(self, limit: int = 1 << 20) -> bytes:
        """Return octets for the peer, at most *limit*; empty when there are none."""

    def handshake(self) -> bool:
        """Go on with the handshake as far as the octets at hand allow.

        Returns:
            Whether it is complete. What :meth:`drain` then holds of a TLS 1.3 handshake are session tickets.

        Raises:
            TlsError: It failed; :meth:`drain` may hold an alert for the peer.
        """

    def encrypt(self, data: Octets) -> None:
        """Protect all of *data*; fetch the records with :meth:`drain`."""

    def decrypt(self, limit: int) -> bytes:
        """Return decrypted octets of one record, at most *limit*; empty when more ciphertext is needed.

        Raises:
            TlsClosed: After the peer's ``close_notify``.
            TlsError: Truncation (after :meth:`feed_end`), or a broken record.
        """

    def decrypt_into(self, buffer: memoryview) -> int:
        """Fill *buffer* with what :meth:`decrypt` returns, of all records at hand; return how many octets."""

    def close(self) -> None:
        """Queue our ``close_notify``; fetch it with :meth:`drain`. Calling twice does no harm."""

    @property
    def resumes(self) -> bool:
        """Whether the ClientHello taken so far resumes this session; known before the handshake is complete."""

    @property
    def is_between_records(self) -> bool:
        """Whether the octets fed so far end with a whole record: an end anywhere else has cut something off."""

    @property
    def peer_closed(self) -> bool:
        """Whether the peer's ``close_notify`` has come."""

    @property
    def facts(self) -> TlsFacts:
        """What the finished handshake agreed on."""


class SessionTls(Protocol):
    """The TLS of one control session: its own ticket keys and cache, so *resumed* means *this session*."""

    def expect_name(self, server_name: str) -> None:
        """Show the certificate of this name to a client that asks for none in its handshake (RFC 7151 section 4).

        A client that asks for another one is refused.
        """

    def control_channel(self) -> TlsChannel:
        """Return a channel for the control connection."""

    def data_channel(self) -> TlsChannel:
        """Return a channel for a data connection; its facts say whether it resumed this session."""

    def outgoing_channel(self) -> TlsChannel:
        """Return a channel for a data connection to another server, with us as the TLS client (RFC 4217 section 7).

        Raises:
            TlsError: The policy does not allow it.
        """

    @property
    def client_certificate(self) -> PeerCertificate | None:
        """What the client showed in the finished handshake of the control connection, if anything."""

    def demand_resumption(self, *, demanded: bool) -> None:
        """Refuse, or no longer refuse, data connections that do not resume; without effect where none can."""

    def accepts(self, control: TlsFacts | None, data: TlsFacts) -> str | None:
        """Judge a finished data handshake.

        Returns:
            ``None`` if it belongs to this session as the policy demands, else the reason why not, for the log.
        """
