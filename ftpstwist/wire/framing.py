r"""Octets of the control connection become lines (RFC 959 section 5.3, RFC 854, RFC 2640 section 3.1).

How it works
============

Three layers lie on top of each other, and any of them may be cut anywhere by
the network:

1. Telnet. ``IAC IAC`` is the octet 255; ``IAC WILL|WONT|DO|DONT x`` and the
   other Telnet commands (240 to 250) are dropped and never answered (RFC 1123
   section 4.1.2.12). An octet 255 before anything else is just itself: clients
   send names in Latin-1 without doubling it.
2. Lines. They end with CRLF or a bare LF. An LF behind ``CR NUL`` is part of a
   name (RFC 2640 section 3.1), which is then refused as a name, not torn in
   two commands.
3. ``CR NUL`` is CR.

A line that is too long is reported once, as soon as that is certain, and its
octets are dropped up to its end: however long it is, no more than the limit is
ever held. What is held beyond a line end is nobody's command yet: see
:meth:`LineFramer.clear`.

It never answers, never decodes and does not know a command from another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE_OCTETS = 8192
"""Default limit of a line: the longest pathname twice, as SITE commands may need it."""
MIN_LINE_OCTETS = 512
"""Least limit that leaves room for the pathnames people have."""

_IAC = 0xFF
_TELNET = re.compile(
    rb"\xff(?:"
    rb"(?P<doubled>\xff)"
    rb"|[\xf0-\xfa]"
    rb"|[\xfb-\xfe][\x00-\xff]"
    rb"|(?P<unfinished>[\xfb-\xfe]?\Z)"
    rb")"
)
"""RFC 854: what follows an IAC, from left to right; an IAC that begins none of these is not matched."""
_ESCAPED_CR = b"\r\0"


@dataclass(frozen=True, slots=True)
class OverlongLine:
    """Stands in the place of a line that was longer than the limit; the client sees 500."""


class LineFramer:
    """Cuts the octets of one control connection into lines.

    Args:
        max_line: Longest line in octets, without its line end.

    Raises:
        ValueError: If *max_line* is below :data:`MIN_LINE_OCTETS`.
    """

    def __init__(self, *, max_line: int = MAX_LINE_OCTETS) -> None:
        if max_line < MIN_LINE_OCTETS:
            raise ValueError(f"a line limit below {MIN_LINE_OCTETS} octets")
        self._max_line = max_line
        self._telnet = b""
        self._held = bytearray()
        self._is_skipping = False

    @property
    def pending(self) -> int:
        """Octets held that are not a whole line yet; at most ``max_line + 3``."""
        return len(self._held) + len(self._telnet)

    def receive(self, octets: bytes) -> list[bytes | OverlongLine]:
        """Take what arrived; return the lines it completes, without their line ends, in order."""
        if self._telnet or _IAC in octets:
            octets = self._strip_telnet(octets)
        lines: list[bytes | OverlongLine] = []
        *ended, rest = octets.split(b"\n")
        for piece in ended:
            self._held += piece
            if self._held.endswith(_ESCAPED_CR):
                self._held += b"\n"
                self._note_overlong(lines)
            else:
                self._end_line(lines)
        self._held += rest
        self._note_overlong(lines)
        return lines

    def clear(self) -> bool:
        """Forget what is held, as before a TLS handshake (RFC 4217 section 15: no plaintext may act inside TLS).

        Returns:
            Whether anything was held.
        """
        held = bool(self.pending) or self._is_skipping
        self._telnet = b""
        self._held.clear()
        self._is_skipping = False
        return held

    def _strip_telnet(self, octets: bytes) -> bytes:
        octets, self._telnet = self._telnet + octets, b""
        return _TELNET.sub(self._replace_telnet, octets)

    def _replace_telnet(self, match: re.Match[bytes]) -> bytes:
        if match.lastgroup == "doubled":
            return b"\xff"
        if match.lastgroup == "unfinished":
            self._telnet = match[0]
        return b""

    def _end_line(self, lines: list[bytes | OverlongLine]) -> None:
        line = bytes(self._held)
        self._held.clear()
        if self._is_skipping:
            self._is_skipping = False
            return
        line = line.removesuffix(b"\r")
        if len(line) > self._max_line:
            lines.append(OverlongLine())
        else:
            lines.append(line.replace(_ESCAPED_CR, b"\r"))

    def _note_overlong(self, lines: list[bytes | OverlongLine]) -> None:
        """Start to skip when even the CR of a line end can not make it short enough; keep what ends may hinge on."""
        if not self._is_skipping and len(self._held) > self._max_line + 1:
            self._is_skipping = True
            lines.append(OverlongLine())
        if self._is_skipping:
            del self._held[:-2]
