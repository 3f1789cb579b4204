"""Turns: so many at once, so many waiting, and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ftpstwist.interfaces import ErrorKind, FtpError

_log = Logger()


class Turns:
    """Lets a few in at a time, first come first served, for each key by itself.

    Args:
        at_once: How many may be in for one key, 1 or more.
        waiting: How many may wait for one key; further ones are sent away.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        if at_once < 1:
            raise ValueError("nobody would ever have a turn")
        self._at_once = at_once
        self._waiting = waiting
        self._gates: dict[str, _Gate] = {}

    async def enter(self, key: str = "") -> Callable[[], None]:
        """Wait for a turn; cancelling gives up the place in the queue.

        Returns:
            What ends the turn; calling it twice does no harm.

        Raises:
            FtpError: LOGIN_UNAVAILABLE, too many wait already.
        """
        gate = self._gates.setdefault(key, _Gate())
        if gate.inside < self._at_once and not gate.waiting:
            gate.inside += 1
        elif len(gate.waiting) < self._waiting:
            await gate.wait()
        else:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{self._waiting} logins {key and f'from {key} '}wait already")
        return once(partial(self._leave, key, gate))

    def _leave(self, key: str, gate: _Gate) -> None:
        gate.inside -= 1
        if gate.is_calling:
            return  # whoever was called has left already; the call below goes on, so that the stack stays flat
        gate.is_calling = True
        while gate.waiting and gate.inside < self._at_once:
            gate.inside += 1
            gate.waiting.popleft().callback(None)
        gate.is_calling = False
        if not gate.inside:
            del self._gates[key]


class _Gate:
    """Who is in and who waits for one key."""

    def __init__(self) -> None:
        self.inside = 0
        self.waiting: deque[Deferred[None]] = deque()
        self.is_calling = False

    def wait(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred(self.waiting.remove)
        self.waiting.append(turn)
        return turn


def once(function: Callable[[], object]) -> Callable[[], None]:
    """Return what calls *function* the first time and does nothing after; errors are logged, not raised."""
    return _Once(function)


class _Once:
    """An object of slots, and no closure: every session holds several."""

    __slots__ = ("_pending",)

    def __init__(self, function: Callable[[], object]) -> None:
        self._pending: Callable[[], object] | None = function

    def __call__(self) -> None:
        function, self._pending = self._pending, None
        if function is None:
            return
        try:
            function()
        except Exception:  # noqa: BLE001 - the end of a session goes on whatever one part of it does
            _log.failure("The end of a login failed")
