"""Open files of ``memory``, and what they share with it: the tree's nodes, the lock and the books."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ftpstwist.interfaces import ErrorKind, FtpError, Octets
from ftpstwist.storage.errors import require_all_sent
from ftpstwist.storage.settings import Incomplete
from ftpstwist.wire.pathname import Pathname


@dataclass(eq=False, slots=True)
class MemoryFile:
    """A regular file.

    Attributes:
        modified: Seconds since the epoch.
        number: Unique in its filesystem.
        mode: Permission bits, which nobody looks at.
        content: Its octets.
        is_appended_to: Whether an upload continues it in place now.
        is_gone: Whether no name leads to it any more.
    """

    modified: float
    number: int
    mode: int = 0o644
    content: bytearray = field(default_factory=bytearray)
    is_appended_to: bool = False
    is_gone: bool = False


@dataclass(eq=False, slots=True)
class MemoryDirectory:
    """A directory; attributes as of :class:`MemoryFile`, and its entries by name."""

    modified: float
    number: int
    mode: int = 0o755
    entries: dict[str, MemoryFile | MemoryDirectory] = field(default_factory=dict)
    is_gone: bool = False


class Books:
    """What a filesystem and its uploads share: the lock, the clock and what is used of the capacity.

    All but the lock is used by whoever holds the lock.

    Args:
        clock: Gives seconds since the epoch, UTC.
        capacity: Octets that may be used; ``None`` for no limit.
    """

    def __init__(self, clock: Callable[[], float], capacity: int | None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.capacity = capacity
        self.used = 0
        self._numbers = itertools.count(1)

    def new_file(self) -> MemoryFile:
        """Return an empty file without a name."""
        return MemoryFile(self.clock(), next(self._numbers))

    def new_directory(self) -> MemoryDirectory:
        """Return an empty directory without a name."""
        return MemoryDirectory(self.clock(), next(self._numbers))

    def add(self, file: MemoryFile, data: Octets) -> None:
        """Put *data* at the end of *file*, all or nothing; NO_SPACE beyond the capacity."""
        if self.capacity is not None and self.used + len(data) > self.capacity:
            raise FtpError(ErrorKind.NO_SPACE, f"{self.used} of {self.capacity} octets are used")
        file.content += data
        file.modified = self.clock()
        if not file.is_gone:
            self.used += len(data)

    def cut(self, file: MemoryFile, size: int) -> None:
        """Shorten *file* to *size*."""
        if not file.is_gone:
            self.used -= len(file.content) - size
        del file.content[size:]

    def remove(self, file: MemoryFile) -> None:
        """Note that no name leads to *file* any more."""
        file.is_gone = True
        self.used -= len(file.content)


class MemoryReadHandle:
    """A file open for RETR.

    Args:
        books: Of the filesystem.
        path: Its name, for the log.
        file: What is read.
        offset: Where to begin.
    """

    def __init__(self, books: Books, path: Pathname, file: MemoryFile, offset: int) -> None:
        self._books = books
        self._path = path
        self._file = file
        self._offset = offset
        self._size = len(file.content)

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as the file has; STORAGE_FAILED if it has become shorter."""
        with self._books.lock:
            octets = self._file.content[self._offset : self._offset + len(buffer)]
        buffer[: len(octets)] = octets
        self._offset += len(octets)
        if not octets:
            require_all_sent(self._path, sent_to=self._offset, size=self._size)
        return len(octets)

    def close(self) -> None:
        """Nothing is held."""


class MemoryUpload:
    """A file open for STOR, APPE or STOU.

    Args:
        books: Of the filesystem.
        path: The final pathname.
        file: Where the octets go.
        incomplete: What becomes of it if it does not come to its end.
    """

    def __init__(self, books: Books, path: Pathname, file: MemoryFile, incomplete: Incomplete) -> None:
        self._books = books
        self._path = path
        self._file = file
        self._keeps = incomplete is Incomplete.KEEP_NEW
        self._start = len(file.content)
        self._is_open = True

    @property
    def path(self) -> Pathname:
        """The final pathname."""
        return self._path

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""
        return len(self._file.content)

    def refuse_replacing(self) -> None:
        """From now on ``commit`` raises EXISTS if it would replace a file."""

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing if it does not fit."""
        with self._books.lock:
            self._require_open()
            self._books.add(self._file, data)

    def _require_open(self) -> None:
        if not self._is_open:
            raise FtpError(ErrorKind.STORAGE_FAILED, f"the upload of {self._path} has ended")


class MemoryNewUpload(MemoryUpload):
    """New content for a name.

    Args:
        books: Of the filesystem.
        path: The final pathname.
        directory: The directory that will hold it.
        replaces: Whether a file that has the name is replaced.
        incomplete: What becomes of it if it does not come to its end.
    """

    def __init__(
        self, books: Books, path: Pathname, directory: MemoryDirectory, incomplete: Incomplete, *, replaces: bool
    ) -> None:
        super().__init__(books, path, books.new_file(), incomplete)
        self._directory = directory
        self._replaces = replaces

    def refuse_replacing(self) -> None:
        """From now on ``commit`` raises EXISTS if a file has the name by then."""
        self._replaces = False

    def commit(self) -> None:
        """Show it under its final name."""
        with self._books.lock:
            self._require_open()
            self._is_open = False
            try:
                self._show()
            except FtpError:
                self._books.remove(self._file)
                raise

    def abandon(self) -> int | None:
        """End it incomplete: shown if nothing has the name and new files are kept, else gone."""
        with self._books.lock:
            if not self._is_open:
                return None
            if self._keeps and self.size and not self._directory.is_gone and self._replaced is None:
                self.commit()
                return self.size
            self._is_open = False
            self._books.remove(self._file)
            return None

    @property
    def _replaced(self) -> MemoryFile | MemoryDirectory | None:
        return self._directory.entries.get(self._path.name)

    def _show(self) -> None:
        if self._directory.is_gone:
            raise FtpError(ErrorKind.NOT_FOUND, f"the directory of {self._path} was removed")
        replaced = self._replaced
        if replaced is not None and not self._replaces:
            raise FtpError(ErrorKind.EXISTS, f"{self._path} is there by now")
        if isinstance(replaced, MemoryDirectory):
            raise FtpError(ErrorKind.IS_A_DIRECTORY, f"{self._path} is a directory by now")
        if replaced is not None:
            self._file.mode = replaced.mode
            self._books.remove(replaced)
        self._directory.entries[self._path.name] = self._file


class MemoryInPlaceUpload(MemoryUpload):
    """A file that is continued at its end; arguments as of :class:`MemoryUpload`.

    Raises:
        FtpError: BUSY if someone else is continuing it.
    """

    def __init__(self, books: Books, path: Pathname, file: MemoryFile, incomplete: Incomplete) -> None:
        if file.is_appended_to:
            raise FtpError(ErrorKind.BUSY, f"{path} is being appended to")
        super().__init__(books, path, file, incomplete)
        file.is_appended_to = True

    def commit(self) -> None:
        """End it; BUSY if the file was deleted or replaced meanwhile."""
        with self._books.lock:
            self._require_open()
            self._end()
            if self._file.is_gone:
                raise FtpError(ErrorKind.BUSY, f"{self._path} was deleted or replaced while it was appended to")

    def abandon(self) -> int | None:
        """End it incomplete: what came stays, or the file is cut back."""
        with self._books.lock:
            if not self._is_open:
                return None
            self._end()
            if self.size == self._start:
                return None
            if not self._keeps:
                self._books.cut(self._file, self._start)
            return self.size if self._keeps else None

    def _end(self) -> None:
        self._is_open = False
        self._file.is_appended_to = False
