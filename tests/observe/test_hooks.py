"""Hooks: which run, how many at a time, for how long, and what they are told. Programs are real ones."""

from __future__ import annotations

import json

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from ftpstwist.observe.hooks import Hook, HookError, Hooks, function_action
from ftpstwist.observe.variables import variables
from ftpstwist.session.events import Direction, FileChanged, FileTransferred, LoggedIn, SessionRef, TlsFacts
from ftpstwist.session.occasions import Occasion
from ftpstwist.wire.pathname import Pathname
from tests.contracts.eventsinks import HOSTILE, every_event

SESSION = SessionRef("k3f9", "192.0.2.7", "alice")
LOGIN = LoggedIn(SESSION, 0.0, "password")


def upload(path, user="alice"):
    return FileTransferred(SessionRef("k3f9", "192.0.2.7", user), 0.0, Direction.RECEIVED, path, 1, 0.1, True)


class Bench:
    """Hooks on a clock, whose actions wait until a test says so."""

    def __init__(self, *, at_once=2, waiting=3, users=(), paths=(), occasions=(Occasion.UPLOAD,)):
        self.clock = Clock()
        self.began, self.waiting, self.cancelled = [], [], []
        hook = Hook("scan", frozenset(occasions), frozenset(users), paths, 30.0, self._act)
        self.hooks = Hooks([hook], clock=self.clock, at_once=at_once, waiting=waiting)

    async def _act(self, event):
        self.began.append(event)
        answer = Deferred(lambda _: self.cancelled.append(event))
        self.waiting.append(answer)
        await answer

    def upload(self, *paths):
        for path in paths:
            self.hooks.record(upload(path))

    @property
    def paths(self):
        return [event.path for event in self.began]

    def answer(self, result=None):
        self.waiting.pop(0).callback(result)
        self.clock.advance(0)


def said(logs):
    return [formatEvent(event) for event in logs]


def test_users_and_folders_choose():
    """A hook for one user's folder is not run for others, nor for a folder with a longer name."""
    bench = Bench(users=["alice"], paths=(Pathname.parse("/in"),), at_once=9)
    bench.upload("/in/a", "/in", "/inner/b", "/x", "/in/sub/c")
    bench.hooks.record(upload("/in/d", "bob"))
    bench.hooks.record(LOGIN)
    assert bench.paths == ["/in/a", "/in", "/in/sub/c"]


def test_renames_count_where_they_come_from_and_where_they_go():
    """Whoever watches a folder sees what is moved into it."""
    bench = Bench(paths=(Pathname.parse("/in"),), occasions=[Occasion.RENAME])
    bench.hooks.record(FileChanged(SESSION, 0.0, "RNTO", "/x", "/in/x"))
    bench.hooks.record(FileChanged(SESSION, 0.0, "RNTO", "/x", "/y"))
    assert len(bench.began) == 1


def test_few_run_the_next_wait_and_the_rest_is_lost_and_told():
    """A thousand uploads start no thousand programs; beyond the cap one line says so, and one when it is over."""
    bench = Bench(at_once=2, waiting=3)
    with capturedLogs() as logs:
        bench.upload(*(f"/{number}" for number in range(9)))
        assert bench.paths == ["/0", "/1"]
        while bench.waiting:
            bench.answer()
    assert bench.paths == ["/0", "/1", "/2", "/3", "/4"]
    assert [line for line in said(logs) if "lost" in line] == [
        "hooks are too slow, and 3 wait: occasions are lost",
        "hooks keep up again; 4 occasions were lost",
    ]


def test_each_has_its_time():
    """A hook that hangs is cancelled, and the next one has its turn."""
    bench = Bench(at_once=1)
    bench.upload("/a", "/b")
    with capturedLogs() as logs:
        bench.clock.advance(30)
    bench.clock.advance(0)
    assert [event.path for event in bench.cancelled] == ["/a"]
    assert bench.paths == ["/a", "/b"]
    assert said(logs) == ["k3f9 the hook scan failed: it was ended after 30 s"]


def test_the_end_of_the_server_waits_a_while():
    """What happened last is told, too; but no hook keeps a server from stopping."""
    bench = Bench(at_once=1)
    bench.upload("/a", "/b", "/c")
    done = []
    Deferred.fromCoroutine(bench.hooks.finish(10)).addCallback(done.append)
    bench.answer()
    assert (bench.paths, done) == (["/a", "/b"], [])
    with capturedLogs() as logs:
        bench.clock.advance(10)
    assert done == [None]
    assert "1 hooks were never run, for the server stops" in said(logs)
    assert "k3f9 the hook scan failed: it was ended, for the server stops" in said(logs)


def test_an_idle_server_ends_at_once():
    """Without hooks there is nothing to wait for."""
    done = []
    Deferred.fromCoroutine(Bench().hooks.finish(10)).addCallback(done.append)
    assert done == [None]


@pytest.mark.parametrize("error", [HookError("no"), ValueError("no")])
def test_a_hook_that_fails_is_one_line(error):
    """Nothing else happens: no traceback, no session is touched."""

    def fail(event):
        raise error

    hook = Hook("m:f", frozenset(Occasion), frozenset(), (), 30.0, function_action(fail))
    hooks = Hooks([hook], clock=Clock(), at_once=1, waiting=1)
    with capturedLogs() as logs:
        hooks.record(LOGIN)
    (line,) = said(logs)
    assert line.startswith("k3f9 the hook m:f failed: ")
    assert line.endswith("no")


def test_functions_may_take_their_time():
    """An async function is awaited; a plain one has done its work when it returns."""
    seen, gate = [], Deferred()

    async def slow(event):
        await gate
        seen.append(event)

    hooks = Hooks(
        [
            Hook("slow", frozenset(Occasion), frozenset(), (), 30.0, function_action(slow)),
            Hook("quick", frozenset(Occasion), frozenset(), (), 30.0, function_action(seen.append)),
        ],
        clock=Clock(),
        at_once=2,
        waiting=1,
    )
    hooks.record(LOGIN)
    assert seen == [LOGIN]
    gate.callback(None)
    assert seen == [LOGIN, LOGIN]


def test_a_thousand_quick_hooks_do_not_deepen_the_stack():
    """The queue is worked off in turns of the reactor."""
    clock, seen = Clock(), []
    gate = Deferred()

    async def first(event):
        if not seen:
            seen.append(event)
            await gate
        seen.append(event)

    hooks = Hooks(
        [Hook("h", frozenset(Occasion), frozenset(), (), 30.0, function_action(first))],
        clock=clock,
        at_once=1,
        waiting=5000,
    )
    for _ in range(5000):
        hooks.record(LOGIN)
    gate.callback(None)
    for _ in range(5000):
        clock.advance(0)
    assert len(seen) == 5001


def test_variables_have_the_names_scripts_know():
    """Those of web servers and of ProFTPD's StdEnvVars; what is not known is not there."""
    tls = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", False, "ftp.example.org", None, "ab", "CN=alice")
    session = SessionRef("k3f9", "192.0.2.7", "alice", "explicit", "lftp", tls)
    event = FileTransferred(session, 1.5, Direction.RECEIVED, "/a b", 7, 0.25, True, data_tls=tls)
    assert variables(event) == {
        "FTP_EVENT": "upload",
        "FTP_TIME": "1.500",
        "FTP_SESSION": "k3f9",
        "FTP_SERVICE": "explicit",
        "FTP_CLIENT": "lftp",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_USER": "alice",
        "FTP_DIRECTION": "received",
        "FTP_PATH": "/a b",
        "FTP_OCTETS": "7",
        "FTP_SECONDS": "0.250",
        "FTP_COMPLETE": "1",
        "FTP_ASCII": "0",
        "FTP_ANONYMOUS": "0",
        **{
            f"{prefix}{name}": value
            for prefix in ("", "DATA_")
            for name, value in {
                "FTPS": "1",
                "TLS_PROTOCOL": "TLSv1.3",
                "TLS_CIPHER": "TLS_AES_128_GCM_SHA256",
                "TLS_RESUMED": "0",
                "TLS_SERVER_NAME": "ftp.example.org",
                "TLS_CLIENT_S_DN": "CN=alice",
                "TLS_CLIENT_FINGERPRINT": "ab",
            }.items()
        },
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_variables_can_hold_any_text(text):
    """Whatever a client sends fits into an environment."""
    for event in every_event(text):
        found = variables(event)
        assert all(name.replace("_", "").isalpha() and "\0" not in value for name, value in found.items())
        json.dumps(found)
