"""A file open for RETR (RFC 959 section 4.1.3, REST as in RFC 3659 section 5.3).

What is added to the file while it is sent is sent, too. A file that has become
shorter is an error: its end would be taken for the end of what was asked for.
"""

from __future__ import annotations

import errno
import os
import socket

from ftpstwist.storage.descriptor import Descriptor
from ftpstwist.storage.errors import require_all_sent, translating
from ftpstwist.wire.pathname import Pathname

NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What kernels and file systems say that can not copy from one file to the other."""


class LocalReadHandle:
    """A regular file, read from its start offset to its end.

    Args:
        path: Its name, for the log.
        descriptor: The file, open for reading; closed at the end.
        offset: Where to begin, in octets.
        size: Octets it has now; ending before them is an error.
    """

    def __init__(self, path: Pathname, *, descriptor: Descriptor, offset: int, size: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._offset = offset
        self._size = size
        os.posix_fadvise(descriptor.number, offset, 0, os.POSIX_FADV_SEQUENTIAL)

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as the file has; return the octets filled, 0 at the end only.

        Raises:
            FtpError: STORAGE_FAILED if the file has become shorter (client sees 451).
        """
        with translating("read", self._path):
            filled = os.preadv(self._descriptor.number, [buffer], self._offset)
        self._offset += filled
        if not filled:
            require_all_sent(self._path, sent_to=self._offset, size=self._size)
        return filled

    def send_to(self, plain: socket.socket, octets: int) -> int:
        """Let the kernel send; see ``interfaces.DirectSource``."""
        sent = os.sendfile(plain.fileno(), self._descriptor.number, self._offset, octets)
        self._offset += sent
        if not sent:
            require_all_sent(self._path, sent_to=self._offset, size=self._size)
        return sent

    def copy_to(self, number: int, octets: int) -> int | None:
        """Let the kernel copy to the position of another file (shared blocks if it can); see ``KernelCopy``."""
        with translating("copy", self._path):
            try:
                copied = os.copy_file_range(self._descriptor.number, number, octets, offset_src=self._offset)
            except OSError as error:
                if error.errno in NO_KERNEL_COPY:
                    return None
                raise
        self._offset += copied
        if not copied:
            require_all_sent(self._path, sent_to=self._offset, size=self._size)
        return copied

    def unread(self, octets: int) -> None:
        """Go back by so many octets."""
        self._offset -= octets

    def close(self) -> None:
        """Close the file; calling twice does no harm."""
        self._descriptor.close()
