"""The client's octets, given to TLS one record at a time (RFC 8446 section 5.1, RFC 5246 section 6.2.1).

How it works: a record says in its first five octets how long it is. OpenSSL
would swallow whatever it is given, and what it has swallowed behind a
``close_notify`` can not be had back. So it gets octets up to the end of a
record, and the next record when it has given out all of this one: what follows
``close_notify`` stays here, and is clear text if TLS was to be taken off (CCC,
REIN). Nothing is checked: a bad record is OpenSSL's to refuse, at its header.
"""

from __future__ import annotations

from ftpstwist.interfaces import Octets, TlsChannel, TlsClosed

RECORD_TYPES = frozenset({20, 21, 22, 23})
"""First octet of a record: ChangeCipherSpec, alert, handshake, application data. No FTP command begins so."""

_HEADER = 5
_PIECE = 16384


class RecordBoundary:
    """Follows octets from record to record; tells where one ends."""

    def __init__(self) -> None:
        self._header = bytearray()  # of the record that is under way
        self._left = 0  # octets of it still to come

    @property
    def is_between_records(self) -> bool:
        """Whether the last octet taken was the last one of a record."""
        return not self._header and not self._left

    def follow(self, octets: Octets) -> None:
        """Take octets, of any number of records."""
        size = self.measure(octets)
        if size == len(octets):
            return
        rest = memoryview(octets)
        while rest := rest[size:]:
            size = self.measure(rest)

    def measure(self, octets: Octets) -> int:
        """Follow the record that is under way; return how many of *octets* are its own."""
        size = 0
        if not self._left and not self._header and len(octets) >= _HEADER:
            size = _HEADER
            self._left = int.from_bytes(octets[_HEADER - 2 : _HEADER], "big")
        elif not self._left:
            missing = octets[: _HEADER - len(self._header)]
            self._header += missing
            size = len(missing)
            if len(self._header) < _HEADER:
                return size
            self._left = int.from_bytes(self._header[-2:], "big")
            self._header.clear()
        body = min(self._left, len(octets) - size)
        self._left -= body
        return size + body


class RecordStream:
    """The receiving side of a control connection under TLS.

    Args:
        channel: Takes the records.
    """

    def __init__(self, channel: TlsChannel) -> None:
        self.channel = channel
        self._waiting = bytearray()
        self._boundary = RecordBoundary()
        self._may_turn_clear = False
        self._is_dry = True  # the channel has given out all that it was given

    def receive(self, octets: bytes) -> None:
        """Take octets of the client."""
        self._waiting += octets

    def end(self) -> None:
        """The client's octets ended (TCP FIN); it is up to the channel what that means."""
        self.channel.feed_end()
        self._is_dry = False

    def expect_clear(self) -> None:
        """Take a first octet that begins no record for the end of TLS: some clients send no ``close_notify``."""
        self._may_turn_clear = True

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is complete. Raises what the channel raises."""
        while not self.channel.handshake():
            if not self._feed_record():
                return False
        return True

    def read(self) -> bytes:
        """Return the next decrypted octets, of one record at most; empty when more are needed.

        Raises:
            TlsClosed: After the client's ``close_notify``, or where it went on in clear; see :meth:`take_rest`.
            TlsError: As the channel raises it.
        """
        while True:
            if not self._is_dry:
                octets = self.channel.decrypt(_PIECE)
                self._is_dry = True  # a piece is as long as a record may be
                if octets:
                    return octets
            if self._has_turned_clear:
                raise TlsClosed
            if not self._feed_record():
                return b""

    def take_rest(self) -> bytes:
        """Hand over what came behind the last record."""
        rest, self._waiting = bytes(self._waiting), bytearray()
        return rest

    @property
    def _has_turned_clear(self) -> bool:
        if not (self._may_turn_clear and self._boundary.is_between_records and self._waiting):
            return False
        return self._waiting[0] not in RECORD_TYPES

    def _feed_record(self) -> bool:
        """Give the channel what is there of the current record; whether there was anything."""
        size = self._boundary.measure(self._waiting)
        if size:
            self.channel.feed(self._waiting[:size])
            del self._waiting[:size]
            self._is_dry = False
        return bool(size)
