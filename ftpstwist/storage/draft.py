"""A file being written that has no name yet, or none that anyone may see.

How it works. A draft lies in the directory of its final name, so that showing
it there is one step of the kernel's. :class:`UnnamedDraft` has no name at all
(``O_TMPFILE``): whatever happens to the process, nothing is left. Where the
file system can not do that, :class:`HiddenDraft` has a reserved name and holds
a lock on itself, by which :func:`sweep` tells those that a crash left behind.

Nothing here decides whether a draft is shown; ``upload`` does.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import Protocol

from ftpstwist.storage.descriptor import Descriptor, proc_path, reopen
from ftpstwist.storage.reserved import RandomOctets, draft_name, is_reserved

DRAFT_MODE = 0o600
"""Permission bits of a draft: nobody else reads what is not complete."""

_NO_UNNAMED_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
"""What file systems and kernels say that do not know ``O_TMPFILE``."""


class Draft(Protocol):
    """A file that is written and not shown."""

    @property
    def descriptor(self) -> Descriptor:
        """The file, open for reading and writing."""

    @property
    def directory(self) -> Descriptor:
        """The directory it lies in (``O_PATH``)."""

    def show(self, name: str) -> None:
        """Give it *name*.

        Raises:
            FileExistsError: Something has that name; it is not touched.
        """

    def show_over(self, name: str) -> None:
        """Give it *name*; a file of that name is replaced at once."""

    def close(self) -> None:
        """Let go of it; if it was never shown, it is gone. Calling twice does no harm."""


def open_draft(directory: int, random: RandomOctets, *, unnamed: bool) -> Draft:
    """Open an empty draft.

    Args:
        directory: Descriptor of the directory that will hold it; a copy is kept.
        random: For reserved names.
        unnamed: Whether a file without a name is tried.

    Raises:
        OSError: No file can be made there.
    """
    own = Descriptor(os.dup(directory))
    try:
        number = _open_unnamed(directory) if unnamed else None
        return HiddenDraft(own, random) if number is None else UnnamedDraft(own, Descriptor(number), random)
    except OSError:
        own.close()
        raise


def _open_unnamed(directory: int) -> int | None:
    try:
        return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, DRAFT_MODE, dir_fd=directory)
    except OSError as error:
        if error.errno in _NO_UNNAMED_FILES:
            return None
        raise


class UnnamedDraft:
    """A file without a name.

    Args:
        directory: The directory it lies in; closed with the draft.
        descriptor: The file; closed with the draft.
        random: For the reserved name it has while it replaces a file.
    """

    def __init__(self, directory: Descriptor, descriptor: Descriptor, random: RandomOctets) -> None:
        self._directory = directory
        self._descriptor = descriptor
        self._random = random

    @property
    def descriptor(self) -> Descriptor:
        """The file, open for reading and writing."""
        return self._descriptor

    @property
    def directory(self) -> Descriptor:
        """The directory it lies in."""
        return self._directory

    def show(self, name: str) -> None:
        """Give it *name*, or raise FileExistsError."""
        os.link(
            proc_path(self._descriptor.number), name, dst_dir_fd=self._directory.number, follow_symlinks=True
        )  # "follow": the link in /proc is followed to the file itself

    def show_over(self, name: str) -> None:
        """Give it *name*; there is no call that links over a file, so it gets a reserved name in between."""
        between = draft_name(self._random)
        self.show(between)
        try:
            _rename(self._directory, between, name)
        except OSError:
            os.unlink(between, dir_fd=self._directory.number)
            raise

    def close(self) -> None:
        """Let go of it; without a name it is gone."""
        self._descriptor.close()
        self._directory.close()


class HiddenDraft:
    """A file under a reserved name.

    Args:
        directory: The directory it is made in; closed with the draft.
        random: For its name.

    Raises:
        OSError: No file can be made there.
    """

    def __init__(self, directory: Descriptor, random: RandomOctets) -> None:
        self._directory = directory
        self._name: str | None = None
        name = draft_name(random)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = Descriptor(os.open(name, flags, DRAFT_MODE, dir_fd=directory.number))
        self._name = name
        with contextlib.suppress(OSError):  # without locks a live draft can not be told from a dead one, no more
            fcntl.flock(self._descriptor.number, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def descriptor(self) -> Descriptor:
        """The file, open for reading and writing."""
        return self._descriptor

    @property
    def directory(self) -> Descriptor:
        """The directory it lies in."""
        return self._directory

    def show(self, name: str) -> None:
        """Give it *name*, or raise FileExistsError.

        The name is taken by an empty file first: not every file system has
        hard links, and a rename alone would replace what is there.
        """
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, DRAFT_MODE, dir_fd=self._directory.number))
        try:
            self.show_over(name)
        except OSError:
            os.unlink(name, dir_fd=self._directory.number)
            raise

    def show_over(self, name: str) -> None:
        """Give it *name*; a file of that name is replaced at once."""
        if self._name is None:
            raise FileNotFoundError(errno.ENOENT, "the draft is shown already", name)
        _rename(self._directory, self._name, name)
        self._name = None

    def close(self) -> None:
        """Let go of it; if it was never shown, it is removed."""
        name, self._name = self._name, None
        try:
            if name is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._directory.number)
        finally:
            self._descriptor.close()
            self._directory.close()

    def __del__(self) -> None:
        # Only a cancelled call forgets a draft; a name on the disk would outlive it.
        if self._name is not None:
            with contextlib.suppress(OSError):
                self.close()


def sync_directory(directory: int) -> None:
    """Make the names in a directory durable.

    Args:
        directory: ``O_PATH`` descriptor of it.

    Raises:
        OSError: It could not be done.
    """
    names = reopen(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(names.number)
    finally:
        names.close()


def sweep(directory: int) -> bool:
    """Remove the drafts that a crash left in a directory.

    Args:
        directory: ``O_PATH`` descriptor of it.

    Returns:
        Whether any was removed. Those still being written, and those of other users, are left alone.

    Raises:
        OSError: The directory can not be read.
    """
    removed = False
    names = reopen(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(names.number) as entries:
            left_behind = [entry.name for entry in entries if is_reserved(entry.name)]
        for name in left_behind:
            removed |= _remove_unlocked(names.number, name)
    finally:
        names.close()
    return removed


def _remove_unlocked(directory: int, name: str) -> bool:
    """Remove a draft unless it is locked, gone, or not ours to touch."""
    draft = Descriptor(-1)
    try:
        draft = Descriptor(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory))
        fcntl.flock(draft.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=directory)
    except OSError:
        return False
    finally:
        draft.close()
    return True


def _rename(directory: Descriptor, source: str, target: str) -> None:
    os.rename(source, target, src_dir_fd=directory.number, dst_dir_fd=directory.number)
