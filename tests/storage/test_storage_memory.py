"""Files in memory: the capacity, which the contract does not ask for."""

from __future__ import annotations

import itertools
import os

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.settings import Incomplete
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, put, refused

at = Pathname.parse


@pytest.fixture(params=list(Incomplete))
def filesystem(request):
    return MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom, capacity=100, incomplete=request.param)


def test_the_capacity_is_exact(filesystem):
    """At the capacity it works, one octet beyond it is a full disk; uploads that are not complete count."""
    handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
    handle.write(b"x" * 60)
    assert filesystem.available(ROOT) == 40
    put(filesystem, "/g", b"x" * 40)
    with refused(ErrorKind.NO_SPACE):
        handle.write(b"x")
    handle.commit()
    assert filesystem.available(ROOT) == 0
    assert get(filesystem, "/f") == b"x" * 60


def test_everything_is_given_back(filesystem):
    """Whatever ends how it may: what nobody can reach takes no space."""
    put(filesystem, "/f", b"x" * 10)
    put(filesystem, "/f", b"y" * 20)
    assert filesystem.available(ROOT) == 80
    handle = filesystem.open_write(at("/f"), Disposition.APPEND)
    handle.write(b"z" * 5)
    filesystem.delete(at("/f"))
    handle.write(b"z" * 5)
    handle.abandon()
    filesystem.open_write(at("/f"), Disposition.REPLACE).abandon()
    filesystem.make_directory(at("/d"))
    handle = filesystem.open_write(at("/d/f"), Disposition.REPLACE)
    handle.write(b"z" * 5)
    filesystem.remove_directory(at("/d"))
    handle.abandon()
    assert filesystem.available(ROOT) == 100


def test_without_capacity():
    """By default there is no limit, and none is claimed."""
    filesystem = MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom)
    assert filesystem.available(ROOT) is None
