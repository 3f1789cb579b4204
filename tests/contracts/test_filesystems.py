"""The filesystem contract, for every back end and for each behind an account's permissions."""

from __future__ import annotations

import itertools
import os

import pytest

from ftpstwist.session.identity import Limits, Permissions
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import QuotaLedger
from ftpstwist.storage.settings import Durability, Incomplete, Links, LocalSettings

from .filesystem import FilesystemContract


def local(root, settings):
    filesystem = LocalFilesystem(root, unique_key=b"key", random=os.urandom, settings=settings)
    yield filesystem
    filesystem.close()


def in_memory(incomplete):
    return MemoryFilesystem(clock=itertools.count(1000).__next__, random=os.urandom, incomplete=incomplete)


def permitted(inner):
    limits = Limits(quota=10**9, file_size=10**9)
    return PermittedFilesystem(inner, permissions=Permissions(), limits=limits, ledger=QuotaLedger(inner.usage))


class TestLocal(FilesystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path):
        yield from local(tmp_path, LocalSettings(fsync=Durability.FULL))

    @pytest.fixture
    def discarding(self, tmp_path):
        yield from local(tmp_path, LocalSettings(incomplete=Incomplete.DISCARD))


class TestLocalWithHiddenNames(FilesystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path):
        yield from local(tmp_path, LocalSettings(unnamed_files=False, fsync=Durability.NEVER, links=Links.REFUSE))

    @pytest.fixture
    def discarding(self, tmp_path):
        yield from local(tmp_path, LocalSettings(unnamed_files=False, incomplete=Incomplete.DISCARD))


class TestMemory(FilesystemContract):
    @pytest.fixture
    def filesystem(self):
        return in_memory(Incomplete.KEEP_NEW)

    @pytest.fixture
    def discarding(self):
        return in_memory(Incomplete.DISCARD)


class TestPermittedLocal(FilesystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path):
        for inner in local(tmp_path, LocalSettings()):
            yield permitted(inner)

    @pytest.fixture
    def discarding(self, tmp_path):
        for inner in local(tmp_path, LocalSettings(incomplete=Incomplete.DISCARD)):
            yield permitted(inner)


class TestPermittedMemory(FilesystemContract):
    @pytest.fixture
    def filesystem(self):
        return permitted(in_memory(Incomplete.KEEP_NEW))

    @pytest.fixture
    def discarding(self):
        return permitted(in_memory(Incomplete.DISCARD))
