"""What a port scanner leaves in the logs: a line, and then a number."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from ftpstwist.observe.aggregate import Aggregator
from ftpstwist.session.events import CommandAnswered, Misused, SessionClosed, SessionOpened, SessionRef, TlsFailed


class Recorder:
    def __init__(self):
        self.events = []

    def record(self, event):
        self.events.append(event)

    def kinds(self):
        return [type(event).__name__ for event in self.events]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def aggregator(clock, recorder):
    return Aggregator(recorder, clock=clock, seconds=60, remembered=5)


def scan(aggregator, number, peer="192.0.2.9", cause="no octet was sent"):
    session = SessionRef(f"s{number}", peer)
    aggregator.record(SessionOpened(session, number))
    aggregator.record(TlsFailed(session, number, "control", cause, "nothing to do"))
    aggregator.record(SessionClosed(session, number, 0.1, cause))


def test_scanner_makes_two_lines_and_a_number(aggregator, clock, recorder):
    """A hundred failing connections of one address are two lines, and two more when the minute is over."""
    for number in range(100):
        scan(aggregator, number)
    assert recorder.kinds() == ["TlsFailed", "SessionClosed"]
    clock.advance(60)
    repeated = [event.detail for event in recorder.events if isinstance(event, Misused)]
    assert len(repeated) == 2
    assert all("99 more in 60 s" in detail for detail in repeated)
    assert clock.getDelayedCalls() == []


def test_single_failure_is_told_in_full_and_not_repeated(aggregator, clock, recorder):
    """One failure is one line, with its remedy; nothing follows."""
    scan(aggregator, 1)
    clock.advance(60)
    assert recorder.kinds() == ["TlsFailed", "SessionClosed"]


def test_addresses_and_causes_are_kept_apart(aggregator, recorder):
    """Another address, or another cause, is news."""
    scan(aggregator, 1)
    scan(aggregator, 2, peer="192.0.2.10")
    assert recorder.kinds().count("TlsFailed") == 2


def test_sessions_that_speak_are_passed_whole(aggregator, recorder):
    """A session with a command is logged from its opening to its end, in order."""
    session = SessionRef("s", "192.0.2.9")
    aggregator.record(SessionOpened(session, 0))
    assert recorder.kinds() == []
    aggregator.record(CommandAnswered(session, 1, "NOOP", "", 200, None, 0.0))
    aggregator.record(SessionClosed(session, 2, 2.0, "quit"))
    assert recorder.kinds() == ["SessionOpened", "CommandAnswered", "SessionClosed"]


def test_memory_is_bounded(aggregator, clock, recorder):
    """At the cap and beyond, events pass instead of being remembered, and nothing is lost."""
    for number in range(20):
        aggregator.record(SessionOpened(SessionRef(f"s{number}", "192.0.2.9"), 0))
    assert recorder.kinds().count("SessionOpened") == 15
    for number in range(20):
        scan(aggregator, 100 + number, peer=f"192.0.2.{number}")
    assert recorder.kinds().count("TlsFailed") == 20
    assert len(clock.getDelayedCalls()) == 5


def test_flush_tells_what_was_counted(aggregator, clock, recorder):
    """At the end of the server no count is lost, and no timer stays."""
    scan(aggregator, 1)
    scan(aggregator, 2)
    aggregator.flush()
    assert recorder.kinds().count("Misused") == 2
    assert clock.getDelayedCalls() == []
