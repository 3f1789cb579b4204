"""One account's view of files: the place where permissions, quota and size limit are enforced.

What each operation needs (``session.identity.Permission``):

======================  ===========================================================================
open_read               READ
open_write              WRITE if a file is there (also to resume or append), else CREATE;
                        with CREATE alone, a file that appears meanwhile is not replaced
open_write, UNIQUE      CREATE in the directory
delete                  DELETE
make_directory          CREATE
remove_directory        DELETE
rename                  RENAME on both names, WRITE on the target if a file is there
scan, names             LIST
set_modified, set_mode  WRITE
make_link               CREATE; any permission at the target
stat, available         any permission at the name, or at something below it
======================  ===========================================================================

A rename never widens what may be done with content: READ, WRITE or DELETE
allowed at the target must be allowed at the source, and no rule with other
permissions may lie below either (it would no longer fit what it was made for).

Names are judged as the client wrote them and as they are without symbolic
links; both must be allowed, so a link is no way around a rule. Names at which,
and below which, nothing is allowed are not listed.

Rules compare names octet by octet: a file system that ignores the case of
letters must not be used with rules that differ below one home.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from ftpstwist.interfaces import (
    Capability,
    Disposition,
    ErrorKind,
    Filesystem,
    FtpError,
    QuotaState,
    ReadHandle,
    WriteHandle,
)
from ftpstwist.session.identity import Limits, Permission, Permissions
from ftpstwist.storage.quota import NOTHING, Books, Ceiling, MeteredUpload, QuotaLedger, Share, SizeLimitedUpload, Usage
from ftpstwist.storage.traffic import MeteredDownload, MeteredTraffic, Traffic
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import Pathname

_ON_CONTENT = frozenset({Permission.READ, Permission.WRITE, Permission.DELETE})


@runtime_checkable
class KnowsLinks(Protocol):
    """A filesystem with symbolic links."""

    def without_links(self, path: Pathname, *, follow: bool = True) -> Pathname:
        """Return the same place named without links; *follow* says whether the last component is followed."""


@runtime_checkable
class CanRefuseReplacing(Protocol):
    """A write handle whose ``commit`` can be told not to replace a file that appeared meanwhile."""

    def refuse_replacing(self) -> None:
        """From now on ``commit`` raises EXISTS instead of replacing."""


class PermittedFilesystem:
    """A filesystem as one account may use it.

    Args:
        inner: The files.
        permissions: What is allowed where.
        limits: ``file_size``, ``quota`` and ``files`` are enforced here.
        ledger: Of the home, shared by all sessions there; needed for a quota, and to keep the books for
            others that have one.
        shares: Further quotas that hold, with ledgers of their own or that of the home.
        traffic: What may be transferred.

    Raises:
        ValueError: There is a quota and no ledger.
    """

    def __init__(
        self,
        inner: Filesystem,
        *,
        permissions: Permissions,
        limits: Limits,
        ledger: QuotaLedger | None = None,
        shares: Sequence[Share] = (),
        traffic: Sequence[Traffic] = (),
    ) -> None:
        own = Ceiling(limits.quota, limits.files)
        if ledger is None and (shares or own != Ceiling()):
            raise ValueError("a quota needs a ledger")
        self._inner = inner
        self._permissions = permissions
        self._limits = limits
        self._books = None if ledger is None else Books([Share(ledger, own), *shares])
        self._traffic = tuple(traffic)
        self._links = inner if isinstance(inner, KnowsLinks) and not _is_uniform(permissions) else None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the files within."""
        return self._inner.capabilities

    def close(self) -> None:
        """Let go of the files within."""
        self._inner.close()

    def stat(self, path: Pathname) -> Entry:
        """Describe one name, if anything is allowed there or below."""
        self._require_visible(path)
        return self._inner.stat(path)

    def scan(self, path: Pathname, *, unique: bool = True) -> Iterator[Entry]:
        """Yield the entries of a directory, without those at which nothing is allowed."""
        hidden = self._hidden_where_listed(path)
        entries = self._inner.scan(path, unique=unique)
        return (entry for entry in entries if entry.name not in hidden) if hidden else entries

    def names(self, path: Pathname) -> Iterator[str]:
        """Yield the names in a directory, without those at which nothing is allowed."""
        hidden = self._hidden_where_listed(path)
        names = self._inner.names(path)
        return (name for name in names if name not in hidden) if hidden else names

    def open_read(self, path: Pathname, offset: int = 0) -> ReadHandle:
        """Open a regular file for reading."""
        self._require(Permission.READ, path)
        for traffic in self._traffic:
            traffic.require_download()
        source = self._inner.open_read(path, offset)
        return MeteredDownload(source, self._traffic) if self._traffic else source

    def open_write(self, path: Pathname, disposition: Disposition, offset: int = 0) -> WriteHandle:
        """Open a file for writing; QUOTA_EXCEEDED and FILE_TOO_LARGE come from here and from its ``write``."""
        if disposition is Disposition.UNIQUE:
            self._require(Permission.CREATE, path.parent)
            return self._open_limited(path, disposition, offset, old=None)
        granted = self._granted(path)
        if granted.isdisjoint({Permission.CREATE, Permission.WRITE}):
            raise _refusal(Permission.WRITE, path)
        old = self._standing(path)
        needed = Permission.CREATE if old is None else Permission.WRITE
        if needed not in granted:
            raise _refusal(needed, path)
        return self._open_limited(path, disposition, offset, old=old, replaces=Permission.WRITE in granted)

    def delete(self, path: Pathname) -> None:
        """Remove a file or a symbolic link."""
        self._require(Permission.DELETE, path, follow=False)
        with self._giving_back(path):
            self._inner.delete(path)

    def make_directory(self, path: Pathname) -> None:
        """Make an empty directory."""
        self._require(Permission.CREATE, path, follow=False)
        self._inner.make_directory(path)

    def remove_directory(self, path: Pathname) -> None:
        """Remove an empty directory."""
        self._require(Permission.DELETE, path, follow=False)
        self._inner.remove_directory(path)

    def rename(self, source: Pathname, target: Pathname) -> None:
        """Rename a file or directory, without widening what is allowed with it."""
        for path in (source, target):
            self._require(Permission.RENAME, path, follow=False)
            self._require_uniform_below(path)
        if self._granted(target, follow=False) & (_ON_CONTENT - self._granted(source, follow=False)):
            raise FtpError(ErrorKind.PERMISSION_DENIED, f"more is allowed at {target} than at {source}")
        old = self._standing(target)
        if old is None or old.is_directory or old.unique == self._inner.stat(source).unique:
            self._inner.rename(source, target)
            return
        self._require(Permission.WRITE, target, follow=False)
        with self._giving_back(target):
            self._inner.rename(source, target)

    def make_link(self, path: Pathname, target: Pathname) -> None:
        """Make a symbolic link; it opens nothing that its target does not."""
        self._require(Permission.CREATE, path, follow=False)
        self._require_visible(target)
        self._inner.make_link(path, target)

    def set_modified(self, path: Pathname, seconds: float) -> None:
        """Set the time of last change."""
        self._require(Permission.WRITE, path)
        self._inner.set_modified(path, seconds)

    def set_mode(self, path: Pathname, mode: int) -> None:
        """Set permission bits."""
        self._require(Permission.WRITE, path)
        self._inner.set_mode(path, mode)

    def available(self, path: Pathname) -> int | None:
        """Return the octets that may still be stored at *path*, by the disk and by the quota."""
        self._require_visible(path)
        amounts = [self._inner.available(path), None if self._books is None else self._books.left()]
        return min((amount for amount in amounts if amount is not None), default=None)

    @property
    def at_rest(self) -> PermittedFilesystem:
        """The same files without quotas on transfers."""
        shares = () if self._books is None else self._books.shares
        return PermittedFilesystem(
            self._inner,
            permissions=self._permissions,
            limits=self._limits,
            ledger=shares[0].ledger if shares else None,
            shares=shares[1:],
        )

    def quotas(self) -> list[QuotaState]:
        """Return all quotas that hold, with what is used of them, except those of the account without any limit."""
        shares = () if self._books is None else self._books.shares
        return [
            state
            for each in (*(_states_of(share) for share in shares), *(traffic.states() for traffic in self._traffic))
            for state in each
        ]

    # --- permissions ---

    def _names_of(self, path: Pathname, *, follow: bool = True) -> tuple[Pathname, ...]:
        """Return the names by which *path* is judged: as written, and without links where that can matter."""
        return (path,) if self._links is None else (path, self._links.without_links(path, follow=follow))

    def _granted(self, path: Pathname, *, follow: bool = True) -> frozenset[Permission]:
        granted = self._permissions.at(path)
        if not granted:
            return granted  # and nothing is told about what is there
        return frozenset.intersection(*(self._permissions.at(name) for name in self._names_of(path, follow=follow)))

    def _require(self, permission: Permission, path: Pathname, *, follow: bool = True) -> None:
        if permission not in self._permissions.at(path) or permission not in self._granted(path, follow=follow):
            raise _refusal(permission, path)

    def _require_visible(self, path: Pathname) -> None:
        if not (self._is_visible(path) and all(map(self._is_visible, self._names_of(path)))):
            raise FtpError(ErrorKind.PERMISSION_DENIED, f"nothing is allowed at {path}")

    def _is_visible(self, path: Pathname) -> bool:
        rules = self._permissions.rules
        return bool(self._permissions.at(path)) or any(
            rule.permissions and rule.prefix.is_within(path) for rule in rules
        )

    def _hidden_where_listed(self, path: Pathname) -> set[str]:
        self._require(Permission.LIST, path)
        return {name for place in self._names_of(path) for name in self._hidden_in(place)}

    def _hidden_in(self, directory: Pathname) -> Iterator[str]:
        """Yield the names in *directory* that rules are about and at which nothing is allowed."""
        for rule in self._permissions.rules:
            if rule.prefix != directory and rule.prefix.is_within(directory):
                name = rule.prefix.parts[len(directory.parts)]
                if not self._is_visible(directory / name):
                    yield name

    def _require_uniform_below(self, path: Pathname) -> None:
        for name in self._names_of(path, follow=False):
            here = self._permissions.at(name)
            for rule in self._permissions.rules:
                if rule.prefix.is_within(name) and rule.permissions != here:
                    raise FtpError(ErrorKind.PERMISSION_DENIED, f"a rule for {rule.prefix} forbids to rename {path}")

    # --- limits ---

    def _standing(self, path: Pathname) -> Entry | None:
        """Describe what is there; ``None`` for nothing, and for a link to nothing."""
        try:
            entry = self._inner.stat(path)
        except FtpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return None if entry.kind is EntryKind.LINK else entry

    def _open_limited(
        self, path: Pathname, disposition: Disposition, offset: int, *, old: Entry | None, replaces: bool = True
    ) -> WriteHandle:
        size = 0 if old is None else old.size
        in_place = old is not None and (disposition is Disposition.APPEND or 0 < offset == size)
        copied = offset if not in_place and 0 < offset < size else 0
        if self._limits.file_size is not None and copied > self._limits.file_size:
            raise FtpError(ErrorKind.FILE_TOO_LARGE, f"{path}: restart at {copied} of {self._limits.file_size} octets")
        may_replace = replaces and disposition is Disposition.REPLACE and not in_place

        def replaced() -> Usage:
            return self._usage_of(path) if may_replace else NOTHING

        lent = _usage_of(old) if may_replace else NOTHING
        charged = Usage(copied, 0 if in_place else 1)
        for traffic in self._traffic:
            traffic.require_upload()
        with self._taking(charged, lent):
            upload: WriteHandle = self._inner.open_write(path, disposition, offset)
        if not replaces and isinstance(upload, CanRefuseReplacing):
            upload.refuse_replacing()
        if self._books is not None:
            upload = MeteredUpload(
                upload, books=self._books, charged=charged, in_place=in_place, lent=lent, replaced=replaced
            )
        if self._traffic:
            upload = MeteredTraffic(upload, self._traffic)
        if self._limits.file_size is not None:
            upload = SizeLimitedUpload(upload, file_size=self._limits.file_size)
        return upload

    @contextmanager
    def _taking(self, charged: Usage, lent: Usage) -> Iterator[None]:
        """Take what opening an upload will copy, and the file; refuse at once if the home is full."""
        if self._books is None:
            yield
            return
        self._books.require_room(lent, new_file=bool(charged.files))
        self._books.take(charged, lent)
        try:
            yield
        except FtpError:
            self._books.give_back(charged)
            raise

    @contextmanager
    def _giving_back(self, path: Pathname) -> Iterator[None]:
        """Give back the file that the block removes."""
        if self._books is None:
            yield
            return
        with self._books.changing:
            used = NOTHING if self._is_link(path) else self._usage_of(path)
            yield
            self._books.give_back(used)

    def _usage_of(self, path: Pathname) -> Usage:
        """Return what would be free without the file at *path*; nothing if it has other names."""
        try:
            return _usage_of(self._standing(path))
        except FtpError:
            return NOTHING

    def _is_link(self, path: Pathname) -> bool:
        inner = self._inner
        return isinstance(inner, KnowsLinks) and inner.without_links(path) != inner.without_links(path, follow=False)


def _usage_of(standing: Entry | None) -> Usage:
    is_last = standing is not None and standing.is_file and standing.links == 1
    return Usage(standing.size, 1) if standing is not None and is_last else NOTHING


def _states_of(share: Share) -> Iterator[QuotaState]:
    if share.ceiling == Ceiling():
        return
    used, ceiling = share.ledger.used, share.ceiling
    if ceiling.octets is not None:
        yield QuotaState(f"{share.name} octets stored".lstrip(), used.octets, ceiling.octets)
    if ceiling.files is not None:
        yield QuotaState(f"{share.name} files stored".lstrip(), used.files, ceiling.files)


def _is_uniform(permissions: Permissions) -> bool:
    """Tell whether the same is allowed everywhere, so that a link can not make a difference."""
    granted = {rule.permissions for rule in permissions.rules}
    return len(granted) == 1 and any(rule.prefix.is_root for rule in permissions.rules)


def _refusal(permission: Permission, path: Pathname) -> FtpError:
    return FtpError(ErrorKind.PERMISSION_DENIED, f"permission {permission.value!r} is not given at {path}")
