"""The jail: the one place that turns a :class:`Pathname` into a descriptor (RFC 959 section 5.3.2).

How it works. A :class:`Root` holds a descriptor of the user's root directory.
A pathname is resolved one component at a time: each is opened relative to the
descriptor of the directory before it, with ``O_PATH | O_NOFOLLOW``. That opens
nothing in the sense of devices and pipes, follows nothing, and yields a thing
that can be examined (``fstat``) and then used without being looked up again.
So there is no moment between check and use at which another process could swap
a directory for a symbolic link.

Symbolic links are read through their own descriptor and resolved by hand, as
in a chroot: an absolute target begins at the root, ``..`` stops there. At a
``..`` the walk begins anew at the root with the names it went through, less
the last; so three descriptors are enough for any depth, and a directory that
is moved away under the walk can not carry it outside.

Linux only: it needs ``O_PATH`` and a mounted ``/proc``.

It refuses to use a path string of the host, to let the kernel follow a link,
and to open anything; that is for ``local``, through ``descriptor.reopen``.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.storage.descriptor import proc_path
from ftpstwist.storage.errors import translating
from ftpstwist.storage.homes import OpenHome, open_directory
from ftpstwist.storage.reserved import require_allowed
from ftpstwist.storage.settings import Links
from ftpstwist.wire.pathname import Pathname

MAX_LINKS = 40
"""Symbolic links in one resolution, as the kernel has it; one more is ELOOP."""

MAX_STEPS = 8192
"""Components opened in one resolution: twice what the longest pathname has, so that links can not multiply work."""

_POINTING = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Node:
    """Something that stands in the file system, not followed if it is a link.

    Attributes:
        descriptor: An ``O_PATH`` descriptor of it.
        status: What ``fstat`` says.
    """

    descriptor: int
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pathname leads. Its descriptors are open inside the ``with`` block that gave it.

    Attributes:
        directory: ``O_PATH`` descriptor of the directory that holds it (of itself, if it has no name).
        name: Its name there; empty for the root, and where a link ended in ``..``.
        node: What stands there; ``None`` if the name is free.
        pathname: The same place without symbolic links.
    """

    directory: int
    name: str
    node: Node | None
    pathname: Pathname

    @property
    def existing(self) -> Node:
        """What stands there.

        Raises:
            FileNotFoundError: Nothing does.
        """
        if self.node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.name)
        return self.node

    def require_file(self) -> Node:
        """Return the regular file that stands there.

        Raises:
            FileNotFoundError: Nothing does.
            FtpError: IS_A_DIRECTORY, or NOT_A_FILE for devices, pipes and sockets.
        """
        node = self.existing
        if node.is_directory:
            raise FtpError(ErrorKind.IS_A_DIRECTORY, f"{self.pathname} is a directory")
        if not node.is_file:
            raise FtpError(ErrorKind.NOT_A_FILE, f"{self.pathname} has mode {node.status.st_mode:o}")
        return node


class Root:
    """The directory a user can not leave.

    Args:
        directory: A directory of the host; symbolic links in this path are the operator's and followed.
        links: What is done about symbolic links below it.
        open_home: Opens it.

    Raises:
        FtpError: NOT_FOUND, NOT_A_DIRECTORY or PERMISSION_DENIED for the directory; STORAGE_FAILED without /proc.
    """

    def __init__(self, directory: Path, *, links: Links = Links.FOLLOW, open_home: OpenHome = open_directory) -> None:
        with translating("root directory", directory):
            self._descriptor = open_home(directory)
        self._links = links
        if not Path(proc_path(self._descriptor.number)).exists():
            self.close()
            raise FtpError(ErrorKind.STORAGE_FAILED, "/proc/self/fd is missing: mount proc where the server runs")

    @contextmanager
    def locate(self, path: Pathname, *, follow: bool = True) -> Iterator[Place]:
        """Resolve *path*; the descriptors of the place are open until the block ends.

        Args:
            path: Any pathname.
            follow: Whether a link in the last component is followed, too (no for delete and rename).

        Raises:
            OSError: Anything but the last component is missing or no directory, or may not be searched.
            FtpError: NAME_NOT_ALLOWED for reserved names; PERMISSION_DENIED for links where they are refused.
        """
        walk = _Walk(self._descriptor.number, self._links)
        try:
            yield walk.to(path, follow=follow)
        finally:
            walk.close()

    def close(self) -> None:
        """Let go of the directory; no call may be under way. Calling twice does no harm."""
        self._descriptor.close()


class _Walk:
    """One resolution: the directory it stands in, the names that led there, and the node ahead."""

    def __init__(self, root: int, links: Links) -> None:
        self._root = root
        self._links = links
        self._here = root
        self._names: list[str] = []
        self._ahead: int | None = None
        self._followed = 0
        self._steps = 0

    def to(self, path: Pathname, *, follow: bool) -> Place:
        pending = list(reversed(path.parts))
        for part in pending:
            require_allowed(part)
        while pending:
            name = pending.pop()
            if name == "..":
                pending.extend(reversed(self._names[:-1]))
                self._start_again()
                continue
            node = self._open(name, may_be_missing=not pending)
            if node is None or not (pending or (follow and node.is_link)):
                return Place(self._here, name, node, Pathname((*self._names, name)))
            if node.is_link:
                pending.extend(reversed(self._follow(node, name)))
            else:
                self._enter(node, name)
        return Place(self._here, "", Node(self._here, os.fstat(self._here)), Pathname(tuple(self._names)))

    def close(self) -> None:
        self._leave_ahead()
        self._start_again()

    def _open(self, name: str, *, may_be_missing: bool) -> Node | None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        try:
            self._ahead = os.open(name, _POINTING, dir_fd=self._here)
        except FileNotFoundError:
            if may_be_missing:
                return None
            raise
        return Node(self._ahead, os.fstat(self._ahead))

    def _enter(self, node: Node, name: str) -> None:
        if not node.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        self._leave_here()
        self._here, self._ahead = node.descriptor, None
        self._names.append(name)

    def _follow(self, node: Node, name: str) -> list[str]:
        """Return the components of a link's target; an absolute one begins at the root of the jail."""
        if self._links is Links.REFUSE:
            where = Pathname((*self._names, name))
            raise FtpError(ErrorKind.PERMISSION_DENIED, f"{where} is a link", "symbolic links are not followed")
        self._followed += 1
        if self._followed > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        target = os.readlink("", dir_fd=node.descriptor)
        self._leave_ahead()
        if target.startswith("/"):
            self._start_again()
        parts = [part for part in target.split("/") if part not in {"", "."}]
        for part in parts:
            if part != "..":
                require_allowed(part)
        return parts

    def _start_again(self) -> None:
        self._leave_here()
        self._here = self._root
        self._names = []

    def _leave_here(self) -> None:
        if self._here != self._root:
            os.close(self._here)

    def _leave_ahead(self) -> None:
        if self._ahead is not None:
            os.close(self._ahead)
            self._ahead = None
