"""Where events go: several sinks at once, files of lines, and the log of Twisted.

A sink that fails is a nuisance, never an error of the session: :class:`FanOut`
stands between the two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from enum import Enum

from twisted.logger import Logger, LogLevel

from ftpstwist.interfaces import EventSink
from ftpstwist.observe.escape import escape
from ftpstwist.observe.logfile import LineFile
from ftpstwist.session.events import (
    CommandAnswered,
    DataOpened,
    Event,
    Expires,
    FileChanged,
    FileTransferred,
    LoggedIn,
    LoginFailed,
    Misused,
    ObsoleteTls,
    SessionClosed,
    SessionOpened,
    SessionRef,
    TlsEstablished,
    TlsFacts,
    TlsFailed,
)

Fields = dict[str, object]

_SESSIONS_KNOWN = 256
"""Sessions whose fields are kept at most."""
_log = Logger()


class FanOut:
    """Gives every event to every sink. An ``EventSink``.

    Args:
        sinks: In the order they are told.
    """

    def __init__(self, sinks: Iterable[EventSink]) -> None:
        self._sinks = tuple(sinks)
        self._failed: set[int] = set()

    def record(self, event: Event) -> None:
        """Tell all sinks; one that raises is skipped, and logged the first time."""
        for number, sink in enumerate(self._sinks):
            try:
                sink.record(event)
            except Exception:  # noqa: BLE001 - a log must not end a session
                if number not in self._failed:
                    self._failed.add(number)
                    _log.failure("{sink} does not take events", sink=type(sink).__name__)


class LineSink:
    """Writes events as lines. An ``EventSink``.

    Args:
        render: From an event to its line, ``None`` if it makes none.
        file: Where lines go.
        only: Kinds of events that are written.
    """

    def __init__(
        self, render: Callable[[Event], str | None], file: LineFile, *, only: tuple[type[Event], ...] = (Event,)
    ) -> None:
        self._render = render
        self._file = file
        self._only = only

    def record(self, event: Event) -> None:
        """Write the line of an event, if it makes one."""
        if isinstance(event, self._only) and (line := self._render(event)) is not None:
            self._file.write(line)


class TwistedLogSink:
    """Hands events to ``twisted.logger``, with their facts as fields. An ``EventSink``.

    Args:
        log: The logger to use.
    """

    def __init__(self, log: Logger = _log) -> None:
        self._log = log
        self._known: dict[str, tuple[SessionRef, Fields]] = {}

    def record(self, event: Event) -> None:
        """Emit one log event; its texts are escaped already, for observers that write them as they are."""
        level = LogLevel.warn if isinstance(event, _WARNINGS) else LogLevel.info
        fields = self._session_fields(event.session) | _fields_of(event)
        # Put together here: Twisted's own formatting is made for anything at all, and ten times as slow.
        self._log.emit(level, "{text}", text=_FORMATS[type(event)].format_map(fields), **fields)

    def _session_fields(self, session: SessionRef) -> Fields:
        """Return what all events of a session have in common; put together once, as long as it is the same object."""
        known = self._known.get(session.id)
        if known is not None and known[0] is session:
            return known[1]
        if len(self._known) >= _SESSIONS_KNOWN:
            self._known.clear()
        fields = _fields_of_session(session)
        self._known[session.id] = session, fields
        return fields


_WHO = "{session} {peer} {user}: "
_NUMBERS = (int, float)
_WARNINGS = (LoginFailed, TlsFailed, ObsoleteTls, Misused)
_FORMATS: dict[type[Event], str] = {
    SessionOpened: _WHO + "connected, {service}",
    SessionClosed: _WHO + "closed after {seconds:.1f} s, {reason}",
    CommandAnswered: _WHO + "{command}: {code} in {seconds:.3f} s",
    LoggedIn: _WHO + "logged in, {method}",
    LoginFailed: _WHO + "login failed, {reason}",
    Expires: _WHO + "{detail}",
    FileTransferred: _WHO + "{direction} {path}: {octets} octets in {seconds:.3f} s, {outcome}",
    FileChanged: _WHO + "changed by {verb}, {path}{to}",
    DataOpened: _WHO + "{mode} data connection, {data_protocol}",
    TlsEstablished: _WHO + "{protocol} {cipher}",
    TlsFailed: _WHO + "TLS failed ({channel}, {client}): {cause}{advice}",
    ObsoleteTls: _WHO + "protected by obsolete TLS only: {version}, {cipher} ({client})",
    Misused: _WHO + "{kind} ({client}): {detail}{advice}",
}
_NAMES = {kind: tuple(member.name for member in dataclasses.fields(kind)) for kind in _FORMATS}


def _fields_of_session(session: SessionRef) -> Fields:
    texts = {"session": session.id, "peer": session.peer, "user": session.user or "-"}
    texts |= {"service": session.service, "client": session.client or "client unknown", "host": session.host}
    return {name: escape(text) for name, text in texts.items()} | _protection("", session.tls)


def _fields_of(event: Event) -> Fields:
    fields: Fields = {}
    for name in _NAMES[type(event)]:
        value = getattr(event, name)
        if isinstance(value, str):
            fields[name] = escape(value)
        elif isinstance(value, _NUMBERS):
            fields[name] = value
        elif isinstance(value, Enum):
            fields[name] = value.name.lower()
    match event:
        case CommandAnswered():
            fields["command"] = escape(event.command)
        case FileTransferred():
            fields["outcome"] = "complete" if event.complete else f"incomplete: {escape(event.cause)}"
            fields |= _protection("data_", event.data_tls)
        case DataOpened():
            fields |= _protection("data_", event.data_tls)
        case FileChanged():
            fields["to"] = f" to {escape(event.target)}" if event.target else ""
        case TlsFailed() | Misused():
            known = [f"; {name}: {fields[name]}" for name in ("remedy", "offered") if fields.get(name)]
            fields["advice"] = "".join(known)
    return fields


def _protection(prefix: str, tls: TlsFacts | None) -> Fields:
    return {f"{prefix}protocol": tls.version, f"{prefix}cipher": tls.cipher} if tls else {f"{prefix}protocol": None}
