"""The flight recorder: which sessions are kept, how many, and what ``explain`` makes of them."""

from __future__ import annotations

import json

import pytest

from ftpstwist.cli.explain import explain
from ftpstwist.cli.main import main
from ftpstwist.observe.jsonlog import json_line
from ftpstwist.observe.recorder import EVENTS_A_SESSION, FlightRecorder, record_path
from ftpstwist.session.events import CommandAnswered, SessionClosed, SessionOpened, SessionRef, TlsFailed
from tests.contracts.eventsinks import EventSinkContract, every_event


def session(recorder, name, code=226, commands=1):
    ref = SessionRef(name, "192.0.2.9", "alice", "explicit", "lftp")
    recorder.record(SessionOpened(ref, 1_700_000_000.0))
    for number in range(commands):
        recorder.record(CommandAnswered(ref, 1_700_000_000.5 + number, "LIST", "", code, None, 0.25))
    recorder.record(SessionClosed(ref, 1_700_000_009.0, 9.0, "the client quit"))


class TestFlightRecorder(EventSinkContract):
    def make_sink(self, folder):
        return FlightRecorder(folder, records=10), lambda: ""


def kept(folder):
    return sorted(path.stem for path in folder.iterdir()) if folder.exists() else []


def test_only_failed_sessions_are_kept(tmp_path):
    """A session that went well leaves no file; one with a reply a user would ask about does."""
    recorder = FlightRecorder(tmp_path / "failed", records=10)
    session(recorder, "good")
    assert kept(tmp_path / "failed") == []
    session(recorder, "bad", code=522)
    assert kept(tmp_path / "failed") == ["bad"]


@pytest.mark.parametrize(("sessions", "left"), [(3, ["s0", "s1", "s2"]), (4, ["s1", "s2", "s3"])])
def test_number_of_records_is_capped(tmp_path, sessions, left):
    """At the cap all stay, one beyond the oldest goes; a restart counts those of before."""
    for number in range(sessions):
        session(FlightRecorder(tmp_path, records=3), f"s{number}", code=425)
    assert kept(tmp_path) == left


def test_long_sessions_keep_their_newest_events(tmp_path):
    """A session of many commands is remembered by its last ones."""
    session(FlightRecorder(tmp_path, records=3), "s", code=425, commands=100)
    assert len(record_path(tmp_path, "s").read_text().splitlines()) == EVENTS_A_SESSION


def test_keep_alives_push_nothing_out(tmp_path):
    """A client that waits for hours is remembered by what it did, not by its signs of life; they take no memory."""
    recorder = FlightRecorder(tmp_path, records=3)
    ref = SessionRef("s", "192.0.2.9")
    for number, verb in enumerate(["STOR", *["NOOP"] * 100, "LIST", "NOOP"]):
        recorder.record(CommandAnswered(ref, float(number), verb, "", 425, None, 0.25))
    recorder.record(SessionClosed(ref, 200.0, 200.0, "idle"))
    events = [json.loads(line) for line in record_path(tmp_path, "s").read_text().splitlines()]
    assert [event.get("verb") for event in events] == ["STOR", "NOOP", "LIST", "NOOP", None]
    assert events[1]["time"] == json.loads(json_line(CommandAnswered(ref, 100.0, "NOOP", "", 200, None, 0.0)))["time"]


def test_disk_that_can_not_be_written_costs_the_record_only(tmp_path):
    """A folder that is a file loses records, never a session."""
    (tmp_path / "file").write_text("x")
    session(FlightRecorder(tmp_path / "file", records=3), "s", code=425)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 65, "a.b"])
def test_ids_are_no_paths(tmp_path, name):
    """An id can not name a file elsewhere."""
    with pytest.raises(ValueError, match="no session's id"):
        record_path(tmp_path, name)


def test_explain_tells_story_and_remedy(tmp_path, capsys):
    """``explain`` shows the events in order, and what would help, without a server running."""
    (tmp_path / "ftps.toml").write_text('[server]\nstate_directory = "state"\n')
    recorder = FlightRecorder(tmp_path / "state/failed-sessions", records=3)
    ref = SessionRef("k3", "192.0.2.9", "alice", "explicit", "lftp")
    recorder.record(TlsFailed(ref, 1_700_000_000.0, "data", "not resumed", "allow TLS session reuse", "TLS 1.3"))
    session(recorder, "k3", code=522)
    arguments = ["explain", "--config", str(tmp_path / "ftps.toml")]
    assert main(arguments) == 0
    assert "k3" in capsys.readouterr().out
    assert main([*arguments, "k3"]) == 0
    shown = capsys.readouterr().out
    assert "LIST: 522" in shown
    assert "not resumed: allow TLS session reuse" in shown
    assert "let the client reuse its TLS session" in shown
    assert main([*arguments, "none"]) == 1
    assert "no record" in capsys.readouterr().err


def test_every_event_can_be_explained(tmp_path):
    """Whatever a record holds is told in words."""
    lines = list(explain([json.loads(json_line(event)) for event in every_event()]))
    assert len(lines) > len(every_event())
