"""MODE Z: files and listings travel in the ZLIB format (draft-preston-ftpext-deflate-04, RFC 1950).

How it works: a :class:`DeflatedSource` stands between a file and the data
connection that sends it, an :class:`InflatingSink` between one that receives
and the file. So packing is done in the same bursts, in worker threads, and
nothing else of a transfer knows of it; TYPE A belongs to the file's side of it.
What is unpacked goes on in small pieces: permissions, quota and the limit of
file sizes see the octets of the file, and no upload needs more memory than
another. A few octets can hold a mountain, so its height and its steepness are
limited as well.

It refuses whatever stands behind the end of the packed data, or before it is whole.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Protocol

from ftpstwist.dtp.translate import FromNetwork, ToNetwork
from ftpstwist.interfaces import ErrorKind, FtpError, Octets, ReadHandle

_PIECE_OCTETS = 256 << 10
_STEEP_FROM = 1 << 20
"""Octets that may come out before their ratio counts: small files are no danger."""


class OctetSink(Protocol):
    """What takes the octets of an upload."""

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written."""


@dataclass(frozen=True, slots=True)
class InflateLimits:
    """What an upload in MODE Z may unpack to.

    Attributes:
        ratio: Octets for each one that came.
        octets: Octets in all.
    """

    ratio: int = 250
    octets: int = 64 << 30


class DeflatedSource:
    """What another source gives, packed.

    Args:
        inner: Is read to its end, not closed.
        level: From 0 (none) to 9 (best).
        ascii_type: Whether line ends are translated before.

    Attributes:
        octets: Octets read from *inner*.
    """

    def __init__(self, inner: ReadHandle, *, level: int, ascii_type: bool) -> None:
        self.octets = 0
        self._inner = inner
        self._translation = ToNetwork() if ascii_type else None
        self._packing = zlib.compressobj(level)
        self._buffer = memoryview(bytearray(_PIECE_OCTETS))
        self._packed = memoryview(b"")
        self._ended = False

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as is at hand; return the octets filled, 0 at the end only."""
        while not self._packed and not self._ended:
            self._packed = memoryview(self._pack_piece())
        count = min(len(buffer), len(self._packed))
        buffer[:count] = self._packed[:count]
        self._packed = self._packed[count:]
        return count

    def close(self) -> None:
        """Nothing is held."""

    def _pack_piece(self) -> bytes:
        count = self._inner.read_into(self._buffer)
        if not count:
            self._ended = True
            return self._packing.flush()
        self.octets += count
        clear: Octets = self._buffer[:count]
        return self._packing.compress(clear if self._translation is None else self._translation.translate(clear))


class InflatingSink:
    """Unpacks what it is given into another sink.

    Args:
        inner: Where the octets of the file go.
        limits: How much they may be.
        ascii_type: Whether line ends are translated behind.

    Attributes:
        octets: Octets written to *inner*.
    """

    def __init__(self, inner: OctetSink, *, limits: InflateLimits, ascii_type: bool) -> None:
        self.octets = 0
        self._inner = inner
        self._limits = limits
        self._translation = FromNetwork() if ascii_type else None
        self._unpacking = zlib.decompressobj()
        self._came = 0

    def write(self, data: Octets) -> None:
        """Unpack all of *data*.

        Raises:
            FtpError: DATA_MALFORMED (client sees 426), FILE_TOO_LARGE beyond the limits (552), or what *inner* raised.
        """
        self._came += len(data)
        left: Octets = data
        while left:
            if self._unpacking.eof:
                raise FtpError(ErrorKind.DATA_MALFORMED, "octets behind the end of the packed data")
            try:
                clear = self._unpacking.decompress(left, _PIECE_OCTETS)
            except zlib.error as error:
                raise FtpError(ErrorKind.DATA_MALFORMED, f"MODE Z: {error}") from error
            left = self._unpacking.unconsumed_tail or self._unpacking.unused_data
            self._write(clear if self._translation is None else self._translation.translate(clear))
        self._drain()

    def finish(self) -> None:
        """The data ended.

        Raises:
            FtpError: DATA_MALFORMED (client sees 426) if something is missing. No octet at all is an empty file.
        """
        if self._came and not self._unpacking.eof:
            raise FtpError(ErrorKind.DATA_MALFORMED, "the packed data ended too early")
        if self._translation is not None:
            self._write(self._translation.finish())

    def _drain(self) -> None:
        """Take what zlib holds although it has consumed all input."""
        while not self._unpacking.eof and (clear := self._unpacking.decompress(b"", _PIECE_OCTETS)):
            self._write(clear if self._translation is None else self._translation.translate(clear))

    def _write(self, clear: bytes) -> None:
        octets, limits = self.octets + len(clear), self._limits
        if octets > limits.octets:
            raise FtpError(ErrorKind.FILE_TOO_LARGE, f"unpacks to more than {limits.octets} octets")
        if octets > _STEEP_FROM and octets > self._came * limits.ratio:
            raise FtpError(
                ErrorKind.FILE_TOO_LARGE,
                f"{self._came} octets unpack to more than {limits.ratio} times as many",
                "packed too tightly for MODE Z here; use MODE S",
            )
        if clear:
            self._inner.write(clear)
            self.octets = octets
