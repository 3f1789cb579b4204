"""One handshake on the control connection, from the first octet that may be a ClientHello (RFC 4217 section 4).

It knows why a handshake fails before TLS itself can say it: a client that
speaks clear FTP, is silent, too slow, or gone. It touches no socket and keeps no time.
"""

from __future__ import annotations

from ftpstwist.interfaces import SessionTls, TlsError
from ftpstwist.tls.clienthello import HANDSHAKE_RECORD, MAX_OCTETS
from ftpstwist.tls.diagnosis import NO_OCTET, explain_plaintext, explain_time_limit
from ftpstwist.tls.records import RecordStream

_FAREWELL_IMPLICIT = (
    b"421 This port expects TLS from the first octet; "
    b"use implicit TLS (ftps) here, or AUTH TLS on the explicit port.\r\n"
)
_FAREWELL_EXPLICIT = b"421 A TLS handshake was expected; closing control connection.\r\n"


class Handshake:
    """What comes after AUTH, or first on the implicit service.

    Args:
        session_tls: Mints the channel when the client begins.
        implicit: Whether TLS starts with the connection.
    """

    def __init__(self, session_tls: SessionTls, *, implicit: bool) -> None:
        self._session_tls = session_tls
        self._implicit = implicit
        self._opening = bytearray()  # the client's first octets, for the log
        self.records: RecordStream | None = None
        self.farewell = b""
        """What to tell, in clear, a client that never spoke TLS."""

    def take(self, octets: bytes) -> bool:
        """Go on with octets of the client; whether the handshake is complete.

        Raises:
            TlsError: It failed.
        """
        if self.records is None:
            if not octets:
                return False
            self._require_hello(octets)
            self.records = RecordStream(self._session_tls.control_channel())
        self._opening += octets[: MAX_OCTETS - len(self._opening)]
        self.records.receive(octets)
        return self.records.handshake()

    @property
    def silence(self) -> str:
        """Why the connection ended, if the client never sent an octet."""
        return NO_OCTET if self._implicit else "closed by the client after AUTH"

    def explain_lateness(self, seconds: float) -> TlsError:
        """Find words for a client that takes longer than *seconds*."""
        return explain_time_limit(bytes(self._opening), seconds)

    def explain_reset(self) -> TlsError | None:
        """Find words for a connection that was reset in the middle; ``None`` if the client had not begun."""
        if self.records is not None:
            self.records.end()
            try:
                self.records.handshake()
            except TlsError as error:
                return error
        return None

    def _require_hello(self, octets: bytes) -> None:
        if octets[0] != HANDSHAKE_RECORD:
            self.farewell = _FAREWELL_IMPLICIT if self._implicit else _FAREWELL_EXPLICIT
            raise explain_plaintext(octets, implicit=self._implicit)
