"""How much lies below a root, counted as quotas count it: regular files and their octets, hard links once.

Symbolic links are not followed and reserved names do not count. The walk is
bounded in entries; it holds one directory open at a time.
"""

from __future__ import annotations

import contextlib
import os

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.storage.confine import Root
from ftpstwist.storage.descriptor import reopen
from ftpstwist.storage.quota import Usage
from ftpstwist.storage.reserved import is_reserved
from ftpstwist.storage.scan import OPEN_DIRECTORY
from ftpstwist.wire.pathname import ROOT, Pathname


def count_usage(root: Root, *, max_entries: int) -> Usage:
    """Count all files below *root*, and their octets.

    Args:
        root: The jail.
        max_entries: Files and directories looked at, at most.

    Raises:
        FtpError: STORAGE_FAILED if there are more: a quota on what can not be counted is no quota.
    """
    count = _Count(max_entries)
    pending = [ROOT]
    while pending:
        pending.extend(count.add_directory(root, pending.pop()))
    return count.usage


class _Count:
    def __init__(self, max_entries: int) -> None:
        self.usage = Usage()
        self._entries_left = max_entries
        self._seen: set[tuple[int, int]] = set()

    def add_directory(self, root: Root, path: Pathname) -> list[Pathname]:
        """Add the files of one directory; return the directories in it. One that can not be read counts nothing."""
        below: list[Pathname] = []
        with contextlib.suppress(OSError), root.locate(path, follow=False) as place:
            directory = reopen(place.existing.descriptor, OPEN_DIRECTORY)
            try:
                with os.scandir(directory.number) as entries:
                    below.extend(Pathname((*path.parts, entry.name)) for entry in entries if self._add(entry))
            finally:
                directory.close()
        return below

    def _add(self, entry: os.DirEntry[str]) -> bool:
        """Count *entry*; return whether it is a directory to go into."""
        if is_reserved(entry.name):
            return False
        self._entries_left -= 1
        if self._entries_left < 0:
            raise FtpError(ErrorKind.STORAGE_FAILED, "too many entries below the home to count its usage")
        if entry.is_dir(follow_symlinks=False):
            return True
        with contextlib.suppress(OSError):
            if entry.is_file(follow_symlinks=False):
                self._add_file(entry.stat(follow_symlinks=False))
        return False

    def _add_file(self, status: os.stat_result) -> None:
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and inode in self._seen:
            return
        if status.st_nlink > 1:
            self._seen.add(inode)
        self.usage += Usage(status.st_size, 1)
