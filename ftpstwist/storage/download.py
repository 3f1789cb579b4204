"""A file open for RETR (RFC 959 section 4.1.3, REST as in RFC 3659 section 5.3)."""

from __future__ import annotations

import os

from ftpstwist.storage.descriptor import Descriptor
from ftpstwist.storage.errors import translating
from ftpstwist.wire.pathname import Pathname


class LocalReadHandle:
    """A regular file, read from its start offset to its end.

    Args:
        path: Its name, for the log.
        descriptor: The file, open for reading; closed at the end.
        offset: Where to begin, in octets.
    """

    def __init__(self, path: Pathname, *, descriptor: Descriptor, offset: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._offset = offset
        os.posix_fadvise(descriptor.number, offset, 0, os.POSIX_FADV_SEQUENTIAL)

    def fileno(self) -> int:
        """Return the descriptor, for system calls that move octets without us; it has no position of its own."""
        return self._descriptor.number

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as the file has; return the octets filled, 0 at the end only."""
        with translating("read", self._path):
            filled = os.preadv(self._descriptor.number, [buffer], self._offset)
        self._offset += filled
        return filled

    def close(self) -> None:
        """Close the file; calling twice does no harm."""
        self._descriptor.close()
