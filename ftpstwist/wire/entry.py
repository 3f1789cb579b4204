"""One directory entry, as listings and facts describe it (RFC 3659 section 7.5).

The value is what a storage back end reports and what ``wire.listing`` renders;
it never holds a path of the host. Folders hold hundreds of thousands: entries
are tuples, which are made four times as fast as frozen dataclasses.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class EntryKind(Enum):
    """What a name stands for, after symbolic links were followed inside the root."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    """A symbolic link that leads nowhere the client may go: dangling, looping, or out of the root."""
    OTHER = "other"
    """A device, socket or pipe: shown, never opened."""

    __hash__ = object.__hash__
    """Members are singletons; Enum's own hash runs in Python, and every line of a listing asks for it."""


class Entry(NamedTuple):
    """Facts about one file or directory.

    Attributes:
        name: Last component of the pathname; undecodable octets as surrogates (PEP 383).
        kind: What it is.
        size: Octets, as ``TYPE I`` would transfer them; 0 for anything but a file.
        modified: Time of last change, seconds since the epoch, UTC, truncated to whole seconds.
        mode: Permission bits, ``0o7777`` at most.
        owner: Name of the owner as shown to clients.
        group: Name of the group as shown to clients.
        links: Number of hard links.
        unique: Stable opaque token, equal for two names of one file (RFC 3659 section 7.5.2); empty if unknown.
    """

    name: str
    kind: EntryKind
    size: int = 0
    modified: int = 0
    mode: int = 0o644
    owner: str = "ftp"
    group: str = "ftp"
    links: int = 1
    unique: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether CWD could enter it."""
        return self.kind is EntryKind.DIRECTORY

    @property
    def is_file(self) -> bool:
        """Whether RETR could send it."""
        return self.kind is EntryKind.FILE
