"""A listener for old devices beside one for everybody (RFC 8996): only there, only for them, and never unseen."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.support.client import Client, connected, obsolete_context, tls_context
from tests.support.server import Server, running_server

TABLES = r"""
[[server.legacy]]
endpoint = "tcp:0:interface=127.0.0.1"
networks = ["127.0.0.7"]
[[server.legacy]]
endpoint = "tcp:0:interface=127.0.0.1"
networks = ["127.0.0.0/29"]
service = "implicit"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Server:
    with running_server(tmp_path_factory.mktemp("legacy"), tables=TABLES) as server:
        yield server


def legacy_port(server, service):
    """The listeners for old devices come last."""
    return int(server.addresses[service][-1].split()[1])


def old_client(server, source="127.0.0.7"):
    client = Client("127.0.0.1", legacy_port(server, "explicit"), source=source)
    client.context = obsolete_context()
    return client


def test_an_old_device_transfers_files(server):
    """Section 5 row 12: a scanner with TLS 1.1 stores its page, on control and data connection."""
    with old_client(server) as client:
        assert client.answer().code == 220
        client.auth().login().protect()
        assert client.sock.version() == "TLSv1.1"
        assert client.code("TYPE I") == 200
        assert client.upload("STOR page", b"page" * 1000).code == 226
        assert client.download("RETR page")[0] == b"page" * 1000
    (event,) = [event for event in events(server) if event["event"] == "obsolete_tls" and event["peer"] == "127.0.0.7"]
    assert (event["version"], event["service"]) == ("TLSv1.1", "explicit")
    assert "protected by obsolete TLS only: TLSv1.1" in server.log()
    assert "OBSOLETE-TLS version=TLSv1.1" in server.log("command.log")


def events(server):
    return [json.loads(line) for line in server.whole_lines("events.json")]


def test_nobody_else_is_let_in(server):
    """From any other network the connection ends before a word is said."""
    with old_client(server, source="127.0.0.9") as client:
        assert client.is_closed()
    assert [event for event in events(server) if event["peer"] == "127.0.0.9"] == []


def test_the_listener_for_everybody_stays_strict(server):
    """The same device is refused there, even from its own network."""
    with connected(server, source="127.0.0.7") as client:
        client.context = obsolete_context()
        assert client.code("AUTH TLS") == 234
        with pytest.raises(OSError, match=r"(?i)protocol version|alert|reset|EOF"):
            client.wrap()


def test_modern_clients_are_not_marked(server):
    """Whoever does better there is no case for the log."""
    with old_client(server, source="127.0.0.7") as client:
        client.context = tls_context()
        assert client.answer().code == 220
        client.auth().login("alice")
        assert client.sock.version() == "TLSv1.3"
        assert client.do("STAT").code == 211
    session = events(server)[-1]["session"]
    assert [event for event in events(server) if event["session"] == session and event["event"] == "obsolete_tls"] == []


def test_start_up_warns(server):
    """Whoever reads the log of the start learns what is open, and to whom."""
    assert "speaks obsolete TLS, for old devices in 127.0.0.7/32: what they send can be read on the way" in server.log()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_openssl_gets_in_over_implicit_tls(server, option):
    """The system's own client with its oldest settings."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{legacy_port(server, 'implicit')}", option]
        + ["-cipher", "ALL:@SECLEVEL=0", "-quiet"],
        input=b"QUIT\r\n",
        capture_output=True,
        timeout=20,
        check=False,
    )
    if b"no protocols available" in done.stderr or b"nknown option" in done.stderr:
        pytest.skip("this openssl does not speak it any more")
    assert b"220 " in done.stdout, done.stderr
