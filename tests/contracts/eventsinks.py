"""What every event sink owes: it takes every event there is, never raises, and writes one line at most.

Subclass :class:`EventSinkContract` as ``Test…`` and give :meth:`make_sink`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftpstwist.interfaces import EventSink
from ftpstwist.session import events
from ftpstwist.session.events import (
    CommandAnswered,
    DataMode,
    DataOpened,
    Direction,
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

TIME = 1777882530.125
"""2026-05-04T08:15:30.125Z"""

HOSTILE = {
    "plain": "/a file.txt",
    "CR LF": "x\r\n2026-05-04 root logged in\r\n",
    "line feed": "\n",
    "NUL": "a\0b",
    "terminal": "\x1b[2J\x1b]0;title\x07",
    "DEL": "a\x7fb",
    "C1": "\x85\x9b2J",
    "separators": "a\u2028b\u2029c\x0b\x0c\x1c\x1d\x1e",
    "direction": "a\u202egpj.exe\u2066\u200f",
    "not UTF-8": "x\udce9 \udcff\udc80",
    "half a character": "\ud83d",
    "quotes": '"\'`\\" x="y',
    "formats": "{0} {user} {log_time} %s %(x)s ${HOME}",
    "empty": "",
    "long": "x" * 8000,
}


def every_event(text: str = "word") -> list[Event]:
    """Return one event of each kind with *text* wherever a stranger may have a say."""
    tls = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, text, "ftp", "ab" * 32)
    session = SessionRef("k3f9", "192.0.2.7", text, "explicit", text, tls)
    early = SessionRef("k3f9", "2001:db8::7")
    return [
        SessionOpened(early, TIME),
        SessionClosed(session, TIME, 12.25, text),
        CommandAnswered(session, TIME, "RETR", text, 226, 1048576, 0.7314),
        CommandAnswered(early, TIME, "?", text, 500, None, 0.0),
        LoggedIn(session, TIME, "password"),
        LoginFailed(session, TIME, text),
        FileTransferred(session, TIME, Direction.SENT, text, 5, 0.2, True, True, "", tls, True),
        FileTransferred(session, TIME, Direction.RECEIVED, text, 0, 3.5, False, False, text, None, False),
        FileChanged(session, TIME, "RNTO", text, text),
        TlsFailed(session, TIME, "control", text, text, text),
        ObsoleteTls(session, TIME, "TLSv1", "AES128-SHA"),
        Misused(session, TIME, "starttls-injection", text, text),
        TlsEstablished(session, TIME),
        Expires(session, TIME, text, 7),
        DataOpened(session, TIME, DataMode.PASSIVE, tls),
        DataOpened(session, TIME, DataMode.ACTIVE, None),
    ]


class EventSinkContract:
    """The suite."""

    def make_sink(self, folder: Path) -> tuple[EventSink, Callable[[], str]]:
        """Return a sink and what tells the text it has written so far."""
        raise NotImplementedError

    def test_the_suite_knows_every_event(self):
        """A new kind of event fails here until every sink is tested with it."""
        kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)}
        assert {type(event) for event in every_event()} == kinds - {Event}

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_one_event_is_one_line_at_most(self, tmp_path, text):
        """No name, client or reason from outside can make or hide a line, whatever the reader takes for a line end."""
        sink, written = self.make_sink(tmp_path)
        before = written()
        for event in every_event(text):
            sink.record(event)
            added = written()[len(before) :]
            before += added
            assert len(added.splitlines()) <= 1
            assert added == "" or added.endswith("\n")
            assert not set(added[:-1]) & set(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2028, 0x2029]))
            added.encode()
