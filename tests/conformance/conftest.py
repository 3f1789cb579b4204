"""Real sessions with real servers: one server a test module, a folder of its own for each test.

``server`` wants TLS for everything, as the default configuration does. ``clear_server`` wants none and waits
one second only for data connections; ``client`` is logged in there, in ``folder``, with TYPE I.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import pytest

from tests.support.client import Client, connected, logged_in
from tests.support.server import Server, running_server

CLEAR = """
[policy]
require = "none"
[transfer]
connect_timeout = 1
"""

StartServer = Callable[..., Server]


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start servers, each with its own ``config`` and ``users``; all of them end with the module."""
    with ExitStack() as running:
        yield lambda config="", users="": running.enter_context(
            running_server(tmp_path_factory.mktemp("ftps"), config, users)
        )


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    """A server that wants TLS for everything."""
    return start_server()


@pytest.fixture(scope="module")
def clear_server(start_server: StartServer) -> Server:
    """A server that talks in clear, too."""
    return start_server(CLEAR)


@pytest.fixture
def folder_name(request: pytest.FixtureRequest) -> str:
    """Name of a folder that no other test of the module uses."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.originalname)[:60]}-{crc32(request.node.name.encode()):08x}"


@pytest.fixture
def folder(clear_server: Server, folder_name: str) -> Path:
    """The folder on the disk of ``clear_server`` in which ``client`` works."""
    path = clear_server.files / folder_name
    path.mkdir()
    return path


@pytest.fixture
def client(clear_server: Server, folder: Path) -> Iterator[Client]:
    """A client of ``clear_server``, logged in in clear, in ``folder``, with TYPE I."""
    with clear(clear_server) as client:
        assert client.code(f"CWD {folder.name}") == 250
        yield client


@pytest.fixture
def tls_folder(server: Server, folder_name: str) -> Path:
    """The folder on the disk of ``server`` in which ``tls_client`` works."""
    path = server.files / folder_name
    path.mkdir()
    return path


@pytest.fixture
def tls_client(server: Server, tls_folder: Path) -> Iterator[Client]:
    """A client of ``server``, logged in under TLS with PROT P, in ``tls_folder``, with TYPE I."""
    with logged_in(server) as client:
        assert client.code("TYPE I") == 200
        assert client.code(f"CWD {tls_folder.name}") == 250
        yield client


def clear(server: Server, host: str = "127.0.0.1", **login: str) -> Client:
    """Log in in clear, with TYPE I."""
    client = connected(server, host).login(**login)
    assert client.code("TYPE I") == 200
    return client
