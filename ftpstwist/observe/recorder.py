"""The flight recorder: the last events of every session, kept on disk when it did not go well.

How it works: the newest events of each session are held in memory, as lines of
the JSON log; of signs of life in a row only the newest is held, so that an idle
session costs nothing more with every minute. When a session ends and something in it failed (TLS, a login, a
transfer, or a reply of the server's own fault), they are written to a file
named by the session's id; only the newest files stay. ``ftpstwist explain``
shows them. No event ever holds a password.
"""

from __future__ import annotations

import os
import re
from collections import deque
from pathlib import Path

from twisted.logger import Logger

from ftpstwist.observe.jsonlog import json_line
from ftpstwist.session.events import (
    CommandAnswered,
    Event,
    FileTransferred,
    LoginFailed,
    Misused,
    SessionClosed,
    TlsFailed,
)

EVENTS_A_SESSION = 32
"""Newest events of a session that are held."""
SUFFIX = ".jsonl"

_MODE = 0o640
_SAFE_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_FAULTS = frozenset({421, 425, 426, 451, 452, 521, 522, 534, 552})
"""Replies a user would ask about."""
_log = Logger()


def record_path(folder: Path, session_id: str) -> Path:
    """Return where the record of a session is.

    Raises:
        ValueError: No session has such an id.
    """
    if not _SAFE_ID.fullmatch(session_id):
        raise ValueError(f"{session_id!r} is no session's id")
    return folder / f"{session_id}{SUFFIX}"


class FlightRecorder:
    """An ``EventSink`` that keeps the records of failed sessions.

    Args:
        folder: Where records are kept; made if missing.
        records: How many stay; the oldest go.
    """

    def __init__(self, folder: Path, *, records: int) -> None:
        self._folder = folder
        self._records = records
        self._events: dict[str, list[Event]] = {}  # an empty deque takes more than all these events
        self._failed: set[str] = set()
        self._kept: deque[Path] | None = None

    def record(self, event: Event) -> None:
        """Hold an event; at the end of a session keep or forget them."""
        session_id = event.session.id
        events = self._events.setdefault(session_id, [])
        if events and _is_keep_alive(event) and _is_keep_alive(events[-1]):
            events.pop()
        events.append(event)
        del events[:-EVENTS_A_SESSION]
        if is_failure(event):
            self._failed.add(session_id)
        if isinstance(event, SessionClosed):
            del self._events[session_id]
            if session_id in self._failed:
                self._failed.discard(session_id)
                self._keep(session_id, events)

    def _keep(self, session_id: str, events: list[Event]) -> None:
        try:
            kept = self._known()
            path = record_path(self._folder, session_id)
            text = "".join(f"{json_line(event)}\n" for event in events)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            kept.append(path)
            while len(kept) > self._records:
                kept.popleft().unlink(missing_ok=True)
        except OSError as error:
            _log.warn("the record of session {session} is lost: {cause}", session=session_id, cause=error.strerror)

    def _known(self) -> deque[Path]:
        if self._kept is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._folder.glob(f"*{SUFFIX}")
            self._kept = deque(sorted(found, key=lambda path: path.stat().st_mtime))
        return self._kept


def _is_keep_alive(event: Event) -> bool:
    return isinstance(event, CommandAnswered) and event.verb == "NOOP"


def is_failure(event: Event) -> bool:
    """Tell whether an event is one that a user or an operator would ask about."""
    match event:
        case TlsFailed() | LoginFailed() | Misused():
            return True
        case FileTransferred():
            return not event.complete
        case CommandAnswered():
            return event.code in _FAULTS
        case _:
            return False
