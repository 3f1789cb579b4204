"""Active mode: the client listens, the server connects, and is the TLS server all the same (RFC 4217 section 7)."""

from __future__ import annotations

import pytest

from tests.interop.clients import CLIENTS, Adapter, Target
from tests.interop.clients.adapter import run
from tests.interop.conftest import Folder, usable
from tests.support.observe import events
from tests.support.server import Server

CONTENT = bytes(range(256)) * 2048
ADAPTERS = [adapter for adapter in CLIENTS if "active" in adapter.options]
HOSTS = ("127.0.0.1", "::1")


def curl_forgets_tls() -> bool:
    """Whether this curl is one of those that begin no TLS on active data connections."""
    return run(["curl", "--version"]).startswith(("curl 7.87.", "curl 7.88."))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_active_mode(adapter: Adapter, host, server: Server, folder: Folder):
    """Lists, uploads and downloads by PORT or EPRT."""
    usable(adapter)
    if adapter.name == "curl" and curl_forgets_tls():
        pytest.skip("curl 7.87 and 7.88 begin no TLS on active data connections")
    (folder.remote / "there").write_bytes(CONTENT)
    (folder.local / "here").write_bytes(CONTENT)
    steps = [
        ("get", folder.path("there"), folder.here("got")),
        ("put", folder.here("here"), folder.path("new")),
        ("list", folder.name),
    ]
    before = len(events(server))
    lists = adapter.perform(Target(server, host=host, active=True), *[s for s in steps if s[0] in adapter.verbs])
    used = [event["verb"] for event in events(server)[before:] if event["event"] == "command_answered"]
    assert {"PORT", "EPRT"} & set(used)
    assert not {"PASV", "EPSV"} & set(used)
    assert (folder.local / "got").read_bytes() == CONTENT
    if "put" in adapter.verbs:
        assert (folder.remote / "new").read_bytes() == CONTENT
        assert [sorted(names) for names in lists] == [["new", "there"]]
