"""One user's files: handles, capabilities, and the operations on pathnames.

All methods run in worker threads and may block. They raise FtpError, never OSError.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from ftpstwist.wire.entry import Entry
from ftpstwist.wire.pathname import Pathname

Octets = bytes | bytearray | memoryview


class Capability(Enum):
    """What a storage back end can do beyond the five required operations."""

    DIRECTORIES = "directories"
    RENAME = "rename"
    SET_MODIFIED = "set_modified"
    SET_MODE = "set_mode"
    SPACE = "space"
    LINKS = "links"


class Disposition(Enum):
    """How STOR, APPE and STOU want the file opened."""

    REPLACE = "replace"
    """STOR: new content, shown under the name only when complete. With an offset (REST): resume in place."""
    APPEND = "append"
    """APPE: behind what is there; a new file if nothing is."""
    UNIQUE = "unique"
    """STOU: never an existing name; the handle tells which name it took."""


class ReadHandle(Protocol):
    """A file open for RETR, or a listing being made; read from its start offset to its end."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as is at hand; return the octets filled, 0 at the end only.

        Raises:
            FtpError: STORAGE_FAILED if the file ends before the size it had when it was opened.
        """

    def close(self) -> None:
        """Release it; calling twice does no harm."""


@runtime_checkable
class DirectSource(ReadHandle, Protocol):
    """A file that the kernel can send by itself, and whose reading can be taken back."""

    def send_to(self, plain: socket.socket, octets: int) -> int:
        """Send so many octets at most, from where reading stands; return how many, 0 at the end only.

        Raises:
            OSError: As the socket has it (``BlockingIOError`` if it takes nothing), or EINVAL if the kernel can not.
            FtpError: As :meth:`read_into`.
        """

    def unread(self, octets: int) -> None:
        """Go back by so many of the octets that were read."""


@runtime_checkable
class KernelCopy(Protocol):
    """A write handle that can take octets of another file of the same storage without reading them."""

    def take_from(self, source: ReadHandle, octets: int) -> int | None:
        """Put up to *octets* of *source* behind what was written; it goes on behind them.

        Returns:
            How many, 0 at the end only; ``None`` if they have to be read and written, for nothing was done.

        Raises:
            FtpError: As ``write`` does; then nothing was taken.
        """


class WriteHandle(Protocol):
    """A file open for STOR, APPE or STOU. Nothing is visible under the final name before :meth:`commit`.

    (Except a resumed or appended file, which grows in place.) Exactly one of
    :meth:`commit` and :meth:`abandon` ends it; both release everything, also when they raise.
    """

    @property
    def path(self) -> Pathname:
        """The final pathname."""

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written; raises NO_SPACE, QUOTA_EXCEEDED, FILE_TOO_LARGE."""

    def commit(self) -> None:
        """Make it durable as the settings ask and show it under its final name."""

    def abandon(self) -> int | None:
        """End an incomplete upload as the policy says.

        Returns:
            The size of what now stands under the final name because of this
            upload, or ``None`` if the final name is as it was before.
        """


@dataclass(frozen=True, slots=True)
class QuotaState:
    """How much of a quota is used.

    Attributes:
        what: What it limits, in words for the client.
        used: Of it.
        limit: How much there is.
    """

    what: str
    used: int
    limit: int


@runtime_checkable
class TellsQuotas(Protocol):
    """A filesystem with quotas."""

    def quotas(self) -> Sequence[QuotaState]:
        """Return all quotas that hold."""

    @property
    def at_rest(self) -> Filesystem:
        """The same files for work that sends nothing over the line, so that no quota on transfers counts it."""


class Filesystem(Protocol):
    """One user's files: five required operations and ``close``, then those that :attr:`capabilities` names.

    An operation that is not among the capabilities raises UNSUPPORTED.
    """

    def close(self) -> None:
        """Let go of what is held for this use of the account; at logout, when no operation is under way any more.

        On the reactor's thread: never blocks. Handles that are open live on. Calling twice does no harm.
        """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Which optional operations work."""

    def stat(self, path: Pathname) -> Entry:
        """Describe one name. Its ``Entry.name`` is the last component, empty for the root."""

    def scan(self, path: Pathname, *, unique: bool = True) -> Iterator[Entry]:
        """Yield the entries of a directory in any order, without ``.`` and ``..`` and unfinished uploads.

        An entry that can not be examined is still yielded, as far as it is known.
        The iterator is closed by its ``close`` if it is not read to the end.

        Args:
            path: The directory.
            unique: Whether entries need their ``unique`` token, which may be left empty else.
        """

    def names(self, path: Pathname) -> Iterator[str]:
        """Yield the names that ``scan`` would, without looking at what they stand for."""

    def open_read(self, path: Pathname, offset: int = 0) -> ReadHandle:
        """Open a regular file for reading from *offset*; BAD_RESTART beyond its end."""

    def open_write(self, path: Pathname, disposition: Disposition, offset: int = 0) -> WriteHandle:
        """Open a file for writing without any visible effect yet; every refusal happens here.

        Args:
            path: The file; for UNIQUE the name to derive a free one from.
            disposition: Replace, append or unique.
            offset: Restart marker of REST; with REPLACE only. BAD_RESTART if the file is shorter.
        """

    def delete(self, path: Pathname) -> None:
        """Remove a file or a symbolic link; IS_A_DIRECTORY for directories."""

    def make_directory(self, path: Pathname) -> None:
        """Make an empty directory."""

    def remove_directory(self, path: Pathname) -> None:
        """Remove an empty directory; PERMISSION_DENIED for the root."""

    def rename(self, source: Pathname, target: Pathname) -> None:
        """Rename a file or directory; replaces a file at *target* at once, never a directory."""

    def make_link(self, path: Pathname, target: Pathname) -> None:
        """Make a symbolic link at *path* to *target*, which exists; its text is relative, and never leads out."""

    def set_modified(self, path: Pathname, seconds: float) -> None:
        """Set the time of last change, seconds since the epoch UTC."""

    def set_mode(self, path: Pathname, mode: int) -> None:
        """Set permission bits; set-user-id, set-group-id and sticky are never set."""

    def available(self, path: Pathname) -> int | None:
        """Return the octets that may still be stored at *path*, ``None`` if that is not known."""
