"""Listings as sources of octets: what LIST, NLST, MLSD and STAT send, made some hundred lines at a time.

How it works: a listing is an iterator of encoded lines, a batch in each step,
that runs in worker threads and is read like a file, so a folder of any size
costs little memory and never holds up another session. Names alone are
listed without a look at what they stand for. A small folder is sorted, a large one is
sent as the storage gives it. A wildcard matches names of one directory.
Recursion stops at the depth and the number of entries that the settings give.
What is left out is counted, so that the reply can tell: no listing is cut
silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Generic, TypeVar

from ftpstwist.interfaces import ErrorKind, Filesystem, FtpError
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.globbing import compile_glob, has_wildcards
from ftpstwist.wire.listing import is_listable, name_lines
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import ListArgument

SORTED_ENTRIES = 5000
"""Directories with more entries are sent unsorted, batch by batch."""
BATCH = 500
"""Entries that are rendered at once: some ten thousand octets."""

_ORDERS: dict[str, Callable[[Entry], tuple[int, str]]] = {
    "t": lambda entry: (-entry.modified, entry.name),
    "S": lambda entry: (-entry.size, entry.name),
}

T = TypeVar("T")
Render = Callable[[Sequence[Entry], str], bytes]
"""Returns the lines of entries, with what goes before each name."""


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How directories are read and shown.

    Attributes:
        read: Reads a directory.
        name_of: Tells the name of what was read.
        render: Returns the lines, with what goes before each name.
        rename: Returns the entry of a single file as what would have been read, with another name to show.
        directories_of: Tells the names of those that are directories.
        orders: By the option of ``ls`` that asks for it, what to sort by instead of the name.
    """

    read: Callable[[Pathname], Iterator[T]]
    name_of: Callable[[T], str]
    render: Callable[[Sequence[T], str], bytes]
    rename: Callable[[Entry, str], T]
    directories_of: Callable[[Iterable[T]], list[str]]
    orders: Mapping[str, Callable[[T], tuple[int, str]]]


def in_full(files: Filesystem, render: Render, *, unique: bool = False) -> Form[Entry]:
    """Return the form that examines every entry; *unique* says whether its token is shown."""
    return Form(
        read=lambda path: files.scan(path, unique=unique),
        name_of=attrgetter("name"),
        render=render,
        rename=lambda entry, name: entry._replace(name=name),
        directories_of=lambda entries: [entry.name for entry in entries if entry.is_directory],
        orders=_ORDERS,
    )


def names_only(files: Filesystem) -> Form[str]:
    """Return the form that examines nothing, and therefore knows no directories and no order but that of names."""
    return Form(
        read=files.names,
        name_of=str,
        render=name_lines,
        rename=lambda _, name: name,
        directories_of=lambda _: [],
        orders={},
    )


def suffice_names(options: frozenset[str]) -> bool:
    """Tell whether NLST can do what its options ask without examining entries."""
    return options.isdisjoint({"R", *_ORDERS})


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


class Listing(Generic[T]):
    """What one LIST, NLST or STAT shows. All methods may block.

    Args:
        files: The user's files.
        form: How they are shown.
        base: The working directory.
        argument: Options and pathname as the client gave them.
        bounds: Limits of ``-R``.
        qualified: Whether each name is to be understood from the working directory, as NLST has it: then it
            stands behind the pathname the client gave, and the directories of ``-R`` need no headings.
    """

    def __init__(
        self,
        files: Filesystem,
        form: Form[T],
        base: Pathname,
        argument: ListArgument,
        bounds: Bounds,
        *,
        qualified: bool = False,
    ) -> None:
        self._files = files
        self._form = form
        self._base = base
        self._argument = argument
        self._bounds = bounds
        self._qualified = qualified
        self.omissions = Omissions()

    @property
    def path(self) -> Pathname:
        """What is listed, as a pathname; its last component may be a pattern."""
        return Pathname.parse(self._argument.pathname, self._base)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, a batch at a time; the first step raises whatever refuses the listing.

        Raises:
            FtpError: NOT_FOUND, PERMISSION_DENIED (client sees 550).
        """
        path = self.path
        try:
            entry = self._files.stat(path)
        except FtpError as error:
            if error.kind is not ErrorKind.NOT_FOUND or not has_wildcards(path.name):
                raise
            yield from self._matches(path)
            return
        if not entry.is_directory or "d" in self._argument.options:
            yield self._form.render([self._form.rename(entry, self._argument.pathname or ".")], "")
        elif "R" in self._argument.options:
            yield from self._tree(path)
        else:
            yield from self.directory(path)

    def directory(self, path: Pathname) -> Iterator[bytes]:
        """Return the lines of one directory, a batch at a time; it is opened before this returns."""
        prefix = self._prefix()
        return (self._form.render(batch, prefix) for batch in self._read(path))

    def _prefix(self) -> str:
        given = self._argument.pathname
        return f"{given.rstrip('/')}/" if given and self._qualified else ""

    def _matches(self, pattern: Pathname) -> Iterator[bytes]:
        given, slash, _ = self._argument.pathname.rpartition("/")
        matches, name_of = compile_glob(pattern.name), self._form.name_of
        for batch in self._read(pattern.parent):
            yield self._form.render([each for each in batch if matches(name_of(each))], given + slash)

    def _tree(self, top: Pathname) -> Iterator[bytes]:
        waiting = [(top, self._prefix(), 0)]
        left = self._bounds.entries
        while waiting:
            path, prefix, depth = waiting.pop()
            batches = self._read(path) if path == top else self._read_if_allowed(path)
            if path != top and not self._qualified:
                yield name_lines(["", f"{path}:"])
            below = []
            for batch in batches:
                shown = batch[:left]
                left -= len(shown)
                yield self._form.render(shown, prefix)
                if len(shown) < len(batch):
                    self.omissions.is_cut = True
                    return
                below += [
                    (path / name, f"{prefix}{name}/" if self._qualified else "", depth + 1)
                    for name in self._form.directories_of(shown)
                ]
            if depth >= self._bounds.depth:
                self.omissions.is_cut |= bool(below)
            else:
                waiting.extend(reversed(below))

    def _read(self, path: Pathname) -> Iterator[list[T]]:
        return self._ordered(self._form.read(path))

    def _read_if_allowed(self, path: Pathname) -> Iterator[list[T]]:
        try:
            return self._read(path)
        except FtpError:
            self.omissions.unreadable += 1
            return iter(())

    def _ordered(self, entries: Iterator[T]) -> Iterator[list[T]]:
        """Yield batches of what can be listed: sorted, if there is not too much."""
        head = list(islice(entries, SORTED_ENTRIES))
        if len(head) < SORTED_ENTRIES:
            head.sort(key=self._order(), reverse="r" in self._argument.options)
        for start in range(0, len(head), BATCH):
            yield self._listable(head[start : start + BATCH])
        del head
        while batch := list(islice(entries, BATCH)):
            yield self._listable(batch)

    def _order(self) -> Callable[[T], tuple[int, str]] | Callable[[T], str]:
        wanted = (order for option, order in self._form.orders.items() if option in self._argument.options)
        return next(wanted, self._form.name_of)

    def _listable(self, batch: list[T]) -> list[T]:
        """Leave out names that no line can hold: hardly ever one, so all are looked at together."""
        name_of = self._form.name_of
        if is_listable("".join(map(name_of, batch))):
            return batch
        listable = [each for each in batch if is_listable(name_of(each))]
        self.omissions.unlistable += len(batch) - len(listable)
        return listable


class LineSource:
    """Lines as a ``ReadHandle``. Making one takes the first step, so that a refusal comes before 150.

    Args:
        lines: Encoded lines, any number in each step.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = memoryview(next(lines, b""))

    def read_into(self, buffer: memoryview) -> int:
        """Fill *buffer* as far as there are lines."""
        filled = 0
        while filled < len(buffer):
            while not self._left:
                batch = next(self._lines, None)
                if batch is None:
                    return filled
                self._left = memoryview(batch)
            taken = self._left[: len(buffer) - filled]
            buffer[filled : filled + len(taken)] = taken
            filled += len(taken)
            self._left = self._left[len(taken) :]
        return filled

    def close(self) -> None:
        """Let go of the directory being read."""
        self._lines = iter(())
        self._left = memoryview(b"")
