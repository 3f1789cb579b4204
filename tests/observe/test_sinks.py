"""Event sinks: files of lines, several at once, Twisted's log."""

import io
import json

import pytest
from twisted.logger import Logger, LogLevel, capturedLogs, formatEvent, textFileLogObserver

from ftpstwist.observe.commandlog import command_line
from ftpstwist.observe.jsonlog import json_line
from ftpstwist.observe.logfile import LineFile
from ftpstwist.observe.sinks import FanOut, LineSink, TwistedLogSink
from ftpstwist.observe.transferlog import xferlog_line
from ftpstwist.session.events import (
    CommandAnswered,
    FileChanged,
    FileTransferred,
    LoginFailed,
    Misused,
    ObsoleteTls,
    SessionRef,
    TlsFailed,
)
from tests.contracts.eventsinks import EventSinkContract, every_event


class LineSinkContract(EventSinkContract):
    """The contract for what writes lines into a file."""

    def render(self, event):
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _files(self):
        self.files = []
        yield
        for file in self.files:
            file.close()

    def make_sink(self, folder):
        file = LineFile(folder / "log")
        self.files.append(file)
        return LineSink(self.render, file), lambda: (folder / "log").read_bytes().decode()


class TestCommandLog(LineSinkContract):
    def render(self, event):
        return command_line(event)


class TestTransferLog(LineSinkContract):
    def render(self, event):
        return xferlog_line(event)


class TestJsonLog(LineSinkContract):
    def render(self, event):
        return json_line(event)


class TestTwistedLog(EventSinkContract):
    def make_sink(self, folder):
        text = io.StringIO()
        logger = Logger(namespace="audit", observer=textFileLogObserver(text))
        return TwistedLogSink(logger), text.getvalue


class TestFanOut(LineSinkContract):
    def render(self, event):
        return json_line(event)

    def make_sink(self, folder):
        sink, written = super().make_sink(folder)
        return FanOut([TwistedLogSink(), BrokenSink(), sink]), written


class BrokenSink:
    """A sink that does what none may do."""

    def record(self, event):
        raise RuntimeError("no")


class ListSink(list):
    """A sink that remembers."""

    record = list.append


def test_a_broken_sink_harms_nobody():
    """The other sinks get every event, and the server's log tells of the broken one once."""
    first, last = ListSink(), ListSink()
    fan = FanOut([first, BrokenSink(), last])
    with capturedLogs() as logs:
        for event in every_event():
            fan.record(event)
    assert first == last == every_event()
    assert [event["log_failure"].type for event in logs] == [RuntimeError]
    assert logs[0]["sink"] == "BrokenSink"


def test_two_broken_sinks_are_told_apart():
    """Each of several broken sinks is told of."""
    fan = FanOut([BrokenSink(), BrokenSink()])
    with capturedLogs() as logs:
        for event in every_event():
            fan.record(event)
    assert len(logs) == 2


def test_only_some_kinds(tmp_path):
    """A file can be for transfers alone."""
    file = LineFile(tmp_path / "log")
    sink = LineSink(json_line, file, only=(FileTransferred,))
    for event in every_event():
        sink.record(event)
    file.close()
    kinds = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert kinds == ["file_transferred"] * 2


def test_twisted_log_has_fields():
    """Observers of Twisted's log find every fact by name, and warnings as warnings."""
    sink = TwistedLogSink()
    with capturedLogs() as logs:
        for event in every_event("x\ny"):
            sink.record(event)
    retr, sent, received = logs[2], logs[6], logs[7]
    assert (retr["session"], retr["peer"], retr["user"]) == ("k3f9", "192.0.2.7", r"x\ny")
    assert (retr["verb"], retr["code"], retr["octets"], retr["seconds"]) == ("RETR", 226, 1048576, 0.7314)
    assert (retr["protocol"], retr["cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (sent["path"], sent["direction"], sent["data_protocol"]) == (r"x\ny", "sent", "TLSv1.3")
    assert formatEvent(received) == (r"k3f9 192.0.2.7 x\ny: received x\ny: 0 octets in 3.500 s, incomplete: x\ny")
    warned = {type(event) for event, log in zip(every_event(), logs, strict=True) if log["log_level"] is LogLevel.warn}
    assert warned == {LoginFailed, TlsFailed, ObsoleteTls, Misused}


@pytest.mark.parametrize("event", every_event("w"), ids=lambda event: type(event).__name__)
def test_twisted_log_formats(event):
    """Every event reads as a sentence with session, peer and user in front; no field is missing."""
    with capturedLogs() as logs:
        TwistedLogSink().record(event)
    words = formatEvent(logs[0])
    assert words.startswith(f"k3f9 {event.session.peer} {event.session.user or '-'}: ")
    assert "Unable to format" not in words


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        (CommandAnswered, ("QUIT", "", 221, None, 0.0), "QUIT: 221 in 0.000 s"),
        (CommandAnswered, ("CWD", " a ", 250, None, 0.0), "CWD  a : 250 in 0.000 s"),
        (FileChanged, ("MFMT", "/x", ""), "changed by MFMT, /x"),
        (FileChanged, ("RNTO", "/x", "/y"), "changed by RNTO, /x to /y"),
        (TlsFailed, ("data", "why", "", ""), "TLS failed (data, lftp 4.9): why"),
        (TlsFailed, ("data", "why", "do", "this"), "TLS failed (data, lftp 4.9): why; remedy: do; offered: this"),
        (Misused, ("odd", "why", ""), "odd (lftp 4.9): why"),
    ],
)
def test_what_is_missing_leaves_no_gap(kind, facts, words):
    """An operator never reads ". . Offered: "."""
    with capturedLogs() as logs:
        TwistedLogSink().record(kind(SessionRef("k3f9", "192.0.2.7", client="lftp 4.9"), 0.0, *facts))
    assert formatEvent(logs[0]) == f"k3f9 192.0.2.7 -: {words}"
