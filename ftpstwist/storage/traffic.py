"""What may be transferred in a day, a week or a month: octets up, octets down, and both together.

How it works: a :class:`Traffic` belongs to a quota and to a user, or to all who
share the quota. It forgets everything when a new period begins (UTC; weeks
begin on Mondays). A transfer takes its octets as they move; at the end of the
quota it breaks off, or, where the quota is soft, comes to its end and is the
last one of the period. Listings are free, and so are copies and digests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from ftpstwist.interfaces import ErrorKind, FtpError, Octets, PassingUpload, QuotaState, ReadHandle, WriteHandle


class Period(Enum):
    """When a quota begins anew; the value is the word of the configuration."""

    NEVER = "never"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def at(self, seconds: float) -> str:
        """Return the name of the period in which a time lies, seconds since the epoch."""
        moment = time.gmtime(seconds)
        match self:
            case Period.NEVER:
                return ""
            case Period.WEEK:
                year, week, _ = datetime.fromtimestamp(seconds, UTC).isocalendar()
                return f"{year:04d}-W{week:02d}"
            case _:
                return time.strftime("%Y-%m-%d" if self is Period.DAY else "%Y-%m", moment)


@dataclass(frozen=True, slots=True)
class TrafficLimits:
    """Octets that may move in a period; ``None`` for any number.

    Attributes:
        upload: To the server.
        download: From it.
        transfer: Both together.
    """

    upload: int | None = None
    download: int | None = None
    transfer: int | None = None


@dataclass(slots=True)
class Moved:
    """What has moved, and in which period."""

    period: str = ""
    up: int = 0
    down: int = 0


class MovedBooks(Protocol):
    """Where it is kept what has moved."""

    def held(self) -> AbstractContextManager[Moved]:
        """Give the books to one at a time; what is changed in them is kept."""


class MovedHere:
    """Books that this process alone knows. :class:`MovedBooks`.

    Args:
        moved: What is in them at first.
    """

    def __init__(self, moved: Moved | None = None) -> None:
        self._moved = moved or Moved()
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[Moved]:
        """Give the books to one at a time."""
        with self._lock:
            yield self._moved


class Traffic:
    """What may move under one quota; safe for any number of threads.

    Args:
        name: What the quota is called.
        limits: What may move.
        period: When it begins anew.
        soft: Whether a transfer that has begun may go beyond.
        books: What has moved; kept by others from one run of the server to the next.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        name: str,
        limits: TrafficLimits,
        *,
        period: Period,
        soft: bool,
        books: MovedBooks,
        now: Callable[[], float],
    ) -> None:
        self._name = name
        self._limits = limits
        self._period = period
        self._soft = soft
        self._books = books
        self._now = now

    def require_upload(self) -> None:
        """Refuse an upload if nothing is left; QUOTA_EXCEEDED (client sees 552)."""
        self._check(up=1)

    def require_download(self) -> None:
        """Refuse a download if nothing is left; QUOTA_EXCEEDED (client sees 552)."""
        self._check(down=1)

    def move(self, *, up: int = 0, down: int = 0) -> None:
        """Note octets that move.

        Raises:
            FtpError: QUOTA_EXCEEDED beyond a limit that is not soft; nothing is noted.
        """
        self._check(up=up, down=down, is_soft=self._soft, notes=True)

    def take_back(self, *, up: int = 0, down: int = 0) -> None:
        """Forget octets that were noted and did not move."""
        with self._current() as moved:
            moved.up, moved.down = max(0, moved.up - up), max(0, moved.down - down)

    def states(self) -> Iterator[QuotaState]:
        """Yield what is used of each limit."""
        with self._current() as moved:
            up, down = moved.up, moved.down
        during = "" if self._period is Period.NEVER else f" this {self._period.value}"
        for limit, used, what in (
            (self._limits.upload, up, "uploaded"),
            (self._limits.download, down, "downloaded"),
            (self._limits.transfer, up + down, "transferred"),
        ):
            if limit is not None:
                yield QuotaState(f"{self._name} octets {what}{during}", used, limit)

    def _check(self, *, up: int = 0, down: int = 0, is_soft: bool = False, notes: bool = False) -> None:
        limits = self._limits
        with self._current() as moved:
            more_up, more_down = moved.up + up, moved.down + down
            for limit, used, counts in (
                (limits.upload, more_up, up),
                (limits.download, more_down, down),
                (limits.transfer, more_up + more_down, up + down),
            ):
                if limit is not None and counts and used > limit and not is_soft:
                    raise FtpError(ErrorKind.QUOTA_EXCEEDED, f"{self._name}: {used} octets of {limit}", self._name)
            if notes:
                moved.up, moved.down = more_up, more_down

    @contextmanager
    def _current(self) -> Iterator[Moved]:
        """Give what has moved in the period of now."""
        period = self._period.at(self._now())
        with self._books.held() as moved:
            if moved.period != period:
                moved.period, moved.up, moved.down = period, 0, 0
            yield moved


def _move(quotas: Sequence[Traffic], *, up: int = 0, down: int = 0) -> None:
    """Note octets in all books, or in none: QUOTA_EXCEEDED."""
    for number, traffic in enumerate(quotas):
        try:
            traffic.move(up=up, down=down)
        except FtpError:
            for noted in quotas[:number]:
                noted.take_back(up=up, down=down)
            raise


class MeteredDownload:
    """A file open for RETR whose octets are counted.

    Args:
        inner: The file.
        traffic: Where they count.
    """

    def __init__(self, inner: ReadHandle, traffic: Sequence[Traffic]) -> None:
        self._inner = inner
        self._traffic = traffic

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as is at hand, or raise QUOTA_EXCEEDED."""
        count = self._inner.read_into(buffer)
        _move(self._traffic, down=count)
        return count

    def close(self) -> None:
        """Release it."""
        self._inner.close()


class MeteredTraffic(PassingUpload):
    """An upload whose octets are counted as they come.

    Args:
        inner: Where they go.
        traffic: Where they count.
    """

    def __init__(self, inner: WriteHandle, traffic: Sequence[Traffic]) -> None:
        super().__init__(inner)
        self._traffic = traffic

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written, or nothing: QUOTA_EXCEEDED."""
        _move(self._traffic, up=len(data))
        self._inner.write(data)
