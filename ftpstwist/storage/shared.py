"""Numbers that several processes share: a small file each, and the kernel's lock on it (flock(2)).

How it works: whoever changes the numbers of a record holds its lock, reads them,
and writes them back. It takes a few microseconds, so it is done wherever the
numbers are needed. A process that dies lets go of its locks; the numbers
stay. Nothing is made durable: a new server begins with new files.

The file of a home's ledger belongs to those who have it open: who opens it
first begins anew, as a ledger of one process does, so that the disk is counted again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ftpstwist.storage.descriptor import Descriptor
from ftpstwist.storage.quota import Usage
from ftpstwist.storage.traffic import Moved

_MODE = 0o600
_USAGE = struct.Struct("=?qq")
_MOVED = struct.Struct("=16sqq")


class SharedTurn:
    """A file that one thread of one process holds at a time, as often as it likes.

    Args:
        path: The file; made if there is none.

    Raises:
        OSError: It can not be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = _open(path)
        self._turn = threading.RLock()
        self._depth = 0

    @property
    def number(self) -> int:
        """The descriptor."""
        return self._file.number

    def __enter__(self) -> None:
        self._turn.acquire()
        if not self._depth:
            fcntl.flock(self.number, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            fcntl.flock(self.number, fcntl.LOCK_UN)
        self._turn.release()


class SharedUsage:
    """What is stored in a home, known to all processes; see ``quota.Keeping``.

    Its files are opened when somebody needs to know, or knows already: most homes have no quota.

    Args:
        path: Of the files, without their endings.
        is_kept: Whether the number outlives those who use it.
    """

    def __init__(self, path: Path, *, is_kept: bool = False) -> None:
        self._path = path
        self._is_kept = is_kept
        self._opening = threading.Lock()
        self._record: SharedTurn | None = None
        self._changing: SharedTurn | None = None
        self._presence: Descriptor | None = None
        self._changing_here = threading.Lock()

    @property
    def is_known(self) -> bool:
        """Whether somebody has counted."""
        if self._record is None and not _with_ending(self._path, "used").exists():
            return False
        return self.used is not None

    @property
    def used(self) -> Usage | None:
        """What was counted, and all changes since."""
        octets = os.pread(self.turn.number, _USAGE.size, 0)
        if len(octets) < _USAGE.size:
            return None
        is_known, used, files = _USAGE.unpack(octets)
        return Usage(used, files) if is_known else None

    @used.setter
    def used(self, usage: Usage | None) -> None:
        known = usage or Usage()
        os.pwrite(self.turn.number, _USAGE.pack(usage is not None, known.octets, known.files), 0)

    @property
    def turn(self) -> SharedTurn:
        """Held while the number is changed."""
        with self._opening:
            if self._record is None:
                record = SharedTurn(_with_ending(self._path, "used"))
                self._changing = SharedTurn(_with_ending(self._path, "changing"))
                if not self._is_kept:
                    self._presence = _enter(_with_ending(self._path, "users"), record)
                self._record = record
            return self._record

    @property
    def changing(self) -> AbstractContextManager[object]:
        """Held while a file is replaced or removed; by one process only as long as nobody counts."""
        if not self.is_known or self._changing is None:
            return self._changing_here
        return self._changing


class SharedMoved:
    """What has moved in the period of a quota, known to all processes; see ``traffic.Books``.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._record = SharedTurn(path)

    @contextlib.contextmanager
    def held(self) -> Iterator[Moved]:
        """Give the books to one at a time; what is changed in them is kept."""
        with self._record:
            moved = self._read()
            yield moved
            octets = _MOVED.pack(moved.period.encode("ascii"), moved.up, moved.down)
            os.pwrite(self._record.number, octets, 0)

    def _read(self) -> Moved:
        octets = os.pread(self._record.number, _MOVED.size, 0)
        if len(octets) < _MOVED.size:
            return Moved()
        period, up, down = _MOVED.unpack(octets)
        return Moved(period.rstrip(b"\0").decode("ascii"), up, down)


def _enter(path: Path, record: SharedTurn) -> Descriptor:
    """Be there as long as what is returned is open; whoever finds nobody there begins anew."""
    presence = _open(path)
    with record:
        try:
            fcntl.flock(presence.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            os.ftruncate(record.number, 0)
        fcntl.flock(presence.number, fcntl.LOCK_SH)
    return presence


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _open(path: Path) -> Descriptor:
    return Descriptor(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
