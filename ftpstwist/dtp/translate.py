"""TYPE A: line ends between the local form (LF) and the network form (CRLF), RFC 959 section 3.1.1.1.

Chunks may be cut anywhere, also between CR and LF. Pure; it refuses to guess:
what is no line end stays octet for octet, and no character set is touched.
"""

from __future__ import annotations

from ftpstwist.interfaces import Octets

_CR = b"\r"
_LF = b"\n"
_CRLF = b"\r\n"


class ToNetwork:
    """Sends LF as CRLF, unless a CR stands before it already."""

    def __init__(self) -> None:
        self._ended_in_cr = False

    def translate(self, chunk: Octets) -> bytes:
        """Return *chunk* with network line ends."""
        octets = bytes(chunk)
        if not octets:
            return octets
        begun = self._ended_in_cr and octets.startswith(_LF)
        self._ended_in_cr = octets.endswith(_CR)
        if begun:
            return _LF + _with_crlf(octets[1:])
        return _with_crlf(octets)


class FromNetwork:
    """Stores CRLF as LF; a CR without LF is kept."""

    def __init__(self) -> None:
        self._held = b""

    def translate(self, chunk: Octets) -> bytes:
        """Return *chunk* with local line ends; a CR at its end waits for the next one."""
        octets = self._held + bytes(chunk)
        self._held = _CR if octets.endswith(_CR) else b""
        return octets[: len(octets) - len(self._held)].replace(_CRLF, _LF)

    def finish(self) -> bytes:
        """Return the CR that no LF followed, if there is one."""
        held, self._held = self._held, b""
        return held


def _with_crlf(octets: bytes) -> bytes:
    """Two passes of ``replace`` do at C speed what a look-behind pattern would do at a tenth of it."""
    return octets.replace(_CRLF, _LF).replace(_LF, _CRLF)
