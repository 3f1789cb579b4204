"""What a client offered, read from its first records (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).

For words in the log only: OpenSSL does the handshake and decides. The parser
takes whatever has arrived, returns as much as it understood, never raises and
never looks at more than :data:`MAX_OCTETS`. It refuses to judge what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from ftpstwist.tls import codepoints

MAX_OCTETS = 16 * 1024
"""Octets of the connection's start that are looked at; a hello with a hybrid key share has about 2 KiB."""
MAX_LISTED = 24
"""Names shown of one list."""
MAX_TEXT = 255
"""Characters shown of one name that the client chose."""
HANDSHAKE_RECORD = 0x16
"""First octet of a TLS connection (RFC 8446 section 5.1)."""

_CLIENT_HELLO = 1
_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN, _TICKET, _PRE_SHARED_KEY, _VERSIONS = 0, 10, 13, 16, 35, 41, 43
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The offer of a client, as far as it was understood.

    Attributes:
        legacy_version: Highest version of TLS 1.2 and older; it counts only if *versions* is empty.
        versions: Versions offered one by one (``supported_versions``).
        suites: Cipher suites, without signalling values.
        groups: Groups for the key exchange.
        signatures: Signature schemes.
        alpn: Application protocols.
        server_name: Name asked for (SNI).
        offers_session: Whether it wants to resume a session.
    """

    legacy_version: int = 0
    versions: tuple[int, ...] = ()
    suites: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    alpn: tuple[str, ...] = ()
    server_name: str | None = None
    offers_session: bool = False

    @property
    def highest_version(self) -> int:
        """The newest version offered."""
        return max(self.versions, default=self.legacy_version)

    @property
    def suite_names(self) -> tuple[str, ...]:
        """The suites by OpenSSL's names."""
        return _names(codepoints.SUITES, self.suites)

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups by their usual names."""
        return _names(codepoints.GROUPS, self.groups)

    @property
    def version_text(self) -> str:
        """The versions in words."""
        if self.versions:
            return shorten(_names(codepoints.VERSIONS, self.versions))
        return f"at most {codepoints.name(codepoints.VERSIONS, self.legacy_version)}"

    def __str__(self) -> str:
        parts = [
            f"versions: {self.version_text}",
            f"suites: {shorten(self.suite_names)}",
            f"groups: {shorten(self.group_names)}",
            f"server name: {self.server_name or 'none'}",
            f"ALPN: {shorten(self.alpn)}",
            f"session to resume: {'yes' if self.offers_session else 'no'}",
        ]
        return "; ".join(parts)


def parse_client_hello(octets: bytes) -> ClientHello | None:
    """Read the ClientHello at the start of a connection.

    Args:
        octets: What has arrived so far, records included.

    Returns:
        What was understood, or ``None`` if it is no ClientHello.
    """
    message = _join_records(octets[:MAX_OCTETS])
    if not message or message[0] != _CLIENT_HELLO:
        return None
    parts = _Parts()
    with suppress(_CutShort):
        _split(_Cursor(message[4:]), parts)
    return _understand(parts)


def shorten(names: Iterable[str]) -> str:
    """Join at most :data:`MAX_LISTED` names, and tell how many are left out."""
    listed = list(names)
    text = ", ".join(listed[:MAX_LISTED]) or "none"
    return text if len(listed) <= MAX_LISTED else f"{text} and {len(listed) - MAX_LISTED} more"


class _CutShort(Exception):  # noqa: N818 - it ends the reading, nothing failed
    """The octets end in the middle of a field."""


class _Cursor:
    """Reads fields of the presentation language (RFC 8446 section 3) from the front."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._octets):
            raise _CutShort
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> bytes:
        return self.take(self.number(length_size))


@dataclass(slots=True)
class _Parts:
    """The fields of a hello, extensions still closed."""

    legacy_version: int = 0
    session_id: bytes = b""
    suites: tuple[int, ...] = ()
    extensions: dict[int, bytes] = field(default_factory=dict)


def _join_records(octets: bytes) -> bytes:
    """Join the handshake fragments of the leading records; the last may be incomplete."""
    message = bytearray()
    while len(octets) > 5 and octets[0] == HANDSHAKE_RECORD:  # noqa: PLR2004 - length of the record header
        length = int.from_bytes(octets[3:5], "big")
        message += octets[5 : 5 + length]
        octets = octets[5 + length :]
    return bytes(message)


def _split(cursor: _Cursor, parts: _Parts) -> None:
    parts.legacy_version = cursor.number(2)
    cursor.take(32)  # random
    parts.session_id = cursor.vector(1)
    parts.suites = _numbers(cursor.vector(2))
    cursor.vector(1)  # compression methods
    extensions = _Cursor(cursor.vector(2))
    while extensions:
        kind = extensions.number(2)
        parts.extensions[kind] = extensions.vector(2)


def _understand(parts: _Parts) -> ClientHello:
    versions = _open(parts, _VERSIONS, lambda body: _numbers(body.vector(1))) or ()
    # Under TLS 1.3 the session id is a decoy for middleboxes (RFC 8446 appendix D.4).
    offers_session_id = bool(parts.session_id) and not versions
    return ClientHello(
        legacy_version=parts.legacy_version,
        versions=versions,
        suites=tuple(suite for suite in parts.suites if suite not in codepoints.SIGNALLING),
        groups=_open(parts, _GROUPS, lambda body: _numbers(body.vector(2))) or (),
        signatures=_open(parts, _SIGNATURES, lambda body: _numbers(body.vector(2))) or (),
        alpn=_open(parts, _ALPN, _read_alpn) or (),
        server_name=_open(parts, _SERVER_NAME, _read_server_name),
        offers_session=offers_session_id or _PRE_SHARED_KEY in parts.extensions or bool(parts.extensions.get(_TICKET)),
    )


def _open(parts: _Parts, kind: int, read: Callable[[_Cursor], _T]) -> _T | None:
    """Read one extension; one that is missing or broken spoils only itself."""
    with suppress(_CutShort):
        return read(_Cursor(parts.extensions[kind])) if kind in parts.extensions else None
    return None


def _read_server_name(body: _Cursor) -> str | None:
    names = _Cursor(body.vector(2))
    names.take(1)  # host_name, the only type there is
    return _printable(names.vector(2))


def _read_alpn(body: _Cursor) -> tuple[str, ...]:
    protocols = _Cursor(body.vector(2))
    names = []
    while protocols:
        names.append(_printable(protocols.vector(1)))
    return tuple(names)


def _numbers(octets: bytes) -> tuple[int, ...]:
    """Split a list of two-octet values, leaving out those that mean nothing on purpose."""
    codes = (int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets) - 1, 2))
    return tuple(code for code in codes if not codepoints.is_grease(code))


def _names(table: Mapping[int, str], codes: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(codepoints.name(table, code) for code in codes)


def _printable(octets: bytes) -> str:
    """Decode a name so that it can not break a log line."""
    text = octets[:MAX_TEXT].decode("ascii", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
