"""Files that somebody else replaces: noticing it, and looking again and again without holding anybody up.

Two files that belong together are never replaced at the same moment. So a
change counts only when nothing has changed for one more look: whoever writes
certificate and key, or flips the links of an ACME client, is done by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ftpstwist.interfaces import WorkerThreads

_log = Logger()

_Mark = tuple[int, int, int, int]
"""Time of change, size, inode and device: what tells one version of a file from the next."""


class FileMarks:
    """Tells when files have changed. Blocks; to be used by one thread at a time.

    Args:
        files: Returns the files; symbolic links are followed to what they lead to.
    """

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._known: list[_Mark | None] = []
        self._last: list[_Mark | None] = []

    def note(self) -> None:
        """Take the files as they are as known; to be called *before* they are read."""
        self._known = self._last = self._look()

    def have_settled(self) -> bool:
        """Tell whether files are other than the known ones and the same as at the last look; they are known then."""
        before, self._last = self._last, self._look()
        if self._last in (self._known, []) or self._last != before:
            return False
        self._known = self._last
        return True

    def _look(self) -> list[_Mark | None]:
        return [_mark(path) for path in self._files()]


def _mark(path: Path) -> _Mark | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


class WatchService(Service):
    """Does something in a worker thread, waits, and does it again; never twice at once.

    Args:
        action: What to do. Blocks.
        threads: Where to do it.
        clock: For waiting.
        interval: Seconds from the end of one turn to the beginning of the next.
    """

    def __init__(
        self, action: Callable[[], None], *, threads: WorkerThreads, clock: IReactorTime, interval: float
    ) -> None:
        self._action = action
        self._threads = threads
        self._clock = clock
        self._interval = interval
        self._next: IDelayedCall | None = None
        self._turn: Deferred[None] | None = None

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Begin to wait for the first turn."""
        super().startService()
        self._wait()

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's interface
        """Begin no more turns; done when the one that runs has ended."""
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        return self._turn

    def _wait(self) -> None:
        self._next = self._clock.callLater(self._interval, self._begin)

    def _begin(self) -> None:
        self._next = None
        turn = Deferred.fromCoroutine(self._take_turn())
        self._turn = None if turn.called else turn

    async def _take_turn(self) -> None:
        try:
            await self._threads.run(self._action)
        except Exception:  # noqa: BLE001 - a watch that dies of one mistake watches nothing
            _log.failure("a look at the files failed; the next one follows")
        self._turn = None
        if self.running:
            self._wait()
