"""A file that lines are appended to, beside programs that rotate it.

Each line is one ``write`` on a descriptor opened with ``O_APPEND``: lines of
several writers never mix, and there is no buffer to lose. A full disk costs
lines, which are counted and told about in the server's log once, when it begins
and when it is over; it never costs a transfer.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.logger import Logger

MODE = 0o640
"""Permission bits of a new file: its group may read it."""

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_log = Logger()


class LineFile:
    """An open log file.

    Args:
        path: The file; made if there is none. May be a named pipe that somebody reads.
        descriptor: Of the file, if somebody has opened it already; it is closed with this one.

    Raises:
        OSError: It can not be opened.
    """

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        self.path = path
        self.lost = 0
        """Lines that could not be written since the last one that could."""
        self._descriptor = _open(path) if descriptor is None else descriptor
        self._torn = False

    @property
    def descriptor(self) -> int:
        """The open file; -1 once it is closed."""
        return self._descriptor

    def write(self, line: str) -> None:
        """Append one line; never raises.

        Args:
            line: Without its end.
        """
        octets = line.encode("utf-8", "backslashreplace") + b"\n"
        if self._torn:
            octets = b"\n" + octets  # the rest of a line that met a full disk
        try:
            written = os.write(self._descriptor, octets)
        except OSError as error:
            self._lose(error.strerror or type(error).__name__)
            return
        self._torn = written < len(octets)
        if self._torn:
            self._lose("only a part of a line could be written")
        elif self.lost:
            _log.info("{path} is written again; lines lost: {lost}", path=str(self.path), lost=self.lost)
            self.lost = 0

    def reopen(self) -> None:
        """Go on in the file that has the name now, after a rotation; stay with the old one if that fails."""
        try:
            descriptor = _open(self.path)
        except OSError as error:
            _log.error("{path} can not be opened again: {cause}", path=str(self.path), cause=error.strerror)
            return
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._torn = False

    def close(self) -> None:
        """Close the file; further lines are lost. Calling twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lose(self, cause: str) -> None:
        if not self.lost:
            _log.error("Lines for {path} are lost: {cause}", path=str(self.path), cause=cause)
        self.lost += 1


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, MODE)
    except FileExistsError:
        return os.open(path, _FLAGS)
    os.fchmod(descriptor, MODE)  # whatever the umask: the group is meant to read it
    return descriptor
