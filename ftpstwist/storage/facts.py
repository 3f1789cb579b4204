"""Facts about a file, from what the operating system says of it (RFC 3659 section 7.5).

The ``unique`` fact is a keyed hash: it does not give inode numbers away
(RFC 3659 section 10), is equal for hard links, and stable as long as the key.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from functools import lru_cache
from hashlib import blake2b

from ftpstwist.wire.entry import Entry, EntryKind

MAX_CACHED_OWNERS = 1024
"""Names of users, and of groups, remembered by one file system."""

_KINDS = {
    stat.S_IFREG: EntryKind.FILE,
    stat.S_IFDIR: EntryKind.DIRECTORY,
    stat.S_IFLNK: EntryKind.LINK,
}
_NANOSECONDS = 10**9
_UNIQUE_OCTETS = 12


class Facts:
    """Makes an :class:`Entry` of an ``os.stat_result``.

    Args:
        unique_key: Secret of this process, at most 64 octets.
        show_owners: Whether names of owners are looked up; else everything is owned by ``ftp``.
    """

    def __init__(self, *, unique_key: bytes, show_owners: bool) -> None:
        self._hash = blake2b(key=unique_key, digest_size=_UNIQUE_OCTETS)
        self._show_owners = show_owners
        self._owner = lru_cache(MAX_CACHED_OWNERS)(_user_name)
        self._group = lru_cache(MAX_CACHED_OWNERS)(_group_name)

    def entry(self, name: str, status: os.stat_result) -> Entry:
        """Describe what *status* was taken from, under the name *name*."""
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), EntryKind.OTHER)
        return Entry(
            name=name,
            kind=kind,
            size=status.st_size if kind is EntryKind.FILE else 0,
            modified=status.st_mtime_ns // _NANOSECONDS,
            mode=stat.S_IMODE(status.st_mode),
            owner=self._owner(status.st_uid) if self._show_owners else "ftp",
            group=self._group(status.st_gid) if self._show_owners else "ftp",
            links=status.st_nlink,
            unique=self._unique(status),
        )

    def _unique(self, status: os.stat_result) -> str:
        token = self._hash.copy()
        token.update(b"%d:%d" % (status.st_dev, status.st_ino))
        return token.hexdigest()


def _user_name(number: int) -> str:
    try:
        return _one_word(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return _one_word(grp.getgrgid(number).gr_name)
    except KeyError:
        return str(number)


def _one_word(name: str) -> str:
    """Names of directory services have spaces, which would break the columns of LIST."""
    return "_".join(name.split())
