"""Reading a directory: one system call an entry, nothing held in memory (RFC 3659 section 7).

An entry that vanishes meanwhile is left out; one that can not be examined is
shown with what the directory itself says of it. A link is shown as what it
leads to inside the root, and as a link if that is nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ftpstwist.interfaces import FtpError
from ftpstwist.storage.confine import Node, Root
from ftpstwist.storage.descriptor import Descriptor, reopen
from ftpstwist.storage.errors import translate
from ftpstwist.storage.facts import Facts
from ftpstwist.storage.reserved import is_reserved
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import Pathname

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
"""Flags with which a directory is opened to be read."""


class DirectoryScan(Iterator[Entry]):
    """The entries of one directory.

    Args:
        root: The jail, for examining links.
        pathname: The directory's place without links.
        descriptor: The directory, open for reading; closed at the end.
        facts: Makes the entries.
    """

    def __init__(self, root: Root, pathname: Pathname, descriptor: Descriptor, facts: Facts) -> None:
        self._root = root
        self._pathname = pathname
        self._facts = facts
        # os.scandir takes a copy, but its entries are examined relative to the original: both stay open.
        self._descriptor = descriptor
        self._found = os.scandir(descriptor.number)

    @classmethod
    def of(cls, node: Node, *, root: Root, pathname: Pathname, facts: Facts) -> DirectoryScan:
        """Open the directory *node* and begin to read it.

        Raises:
            OSError: It is no directory, or may not be read.
        """
        return cls(root, pathname, reopen(node.descriptor, OPEN_DIRECTORY), facts)

    def __next__(self) -> Entry:
        while True:
            try:
                found = next(self._found)
            except StopIteration:
                self.close()
                raise
            except OSError as error:
                self.close()
                raise translate(error, "list", self._pathname) from error
            entry = None if is_reserved(found.name) else self._examine(found)
            if entry is not None:
                return entry

    def close(self) -> None:
        """Let go of the directory; calling twice does no harm."""
        self._found.close()
        self._descriptor.close()

    def __del__(self) -> None:
        # A scan that was never finished, nor closed, because its transfer was cancelled at the wrong instant.
        if hasattr(self, "_found"):
            self.close()

    def _examine(self, found: os.DirEntry[str]) -> Entry | None:
        try:
            status = found.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError:
            return Entry(found.name, _known_kind(found), mode=0)
        entry = self._facts.entry(found.name, status)
        if entry.kind is EntryKind.LINK:
            return examine_link(self._root, self._pathname, entry, self._facts)
        return entry


def examine_link(root: Root, directory: Pathname, link: Entry, facts: Facts) -> Entry:
    """Return what the link *link* in *directory* leads to, under the link's name; itself if that is nothing."""
    try:
        with root.locate(Pathname((*directory.parts, link.name))) as place:
            return link if place.node is None else facts.entry(link.name, place.node.status)
    except (OSError, FtpError):
        return link


def _known_kind(found: os.DirEntry[str]) -> EntryKind:
    """Return the kind as the directory itself has it."""
    try:
        if found.is_dir(follow_symlinks=False):
            return EntryKind.DIRECTORY
        if found.is_symlink():
            return EntryKind.LINK
        return EntryKind.FILE if found.is_file(follow_symlinks=False) else EntryKind.OTHER
    except OSError:
        return EntryKind.OTHER
