"""Reading a directory: one system call an entry, none for names alone, nothing held in memory (RFC 3659 section 7).

An entry that vanishes meanwhile is left out; one that can not be examined is
shown with what the directory itself says of it. A link is shown as what it
leads to inside the root, and as a link if that is nothing.

Both generators are begun before they are handed out: what refuses the
directory is raised at once, and whatever ends them (their end, ``close``, or
being forgotten by a transfer that was cancelled) closes the directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ftpstwist.interfaces import FtpError
from ftpstwist.storage.confine import Place, Root
from ftpstwist.storage.descriptor import reopen
from ftpstwist.storage.errors import translate
from ftpstwist.storage.facts import Facts
from ftpstwist.storage.reserved import is_reserved
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import Pathname

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
"""Flags with which a directory is opened to be read."""


def scan_entries(place: Place, *, root: Root, facts: Facts, unique: bool) -> Iterator[Entry]:
    """Yield the entries of the directory at *place*.

    Args:
        place: Where a directory is.
        root: The jail, for examining links.
        facts: Makes the entries.
        unique: Whether they are to have their ``unique`` token.

    Raises:
        OSError: It is no directory, or may not be read.
    """
    entries = _entries(place, root, facts, unique=unique)
    next(entries)
    return entries


def scan_names(place: Place) -> Iterator[str]:
    """Yield the names in the directory at *place*; raises as :func:`scan_entries` does."""
    names = _names(place)
    next(names)
    return names


def _entries(place: Place, root: Root, facts: Facts, *, unique: bool) -> Iterator[Entry]:
    make, pathname = facts.entry, place.pathname
    with _opened(place) as found:
        yield Entry("", EntryKind.DIRECTORY)  # to the caller above: it is open
        for each in found:
            name = each.name
            if name[0] == "." and is_reserved(name):
                continue
            try:
                status = each.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError:
                yield Entry(name, _known_kind(each), mode=0)
                continue
            entry = make(name, status, unique)
            yield entry if entry.kind is not EntryKind.LINK else examine_link(root, pathname, entry, facts)


def _names(place: Place) -> Iterator[str]:
    with _opened(place) as found:
        yield ""  # to the caller above: it is open
        for each in found:
            name = each.name
            if name[0] != "." or not is_reserved(name):
                yield name


@contextmanager
def _opened(place: Place) -> Iterator[Iterator[os.DirEntry[str]]]:
    pathname, directory = place.pathname, reopen(place.existing.descriptor, OPEN_DIRECTORY)
    try:
        # os.scandir takes a copy, but its entries are examined relative to the original: both stay open.
        with os.scandir(directory.number) as found:
            yield found
    except OSError as error:
        raise translate(error, "list", pathname) from error
    finally:
        directory.close()


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
