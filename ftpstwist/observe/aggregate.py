"""Keeps strangers from flooding the logs: what one address repeats is told once, then counted.

How it works: a session is not told of before it has done something. One that
ends without a command (a port scanner, a health check, a client whose
handshakes fail) makes a line for its failure, or for its end; the same from
the same address makes no further line for a while, and then one line that
tells how often. Sessions that speak are passed on as they are, every event.

Addresses and sessions remembered are bounded; beyond, events simply pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ftpstwist.interfaces import EventSink
from ftpstwist.session.events import (
    DataOpened,
    Event,
    Expires,
    Misused,
    SessionClosed,
    SessionOpened,
    TlsEstablished,
    TlsFailed,
)

WINDOW_SECONDS = 60.0
"""How long a repetition is only counted."""
MAX_REMEMBERED = 1000
"""Silent sessions, and kinds of failures by address, remembered at once."""

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Repetition:
    """Something that was told and may come again."""

    event: Event
    words: str
    end: IDelayedCall
    more: int = 0


class Aggregator:
    """An ``EventSink`` in front of another one.

    Args:
        inner: Gets what is left.
        clock: Ends windows.
        seconds: Length of a window.
        remembered: Cap on what is remembered.
    """

    def __init__(
        self,
        inner: EventSink,
        *,
        clock: IReactorTime,
        seconds: float = WINDOW_SECONDS,
        remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds = seconds
        self._remembered = remembered
        self._silent: dict[str, SessionOpened] = {}
        self._repetitions: dict[_Key, _Repetition] = {}

    def record(self, event: Event) -> None:
        """Pass an event on, or count it."""
        session = event.session
        match event:
            case SessionOpened() if len(self._silent) < self._remembered:
                self._silent[session.id] = event
            case TlsEstablished() | DataOpened() | Expires():
                pass  # told by the lines of what is done under their protection, and by the server itself
            case TlsFailed():
                self._count((session.peer, event.channel, event.cause), event, f"TLS failed: {event.cause}")
            case Misused():
                self._count((session.peer, event.kind, event.detail), event, f"{event.kind}: {event.detail}")
            case SessionClosed() if session.id in self._silent:
                del self._silent[session.id]
                key = (session.peer, "closed", event.reason)
                self._count(key, event, f"a connection without a command: {event.reason}")
            case _:
                self._pass(event)

    def flush(self) -> None:
        """Tell now what was only counted, and forget it; for the end of the server."""
        for key in list(self._repetitions):
            self._repetitions[key].end.cancel()
            self._tell(key)

    def _pass(self, event: Event) -> None:
        opened = self._silent.pop(event.session.id, None)
        if opened is not None:
            self._inner.record(opened)
        self._inner.record(event)

    def _count(self, key: _Key, event: Event, words: str) -> None:
        known = self._repetitions.get(key)
        if known is not None:
            known.event = event
            known.more += 1
            return
        self._inner.record(event)
        if len(self._repetitions) < self._remembered:
            end = self._clock.callLater(self._seconds, self._tell, key)
            self._repetitions[key] = _Repetition(event, words, end)

    def _tell(self, key: _Key) -> None:
        known = self._repetitions.pop(key)
        if known.more:
            detail = f"{known.words} ({known.more} more in {self._seconds:g} s)"
            self._inner.record(Misused(known.event.session, known.event.time, "repeated", detail))
