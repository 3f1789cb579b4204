"""Quotas that hold over several processes: one book, whoever writes in it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.storage.quota import Ceiling, QuotaLedger, Usage
from ftpstwist.storage.shared import SharedMoved, SharedTurn, SharedUsage
from ftpstwist.storage.tallies import Tallies
from ftpstwist.storage.traffic import Moved

ROOT = Path(__file__).resolve().parents[2]


def ledger(folder, count=lambda: Usage(10, 1)):
    return QuotaLedger(count, SharedUsage(folder / "home"))


def elsewhere(code, *arguments):
    """Run *code* in another process, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


TAKE = """
import sys
from pathlib import Path
from ftpstwist.interfaces import FtpError
from ftpstwist.storage.quota import Ceiling, QuotaLedger, Usage
from ftpstwist.storage.shared import SharedUsage
ledger = QuotaLedger(lambda: Usage(10, 1), SharedUsage(Path(sys.argv[1]) / "home"))
taken = 0
try:
    while taken < 2000:
        ledger.take(Usage(1), [Ceiling(1010)])
        taken += 1
except FtpError:
    pass
print(taken)
"""


def test_what_one_process_takes_the_other_has_not(tmp_path):
    """Two that take at the same time, one octet each time, get exactly what the quota has, together."""
    mine = ledger(tmp_path)
    assert mine.used == Usage(10, 1)
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKE, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    taken = [int(process.communicate()[0]) for process in processes]
    assert sum(taken) == 1000
    assert mine.used == Usage(1010, 1)
    with pytest.raises(FtpError) as caught:
        mine.take(Usage(1), [Ceiling(1010)])
    assert caught.value.kind is ErrorKind.QUOTA_EXCEEDED


def test_a_home_is_counted_once_for_all(tmp_path):
    """Who comes second takes the count of the first."""
    counts = []
    first = ledger(tmp_path, lambda: counts.append(1) or Usage(5, 1))
    second = ledger(tmp_path, lambda: counts.append(2) or Usage(5, 1))
    assert not second.is_counted
    first.take(Usage(7), ())
    assert second.is_counted
    assert second.used == Usage(12, 1)
    second.give_back(Usage(2, 1))
    assert first.used == Usage(10, 0)
    assert counts == [1]


def test_a_home_that_everybody_has_left_is_counted_anew(tmp_path):
    """What others did on the disk meanwhile is seen then."""
    first = ledger(tmp_path)
    first.take(Usage(7), ())
    stays = ledger(tmp_path)
    assert stays.used == Usage(17, 1)
    del first
    assert ledger(tmp_path).used == Usage(17, 1)
    del stays
    assert ledger(tmp_path).used == Usage(10, 1)


def test_homes_without_quota_make_no_file(tmp_path):
    """Nobody needs to know what is in them."""
    mine = ledger(tmp_path)
    mine.give_back(Usage(1))
    with mine.changing:
        pass
    assert not mine.is_counted
    assert not list(tmp_path.iterdir())


def test_who_dies_lets_go(tmp_path):
    """A process that ends with the lock in its hand holds up nobody."""
    elsewhere(
        "import os, sys\nfrom pathlib import Path\nfrom ftpstwist.storage.shared import SharedTurn\n"
        "turn = SharedTurn(Path(sys.argv[1]) / 'turn')\nturn.__enter__()\nos._exit(0)",
        tmp_path,
    )
    with SharedTurn(tmp_path / "turn"):
        pass


def test_a_turn_is_held_as_often_as_one_likes(tmp_path):
    """And let go of at the end only."""
    turn = SharedTurn(tmp_path / "turn")

    def is_free():
        with (tmp_path / "turn").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with turn:
        with turn:
            assert not is_free()
        assert not is_free()
    assert is_free()


def test_what_moved_is_one_book(tmp_path):
    """Two that count traffic see what the other counted, and in which period."""
    first, second = SharedMoved(tmp_path / "moved"), SharedMoved(tmp_path / "moved")
    with first.held() as moved:
        assert moved == Moved()
        moved.period, moved.up = "2026-W48", 5
    with second.held() as moved:
        moved.down += 2
    with first.held() as moved:
        assert moved == Moved("2026-W48", 5, 2)


def test_one_process_writes_the_tallies_of_all(tmp_path):
    """Names that no file could have included; a quota is begun in one process and remembered by another."""
    shared = tmp_path / "shared"
    shared.mkdir()
    path, name = tmp_path / "quotas.json", "line\tal\udce9\t/srv/" + "x" * 300
    front = Tallies(path, shared=shared)
    front.load()
    worker = Tallies(path, shared=shared)
    worker.open(name).stored.take(Usage(3, 1), ())
    with worker.open(name).moved.held() as moved:
        moved.up = 9
    front.save()
    for directory in (None, tmp_path / "next"):
        if directory is not None:
            directory.mkdir()
        again = Tallies(path, shared=directory)
        again.load()
        assert again.open(name).stored.used == Usage(3, 1)
        with again.open(name).moved.held() as moved:
            assert moved.up == 9
    assert os.stat(path).st_mode & 0o777 == 0o600
