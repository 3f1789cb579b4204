"""Files in memory, for tests and demonstrations: the same promises as a disk, without one.

One lock guards everything; a capacity makes "disk full" easy to have. There
are no symbolic links, no hard links and no owners.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ftpstwist.interfaces import Capability, Disposition, ErrorKind, FtpError, ReadHandle
from ftpstwist.storage.memory_handles import (
    Books,
    MemoryDirectory,
    MemoryFile,
    MemoryInPlaceUpload,
    MemoryNewUpload,
    MemoryReadHandle,
)
from ftpstwist.storage.quota import Usage
from ftpstwist.storage.reserved import RandomOctets, require_allowed, unique_name
from ftpstwist.storage.settings import Incomplete
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import Pathname

_PERMISSION_BITS = 0o777


class MemoryFilesystem:
    """A tree of files in memory; safe for any number of threads.

    Args:
        clock: Gives seconds since the epoch, UTC.
        random: Gives that many unpredictable octets, as ``os.urandom`` does.
        capacity: Octets all files and unfinished uploads may have together; ``None`` for no limit.
        incomplete: What becomes of uploads that were cut off.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        random: RandomOctets,
        capacity: int | None = None,
        incomplete: Incomplete = Incomplete.KEEP_NEW,
    ) -> None:
        self._random = random
        self._incomplete = incomplete
        self._books = Books(clock, capacity)
        self._lock = self._books.lock
        self._root = self._books.new_directory()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All but links."""
        return frozenset(Capability) - {Capability.LINKS}

    def close(self) -> None:
        """Nothing is held for one account: all that use these files share them."""

    def stat(self, path: Pathname) -> Entry:
        """Describe one name."""
        with self._lock:
            return _entry(path.name, self._existing(path))

    def scan(self, path: Pathname, *, unique: bool = True) -> Iterator[Entry]:  # noqa: ARG002 - it costs nothing here
        """Yield the entries a directory has now."""
        with self._lock:
            directory = self._existing(path)
            if isinstance(directory, MemoryFile):
                raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"{path} is a file")
            found = [_entry(name, node) for name, node in directory.entries.items()]
        return (entry for entry in found)

    def names(self, path: Pathname) -> Iterator[str]:
        """Yield the names a directory has now."""
        return (entry.name for entry in self.scan(path))

    def open_read(self, path: Pathname, offset: int = 0) -> ReadHandle:
        """Open a file for reading from *offset*."""
        with self._lock:
            file = _require_file(self._existing(path), path)
            _require_within(offset, len(file.content), path)
            return MemoryReadHandle(self._books, path, file, offset)

    def open_write(
        self, path: Pathname, disposition: Disposition, offset: int = 0
    ) -> MemoryNewUpload | MemoryInPlaceUpload:
        """Open a file for writing without any visible effect yet."""
        if offset and disposition is not Disposition.REPLACE:
            raise FtpError(ErrorKind.BAD_RESTART, f"{disposition.value} of {path} with a restart marker")
        with self._lock:
            if path.is_root:
                raise FtpError(ErrorKind.IS_A_DIRECTORY, "the root is a directory")
            directory, node = self._look_up(path)
            if disposition is Disposition.UNIQUE:
                return self._new_upload(path.parent / unique_name(path.name, self._random), directory, replaces=False)
            file = None if node is None else _require_file(node, path)
            size = len(file.content) if file else 0
            _require_within(offset, size, path)
            if file and (disposition is Disposition.APPEND or 0 < offset == size):
                return MemoryInPlaceUpload(self._books, path, file, self._incomplete)
            upload = self._new_upload(path, directory, replaces=disposition is Disposition.REPLACE)
            if file and offset:
                upload.write(file.content[:offset])
            return upload

    def delete(self, path: Pathname) -> None:
        """Remove a file."""
        with self._lock:
            self._books.remove(_require_file(self._existing(path), path))
            del self._parent(path).entries[path.name]

    def make_directory(self, path: Pathname) -> None:
        """Make an empty directory."""
        with self._lock:
            if path.is_root:
                raise FtpError(ErrorKind.EXISTS, "the root is there")
            directory, node = self._look_up(path)
            if node is not None:
                raise FtpError(ErrorKind.EXISTS, f"{path} is there")
            directory.entries[path.name] = self._books.new_directory()

    def remove_directory(self, path: Pathname) -> None:
        """Remove an empty directory."""
        if path.is_root:
            raise FtpError(ErrorKind.PERMISSION_DENIED, "the root directory is not removed")
        with self._lock:
            node = self._existing(path)
            if isinstance(node, MemoryFile):
                raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"{path} is a file")
            if node.entries:
                raise FtpError(ErrorKind.NOT_EMPTY, f"{path} has {len(node.entries)} entries")
            node.is_gone = True
            del self._parent(path).entries[path.name]

    def rename(self, source: Pathname, target: Pathname) -> None:
        """Rename a file or directory; never over a directory."""
        if source.is_root or target.is_root:
            raise FtpError(ErrorKind.PERMISSION_DENIED, "the root directory is not renamed")
        with self._lock:
            old_directory, node = self._look_up(source)
            directory, replaced = self._look_up(target)
            if node is None:
                raise FtpError(ErrorKind.NOT_FOUND, f"{source}")
            if source == target:
                return
            if replaced is not None and (isinstance(node, MemoryDirectory) or isinstance(replaced, MemoryDirectory)):
                raise FtpError(ErrorKind.EXISTS, f"{target} is there, and it or {source} is a directory")
            if target.is_within(source):
                raise FtpError(ErrorKind.NAME_NOT_ALLOWED, f"{target} lies within {source}")
            if isinstance(replaced, MemoryFile):
                self._books.remove(replaced)
            del old_directory.entries[source.name]
            directory.entries[target.name] = node

    def make_link(self, path: Pathname, target: Pathname) -> None:
        """There are no links here."""
        raise FtpError(ErrorKind.UNSUPPORTED, f"link from {path} to {target}", "there are no links here")

    def set_modified(self, path: Pathname, seconds: float) -> None:
        """Set the time of last change."""
        if not math.isfinite(seconds):
            raise FtpError(ErrorKind.UNSUPPORTED, f"{seconds} is no time", "time out of range")
        with self._lock:
            self._existing(path).modified = seconds

    def set_mode(self, path: Pathname, mode: int) -> None:
        """Set permission bits, which nobody looks at here."""
        with self._lock:
            self._existing(path).mode = mode & _PERMISSION_BITS

    def available(self, path: Pathname) -> int | None:
        """Return what is left of the capacity."""
        with self._lock:
            if not path.is_root:
                self._look_up(path)
            return None if self._books.capacity is None else self._books.capacity - self._books.used

    def usage(self) -> Usage:
        """Return all files, and their octets with those of unfinished uploads."""
        with self._lock:
            return Usage(self._books.used, _files_in(self._root))

    def _look_up(self, path: Pathname) -> tuple[MemoryDirectory, MemoryFile | MemoryDirectory | None]:
        """Return the directory that holds *path* (not the root), and what stands there."""
        for name in path.parts:
            require_allowed(name)
        directory = self._root
        for name in path.parts[:-1]:
            node = directory.entries.get(name)
            if node is None:
                raise FtpError(ErrorKind.NOT_FOUND, f"{name} on the way to {path}")
            if isinstance(node, MemoryFile):
                raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"{name} on the way to {path}")
            directory = node
        return directory, directory.entries.get(path.name)

    def _existing(self, path: Pathname) -> MemoryFile | MemoryDirectory:
        if path.is_root:
            return self._root
        _, node = self._look_up(path)
        if node is None:
            raise FtpError(ErrorKind.NOT_FOUND, f"{path}")
        return node

    def _parent(self, path: Pathname) -> MemoryDirectory:
        directory, _ = self._look_up(path)
        return directory

    def _new_upload(self, path: Pathname, directory: MemoryDirectory, *, replaces: bool) -> MemoryNewUpload:
        return MemoryNewUpload(self._books, path, directory, self._incomplete, replaces=replaces)


def _files_in(directory: MemoryDirectory) -> int:
    nodes = directory.entries.values()
    return sum(1 if isinstance(node, MemoryFile) else _files_in(node) for node in nodes)


def _entry(name: str, node: MemoryFile | MemoryDirectory) -> Entry:
    is_file = isinstance(node, MemoryFile)
    return Entry(
        name=name,
        kind=EntryKind.FILE if is_file else EntryKind.DIRECTORY,
        size=len(node.content) if isinstance(node, MemoryFile) else 0,
        modified=math.floor(node.modified),
        mode=node.mode,
        unique=f"{node.number:x}",
    )


def _require_file(node: MemoryFile | MemoryDirectory, path: Pathname) -> MemoryFile:
    if isinstance(node, MemoryDirectory):
        raise FtpError(ErrorKind.IS_A_DIRECTORY, f"{path} is a directory")
    return node


def _require_within(offset: int, size: int, path: Pathname) -> None:
    if not 0 <= offset <= size:
        raise FtpError(ErrorKind.BAD_RESTART, f"{path} has {size} octets, restart at {offset}")
