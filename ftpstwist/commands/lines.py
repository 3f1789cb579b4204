"""Listings as sources of octets: what LIST, NLST, MLSD and STAT send, made line by line.

How it works: a listing is an iterator of encoded lines that runs in worker
threads and is read like a file, so a folder of any size costs little memory
and never holds up another session. A small folder is sorted, a large one is
sent as the storage gives it. A wildcard matches names of one directory.
Recursion stops at the depth and the number of entries that the settings give.
What is left out is counted, so that the reply can tell: no listing is cut
silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from ftpstwist.interfaces import ErrorKind, Filesystem, FtpError
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.globbing import compile_glob, has_wildcards
from ftpstwist.wire.listing import is_listable, name_line
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import ListArgument

SORTED_ENTRIES = 5000
"""Directories with more entries are sent unsorted, entry by entry."""

Line = Callable[[Entry, str], bytes]
"""Renders an entry under the name it is shown by."""


@dataclass(slots=True)
class Omissions:
    """What a listing left out.

    Attributes:
        unlistable: Names with line breaks, which no line can hold.
        unreadable: Directories that recursion was refused.
        is_cut: Whether recursion stopped at a limit.
    """

    unlistable: int = 0
    unreadable: int = 0
    is_cut: bool = False

    def __str__(self) -> str:
        parts = []
        if self.unlistable:
            parts.append(f"{self.unlistable} names with line breaks are not shown")
        if self.unreadable:
            parts.append(f"{self.unreadable} folders can not be listed")
        if self.is_cut:
            parts.append("a limit of the server was reached, not all folders are shown")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far recursion goes: directories below the first, and entries in all."""

    depth: int
    entries: int


class Listing:
    """What one LIST, NLST or STAT shows. All methods may block.

    Args:
        files: The user's files.
        base: The working directory.
        argument: Options and pathname as the client gave them.
        bounds: Limits of ``-R``.
        qualified: Whether each name is to be understood from the working directory, as NLST has it: then it
            stands behind the pathname the client gave, and the directories of ``-R`` need no headings.
    """

    def __init__(
        self, files: Filesystem, base: Pathname, argument: ListArgument, bounds: Bounds, *, qualified: bool = False
    ) -> None:
        self._files = files
        self._base = base
        self._argument = argument
        self._bounds = bounds
        self._qualified = qualified
        self.omissions = Omissions()

    def lines(self, line: Line) -> Iterator[bytes]:
        """Yield the lines; the first step raises whatever refuses the listing.

        Raises:
            FtpError: NOT_FOUND, PERMISSION_DENIED (client sees 550).
        """
        path = Pathname.parse(self._argument.pathname, self._base)
        try:
            entry = self._files.stat(path)
        except FtpError as error:
            if error.kind is not ErrorKind.NOT_FOUND or not has_wildcards(path.name):
                raise
            yield from self._matches(path, line)
            return
        if not entry.is_directory or "d" in self._argument.options:
            yield line(entry, self._argument.pathname or ".")
        elif "R" in self._argument.options:
            yield from self._tree(path, line)
        else:
            yield from self.directory(path, line, self._prefix())

    def directory(self, path: Pathname, line: Line, prefix: str = "") -> Iterator[bytes]:
        """Yield the lines of one directory; *prefix* goes before each name."""
        return (line(entry, prefix + entry.name) for entry in self._entries(path))

    def _prefix(self) -> str:
        given = self._argument.pathname
        return f"{given.rstrip('/')}/" if given and self._qualified else ""

    def _matches(self, pattern: Pathname, line: Line) -> Iterator[bytes]:
        given, slash, _ = self._argument.pathname.rpartition("/")
        matches = compile_glob(pattern.name)
        for entry in self._entries(pattern.parent):
            if matches(entry.name):
                yield line(entry, given + slash + entry.name)

    def _tree(self, top: Pathname, line: Line) -> Iterator[bytes]:
        waiting = [(top, self._prefix(), 0)]
        left = self._bounds.entries
        while waiting:
            path, prefix, depth = waiting.pop()
            entries = self._entries(path) if path == top else self._entries_if_allowed(path)
            if path != top and not self._qualified:
                yield name_line("")
                yield name_line(f"{path}:")
            below = []
            for entry in entries:
                if not left:
                    self.omissions.is_cut = True
                    return
                left -= 1
                yield line(entry, prefix + entry.name)
                if entry.is_directory:
                    below.append((path / entry.name, f"{prefix}{entry.name}/" if self._qualified else "", depth + 1))
            if depth >= self._bounds.depth:
                self.omissions.is_cut |= bool(below)
            else:
                waiting.extend(reversed(below))

    def _entries(self, path: Pathname) -> Iterator[Entry]:
        entries = self._files.scan(path)
        return self._ordered(entry for entry in entries if self._is_shown(entry))

    def _entries_if_allowed(self, path: Pathname) -> Iterator[Entry]:
        try:
            return self._entries(path)
        except FtpError:
            self.omissions.unreadable += 1
            return iter(())

    def _is_shown(self, entry: Entry) -> bool:
        if is_listable(entry.name):
            return True
        self.omissions.unlistable += 1
        return False

    def _ordered(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        head = list(islice(entries, SORTED_ENTRIES))
        if len(head) < SORTED_ENTRIES:
            head.sort(key=_ORDERS[_order_option(self._argument.options)], reverse="r" in self._argument.options)
        yield from head
        yield from entries


_ORDERS: dict[str, Callable[[Entry], tuple[int, str]]] = {
    "": lambda entry: (0, entry.name),
    "t": lambda entry: (-entry.modified, entry.name),
    "S": lambda entry: (-entry.size, entry.name),
}


def _order_option(options: frozenset[str]) -> str:
    return next((option for option in "tS" if option in options), "")


class LineSource:
    """Lines as a ``ReadHandle``. Making one takes the first step, so that a refusal comes before 150.

    Args:
        lines: Encoded lines.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = next(lines, b"")

    def read_into(self, buffer: memoryview) -> int:
        """Fill *buffer* as far as there are lines."""
        size = len(buffer)
        parts = [self._left]
        have = len(self._left)
        for line in self._lines if have < size else ():
            parts.append(line)
            have += len(line)
            if have >= size:
                break
        octets = b"".join(parts)
        filled = min(have, size)
        buffer[:filled] = octets[:filled]
        self._left = octets[filled:]
        return filled

    def close(self) -> None:
        """Let go of the directory being read."""
        self._lines = iter(())
        self._left = b""
