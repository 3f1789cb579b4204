"""Quota and file size: no octet beyond them reaches the disk, and the books agree with it."""

from __future__ import annotations

import itertools
import os
import threading

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind, FtpError
from ftpstwist.session.identity import Limits, Permissions
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import Ceiling, QuotaLedger, Share, Usage
from ftpstwist.storage.settings import Incomplete
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, names, put, refused

from .storage_support import local

at = Pathname.parse


@pytest.fixture(params=["unnamed", "hidden", "memory"])
def make_inner(request, tmp_path):
    """Make a filesystem of each kind, with a policy for incomplete uploads."""
    opened = []

    def make(incomplete=Incomplete.KEEP_NEW):
        if request.param == "memory":
            return MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom, incomplete=incomplete)
        context = local(tmp_path, incomplete=incomplete, unnamed_files=request.param == "unnamed")
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def limited(inner, ledger=None, **limits):
    return PermittedFilesystem(inner, permissions=Permissions(), limits=Limits(**limits), ledger=ledger)


def on_disk(inner):
    """What the files have together, as an independent count."""
    return sum(entry.size for entry in inner.scan(ROOT))


def test_the_quota_is_exact(make_inner):
    """The last octet fits and one more does not; what was refused was not written."""
    inner = make_inner()
    put(inner, "/old", b"x" * 40)
    ledger = QuotaLedger(inner.usage)
    filesystem = limited(inner, ledger, quota=100)
    assert filesystem.available(ROOT) == 60
    handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
    handle.write(b"x" * 60)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        handle.write(b"x")
    assert handle.size == 60
    handle.commit()
    assert (ledger.used.octets, on_disk(inner), filesystem.available(ROOT)) == (100, 100, 0)


def test_a_full_home_refuses_when_the_upload_is_opened(make_inner):
    """No data connection is opened for an upload that can not succeed; smaller ones can replace larger ones."""
    inner = make_inner()
    put(inner, "/f", b"x" * 100)
    filesystem = limited(inner, QuotaLedger(inner.usage), quota=100)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        filesystem.open_write(at("/new"), Disposition.REPLACE)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        filesystem.open_write(at("/f"), Disposition.APPEND)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        filesystem.open_write(at("/f"), Disposition.UNIQUE)
    put(filesystem, "/f", b"y" * 100)
    put(filesystem, "/f", b"y" * 30)
    put(filesystem, "/g", b"z" * 70)
    assert on_disk(inner) == 100


def test_a_replaced_file_is_lent_once(make_inner):
    """Two uploads that replace one file do not together get more than the quota."""
    inner = make_inner()
    put(inner, "/f", b"x" * 50)
    ledger = QuotaLedger(inner.usage)
    filesystem = limited(inner, ledger, quota=100)
    first = filesystem.open_write(at("/f"), Disposition.REPLACE)
    second = filesystem.open_write(at("/f"), Disposition.REPLACE)
    first.write(b"1" * 60)
    second.write(b"2" * 40)
    with refused(ErrorKind.QUOTA_EXCEEDED):
        second.write(b"2")
    first.commit()
    second.commit()
    assert (ledger.used.octets, on_disk(inner)) == (40, 40)


@pytest.mark.parametrize("incomplete", list(Incomplete))
def test_the_books_agree_after_every_kind_of_end(make_inner, incomplete):
    """New, replaced, resumed, appended; completed, abandoned, refused, forgotten: usage stays what is on the disk."""
    inner = make_inner(incomplete)
    ledger = QuotaLedger(inner.usage)
    filesystem = limited(inner, ledger, quota=10_000)
    put(filesystem, "/f", b"x" * 100)
    put(filesystem, "/other", b"x" * 10)
    cases = [("/f", Disposition.REPLACE, 0), ("/f", Disposition.REPLACE, 60), ("/f", Disposition.APPEND, 0)]
    cases += [("/f", Disposition.UNIQUE, 0), ("/new", Disposition.REPLACE, 0), ("/newer", Disposition.APPEND, 0)]
    for path, disposition, offset in cases:
        for end in ("commit", "abandon", "taken", "nothing"):
            handle = filesystem.open_write(at(path), disposition, offset)
            if end != "nothing":
                handle.write(b"y" * 7)
            if end == "taken" and disposition is Disposition.UNIQUE:
                put(filesystem, str(handle.path), b"z" * 3)
                with refused(ErrorKind.EXISTS):
                    handle.commit()
            elif end in {"commit", "taken"}:
                handle.commit()
            else:
                handle.abandon()
            assert (ledger.used.octets, ledger.used) == (on_disk(inner), inner.usage()), (
                path,
                disposition,
                offset,
                end,
            )
            if path == "/f":
                put(filesystem, "/f", b"x" * 100)
        if path.startswith("/new"):
            filesystem.delete(at(path))
            assert ledger.used.octets == on_disk(inner)
    for name in names(filesystem) - {"other"}:
        filesystem.rename(at("/" + name), at("/other"))
        assert ledger.used.octets == on_disk(inner)
    filesystem.rename(at("/other"), at("/other"))
    filesystem.rename(at("/other"), at("/moved"))
    assert ledger.used.octets == on_disk(inner)
    filesystem.delete(at("/moved"))
    assert ledger.used.octets == 0


def test_a_forgotten_upload_is_given_back(make_inner):
    """A cancelled call does not cost the account its quota."""
    inner = make_inner()
    ledger = QuotaLedger(inner.usage)
    filesystem = limited(inner, ledger, quota=100)
    put(filesystem, "/f", b"x" * 50)
    handle = filesystem.open_write(at("/f"), Disposition.REPLACE, 40)
    handle.write(b"y" * 20)
    assert ledger.used.octets == 110  # 50 are lent
    del handle
    assert ledger.used.octets == 50


def test_one_ledger_for_all_sessions(make_inner):
    """Parallel uploads of one account share the quota; together they do not get an octet more."""
    inner = make_inner()
    ledger = QuotaLedger(inner.usage)
    problems = []

    def upload(name):
        filesystem = limited(inner, ledger, quota=1000)
        try:
            handle = filesystem.open_write(at(name), Disposition.REPLACE)
            try:
                for _ in range(30):
                    handle.write(b"x" * 7)
            except FtpError as error:
                if error.kind is not ErrorKind.QUOTA_EXCEEDED:
                    problems.append(error)
            handle.commit()
        except FtpError as error:
            if error.kind is not ErrorKind.QUOTA_EXCEEDED:
                problems.append(error)

    threads = [threading.Thread(target=upload, args=(f"/{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert ledger.used.octets == on_disk(inner) == 994


def test_usage_is_counted_once_and_only_when_needed():
    """A login does not walk through the home, and a second upload does not either."""
    counts = []
    inner = MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom)
    ledger = QuotaLedger(lambda: counts.append(1) or Usage())
    filesystem = limited(inner, ledger, quota=100)
    put(inner, "/f", b"x")
    get(filesystem, "/f")
    filesystem.delete(at("/f"))
    assert counts == []
    for name in "abc":
        put(filesystem, "/" + name, b"x")
    assert counts == [1]


def test_nobody_counts_for_an_account_without_quota():
    """An upload into a home of a million files does not begin with walking it, where nothing limits it."""
    counts = []
    ledger = QuotaLedger(lambda: counts.append(1) or Usage())
    inner = MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom)
    put(limited(inner, ledger), "/f", b"x")
    assert counts == []
    put(limited(inner, ledger, quota=100), "/g", b"x")
    assert counts == [1]


def test_an_account_without_quota_keeps_the_books_for_others(make_inner):
    """Two accounts with one home: what the unlimited one stores, the limited one can not."""
    inner = make_inner()
    ledger = QuotaLedger(inner.usage)
    small, unlimited = limited(inner, ledger, quota=100), limited(inner, ledger)
    assert small.available(ROOT) == 100
    put(unlimited, "/f", b"x" * 5000)
    assert small.available(ROOT) == 0
    with refused(ErrorKind.QUOTA_EXCEEDED):
        small.open_write(at("/g"), Disposition.REPLACE)
    unlimited.delete(at("/f"))
    put(small, "/g", b"x" * 100)


def test_links_in_the_books(tmp_path):
    """Deleting a link, or one of several names, frees nothing."""
    with local(tmp_path) as inner:
        put(inner, "/f", b"x" * 50)
        os.symlink("f", tmp_path / "link")
        os.symlink("f", tmp_path / "link2")
        os.link(tmp_path / "f", tmp_path / "second")
        ledger = QuotaLedger(inner.usage)
        filesystem = limited(inner, ledger, quota=100)
        assert ledger.used.octets == 50
        filesystem.delete(at("/second"))
        filesystem.delete(at("/link"))
        put(filesystem, "/g", b"x" * 10)
        filesystem.rename(at("/g"), at("/link2"))
        assert ledger.used.octets == inner.usage().octets == 60
        filesystem.delete(at("/f"))
        assert ledger.used.octets == inner.usage().octets == 10


def test_the_file_size_limit_is_exact(make_inner):
    """A file may have exactly the limit; new, resumed and appended."""
    inner = make_inner()
    filesystem = limited(inner, file_size=10)
    put(filesystem, "/f", b"x" * 10)
    for disposition, offset in ((Disposition.APPEND, 0), (Disposition.REPLACE, 10)):
        handle = filesystem.open_write(at("/f"), disposition, offset)
        with refused(ErrorKind.FILE_TOO_LARGE):
            handle.write(b"x")
        assert handle.abandon() is None
    handle = filesystem.open_write(at("/g"), Disposition.REPLACE)
    handle.write(b"x" * 4)
    with refused(ErrorKind.FILE_TOO_LARGE):
        handle.write(b"x" * 7)
    handle.write(b"x" * 6)
    handle.commit()
    put(inner, "/large", b"x" * 20)
    with refused(ErrorKind.FILE_TOO_LARGE):
        filesystem.open_write(at("/large"), Disposition.REPLACE, 11)
    put(filesystem, "/large", b"", offset=10)
    assert {entry.size for entry in inner.scan(ROOT)} == {10}


def test_a_home_that_can_not_be_counted(make_inner):
    """Without a count there is no quota to keep: uploads are refused, downloads go on."""

    def count():
        raise FtpError(ErrorKind.STORAGE_FAILED, "too many")

    inner = make_inner()
    put(inner, "/f", b"x")
    filesystem = limited(inner, QuotaLedger(count), quota=100)
    with refused(ErrorKind.STORAGE_FAILED):
        filesystem.open_write(at("/g"), Disposition.REPLACE)
    assert get(filesystem, "/f") == b"x"
    filesystem.delete(at("/f"))


def test_copies_in_the_kernel_are_metered(make_inner):
    """A copy that nobody reads and writes costs what any other does, to the octet."""
    inner = make_inner()
    put(inner, "/f", b"x" * 60)
    ledger = QuotaLedger(inner.usage)
    filesystem = limited(inner, ledger, quota=100, file_size=50)
    source, copy = filesystem.open_read(at("/f")), filesystem.open_write(at("/g"), Disposition.REPLACE)
    with refused(ErrorKind.FILE_TOO_LARGE):
        copy.take_from(source, 51)
    if isinstance(inner, MemoryFilesystem):  # which has no kernel to ask
        assert copy.take_from(source, 41) is None
    else:
        with refused(ErrorKind.QUOTA_EXCEEDED):
            copy.take_from(source, 41)
        assert copy.take_from(source, 40) == 40
    assert ledger.used.octets == 60 + copy.size
    copy.commit()
    assert ledger.used == inner.usage()
    source.close()


@pytest.mark.parametrize("own", [{}, {"quota": 500}, {"files": 9}])
def test_two_quotas_on_one_home_count_its_octets_once(make_inner, own):
    """A quota that each of a group has for itself holds beside that of the account: at the cap, and one octet beyond."""
    inner = make_inner()
    ledger = QuotaLedger(inner.usage)
    filesystem = PermittedFilesystem(
        inner,
        permissions=Permissions(),
        limits=Limits(**own),
        ledger=ledger,
        shares=[Share(ledger, Ceiling(octets=100), name="each")],
    )
    put(filesystem, "/a", b"x" * 60)
    put(filesystem, "/b", b"x" * 40)
    assert ledger.used == inner.usage() == Usage(100, 2)
    with pytest.raises(FtpError):
        put(filesystem, "/c", b"x")
    filesystem.delete(at("/a"))
    assert ledger.used == inner.usage() == Usage(40, 1)
