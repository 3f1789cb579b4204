"""Random use: the disk and the memory behave alike, nothing leaves the jail, and the books agree."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.interfaces import Disposition, FtpError
from ftpstwist.session.identity import Limits, Permissions
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import QuotaLedger
from ftpstwist.storage.settings import Incomplete, LocalSettings
from ftpstwist.wire.entry import EntryKind
from ftpstwist.wire.pathname import ROOT, Pathname

PATHS = st.lists(st.sampled_from(["a", "b", ".ftpstwist-x"]), max_size=3).map(lambda parts: Pathname(tuple(parts)))
COMMON_PATHS = st.one_of(PATHS, st.sampled_from([Pathname(("a",)), Pathname(("b",)), Pathname(("a", "b"))]))

OPERATIONS = st.one_of(
    st.tuples(st.just("make_directory"), COMMON_PATHS),
    st.tuples(st.just("remove_directory"), COMMON_PATHS),
    st.tuples(st.just("delete"), COMMON_PATHS),
    st.tuples(st.just("rename"), COMMON_PATHS, COMMON_PATHS),
    st.tuples(st.just("set_mode"), COMMON_PATHS, st.integers(0, 0o7777)),
    st.tuples(st.just("read"), COMMON_PATHS, st.integers(-1, 9)),
    st.tuples(
        st.just("upload"),
        COMMON_PATHS,
        st.sampled_from([Disposition.REPLACE, Disposition.APPEND]),
        st.integers(-1, 9),
        st.binary(max_size=5),
        st.booleans(),
    ),
    st.tuples(st.just("open"), COMMON_PATHS, st.sampled_from([Disposition.REPLACE, Disposition.APPEND])),
    st.tuples(st.just("end"), st.integers(0, 3), st.booleans()),
)


class Client:
    """Uses a filesystem and tells what came of it, in terms that can be compared."""

    def __init__(self, filesystem):
        self.filesystem = filesystem
        self.handles = []

    def do(self, operation, *arguments):
        try:
            return (
                getattr(self, operation, None)(*arguments)
                if hasattr(self, operation)
                else self.plain(operation, *arguments)
            )
        except FtpError as error:
            return error.kind

    def plain(self, operation, *arguments):
        return getattr(self.filesystem, operation)(*arguments)

    def read(self, path, offset):
        with contextlib.closing(self.filesystem.open_read(path, offset)) as handle:
            buffer = bytearray(100)
            return bytes(buffer[: handle.read_into(memoryview(buffer))])

    def upload(self, path, disposition, offset, data, completes):
        handle = self.filesystem.open_write(path, disposition, offset)
        handle.write(data)
        return handle.commit() if completes else handle.abandon()

    def open(self, path, disposition):
        """Leave an upload open while other things happen."""
        if len(self.handles) < 4:
            handle = self.filesystem.open_write(path, disposition)
            self.handles.append(handle)
            handle.write(b"open")
            return handle.size
        return None

    def end(self, number, completes):
        if number >= len(self.handles):
            return None
        handle = self.handles.pop(number)
        return handle.commit() if completes else handle.abandon()

    def tree(self, path=ROOT):
        """Everything there is, with contents."""
        found = {}
        for entry in self.filesystem.scan(path):
            below = path / entry.name
            found[str(below)] = (entry.kind, entry.size, entry.mode)
            if entry.kind is EntryKind.DIRECTORY:
                found.update(self.tree(below))
            else:
                found[str(below)] += (self.read(below, 0),)
        return found

    def close(self):
        for handle in self.handles:
            handle.abandon()


@settings(max_examples=100, deadline=None)
@given(
    operations=st.lists(OPERATIONS, max_size=20),
    incomplete=st.sampled_from(Incomplete),
    unnamed=st.booleans(),
    metered=st.booleans(),
)
def test_the_disk_does_what_the_memory_does(operations, incomplete, unnamed, metered):
    """Every sequence of operations has the same results, refusals and files on both; so demos and tests do not lie."""
    with tempfile.TemporaryDirectory() as root:
        local = LocalFilesystem(
            Path(root),
            unique_key=b"key",
            random=os.urandom,
            settings=LocalSettings(incomplete=incomplete, unnamed_files=unnamed),
        )
        memory = MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom, incomplete=incomplete)
        ledgers = [QuotaLedger(filesystem.usage) for filesystem in (local, memory)]
        views = [
            PermittedFilesystem(filesystem, permissions=Permissions(), limits=Limits(quota=60), ledger=ledger)
            if metered
            else filesystem
            for filesystem, ledger in zip((local, memory), ledgers, strict=True)
        ]
        clients = [Client(view) for view in views]
        with contextlib.closing(local), contextlib.closing(clients[0]), contextlib.closing(clients[1]):
            for operation in operations:
                # A hidden draft holds its directory, one without a name does not; only the latter can be compared.
                if operation[0] == "remove_directory" and clients[0].handles and not unnamed:
                    continue
                on_disk, in_memory = [client.do(*operation) for client in clients]
                assert on_disk == in_memory, operation
                assert clients[0].tree() == clients[1].tree(), operation
            for client in clients:
                while client.handles:
                    client.do("end", 0, False)
            assert clients[0].tree() == clients[1].tree()
            assert local.usage() == memory.usage()
            if metered:
                assert ledgers[0].used == local.usage()


LINK_TARGETS = st.lists(
    st.sampled_from(["..", ".", "", "a", "b", "l1", "l2", "outside", "secret"]), min_size=1, max_size=6
).map("/".join)


@settings(max_examples=200, deadline=None)
@given(
    links=st.dictionaries(st.sampled_from(["l1", "l2", "a/l1", "a/b/l2"]), LINK_TARGETS.filter(bool), min_size=1),
    path=st.lists(st.sampled_from(["a", "b", "l1", "l2", "outside", "secret"]), min_size=1, max_size=5),
)
def test_no_tangle_of_links_leads_out(links, path):
    """Whatever links there are and whatever is asked for: a file outside is never read nor made (K10)."""
    with tempfile.TemporaryDirectory() as base:
        outside, root = Path(base, "outside"), Path(base, "root")
        outside.mkdir()
        (outside / "secret").write_text("SECRET")
        (root / "a" / "b").mkdir(parents=True)
        (root / "secret").write_text("inside")
        for name, target in links.items():
            os.symlink(target, root / name)
        filesystem = LocalFilesystem(root, unique_key=b"key", random=os.urandom)
        client = Client(filesystem)
        with contextlib.closing(filesystem):
            pathname = Pathname(tuple(path))
            assert client.do("read", pathname, 0) != b"SECRET"
            client.do("upload", pathname, Disposition.REPLACE, 0, b"new", True)
            client.do("delete", pathname)
            client.do("make_directory", pathname)
            for entry in filesystem.scan(ROOT):
                assert entry.size in {0, 3, 6}
        assert os.listdir(outside) == ["secret"]
        assert (outside / "secret").read_text() == "SECRET"
        assert sorted(os.listdir(base)) == ["outside", "root"]
