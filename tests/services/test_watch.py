"""Noticing that files were replaced, and looking again and again."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from ftpstwist.services.watch import FileMarks, WatchService


def replace(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def marks_of(*paths):
    marks = FileMarks(lambda: paths)
    marks.note()
    return marks


def test_nothing_new_is_nothing_to_do(tmp_path):
    """Files that stay are read once."""
    (tmp_path / "a").write_text("1")
    marks = marks_of(tmp_path / "a", tmp_path / "missing")
    assert [marks.have_settled() for _ in range(3)] == [False] * 3


def test_a_change_counts_once_when_all_is_quiet(tmp_path):
    """Certificate and key come one after the other: not before both are there, and not twice."""
    certificate, key = tmp_path / "a", tmp_path / "b"
    marks = marks_of(certificate, key)
    certificate.write_text("1")
    assert not marks.have_settled()
    key.write_text("1")
    assert [marks.have_settled() for _ in range(3)] == [False, True, False]


def test_every_kind_of_replacement_is_noticed(tmp_path):
    """Rename over it, flip the link, take away, write in place with the old time of change."""
    real, link, other = tmp_path / "a", tmp_path / "link", tmp_path / "other"
    real.write_text("1")
    other.write_text("1")
    link.symlink_to(real)
    marks = marks_of(link)
    time = real.stat().st_mtime_ns

    def is_noticed():
        return [marks.have_settled() for _ in range(3)] == [False, True, False]

    replace(real, "1")
    os.utime(real, ns=(time, time))
    assert is_noticed()
    link.unlink()
    link.symlink_to(other)
    assert is_noticed()
    other.unlink()
    assert is_noticed()
    other.write_text("22")
    assert is_noticed()


def test_reading_makes_files_known(tmp_path):
    """What SIGHUP has read is not read a second time."""
    (tmp_path / "a").write_text("1")
    marks = marks_of(tmp_path / "a")
    replace(tmp_path / "a", "2")
    assert not marks.have_settled()
    marks.note()
    assert [marks.have_settled() for _ in range(2)] == [False, False]


class Threads:
    """Threads whose work ends when the test says so."""

    def __init__(self):
        self.waiting: list[Deferred[None]] = []

    async def run(self, function):
        done = Deferred()
        self.waiting.append(done)
        await done
        return function()


def test_turns_do_not_overlap_and_end_with_the_service():
    """A file system that hangs costs one thread; a server that stops waits for what it began."""
    clock, threads, turns = Clock(), Threads(), []
    watch = WatchService(lambda: turns.append(clock.seconds()), threads=threads, clock=clock, interval=5)
    watch.startService()
    clock.advance(4)
    assert not threads.waiting
    clock.pump([1, 20, 20])
    assert len(threads.waiting) == 1
    threads.waiting[0].callback(None)
    assert len(turns) == 1
    clock.advance(5)
    stopped = watch.stopService()
    assert not stopped.called
    threads.waiting[1].callback(None)
    assert stopped.called
    assert len(turns) == 2
    assert not clock.getDelayedCalls()


def test_a_failure_does_not_end_the_watch():
    """The next look may go well."""
    clock, threads, turns = Clock(), Threads(), []

    def look():
        turns.append(1)
        raise RuntimeError("unforeseen")

    watch = WatchService(look, threads=threads, clock=clock, interval=5)
    watch.startService()
    with capturedLogs() as logs:
        for turn in range(2):
            clock.advance(5)
            threads.waiting[turn].callback(None)
    assert len(turns) == len(logs) == 2
    assert watch.stopService() is None
    assert not clock.getDelayedCalls()
