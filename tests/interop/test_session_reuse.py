"""Which clients prove by resumption that a data connection is theirs, and what the others are told."""

from __future__ import annotations

import ftplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.clients import CLIENTS, Adapter, ClientError, Target
from tests.interop.clients.python_ftplib import connected_ftplib
from tests.interop.conftest import Folder, new_folder, passive_ports, usable
from tests.support.observe import Marked, assert_no_traceback, events
from tests.support.server import Server, running_server

CONTENT = bytes(range(256)) * 4096
REQUIRE = '[tls]\nsession_reuse = "require"\n'
NOT_AT_FIRST = {"ftplib", "Commons Net", "Net::FTP"}
"""These do not resume the control connection's session; Net::FTP resumes those of earlier data connections."""
RESUMING = [adapter for adapter in CLIENTS if adapter.name not in NOT_AT_FIRST]
OTHERS = [adapter for adapter in CLIENTS if adapter.name in NOT_AT_FIRST]


@pytest.fixture(scope="module")
def binding_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets data connections in only if they resume their session."""
    with running_server(tmp_path_factory.mktemp("require"), REQUIRE + passive_ports()) as server:
        yield server
        assert_no_traceback(server)


@pytest.fixture
def bound_folder(binding_server: Server, folder_name: str, tmp_path: Path) -> Folder:
    return new_folder(binding_server, folder_name, tmp_path)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("adapter", RESUMING, ids=lambda adapter: adapter.name)
def test_clients_that_resume(adapter: Adapter, tls, binding_server: Server, bound_folder: Folder):
    """These work where resumption is required, transfer after transfer."""
    usable(adapter)
    folder = bound_folder
    (folder.remote / "there").write_bytes(CONTENT)
    (folder.local / "here").write_bytes(CONTENT)
    target = Target(binding_server, tls=tls if tls in adapter.options else "")
    steps = [
        *[("get", folder.path("there"), folder.here(f"got{number}")) for number in range(3)],
        *[("put", folder.here("here"), folder.path(f"new{number}")) for number in range(3)],
        ("list", folder.name),
    ]
    lists = adapter.perform(target, *[step for step in steps if step[0] in adapter.verbs])
    assert [(folder.local / f"got{number}").read_bytes() for number in range(3)] == [CONTENT] * 3
    if "put" in adapter.verbs:
        assert [sorted(names) for names in lists] == [["new0", "new1", "new2", "there"]]
    done = [
        event for event in events(binding_server, "file_transferred") if event["path"].startswith(f"/{folder.name}/")
    ]
    assert done
    assert all(event["data_tls"]["resumed"] for event in done)


@pytest.mark.parametrize("adapter", OTHERS, ids=lambda adapter: adapter.name)
def test_clients_that_do_not(adapter: Adapter, binding_server: Server, bound_folder: Folder):
    """The others are refused, and a file that is there stays as it is."""
    usable(adapter)
    (bound_folder.remote / "file").write_bytes(b"old")
    (bound_folder.local / "file").write_bytes(b"new")
    with pytest.raises(ClientError):
        adapter.perform(Target(binding_server), ("put", bound_folder.here("file"), bound_folder.path("file")))
    assert (bound_folder.remote / "file").read_bytes() == b"old"


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_they_are_told_why(tls, binding_server: Server, bound_folder: Folder):
    """The client's user reads the reason in the reply, the operator finds it in the log, with what to change."""
    log = Marked(binding_server)
    with connected_ftplib(Target(binding_server, tls=tls), resumes=False) as ftp:
        with pytest.raises(OSError, match=r"(?i)handshake"):
            ftp.retrlines(f"LIST {bound_folder.name}", lambda _: None)
        with pytest.raises(ftplib.error_perm, match=r"522 .* did not resume the session of its control connection"):
            ftp.getresp()
    line = log.wait_for("LIST failed")
    assert "did not resume the session of its control connection" in line
    assert "remedy: " in line
    assert "session_reuse" in line
