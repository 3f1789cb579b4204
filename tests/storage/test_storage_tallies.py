"""Quotas that several share or that begin anew, and what is remembered of them."""

from __future__ import annotations

import itertools
import json
import os

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind, QuotaState
from ftpstwist.session.identity import Limits, Permissions
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import Books, Ceiling, QuotaLedger, Share, Usage
from ftpstwist.storage.tallies import Tallies, TallyError
from ftpstwist.storage.traffic import Moved, MovedHere, Period, Traffic, TrafficLimits
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, put, refused

at = Pathname.parse
NOON = 1_700_000_000.0  # Tuesday 2023-11-14 22:13:20 UTC


class Calendar:
    def __init__(self):
        self.seconds = NOON

    def __call__(self):
        return self.seconds


def traffic(*, period=Period.NEVER, soft=False, now=None, moved=None, **limits):
    return Traffic(
        "line",
        TrafficLimits(**limits),
        period=period,
        soft=soft,
        books=moved or MovedHere(),
        now=now or Calendar(),
    )


def memory():
    return MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom)


def home(inner=None, ledger=None, *, shares=(), flows=(), **limits):
    inner = inner or memory()
    return PermittedFilesystem(
        inner,
        permissions=Permissions(),
        limits=Limits(**limits),
        ledger=ledger or QuotaLedger(inner.usage),
        shares=shares,
        traffic=flows,
    )


# --- files ---


def test_number_of_files_at_cap_and_beyond():
    """The last file fits and one more does not; replaced, renamed and deleted ones make room."""
    files = home(files=2)
    put(files, "/a")
    put(files, "/b")
    assert files.available(ROOT) == 0
    for disposition, path in ((Disposition.REPLACE, "/c"), (Disposition.UNIQUE, "/a"), (Disposition.APPEND, "/c")):
        with refused(ErrorKind.QUOTA_EXCEEDED):
            files.open_write(at(path), disposition)
    put(files, "/a", b"new")
    put(files, "/a", b"more", Disposition.APPEND)
    files.make_directory(at("/folder"))
    files.rename(at("/a"), at("/b"))
    put(files, "/c")
    files.delete(at("/c"))
    put(files, "/d")
    assert files.quotas() == [QuotaState("files stored", 2, 2)]


def test_an_upload_that_breaks_off_gives_its_file_back():
    """Without a byte nothing is kept, and nothing counts."""
    files = home(files=1)
    handle = files.open_write(at("/a"), Disposition.REPLACE)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        files.open_write(at("/b"), Disposition.REPLACE)
    assert handle.abandon() is None
    put(files, "/b")


# --- shared ---


def test_several_homes_share_a_quota():
    """What one stores, the other can not; what one deletes, the other can store."""
    shared = QuotaLedger(Usage)
    share = Share(shared, Ceiling(octets=100), name="staff")
    one, other = home(shares=[share]), home(shares=[share])
    put(one, "/f", b"x" * 60)
    assert other.available(ROOT) == 40
    with refused(ErrorKind.QUOTA_EXCEEDED):
        put(other, "/f", b"x" * 41)
    put(other, "/f", b"x" * 40)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        other.open_write(at("/g"), Disposition.REPLACE)
    one.delete(at("/f"))
    put(other, "/g", b"x" * 60)
    assert other.quotas() == [QuotaState("staff octets stored", 100, 100)]


def test_what_one_ledger_refuses_the_others_do_not_keep():
    """An upload that the group has no room for costs the account nothing."""
    own, shared = QuotaLedger(Usage), QuotaLedger(Usage)
    books = Books([Share(own, Ceiling(1000)), Share(shared, Ceiling(10))])
    with refused(ErrorKind.QUOTA_EXCEEDED):
        books.take(Usage(11))
    assert (own.used, shared.used) == (Usage(), Usage())
    books.take(Usage(10, 1))
    assert (own.used, shared.used, books.left()) == (Usage(10, 1), Usage(10, 1), 0)


def test_soft_quota():
    """An upload that has begun ends well; the next one is refused."""
    shared = QuotaLedger(Usage)
    files = home(shares=[Share(shared, Ceiling(octets=10), soft=True)])
    put(files, "/a", b"x" * 9)
    put(files, "/b", b"x" * 50)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        files.open_write(at("/c"), Disposition.REPLACE)


# --- traffic ---


@pytest.mark.parametrize("limits", [{"upload": 100}, {"transfer": 100}])
def test_uploads_at_cap_and_beyond(limits):
    """Not one octet more; then the next upload is refused at once."""
    files = home(flows=[traffic(**limits)])
    put(files, "/f", b"x" * 99)
    handle = files.open_write(at("/g"), Disposition.REPLACE)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        handle.write(b"xx")
    handle.write(b"x")
    handle.commit()
    with refused(ErrorKind.QUOTA_EXCEEDED):
        files.open_write(at("/h"), Disposition.REPLACE)


@pytest.mark.parametrize("limits", [{"download": 150}, {"transfer": 250}])
def test_downloads_at_cap_and_beyond(limits):
    """A file that begins within the quota breaks off at its end; listings are free."""
    files = home(flows=[traffic(**limits)])
    put(files, "/f", b"x" * 100)
    assert len(get(files, "/f")) == 100
    source = files.open_read(at("/f"))
    assert source.read_into(memoryview(bytearray(50))) == 50
    with refused(ErrorKind.QUOTA_EXCEEDED):
        source.read_into(memoryview(bytearray(1)))
    source.close()
    with refused(ErrorKind.QUOTA_EXCEEDED):
        files.open_read(at("/f"))
    assert [entry.name for entry in files.scan(ROOT)] == ["f"]


def test_soft_traffic():
    """A transfer that has begun ends well and is the last one."""
    files = home(flows=[traffic(upload=10, download=10, soft=True)])
    put(files, "/f", b"x" * 50)
    assert len(get(files, "/f")) == 50
    for attempt in (lambda: files.open_read(at("/f")), lambda: files.open_write(at("/g"), Disposition.REPLACE)):
        with refused(ErrorKind.QUOTA_EXCEEDED):
            attempt()


@pytest.mark.parametrize(("period", "days"), [(Period.DAY, 1), (Period.WEEK, 6), (Period.MONTH, 17)], ids=str)
def test_a_new_period_begins_anew(period, days):
    """At midnight UTC, of the next day, of Monday, of the first of the month; not before."""
    now = Calendar()
    flow = traffic(upload=10, period=period, now=now)
    flow.move(up=10)
    midnight = NOON - NOON % 86400 + days * 86400
    now.seconds = midnight - 1
    with refused(ErrorKind.QUOTA_EXCEEDED):
        flow.require_upload()
    assert list(flow.states()) == [QuotaState(f"line octets uploaded this {period.value}", 10, 10)]
    now.seconds = midnight
    flow.move(up=10)


# --- memory ---


def test_tallies_survive(tmp_path):
    """What was used before a restart is used after it; what was never used takes no room."""
    tallies = Tallies(tmp_path / "state" / "quotas.json")
    tallies.load()
    tally = tallies.open("staff")
    tally.stored.take(Usage(100, 2), ())
    traffic(moved=tally.moved, period=Period.DAY, upload=10).move(up=7)
    tallies.open("unused")
    tallies.save()
    assert list(json.loads((tmp_path / "state" / "quotas.json").read_text())) == ["staff"]
    assert (tmp_path / "state" / "quotas.json").stat().st_mode & 0o777 == 0o600
    again = Tallies(tmp_path / "state" / "quotas.json")
    again.load()
    kept = again.open("staff")
    assert kept.stored.used == Usage(100, 2)
    with kept.moved.held() as moved:
        assert moved == Moved("2023-11-14", 7, 0)
    flow = traffic(moved=kept.moved, period=Period.DAY, upload=10)
    flow.move(up=3)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        flow.move(up=1)


def test_tallies_are_written_only_when_they_changed(tmp_path):
    """An idle server leaves its disk alone, and one without quotas has no file."""
    path = tmp_path / "quotas.json"
    tallies = Tallies(path)
    tallies.save()
    assert not path.exists()
    tallies.open("a").stored.take(Usage(1), ())
    tallies.save()
    path.unlink()
    tallies.save()
    assert not path.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"octets": "x"}}'])
def test_damaged_tallies(tmp_path, text):
    """They are told of, with what to do; not taken for empty ones."""
    (tmp_path / "quotas.json").write_text(text)
    with pytest.raises(TallyError) as caught:
        Tallies(tmp_path / "quotas.json").load()
    assert "damaged" in caught.value.cause
    assert caught.value.remedy


def test_tallies_that_can_not_be_read(tmp_path):
    """Likewise."""
    (tmp_path / "quotas.json").mkdir()
    with pytest.raises(TallyError):
        Tallies(tmp_path / "quotas.json").load()


def test_what_is_deleted_right_after_a_start_is_given_back(tmp_path):
    """A quota remembers what was stored before the start, and forgets what goes, whichever comes first."""
    path = tmp_path / "quotas.json"
    tallies = Tallies(path)
    tallies.load()
    tallies.open("team").stored.take(Usage(100, 2), ())
    tallies.save()
    again = Tallies(path)
    again.load()
    again.open("team").stored.give_back(Usage(60, 1))
    assert again.open("team").stored.used == Usage(40, 1)


def test_what_one_quota_refuses_counts_in_no_other():
    """Who has used up a day does not use up the month as well by trying again."""
    month, day = traffic(upload=1000), traffic(upload=10)
    files = home(flows=[month, day])
    for _ in range(3):
        with refused(ErrorKind.QUOTA_EXCEEDED):
            put(files, "/a", b"x" * 300)
    assert [state.used for state in (*month.states(), *day.states())] == [0, 0]
