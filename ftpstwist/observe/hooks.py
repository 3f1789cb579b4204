"""Hooks: programs and functions that are told what has happened.

How it works: an event that a hook is for is put into a queue; a few hooks run
at a time, each for a limited time. What has happened has happened: no client
waits for a hook, and none can undo a thing. Beyond the cap of the queue,
occasions are lost and the log says how many.

Refuses to know what a hook does: ``hookprogram`` runs programs, and functions
are whatever the configuration names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.observe.escape import escape
from ftpstwist.session.events import Event
from ftpstwist.session.occasions import Occasion, occasion_of
from ftpstwist.wire.pathname import Pathname, PathnameError

_log = Logger()


class HookError(Exception):
    """A hook did not do its work; its text says how, for the log."""


class Action(Protocol):
    """What a hook does."""

    def __call__(self, event: Event) -> Awaitable[None]:
        """Do it; cancelling ends it at once, with all that it has started."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook.

    Attributes:
        name: What the log calls it.
        occasions: When it runs.
        users: Only for these; for all if empty.
        paths: Only for files in and below these folders, as clients see them; for all if empty.
        seconds: How long it may run.
        action: What it does.
    """

    name: str
    occasions: frozenset[Occasion]
    users: frozenset[str]
    paths: tuple[Pathname, ...]
    seconds: float
    action: Action

    def wants(self, event: Event) -> bool:
        """Tell whether it runs for an event."""
        if occasion_of(event) not in self.occasions:
            return False
        if self.users and event.session.user not in self.users:
            return False
        return not self.paths or any(_lies_in(text, self.paths) for text in _pathnames(event))


def _pathnames(event: Event) -> list[str]:
    return [text for text in (getattr(event, "path", ""), getattr(event, "target", "")) if text]


def _lies_in(text: str, folders: Sequence[Pathname]) -> bool:
    try:
        path = Pathname.parse(text)
    except PathnameError:
        return False
    return any(path.is_within(folder) for folder in folders)


def function_action(function: Callable[[Event], object]) -> Action:
    """Return the action that calls a function of the operator's with the event; it may return an awaitable."""

    async def act(event: Event) -> None:
        result = function(event)
        if isawaitable(result):
            await result

    return act


class Hooks:
    """Runs hooks. An ``EventSink``; to be used on the reactor's thread.

    Args:
        hooks: All of them.
        clock: For time limits.
        at_once: How many may run at the same time.
        waiting: How many may wait for their turn.
    """

    def __init__(self, hooks: Sequence[Hook], *, clock: IReactorTime, at_once: int, waiting: int) -> None:
        self._hooks = hooks
        self._clock = clock
        self._at_once = at_once
        self._cap = waiting
        self._queue: deque[tuple[Hook, Event]] = deque()
        self._running: set[Deferred[None]] = set()
        self._lost = 0
        self._idle: list[Deferred[None]] = []

    def record(self, event: Event) -> None:
        """Have the hooks run that are for an event."""
        for hook in self._hooks:
            if hook.wants(event):
                self._put(hook, event)

    async def finish(self, seconds: float) -> None:
        """Wait until all have run, at most for a time; what is left then is ended, or never begun."""
        if not self._running and not self._queue:
            return
        limit = self._clock.callLater(seconds, self._end_all)
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        await idle
        if limit.active():
            limit.cancel()

    def _put(self, hook: Hook, event: Event) -> None:
        if len(self._running) < self._at_once:
            self._begin(hook, event)
        elif len(self._queue) < self._cap:
            self._queue.append((hook, event))
        else:
            if not self._lost:
                _log.error("hooks are too slow, and {waiting} wait: occasions are lost", waiting=self._cap)
            self._lost += 1

    def _begin(self, hook: Hook, event: Event) -> None:
        running: Deferred[None] = Deferred.fromCoroutine(_act(hook.action, event))
        running.addTimeout(hook.seconds, self._clock)
        self._running.add(running)
        began = self._clock.seconds()
        running.addBoth(lambda outcome: self._ended(running, hook, event, outcome, began))

    def _ended(self, running: Deferred[None], hook: Hook, event: Event, outcome: object, began: float) -> None:
        self._running.discard(running)
        _tell(hook, event, outcome, self._clock.seconds() - began)
        if self._queue:
            # not from here: a function that is done at once would make the stack as deep as the queue is long
            self._clock.callLater(0, self._next)
        elif self._lost:
            _log.info("hooks keep up again; {lost} occasions were lost", lost=self._lost)
            self._lost = 0
        self._settle()

    def _settle(self) -> None:
        if not self._running and not self._queue:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)

    def _next(self) -> None:
        if self._queue and len(self._running) < self._at_once:
            self._begin(*self._queue.popleft())

    def _end_all(self) -> None:
        if self._queue:
            _log.warn("{left} hooks were never run, for the server stops", left=len(self._queue))
        self._queue.clear()
        for running in list(self._running):
            running.cancel()
        self._settle()


async def _act(action: Action, event: Event) -> None:
    await action(event)


def _tell(hook: Hook, event: Event, outcome: object, seconds: float) -> None:
    error = getattr(outcome, "value", None)
    fields = {"session": event.session.id, "hook": escape(hook.name), "seconds": seconds}
    if error is None:
        _log.info("{session} the hook {hook} ran for {seconds:.3f} s", **fields)
        return
    if isinstance(error, TookTooLong):
        cause = f"it was ended after {hook.seconds:g} s"
    elif isinstance(error, CancelledError):
        cause = "it was ended, for the server stops"
    elif isinstance(error, HookError):
        cause = str(error)
    else:
        cause = f"{type(error).__name__}: {error}"
    _log.warn("{session} the hook {hook} failed: {cause}", cause=escape(cause), **fields)
