"""A directory of the host as one user's files (``Filesystem`` seam).

Every operation resolves its pathname through ``confine`` and then works on the
descriptors it got: no name is looked up twice. Uploads are ``upload``'s, what
is told about files is ``facts``'s.

It knows nothing of accounts and permissions (``overlay`` does); what the
operating system forbids to the user the server runs as is forbidden here, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from ftpstwist.interfaces import Capability, Disposition, ErrorKind, FtpError, ReadHandle
from ftpstwist.storage.confine import Node, Place, Root
from ftpstwist.storage.descriptor import proc_path, reopen
from ftpstwist.storage.download import LocalReadHandle
from ftpstwist.storage.draft import open_draft, sweep
from ftpstwist.storage.errors import translating
from ftpstwist.storage.facts import Facts
from ftpstwist.storage.homes import OpenHome, open_directory
from ftpstwist.storage.quota import Usage
from ftpstwist.storage.reserved import RandomOctets, unique_name
from ftpstwist.storage.scan import examine_link, scan_entries, scan_names
from ftpstwist.storage.settings import Links, LocalSettings
from ftpstwist.storage.upload import InPlaceUpload, NewUpload
from ftpstwist.storage.usage import count_usage
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.pathname import Pathname

MAX_COUNTED_ENTRIES = 2_000_000
"""Files and directories looked at to count the usage of a home."""

_PERMISSION_BITS = 0o777
_SPECIAL_BITS = 0o7000
_NANOSECONDS = 10**9


class LocalFilesystem:
    """The files below one directory of the host.

    Args:
        root: The directory; links in this path itself are the operator's and followed.
        unique_key: Secret of this process for the ``unique`` fact, at most 64 octets.
        random: Gives that many unpredictable octets, as ``os.urandom`` does.
        settings: How files are kept.
        open_home: Opens the directory; ``Homes.open`` shares it with other sessions.

    Raises:
        FtpError: NOT_FOUND, NOT_A_DIRECTORY or PERMISSION_DENIED for the directory; STORAGE_FAILED without /proc.
    """

    def __init__(
        self,
        root: Path,
        *,
        unique_key: bytes,
        random: RandomOctets,
        settings: LocalSettings | None = None,
        open_home: OpenHome = open_directory,
    ) -> None:
        self._settings = settings or LocalSettings()
        self._makes_links = self._settings.makes_links and self._settings.links is Links.FOLLOW
        self._random = random
        self._unique_key = unique_key
        self._root = Root(root, links=self._settings.links, open_home=open_home)

    @cached_property
    def _facts(self) -> Facts:
        """Made when something is looked at: sessions that only wait hold none."""
        return Facts(unique_key=self._unique_key, show_owners=self._settings.show_owners)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All of them; links as far as the settings have them."""
        return frozenset(Capability) - (set() if self._makes_links else {Capability.LINKS})

    def close(self) -> None:
        """Let go of the root directory."""
        self._root.close()

    def stat(self, path: Pathname) -> Entry:
        """Describe one name; a link as what it leads to, or as a link if that is nothing."""
        with translating("stat", path), self._root.locate(path, follow=False) as place:
            entry = self._facts.entry(path.name, place.existing.status)
            if place.existing.is_link:
                return examine_link(self._root, place.pathname.parent, entry, self._facts)
            return entry

    def scan(self, path: Pathname, *, unique: bool = True) -> Iterator[Entry]:
        """Yield the entries of a directory."""
        with translating("list", path), self._root.locate(path) as place:
            return scan_entries(place, root=self._root, facts=self._facts, unique=unique)

    def names(self, path: Pathname) -> Iterator[str]:
        """Yield the names in a directory, none of which is looked at."""
        with translating("list", path), self._root.locate(path) as place:
            return scan_names(place)

    def open_read(self, path: Pathname, offset: int = 0) -> ReadHandle:
        """Open a regular file for reading from *offset*."""
        with translating("open for reading", path), self._root.locate(path) as place:
            node = place.require_file()
            _require_within(offset, node.status.st_size, path)
            descriptor = reopen(node.descriptor, os.O_RDONLY)
            return LocalReadHandle(path, descriptor=descriptor, offset=offset, size=node.status.st_size)

    def open_write(self, path: Pathname, disposition: Disposition, offset: int = 0) -> NewUpload | InPlaceUpload:
        """Open a file for writing without any visible effect yet."""
        if offset and disposition is not Disposition.REPLACE:
            raise FtpError(ErrorKind.BAD_RESTART, f"{disposition.value} of {path} with a restart marker")
        follow = disposition is not Disposition.UNIQUE
        with translating("open for writing", path), self._root.locate(path, follow=follow) as place:
            if not place.name:
                raise FtpError(ErrorKind.IS_A_DIRECTORY, f"{path} is a directory")
            if disposition is Disposition.UNIQUE:
                name = unique_name(place.name, self._random)
                return self._new_upload(path.parent / name, place, name, replaces=False)
            if place.node is None:
                _require_within(offset, 0, path)
                return self._new_upload(path, place, place.name, replaces=disposition is Disposition.REPLACE)
            node = place.require_file()
            _require_writable(node, path)
            if disposition is Disposition.APPEND:
                return self._in_place(path, node)
            return self._replacement(path, place, node, offset)

    def delete(self, path: Pathname) -> None:
        """Remove a file or a symbolic link."""
        with translating("delete", path), self._root.locate(path, follow=False) as place:
            if place.existing.is_directory:
                raise FtpError(ErrorKind.IS_A_DIRECTORY, f"{path} is a directory")
            os.unlink(place.name, dir_fd=place.directory)

    def make_directory(self, path: Pathname) -> None:
        """Make an empty directory with the mode of the settings."""
        mode = self._settings.directory_mode
        with translating("make directory", path), self._root.locate(path, follow=False) as place:
            if place.node is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.name)
            os.mkdir(place.name, mode, dir_fd=place.directory)
        with translating("set mode of", path), self._root.locate(path, follow=False) as place:
            if place.existing.is_directory and place.existing.status.st_mode & _PERMISSION_BITS != mode:
                _change_mode(place.existing, mode)

    def remove_directory(self, path: Pathname) -> None:
        """Remove an empty directory; what a crash left hidden in it does not count."""
        if path.is_root:
            raise FtpError(ErrorKind.PERMISSION_DENIED, "the root directory is not removed")
        with translating("remove directory", path), self._root.locate(path, follow=False) as place:
            node = place.existing
            try:
                os.rmdir(place.name, dir_fd=place.directory)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or not sweep(node.descriptor):
                    raise
                os.rmdir(place.name, dir_fd=place.directory)

    def rename(self, source: Pathname, target: Pathname) -> None:
        """Rename a file, link or directory; never over a directory, nor over a link to one."""
        if source.is_root or target.is_root:
            raise FtpError(ErrorKind.PERMISSION_DENIED, "the root directory is not renamed")
        with contextlib.ExitStack() as stack:
            stack.enter_context(translating("rename", source, target))
            old = stack.enter_context(self._root.locate(source, follow=False))
            new = stack.enter_context(self._root.locate(target, follow=False))
            node = old.existing
            if old.pathname == new.pathname:
                return
            if new.node is not None and (node.is_directory or self._leads_to_directory(new)):
                raise FtpError(ErrorKind.EXISTS, f"{target} is there, and it or {source} is a directory")
            os.rename(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)

    def make_link(self, path: Pathname, target: Pathname) -> None:
        """Make a symbolic link; its text is relative, so that it does not lead out for other programs either."""
        if not self._makes_links:
            raise FtpError(ErrorKind.UNSUPPORTED, "storage.make_links is false", "links are not made here")
        with translating("find", target), self._root.locate(target) as found:
            _ = found.existing
            place_of_target = str(found.pathname)
        with translating("make link", path), self._root.locate(path, follow=False) as place:
            if place.node is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.name)
            text = os.path.relpath(place_of_target, str(place.pathname.parent))
            os.symlink(text, place.name, dir_fd=place.directory)

    def set_modified(self, path: Pathname, seconds: float) -> None:
        """Set the time of last change; the time of last access stays."""
        with translating("set time of", path), self._root.locate(path) as place:
            node = place.existing
            try:
                times = (node.status.st_atime_ns, round(seconds * _NANOSECONDS))
                os.utime(proc_path(node.descriptor), ns=times)
            except (OverflowError, ValueError) as error:
                raise FtpError(ErrorKind.UNSUPPORTED, f"{seconds} is no time: {error}", "time out of range") from error

    def set_mode(self, path: Pathname, mode: int) -> None:
        """Set permission bits; the special bits a directory has already (group inheritance) stay."""
        with translating("set mode of", path), self._root.locate(path) as place:
            _change_mode(place.existing, mode & _PERMISSION_BITS)

    def available(self, path: Pathname) -> int | None:
        """Return the octets the file system has left for us where *path* is, or would be."""
        with translating("space at", path), self._root.locate(path) as place:
            space = os.fstatvfs(place.node.descriptor if place.node else place.directory)
            return space.f_bavail * space.f_frsize

    def without_links(self, path: Pathname, *, follow: bool = True) -> Pathname:
        """Return the same place named without symbolic links, for those who judge by names.

        Args:
            path: Any pathname; its last component may be missing.
            follow: Whether a link in the last component is followed.
        """
        with translating("resolve", path), self._root.locate(path, follow=follow) as place:
            return place.pathname

    def usage(self) -> Usage:
        """Count all files, and their octets, below the root, for ``QuotaLedger``; takes its time."""
        with translating("count usage"):
            return count_usage(self._root, max_entries=MAX_COUNTED_ENTRIES)

    def _new_upload(self, path: Pathname, place: Place, name: str, *, replaces: bool) -> NewUpload:
        draft = open_draft(place.directory, self._random, unnamed=self._settings.unnamed_files)
        return NewUpload(path, place=name, draft=draft, replaces=replaces, settings=self._settings)

    def _replacement(self, path: Pathname, place: Place, node: Node, offset: int) -> NewUpload | InPlaceUpload:
        """Open what STOR writes to: beside the file, unless it is to be continued at its very end."""
        _require_within(offset, node.status.st_size, path)
        if offset and offset == node.status.st_size:
            return self._in_place(path, node, size=offset)
        upload = self._new_upload(path, place, place.name, replaces=True)
        if offset:
            source = reopen(node.descriptor, os.O_RDONLY)
            try:
                upload.copy_from(source.number, offset)
            except FtpError:
                upload.close()
                raise
            finally:
                source.close()
        return upload

    def _in_place(self, path: Pathname, node: Node, size: int | None = None) -> InPlaceUpload:
        descriptor = reopen(node.descriptor, os.O_WRONLY | os.O_APPEND)
        try:
            return InPlaceUpload(path, descriptor=descriptor, settings=self._settings, expected_size=size)
        except (OSError, FtpError):
            descriptor.close()
            raise

    def _leads_to_directory(self, place: Place) -> bool:
        if place.existing.is_link:
            link = self._facts.entry(place.name, place.existing.status)
            return examine_link(self._root, place.pathname.parent, link, self._facts).is_directory
        return place.existing.is_directory


def _require_within(offset: int, size: int, path: Pathname) -> None:
    if not 0 <= offset <= size:
        raise FtpError(ErrorKind.BAD_RESTART, f"{path} has {size} octets, restart at {offset}")


def _require_writable(node: Node, path: Pathname) -> None:
    """Refuse to replace a file that may not be written: a new file beside it would get around its mode."""
    if not os.access(proc_path(node.descriptor), os.W_OK, effective_ids=True):
        raise FtpError(ErrorKind.PERMISSION_DENIED, f"{path} has mode {node.status.st_mode:o}")


def _change_mode(node: Node, mode: int) -> None:
    kept = node.status.st_mode & _SPECIAL_BITS if node.is_directory else 0
    Path(proc_path(node.descriptor)).chmod(mode | kept)
