"""One server for all clients, and a folder of its own for each test, on its disk and on ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from zlib import crc32

import pytest

from tests.interop.clients import Adapter
from tests.support.observe import assert_no_traceback
from tests.support.server import Server, running_server

_RANGES = count()


@dataclass(frozen=True)
class Folder:
    """Where a test works.

    Attributes:
        name: Of the folder on the server, as clients write it.
        remote: The same folder on the server's disk.
        local: A folder of the client.
    """

    name: str
    remote: Path
    local: Path

    def path(self, name: str) -> str:
        """Return the path of something on the server."""
        return f"{self.name}/{name}"

    def here(self, name: str) -> str:
        """Return the path of something of ours."""
        return str(self.local / name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it comes, for all of these tests; whatever the clients do, no error in it is unforeseen."""
    with running_server(tmp_path_factory.mktemp("interop"), passive_ports()) as server:
        yield server
        assert_no_traceback(server)


def passive_ports() -> str:
    """Return a configuration with 40 passive ports that no other server of ours uses, in this run or another."""
    first = 10_000 + (os.getpid() * 4 + next(_RANGES)) % 500 * 40
    return f'[passive]\nports = "{first}-{first + 39}"\n'


@pytest.fixture
def folder(server: Server, folder_name: str, tmp_path: Path) -> Folder:
    """A folder of ``server`` for one test."""
    return new_folder(server, folder_name, tmp_path)


@pytest.fixture
def folder_name(request: pytest.FixtureRequest) -> str:
    """Name of a folder that no other test uses."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.originalname)[:40]}-{crc32(request.node.nodeid.encode()):08x}"


def new_folder(server: Server, name: str, local: Path) -> Folder:
    remote = server.files / name
    remote.mkdir()
    return Folder(name, remote, local)


def usable(adapter: Adapter) -> Adapter:
    """Return a client; skip the test with the reason if it is not here."""
    reason = adapter.missing()
    if reason:
        pytest.skip(reason)
    return adapter
