"""Data connections (RFC 959 section 3.2): prepared by PASV or PORT, opened by a transfer."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from ftpstwist.interfaces.storage import ReadHandle, WriteHandle
from ftpstwist.session.events import TlsFacts
from ftpstwist.wire.hostport import HostPort


class WaitsFor(Enum):
    """Who or what holds a transfer up."""

    DATA_CONNECTION = "data connection or its handshake"
    CLIENT = "client"
    SERVER = "server: disk, encryption or a free thread"
    LIMITER = "rate limit"


class DataConnection(Protocol):
    """An open data connection (RFC 959 section 3.2), handshake done if protected."""

    @property
    def tls(self) -> TlsFacts | None:
        """What protects it; ``None`` in clear."""

    @property
    def octets(self) -> int:
        """Octets of the file moved so far."""

    @property
    def packed_octets(self) -> int | None:
        """Octets that went over the connection instead, in MODE Z; ``None`` otherwise."""

    @property
    def waits_for(self) -> WaitsFor:
        """Who or what holds it up now."""

    async def send(
        self,
        source: ReadHandle,
        *,
        ascii_type: bool = False,
        rate: int | None = None,
        level: int | None = None,
        at_hand: bool = False,
    ) -> int:
        """Send *source* to its end, then ``close_notify`` and FIN; return its octets.

        Args:
            source: Is read to its end.
            ascii_type: Whether line ends are translated.
            rate: Octets a second; ``None`` for as fast as can be.
            level: From 0 to 9: pack it (MODE Z); ``None`` for as it is.
            at_hand: Whether *source* is small and waits for nothing: no thread is needed to read it.

        Raises:
            FtpError: DATA_LOST, DATA_STALLED (client sees 426), or what *source* raised.
        """

    async def receive(
        self,
        sink: WriteHandle,
        *,
        ascii_type: bool = False,
        rate: int | None = None,
        deflated: bool = False,
        at_hand: int = 0,
    ) -> int:
        """Receive to the peer's end of data into *sink*, without committing it; return the octets written.

        Args:
            sink: Where they go.
            ascii_type: Whether line ends are translated.
            rate: Octets a second; ``None`` for as fast as can be.
            deflated: Whether they come packed (MODE Z).
            at_hand: Octets that *sink* takes before it may wait for anything: no thread is needed so far.

        Raises:
            FtpError: DATA_LOST, DATA_STALLED, DATA_TLS_TRUNCATED, DATA_MALFORMED (426), FILE_TOO_LARGE (552) for
                what unpacks to too much, or what *sink* raised.
        """


class DataConnections(Protocol):
    """The server-DTP of one session: at most one data connection, prepared, then opened."""

    @property
    def is_prepared(self) -> bool:
        """Whether PASV, EPSV, PORT or EPRT named a way that is not used yet."""

    async def prepare_passive(self, *, ipv6: bool) -> int:
        """Expect one connection from the client, where it can be told from others; replaces what was prepared.

        Returns:
            The port.

        Raises:
            FtpError: NO_DATA_PORT (client sees 425).
        """

    async def passive_address(self) -> str:
        """Return the IPv4 address to advertise to this client in 227; NO_DATA_PORT if there is none."""

    def prepare_active(self, target: HostPort) -> None:
        """Remember where to connect to; replaces what was prepared before.

        Raises:
            FtpError: TARGET_NOT_ALLOWED for a foreign address or a low port (client sees 504, RFC 2577 section 3).
        """

    def forget(self) -> None:
        """Drop what was prepared (REIN, AUTH, end of the session)."""

    def open(
        self, *, protected: bool, upload: bool, tls_client: bool = False
    ) -> AbstractAsyncContextManager[DataConnection]:
        """Open what was prepared: wait for the client or connect to it, then shake hands if *protected*.

        Leaving the context closes it on every path: cleanly after success, with RST otherwise.

        Args:
            protected: Whether TLS is put on (PROT P).
            upload: Whether the client is going to send; holds back session tickets until its close_notify.
            tls_client: Whether we are the TLS client, of another server (SSCN, CPSV).

        Raises:
            FtpError: DATA_NOT_PREPARED, DATA_NOT_OPENED (425), DATA_TLS_FAILED (522).
        """
