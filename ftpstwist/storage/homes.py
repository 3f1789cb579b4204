"""Homes that several sessions are in hold one descriptor, not one each: ten thousand sessions of one account need one.

A home is known by its inode: one that was put in the place of another is another. Safe to use from several threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ftpstwist.storage.descriptor import Descriptor

_Inode = tuple[int, int]


class OpenDirectory(Protocol):
    """A descriptor, as long as it is not closed."""

    @property
    def number(self) -> int:
        """As ``os.open`` returned it."""

    def close(self) -> None:
        """Let go of it; calling twice does no harm."""


OpenHome = Callable[[Path], OpenDirectory]
"""Opens a directory; raises OSError as ``os.open`` does."""


class Homes:
    """The homes that are in use."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._open: dict[_Inode, tuple[Descriptor, int]] = {}

    def open(self, directory: Path) -> Home:
        """Open a directory, or find it open; raises OSError as ``os.open`` does."""
        found = open_directory(directory)
        status = os.fstat(found.number)
        inode = status.st_dev, status.st_ino
        with self._turn:
            shared, users = self._open.get(inode, (found, 0))
            self._open[inode] = shared, users + 1
        if shared is not found:
            found.close()
        return Home(self, inode, shared.number)

    def leave(self, inode: _Inode) -> None:
        """One user less; the last one closes it."""
        with self._turn:
            shared, users = self._open.pop(inode)
            if users > 1:
                self._open[inode] = shared, users - 1
                return
        shared.close()


class Home:
    """One use of a directory that is open.

    Args:
        homes: Where it is shared.
        inode: Which one it is.
        number: Its descriptor.
    """

    def __init__(self, homes: Homes, inode: _Inode, number: int) -> None:
        self._homes: Homes | None = homes
        self._inode = inode
        self.number = number

    def close(self) -> None:
        """Leave it; calling twice does no harm."""
        homes, self._homes = self._homes, None
        if homes is not None:
            self.number = -1
            homes.leave(self._inode)

    def __del__(self) -> None:
        self.close()


def open_directory(directory: Path) -> Descriptor:
    """Open a directory for one user alone; raises OSError as ``os.open`` does."""
    return Descriptor(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
