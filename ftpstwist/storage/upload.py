"""Files open for STOR, APPE and STOU (RFC 959 section 4.1.3, RFC 3659 section 5).

:class:`NewUpload` writes a draft and shows it under the final name when it is
complete, so a broken upload never harms the file that is there and nobody reads
half a file. :class:`InPlaceUpload` continues a file where it ends, alone.

Neither opens anything by name; ``local`` hands them what they need.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat

from ftpstwist.interfaces import ErrorKind, FtpError, Octets, ReadHandle
from ftpstwist.storage.descriptor import Descriptor
from ftpstwist.storage.download import NO_KERNEL_COPY, LocalReadHandle
from ftpstwist.storage.draft import Draft, sync_directory
from ftpstwist.storage.errors import translating
from ftpstwist.storage.settings import Durability, Incomplete, LocalSettings
from ftpstwist.wire.pathname import Pathname

_PERMISSION_BITS = 0o777
_COPY_OCTETS = 1 << 30


class NewUpload:
    """New content for a name.

    Args:
        path: The name, as the client gave or is told it.
        place: Last component of the final name, in the directory of the draft.
        draft: Where the content goes; closed at the end.
        replaces: Whether a file under the final name is replaced; otherwise ``commit`` raises EXISTS.
        settings: How files are kept.
    """

    def __init__(
        self,
        path: Pathname,
        *,
        place: str,
        draft: Draft,
        replaces: bool,
        settings: LocalSettings,
    ) -> None:
        self._path = path
        self._place = place
        self._draft = draft
        self._replaces = replaces
        self._settings = settings
        self._size = 0

    @property
    def path(self) -> Pathname:
        """The final pathname."""
        return self._path

    @property
    def size(self) -> int:
        """Octets written, and copied from the file that is resumed."""
        return self._size

    def refuse_replacing(self) -> None:
        """From now on ``commit`` raises EXISTS if a file has the name by then."""
        self._replaces = False

    def copy_from(self, source: int, octets: int) -> None:
        """Begin with the first octets of another file (REST within a file).

        Args:
            source: Descriptor open for reading.
            octets: How many.

        Raises:
            FtpError: NO_SPACE and the like; BAD_RESTART if the file is shorter by now.
        """
        with translating("copy the beginning of", self._path):
            copy_octets(source, self._draft.descriptor.number, octets)
        self._size = octets

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written."""
        number = self._draft.descriptor.number
        with translating("write", self._path):
            try:
                self._size += write_all(number, data)
            except OSError:
                self._size = os.fstat(number).st_size
                raise

    def take_from(self, source: ReadHandle, octets: int) -> int | None:
        """Put octets of another file behind what was written; see ``interfaces.KernelCopy``."""
        if not isinstance(source, LocalReadHandle):
            return None
        copied = source.copy_to(self._draft.descriptor.number, octets)
        self._size += copied or 0
        return copied

    def commit(self) -> None:
        """Make it durable as the settings ask and show it under its final name.

        Raises:
            FtpError: What the disk said; EXISTS. The final name is as it was before.
        """
        with translating("complete", self._path), contextlib.closing(self):
            self._publish(replaces=self._replaces)

    def abandon(self) -> int | None:
        """End it incomplete: shown if nothing has the name and the settings keep new files, else gone."""
        with translating("keep", self._path), contextlib.closing(self):
            if not self._is_worth_keeping():
                return None
            try:
                self._publish(replaces=False)
            except FileExistsError:
                return None
            return self._size

    def close(self) -> None:
        """Drop it; what was not shown is gone. Calling twice does no harm."""
        self._draft.close()

    def _is_worth_keeping(self) -> bool:
        if self._settings.incomplete is Incomplete.DISCARD or self._size == 0 or not self._draft.descriptor.is_open:
            return False
        return self._replaced() is None

    def _publish(self, *, replaces: bool) -> None:
        number = self._draft.descriptor.number
        self._dress(number)
        if self._settings.fsync is not Durability.NEVER:
            os.fsync(number)
        try:
            self._draft.show(self._place)
        except FileExistsError:
            if not replaces:
                raise
            self._draft.show_over(self._place)
        if self._settings.fsync is Durability.FULL:
            sync_directory(self._draft.directory.number)

    def _dress(self, number: int) -> None:
        """Give the file the mode, and to root's servers the owner, of the one it replaces."""
        mode = self._settings.file_mode
        old = self._replaced()
        if old is not None and stat.S_ISREG(old.st_mode):
            mode = old.st_mode & _PERMISSION_BITS
            if os.geteuid() == 0:
                os.fchown(number, old.st_uid, old.st_gid)
        os.fchmod(number, mode)

    def _replaced(self) -> os.stat_result | None:
        """Return what has the final name now."""
        try:
            return os.stat(self._place, dir_fd=self._draft.directory.number, follow_symlinks=False)
        except FileNotFoundError:
            return None


class InPlaceUpload:
    """A file that is continued at its end (APPE, or REST at the very end).

    Args:
        path: Its name, as the client gave it.
        descriptor: The file, open for appending; closed at the end.
        settings: How files are kept.
        expected_size: Where the client believes the end to be; ``None`` if it does not say.

    Raises:
        OSError: EAGAIN, that is BUSY, if someone else is continuing the file.
        FtpError: BUSY if the end is elsewhere by now.
    """

    def __init__(
        self, path: Pathname, *, descriptor: Descriptor, settings: LocalSettings, expected_size: int | None = None
    ) -> None:
        self._path = path
        self._descriptor = descriptor
        self._settings = settings
        fcntl.flock(descriptor.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._start = os.fstat(descriptor.number).st_size
        if expected_size not in {None, self._start}:
            raise FtpError(ErrorKind.BUSY, f"{path} has {self._start} octets by now, not {expected_size}")
        self._size = self._start

    @property
    def path(self) -> Pathname:
        """The pathname."""
        return self._path

    @property
    def size(self) -> int:
        """Octets of the file as far as this upload knows."""
        return self._size

    def refuse_replacing(self) -> None:
        """Nothing is ever replaced here."""

    def write(self, data: Octets) -> None:
        """Put all of *data* behind the end of the file."""
        number = self._descriptor.number
        with translating("write", self._path):
            try:
                self._size += write_all(number, data)
            except OSError:
                self._size = os.fstat(number).st_size
                raise

    def commit(self) -> None:
        """Make it durable as the settings ask.

        Raises:
            FtpError: BUSY if the file was deleted or replaced meanwhile: what was sent is lost.
        """
        with translating("complete", self._path), contextlib.closing(self):
            self._sync()
            if os.fstat(self._descriptor.number).st_nlink == 0:
                raise FtpError(ErrorKind.BUSY, f"{self._path} was deleted or replaced while it was appended to")

    def abandon(self) -> int | None:
        """End it incomplete: what came stays, or the file is cut back, as the settings say."""
        with translating("give up", self._path), contextlib.closing(self):
            if not self._descriptor.is_open or self._size == self._start:
                return None
            discards = self._settings.incomplete is Incomplete.DISCARD
            if discards:
                os.ftruncate(self._descriptor.number, self._start)
            self._sync()
            return None if discards else self._size

    def close(self) -> None:
        """Let go of the file as it is; calling twice does no harm."""
        self._descriptor.close()

    def _sync(self) -> None:
        if self._settings.fsync is not Durability.NEVER:
            os.fsync(self._descriptor.number)


def write_all(number: int, data: Octets) -> int:
    """Write all of *data* to a descriptor and return its octets.

    Raises:
        OSError: Not all could be written; how much was is unknown to the caller.
    """
    left = memoryview(data).cast("B")
    total = left.nbytes
    while left:
        left = left[os.write(number, left) :]
    return total


def copy_octets(source: int, target: int, octets: int) -> None:
    """Copy the first *octets* of one file to the position of another, in the kernel (shared blocks if it can).

    Raises:
        OSError: What the disk said.
        FtpError: BAD_RESTART if *source* is shorter.
    """
    done = 0
    while done < octets:
        step = min(octets - done, _COPY_OCTETS)
        try:
            copied = os.copy_file_range(source, target, step, offset_src=done)
        except OSError as error:
            if error.errno not in NO_KERNEL_COPY:
                raise
            copied = os.sendfile(target, source, done, step)
        if copied == 0:
            raise FtpError(ErrorKind.BAD_RESTART, f"the file ends at {done}, not {octets}")
        done += copied
