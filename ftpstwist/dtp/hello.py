"""Where a ClientHello ends (RFC 8446 sections 4 and 5.1, RFC 5246 sections 6.2.1 and 7.4).

Just enough framing to know when the first message of a client is complete, so
that OpenSSL can be asked whose session it resumes. Pure; it refuses to
interpret anything: that is OpenSSL's work.
"""

from __future__ import annotations

HANDSHAKE_RECORD = 22
"""First octet of a ClientHello's record."""
MAX_HELLO_OCTETS = 32 << 10
"""Longest ClientHello that is waited for; real ones have 200 to 2,500 octets."""

_RECORD_HEADER = 5
_MESSAGE_HEADER = 4


def begins_handshake(octets: bytes) -> bool:
    """Tell whether *octets*, at least one, begin a TLS handshake."""
    return octets[0] == HANDSHAKE_RECORD


def is_complete_hello(octets: bytes) -> bool:
    """Tell whether *octets*, which begin a handshake, hold its whole first message.

    What can not become one counts as complete, too: OpenSSL will say what is wrong with it.
    """
    message = b""
    rest = octets
    while len(rest) >= _RECORD_HEADER:
        if rest[0] != HANDSHAKE_RECORD:
            return True
        end = _RECORD_HEADER + int.from_bytes(rest[3:5], "big")
        if len(rest) < end:
            return False
        message += rest[_RECORD_HEADER:end]
        rest = rest[end:]
        if len(message) >= _MESSAGE_HEADER + int.from_bytes(message[1:4], "big"):
            return True
    return False
