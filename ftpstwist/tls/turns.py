"""What clients that are not logged in may take of one turn of the reactor.

How it works: who is logged in is served as soon as the socket is readable.
All others together have a few milliseconds of each turn: a handshake or a
command of theirs begins while something of that is left, and else waits, in
the order of arrival, for a turn to come. So however many log in at once,
somebody who works waits for one such share, and not for all of them; and as
each turn has a share, those who log in always get on.

A share is renewed only when it has been used up, in the turn after: the
reactor makes no turns for the sake of counting. It refuses to interrupt: what
has begun may take longer than was left.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

SHARE_SECONDS = 0.005
"""What those who are not logged in have of one turn; a handshake takes less than a thousandth of a second."""


class Turns:
    """Shares out the turns of one reactor.

    Args:
        clock: The reactor.
        share_seconds: How long those who are not logged in may keep it from others.
    """

    def __init__(self, clock: IReactorTime, share_seconds: float = SHARE_SECONDS) -> None:
        self._clock = clock
        self._share_seconds = share_seconds
        self._left = share_seconds
        self._waiting: dict[Place, Callable[[], None]] = {}  # in the order of arrival
        self._renewal: IDelayedCall | None = None

    @property
    def is_free(self) -> bool:
        """Whether something may begin at once."""
        return self._left > 0 and not self._waiting

    def run(self, work: Callable[[], None]) -> None:
        """Do *work* now, at the expense of the share."""
        begun = self._clock.seconds()
        try:
            work()
        finally:
            self._left -= self._clock.seconds() - begun
            if self._left <= 0:
                self._renew_soon()

    def wait(self, work: Callable[[], None]) -> Place:
        """Do *work* in a turn to come; the place in the queue can be given up."""
        place = Place(self._waiting)
        self._waiting[place] = work
        self._renew_soon()
        return place

    def _renew_soon(self) -> None:
        if self._renewal is None:
            self._renewal = self._clock.callLater(0, self._renew)

    def _renew(self) -> None:
        self._renewal = None
        self._left = self._share_seconds
        while self._waiting and self._left > 0:
            self.run(self._waiting.pop(next(iter(self._waiting))))
        if self._waiting:
            self._renew_soon()


class Place:
    """A place in the queue.

    Args:
        queue: The queue.
    """

    __slots__ = ("_queue",)

    def __init__(self, queue: dict[Place, Callable[[], None]]) -> None:
        self._queue = queue

    def cancel(self) -> None:
        """Give it up."""
        self._queue.pop(self, None)
