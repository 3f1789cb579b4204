"""What accounts may store: octets and files of a home or of a group together, and octets of a single file.

How it works. A :class:`QuotaLedger` belongs to a home, or to all that share a
quota, and is used by all their sessions. It counts once what is there, when it is
first asked, and is kept by differences from then on. An upload takes its octets from
the ledgers before they go to the disk, so nothing beyond a quota is ever written;
what it did not keep, and what it replaced, is given back at its end. The file that
will be replaced is lent to the upload meanwhile: a full home can still be updated,
and for that time holds both versions. A soft quota lets an upload that has begun
come to its end, and refuses the next one.

It does not see what others change on the disk; a new ledger does.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ftpstwist.interfaces import ErrorKind, FtpError, KernelCopy, Octets, PassingUpload, ReadHandle, WriteHandle


@dataclass(frozen=True, slots=True)
class Usage:
    """What is stored, or one part of it."""

    octets: int = 0
    files: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.octets + other.octets, self.files + other.files)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.octets - other.octets, self.files - other.files)


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What may be stored at most; ``None`` for any number."""

    octets: int | None = None
    files: int | None = None

    def raised_by(self, lent: Usage) -> Ceiling:
        """Return the ceiling with what is lent on top."""
        return Ceiling(
            None if self.octets is None else self.octets + lent.octets,
            None if self.files is None else self.files + lent.files,
        )

    def require(self, used: Usage, more: Usage) -> None:
        """Refuse *used* if it is too much of what there is *more* of.

        Raises:
            FtpError: QUOTA_EXCEEDED (client sees 552).
        """
        if self.octets is not None and more.octets > 0 and used.octets > self.octets:
            raise FtpError(ErrorKind.QUOTA_EXCEEDED, f"{used.octets} octets would be in use of {self.octets}")
        if self.files is not None and more.files > 0 and used.files > self.files:
            raise FtpError(ErrorKind.QUOTA_EXCEEDED, f"{used.files} files would be there of {self.files}")


class Keeping(Protocol):
    """Where a ledger's number is kept, and who may change it now.

    Attributes:
        used: What was counted, and all changes since; ``None`` if nobody has counted.
    """

    used: Usage | None

    @property
    def is_known(self) -> bool:
        """Whether somebody has counted."""

    @property
    def turn(self) -> AbstractContextManager[object]:
        """Held while the number is changed; by one thread at a time, as often as it likes."""

    @property
    def changing(self) -> AbstractContextManager[object]:
        """Held while a file is replaced or removed, so that nobody gives it back twice."""


class KeptHere:
    """A number that this process alone knows. A :class:`Keeping`."""

    def __init__(self) -> None:
        self.used: Usage | None = None
        # Reentrant: a forgotten upload settles its books whenever it is collected, also while the lock is held.
        self.turn = threading.RLock()
        self.changing = threading.Lock()

    @property
    def is_known(self) -> bool:
        """Whether somebody has counted."""
        return self.used is not None


class QuotaLedger:
    """What is stored in one home, or by all that share a quota; safe for any number of threads.

    Args:
        count: Counts it, as ``LocalFilesystem.usage`` does on the disk; called once, at first need.
        keeping: Where the number is kept; with this process, unless told otherwise.
    """

    def __init__(self, count: Callable[[], Usage], keeping: Keeping | None = None) -> None:
        self._count = count
        self._keeping: Keeping = keeping or KeptHere()

    @property
    def changing(self) -> AbstractContextManager[object]:
        """Held while a file is replaced or removed, so that nobody gives it back twice."""
        return self._keeping.changing

    @property
    def used(self) -> Usage:
        """What is in use, unfinished uploads included.

        Raises:
            FtpError: It can not be counted.
        """
        with self._keeping.turn:
            return self._counted()

    @property
    def is_counted(self) -> bool:
        """Whether somebody had to know what is in use."""
        return self._keeping.is_known

    def take(self, more: Usage, ceilings: Sequence[Ceiling]) -> None:
        """Use *more*.

        Raises:
            FtpError: QUOTA_EXCEEDED (client sees 552) beyond one of the ceilings; nothing is taken.
        """
        with self._keeping.turn:
            used = self._counted() + more
            for ceiling in ceilings:
                ceiling.require(used, more)
            self._keeping.used = used

    def give_back(self, less: Usage) -> None:
        """Use *less*; what was never counted will be counted without it."""
        if not self._keeping.is_known:
            return
        with self._keeping.turn:
            left = self._counted() - less
            self._keeping.used = Usage(max(0, left.octets), max(0, left.files))

    def _counted(self) -> Usage:
        used = self._keeping.used
        if used is None:
            used = self._keeping.used = self._count()
        return used


@dataclass(frozen=True, slots=True)
class Share:
    """An account's part in a ledger.

    Attributes:
        ledger: Shared with others.
        ceiling: What all of them together may have stored.
        soft: Whether an upload that has begun may go beyond.
        name: What the quota is called; empty for that of the account.
    """

    ledger: QuotaLedger
    ceiling: Ceiling
    soft: bool = False
    name: str = ""


class Books:
    """All ledgers that one account's files are kept in.

    Args:
        shares: That of the home first.
    """

    def __init__(self, shares: Sequence[Share]) -> None:
        self.shares = tuple(shares)
        self._by_ledger: dict[QuotaLedger, list[Share]] = {}  # several quotas may hold for one home
        for share in shares:
            self._by_ledger.setdefault(share.ledger, []).append(share)

    @property
    def changing(self) -> AbstractContextManager[object]:
        """Held while a file of the home is replaced or removed."""
        return self.shares[0].ledger.changing

    def require_room(self, lent: Usage, *, new_file: bool) -> None:
        """Refuse an upload at once for which there is no room at all.

        Raises:
            FtpError: QUOTA_EXCEEDED.
        """
        for share in self.shares:
            used = share.ledger.used - lent if share.ceiling != Ceiling() else NOTHING
            share.ceiling.require(used + Usage(1, int(new_file)), Usage(1, int(new_file)))

    def take(self, more: Usage, lent: Usage = NOTHING) -> None:
        """Take from every ledger once, or from none.

        Raises:
            FtpError: QUOTA_EXCEEDED.
        """
        taken: list[QuotaLedger] = []
        try:
            for ledger, shares in self._by_ledger.items():
                if all(share.ceiling == Ceiling() for share in shares) and not ledger.is_counted:
                    continue  # nobody needs to know: a home of a million files is not walked for that
                ledger.take(more, [share.ceiling.raised_by(lent) for share in shares if not share.soft])
                taken.append(ledger)
        except FtpError:
            for ledger in taken:
                ledger.give_back(more)
            raise

    def give_back(self, less: Usage) -> None:
        """Give back to every ledger."""
        for ledger in self._by_ledger:
            ledger.give_back(less)

    def left(self) -> int | None:
        """Return the octets that may still be stored; ``None`` if nothing limits them."""
        least: int | None = None
        for share in self.shares:
            if share.ceiling == Ceiling():
                continue
            used = share.ledger.used
            if share.ceiling.files is not None and used.files >= share.ceiling.files:
                return 0
            if share.ceiling.octets is not None:
                left = max(0, share.ceiling.octets - used.octets)
                least = left if least is None else min(left, least)
        return least


class SizeLimitedUpload(PassingUpload):
    """An upload that may not become too large a file.

    Args:
        inner: Where the octets go.
        file_size: Octets the file may have at most.
    """

    def __init__(self, inner: WriteHandle, *, file_size: int) -> None:
        super().__init__(inner)
        self._file_size = file_size

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing: FILE_TOO_LARGE."""
        self._require(len(data))
        self._inner.write(data)

    def take_from(self, source: ReadHandle, octets: int) -> int | None:
        """Put octets of another file behind what was written; see ``interfaces.KernelCopy``."""
        self._require(octets)
        return self._inner.take_from(source, octets) if isinstance(self._inner, KernelCopy) else None

    def _require(self, octets: int) -> None:
        size = self._inner.size + octets
        if size > self._file_size:
            raise FtpError(ErrorKind.FILE_TOO_LARGE, f"{self.path} would have {size} octets of {self._file_size}")


class MeteredUpload(PassingUpload):
    """An upload that takes its octets from the books.

    Args:
        inner: Where the octets go.
        books: Of the account.
        charged: Taken already: what *inner* has copied, and one file if it is a new one.
        in_place: Whether a file is continued: what it had at the start is in use anyway.
        lent: The file that will be replaced.
        replaced: Tells, at the end, the file that really is.
    """

    def __init__(
        self,
        inner: WriteHandle,
        *,
        books: Books,
        charged: Usage,
        in_place: bool,
        lent: Usage,
        replaced: Callable[[], Usage],
    ) -> None:
        super().__init__(inner)
        self._books = books
        self._lent = lent
        self._charged = charged
        self._in_place = in_place
        self._start = inner.size - charged.octets
        self._replaced = replaced
        self._is_open = True

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing: QUOTA_EXCEEDED."""
        more = Usage(len(data))
        self._books.take(more, self._lent)
        self._charged += more
        self._inner.write(data)

    def take_from(self, source: ReadHandle, octets: int) -> int | None:
        """Put octets of another file behind what was written; see ``interfaces.KernelCopy``."""
        if not isinstance(self._inner, KernelCopy):
            return None
        more = Usage(octets)
        self._books.take(more, self._lent)
        self._charged += more
        copied = self._inner.take_from(source, octets)
        less = Usage(octets - (copied or 0))
        self._charged -= less
        self._books.give_back(less)
        return copied

    def commit(self) -> None:
        """Show it under its final name, and give back what it replaced."""
        with self._settling(), self._books.changing:
            replaced = self._replaced()
            self._inner.commit()
            self._settle(self._kept(self._inner.size))
            self._books.give_back(replaced)

    def abandon(self) -> int | None:
        """End it incomplete, and give back what was not kept."""
        with self._settling():
            kept = self._inner.abandon()
            self._settle(NOTHING if kept is None else self._kept(kept))
            return kept

    def __del__(self) -> None:
        # Forgotten by a cancelled call: what it took would be missing from the home for ever.
        if getattr(self, "_is_open", False):
            self._settle_as_failed()

    @contextlib.contextmanager
    def _settling(self) -> Iterator[None]:
        """Settle the books whatever happens in the block."""
        try:
            yield
        finally:
            if self._is_open:
                self._settle_as_failed()

    def _kept(self, size: int) -> Usage:
        return Usage(size - self._start, 0 if self._in_place else 1)

    def _settle_as_failed(self) -> None:
        """Suppose what is left on the disk: a file in place as far as it came, else nothing."""
        self._settle(self._kept(self._inner.size) if self._in_place else NOTHING)

    def _settle(self, used: Usage) -> None:
        """End the account with what the upload really uses."""
        self._is_open = False
        self._books.give_back(self._charged - used)
        self._charged = used
