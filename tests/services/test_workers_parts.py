"""What front and workers say to each other, piece by piece, and what they do when the other side does not."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import socket
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, LogLevel, capturedLogs, globalLogPublisher
from twisted.python.failure import Failure

from ftpstwist.config.load import parse
from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import CodeWanted, ErrorKind, FtpError, LoginRequest
from ftpstwist.services.files import SharedStorage
from ftpstwist.services.workers.channel import Channel, ChannelError
from ftpstwist.services.workers.handover import Handover, give, handover_pair, take
from ftpstwist.services.workers.relay import LineObserver, LineReader, relay, relay_raw
from ftpstwist.services.workers.spelling import (
    read_account,
    read_request,
    spell_account,
    spell_refusal,
    spell_request,
)
from ftpstwist.services.workers.start import Start, deal, read_start, share_of, write_start
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.identity import Identity, Limits, PathRule, Permission, Permissions, Secret
from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.pathname import ROOT
from ftpstwist.wire.proxyheader import ProxyHeader
from tests.auth.test_certificate import ALICE

# --- the channel ---


class Pair:
    """Two ends without a reactor: what one has said reaches the other when it is carried over."""

    def __init__(self, **answerers):
        self.lost = []
        self.ends = [Channel({}, lost=self.lost.append), Channel(answerers, lost=lambda: None)]
        self.ends[0]._lost = lambda: self.lost.append("lost")
        for end in self.ends:
            end.makeConnection(StringTransport())

    def carry(self):
        for end, other in (self.ends, self.ends[::-1]):
            octets = end.transport.value()
            end.transport.clear()
            other.dataReceived(octets)

    def ask(self, name, **values):
        outcome = []
        asking = Deferred.fromCoroutine(self.ends[0].ask(name, **values))
        asking.addBoth(outcome.append)
        self.asking = asking
        return outcome


def test_a_question_gets_its_own_answer():
    """Answers may come in another order than the questions."""
    waiting = {}

    def think(what):
        waiting[what] = Deferred()
        return waiting[what]

    pair = Pair(think=think)
    first, second = pair.ask("think", what="a"), pair.ask("think", what="b")
    pair.carry()
    waiting["b"].callback([2])
    waiting["a"].callback({"one": 1})
    pair.carry()
    assert (first, second) == ([{"one": 1}], [[2]])


def test_a_notice_is_not_answered():
    """It arrives, and that is all."""
    told = []

    def note(text):
        told.append(text)

    pair = Pair(note=note)
    pair.ends[0].tell("note", text="ü")
    pair.carry()
    assert told == ["ü"]
    assert pair.ends[1].transport.value() == b""


@pytest.mark.parametrize("name", ["breaks", "is unknown"])
def test_who_asks_is_told_of_a_failure(name):
    """An error there, or a question nobody knows, ends the wait; the log there has the traceback."""

    def breaks():
        raise RuntimeError("out of order")

    pair = Pair(breaks=breaks)
    outcome = pair.ask(name)
    with capturedLogs() as logs:
        pair.carry()
        pair.carry()
    assert outcome[0].check(ChannelError)
    assert [event["log_level"] for event in logs] == [LogLevel.critical]


def test_nobody_waits_for_a_process_that_has_gone():
    """Questions end, new ones are refused, notices are dropped, the owner is told once."""
    pair = Pair(think=Deferred)
    outcome = pair.ask("think")
    pair.carry()
    pair.ends[0].connectionLost(Failure(ConnectionDone()))
    assert outcome[0].check(ChannelError)
    assert pair.ask("think")[0].check(ChannelError)
    pair.ends[0].tell("note")
    assert pair.lost == ["lost"]


def test_an_answer_that_nobody_waits_for_is_dropped():
    """A client that went away has given its login up."""
    answers = [Deferred()]
    pair = Pair(think=lambda: answers[0])
    outcome = pair.ask("think")
    pair.carry()
    pair.asking.cancel()
    answers[0].callback("too late")
    pair.carry()
    assert not outcome[0].check(ChannelError)
    assert pair.ends[0]._asked == {}


# --- logins as JSON ---


def test_a_request_arrives_as_it_was():
    """Password and code as well; nothing but JSON is on the way."""
    tls = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", resumed=True, server_name="ftp.example.org")
    request = LoginRequest("ä\udcff", Secret("pässword"), "192.0.2.1", tls, ALICE, Secret("123456"))
    arrived = read_request(json.loads(json.dumps(spell_request(request))))
    assert (arrived.password.reveal(), arrived.code.reveal()) == ("pässword", "123456")
    assert replace(arrived, password=request.password, code=request.code) == request


def test_an_account_arrives_as_it_was():
    """With everything that the session has to obey."""
    permissions = Permissions((PathRule(ROOT, frozenset({Permission.READ, Permission.LIST})),))
    limits = Limits(sessions=2, quota=10, upload_rate=15)
    identity = Identity("alice", groups=frozenset({"staff"}), permissions=permissions, limits=limits, greeting=("Hi",))
    spelt = json.loads(json.dumps(spell_account(identity, "/srv/ftp/alice", "password")))
    assert read_account(spelt) == (identity, "/srv/ftp/alice", "password")


@pytest.mark.parametrize("kind", [ErrorKind.LOGIN_REFUSED, ErrorKind.TOO_MANY_SESSIONS, ErrorKind.LOGIN_UNAVAILABLE])
def test_a_refusal_arrives_as_it_was(kind):
    with pytest.raises(FtpError) as caught:
        read_account(json.loads(json.dumps(spell_refusal(FtpError(kind, "why", "what to do")))))
    assert (caught.value.kind, caught.value.cause, caught.value.hint) == (kind, "why", "what to do")


def test_a_wanted_code_arrives():
    with pytest.raises(CodeWanted):
        read_account(json.loads(json.dumps(spell_refusal(CodeWanted()))))


# --- connections on their way ---

HEADER = ProxyHeader(HostPort("2001:db8::1", 1234), HostPort("2001:db8::2", 21))


@pytest.mark.parametrize("header", [None, HEADER, ProxyHeader()], ids=["alone", "proxied", "health check"])
@pytest.mark.parametrize("refusal", [None, "Too many sessions; try again later"])
def test_a_connection_arrives_with_what_is_known(header, refusal):
    """The descriptor is another one, of the same connection."""
    ours, theirs = handover_pair()
    one, other = socket.socketpair()
    with ours, theirs, one:
        handover = Handover(7, 1, refusal, header)
        with other:
            give(ours, handover, other)
        arrived, connection = take(theirs)
        assert arrived == handover
        with connection:
            assert not connection.get_inheritable()
            connection.sendall(b"220 ")
        assert one.recv(99) == b"220 "
        assert one.recv(99) == b""
        with pytest.raises(BlockingIOError):
            take(theirs)


def test_a_full_queue_is_told_at_once():
    """The front never waits for a worker: it asks the next one."""
    ours, theirs = handover_pair()
    one, other = socket.socketpair()
    ours.setblocking(False)

    def give_many():
        for place in range(10_000):
            give(ours, Handover(place, 0, None, None), other)

    with ours, theirs, one, other:
        with pytest.raises(BlockingIOError):
            give_many()
        assert take(theirs)[0].place == 0


def test_both_sides_notice_that_the_other_has_gone():
    ours, theirs = handover_pair()
    one, other = socket.socketpair()
    with one, other:
        ours.close()
        assert take(theirs) is None
        theirs.close()
        ours, theirs = handover_pair()
        theirs.close()
        with ours, pytest.raises(BrokenPipeError):
            give(ours, Handover(1, 0, None, None), other)


def test_a_connection_that_no_descriptor_is_left_for_is_closed():
    """EMFILE in the worker: the client is closed, and the place is known."""
    ours, theirs = handover_pair()
    one, other = socket.socketpair()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ours, theirs, one:
        with other:
            give(ours, Handover(3, 0, None, None), other)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            handover, connection = take(theirs)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert (handover.place, connection) == (3, None)
        assert one.recv(9) == b""


# --- what a worker is started with ---


def test_a_worker_knows_what_it_was_given(tmp_path):
    """The whole configuration crosses, endpoints and networks and all."""
    text = '[server]\nworkers = 3\nallow = ["192.0.2.0/24"]\ncharset = "cp1252"\n[[quotas]]\nname = "q"\noctets = 1\n'
    settings = parse(text, str(tmp_path / "f.toml")).settings
    start = Start(settings, 2, 3, (Path("/a"), Path("/b")), SharedStorage(tmp_path, b"key"), has_users_files=True)
    arrived = read_start(io.BytesIO(write_start(start)))
    assert arrived == start
    assert arrived.settings.server.allow == (ip_network("192.0.2.0/24"),)
    assert list(arrived.passive_descriptors) == [5, 6, 7]
    assert arrived.log_descriptors == {Path("/a"): 8, Path("/b"): 9}


def test_nobody_starts_a_worker_by_hand():
    with pytest.raises(TypeError, match="by the server"):
        read_start(io.BytesIO(pickle.dumps("hello")))


def test_shares_are_at_least_one_and_together_enough():
    """4096 expectations among three are 1366 for each; what the front counts is not divided."""
    settings = Settings()
    own = share_of(settings, 3)
    assert own.limits.expectations == 1366
    assert own.limits.sessions == settings.limits.sessions
    assert share_of(settings, 64).transfer.threads == 1
    assert share_of(settings, 1) == settings
    assert replace(own, limits=settings.limits, transfer=settings.transfer, log=settings.log).server == settings.server


@pytest.mark.parametrize(
    ("ports", "workers", "dealt"),
    [
        ([1, 2, 3, 4], 2, [[0, 2], [1, 3]]),
        ([1, 2, 3, 1, 2, 3], 2, [[0, 2, 3, 5], [1, 4]]),  # the same numbers on another address
        ([1, 2, 4, 2, 4, 1], 3, [[0, 5], [1, 3], [2, 4]]),  # some were in use there
        ([9], 2, [[0], []]),
    ],
)
def test_ports_are_dealt_evenly(ports, workers, dealt):
    assert deal(ports, workers) == dealt


# --- the log of a worker ---


def lines_of(write):
    """Return what an observer writes about the events of *write*."""
    reading, writing = os.pipe()
    observer = LineObserver(writing)
    globalLogPublisher.addObserver(observer)
    try:
        write()
    finally:
        globalLogPublisher.removeObserver(observer)
        os.close(writing)
    with open(reading, "rb") as file:
        return file.read()


def test_a_line_is_logged_as_it_was():
    """Level, source with the number of the worker, and the text, whatever a client has put into it."""

    def write():
        Logger("ftpstwist.here").warn("{name} was here", name="{ä}\n{0}")
        Logger("ftpstwist.here").debug("")

    with capturedLogs() as events:
        LineReader(lambda line: relay(3, line)).feed(lines_of(write))
    (event,) = [each for each in events if each["log_namespace"] == "ftpstwist.here/3"]
    assert event["log_level"] is LogLevel.warn
    assert event["log_format"].format(**event) == "{ä}\n{0} was here"


def test_a_traceback_comes_along():
    def write():
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            Logger("ftpstwist.here").failure("it failed")

    with capturedLogs() as events:
        LineReader(lambda line: relay(1, line)).feed(lines_of(write))
    text = next(each["text"] for each in events if each["log_namespace"] == "ftpstwist.here/1")
    assert text.startswith("it failed\nTraceback")
    assert "RuntimeError: broken" in text


@pytest.mark.parametrize("line", [b"Fatal Python error", b"[1, 2]", b'["a", "no level", "text"]', b"{}"])
def test_what_is_no_line_of_ours_is_an_error(line):
    """What Python or a library prints by itself is not lost."""
    with capturedLogs() as events:
        relay(1, line)
        relay_raw(1, b"\n")
    (event,) = events
    assert (event["log_level"], event["text"]) == (LogLevel.error, line.decode())


def test_lines_are_put_together_and_cut():
    """From pieces of any size; a line without end does not grow for ever."""
    told = []
    reader = LineReader(told.append)
    for octets in (b"a", b"b\nc\n", b"d", bytes(1 << 20), b"e\n"):
        reader.feed(octets)
    assert [each[:3] for each in told] == [b"ab", b"c", b"d\0\0", b"e"]
