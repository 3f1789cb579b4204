"""Homes that several sessions are in."""

from __future__ import annotations

import os

import pytest

from ftpstwist.storage.homes import Homes


def test_sessions_of_one_home_share_its_descriptor(tmp_path):
    """Ten thousand sessions of one account cost one descriptor, open as long as one of them needs it."""
    homes = Homes()
    first, second = homes.open(tmp_path), homes.open(tmp_path)
    assert first.number == second.number
    number = first.number
    first.close()
    first.close()
    assert os.fstat(second.number).st_ino == tmp_path.stat().st_ino
    second.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_home_that_was_put_in_the_place_of_another(tmp_path):
    """A session that begins after a home was swapped is in the new one; those before stay in theirs."""
    homes = Homes()
    home = tmp_path / "home"
    home.mkdir()
    before = homes.open(home)
    home.rename(tmp_path / "old")
    home.mkdir()
    after = homes.open(home)
    assert os.fstat(before.number).st_ino == (tmp_path / "old").stat().st_ino
    assert os.fstat(after.number).st_ino == home.stat().st_ino
    before.close()
    after.close()


def test_home_that_nobody_closed(tmp_path):
    """A session that is forgotten keeps its home open no longer than it lives."""
    homes = Homes()
    first, second = homes.open(tmp_path), homes.open(tmp_path)
    del first
    assert os.fstat(second.number)
    number = second.number
    del second
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_home_that_is_not_there(tmp_path):
    """What can not be opened leaves nothing behind."""
    homes = Homes()
    with pytest.raises(FileNotFoundError):
        homes.open(tmp_path / "none")
    assert homes._open == {}
