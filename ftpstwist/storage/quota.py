"""What one account may store: octets below the home together, and of a single file.

How it works. A :class:`QuotaLedger` belongs to a home and is shared by all
sessions there. It counts once what lies below the home, when it is first asked,
and is kept by differences from then on. An upload takes its octets from the
ledger before they go to the disk, so nothing beyond the quota is ever written;
what it did not keep, and what it replaced, is given back at its end. Octets of
the file that will be replaced are lent to the upload meanwhile: a full home can
still be updated, and for that time holds both versions.

It does not see what others change on the disk; a new ledger does.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from ftpstwist.interfaces import ErrorKind, FtpError, Octets, WriteHandle
from ftpstwist.wire.pathname import Pathname


class QuotaLedger:
    """The octets in use below one home; safe for any number of threads.

    Args:
        count: Counts them on the disk, as ``LocalFilesystem.usage`` does; called once, at first need.

    Attributes:
        changing: Held while a file is replaced or removed, so that nobody gives its octets back twice.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._used: int | None = None
        # Reentrant: a forgotten upload settles its books whenever it is collected, also while the lock is held.
        self._lock = threading.RLock()
        self.changing = threading.Lock()

    @property
    def used(self) -> int:
        """Octets in use, unfinished uploads included.

        Raises:
            FtpError: They can not be counted.
        """
        with self._lock:
            return self._counted()

    def take(self, octets: int, limit: int | None) -> None:
        """Use *octets* more.

        Args:
            octets: How many.
            limit: What may be in use then at most; ``None`` for any number.

        Raises:
            FtpError: QUOTA_EXCEEDED (client sees 552); nothing is taken.
        """
        with self._lock:
            used = self._counted() + octets
            if limit is not None and octets > 0 and used > limit:
                raise FtpError(ErrorKind.QUOTA_EXCEEDED, f"{used} octets would be in use of {limit}")
            self._used = used

    def give_back(self, octets: int) -> None:
        """Use *octets* less; what was never counted will be counted without them."""
        with self._lock:
            if self._used is not None:
                self._used = max(0, self._used - octets)

    def _counted(self) -> int:
        if self._used is None:
            self._used = self._count()
        return self._used


class SizeLimitedUpload:
    """An upload that may not become too large a file.

    Args:
        inner: Where the octets go.
        file_size: Octets the file may have at most.
    """

    def __init__(self, inner: WriteHandle, *, file_size: int) -> None:
        self._inner = inner
        self._file_size = file_size

    @property
    def path(self) -> Pathname:
        """The final pathname."""
        return self._inner.path

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""
        return self._inner.size

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing: FILE_TOO_LARGE."""
        size = self._inner.size + len(data)
        if size > self._file_size:
            raise FtpError(ErrorKind.FILE_TOO_LARGE, f"{self.path} would have {size} octets of {self._file_size}")
        self._inner.write(data)

    def commit(self) -> None:
        """Show it under its final name."""
        self._inner.commit()

    def abandon(self) -> int | None:
        """End it incomplete."""
        return self._inner.abandon()


class MeteredUpload:
    """An upload that takes its octets from a ledger.

    Args:
        inner: Where the octets go.
        ledger: Of the home.
        quota: Octets that may be in use at most; ``None`` for any number.
        charged: Octets taken already for what *inner* has copied.
        in_place: Whether a file is continued: what it had at the start is in use anyway.
        lent: Octets of the file that will be replaced.
        replaced: Tells, at the end, the octets of the file that really is.
    """

    def __init__(
        self,
        inner: WriteHandle,
        *,
        ledger: QuotaLedger,
        quota: int | None,
        charged: int,
        in_place: bool,
        lent: int,
        replaced: Callable[[], int],
    ) -> None:
        self._inner = inner
        self._ledger = ledger
        self._limit = None if quota is None else quota + lent
        self._charged = charged
        self._in_place = in_place
        self._start = inner.size - charged
        self._replaced = replaced
        self._is_open = True

    @property
    def path(self) -> Pathname:
        """The final pathname."""
        return self._inner.path

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""
        return self._inner.size

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing: QUOTA_EXCEEDED."""
        self._ledger.take(len(data), self._limit)
        self._charged += len(data)
        self._inner.write(data)

    def commit(self) -> None:
        """Show it under its final name, and give back what it replaced."""
        with self._settling(), self._ledger.changing:
            replaced = self._replaced()
            self._inner.commit()
            self._settle(self._inner.size - self._start)
            self._ledger.give_back(replaced)

    def abandon(self) -> int | None:
        """End it incomplete, and give back what was not kept."""
        with self._settling():
            kept = self._inner.abandon()
            self._settle(0 if kept is None else kept - self._start)
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

    def _settle_as_failed(self) -> None:
        """Suppose what is left on the disk: a file in place as far as it came, else nothing."""
        self._settle(self._inner.size - self._start if self._in_place else 0)

    def _settle(self, octets: int) -> None:
        """End the account with what the upload really uses."""
        self._is_open = False
        self._ledger.give_back(self._charged - octets)
        self._charged = octets
