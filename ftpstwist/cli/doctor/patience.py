"""How long the doctor waits: for one step, and in all.

A server that sends one octet a second can not keep the doctor for ever: every
wait ends at a deadline, not at a pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_SECONDS = 10.0
"""Longest wait for one answer, if the command line says nothing else."""
STEPS_IN_ALL = 12
"""Waits of full length after which the doctor gives up."""


class OutOfTime(Exception):  # noqa: N818 - not an error of the program: the examination is over
    """The time for the whole examination is used up."""


class Patience:
    """Hands out deadlines.

    Args:
        step: Seconds that one wait may take.
        total: Seconds for everything from now on.
        clock: Monotonic seconds.
    """

    def __init__(
        self, step: float = STEP_SECONDS, total: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.step = step
        self._clock = clock
        self._start = clock()
        self._end = self._start + (step * STEPS_IN_ALL if total is None else total)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._start

    def deadline(self, seconds: float | None = None) -> float:
        """Return when a wait that begins now has to end.

        Raises:
            OutOfTime: There is no time left at all.
        """
        now = self._clock()
        if now >= self._end:
            raise OutOfTime
        return min(now + (self.step if seconds is None else seconds), self._end)

    def left(self, deadline: float) -> float:
        """Return the seconds until a deadline.

        Raises:
            TimeoutError: It has passed.
        """
        seconds = deadline - self._clock()
        if seconds <= 0:
            raise TimeoutError
        return seconds
