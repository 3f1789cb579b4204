"""CCC with the clients that can do it: each ends TLS in its own way, and goes on (RFC 4217 section 5)."""

from __future__ import annotations

import ftplib
import ssl
from pathlib import Path

import pytest

from tests.interop.clients.adapter import Target, run
from tests.interop.clients.curl import Curl, curl_command, url
from tests.interop.clients.lftp import Lftp, lftp
from tests.support.client import tls_context
from tests.support.server import PASSWORD, USER, Server, running_server

CONTENT = b"line\n" * 50_000
CONFIG = """
[policy]
require = "login+data"
allow_ccc = true
"""

needs_curl = pytest.mark.skipif(bool(Curl().missing()), reason=Curl().missing())
needs_lftp = pytest.mark.skipif(bool(Lftp().missing()), reason=Lftp().missing())
pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that allows CCC, with one file."""
    with running_server(tmp_path_factory.mktemp("ccc"), CONFIG) as server:
        (server.files / "file").write_bytes(CONTENT)
        yield server


@pytest.fixture(scope="module")
def binding(tmp_path_factory):
    """The same; data connections have to resume the TLS session of their control connection."""
    config = f'{CONFIG}\n[tls]\nsession_reuse = "require"\n'
    with running_server(tmp_path_factory.mktemp("binding"), config) as server:
        (server.files / "file").write_bytes(CONTENT)
        yield server


def commands_in_clear(server: Server, user: str = USER) -> set[str]:
    """Return the verbs that were answered in clear after a login, over all sessions so far."""
    lines = [line.split() for line in server.log("command.log").splitlines()]
    return {line[6].strip('"') for line in lines if line[3] == user and line[5] == "-" and line[6].startswith('"')}


def get_and_list(target: Target, folder: Path, *options: str) -> None:
    """Get the file and list the root with curl; compare."""
    command = [*curl_command(target), "--ftp-ssl-ccc", *options]
    local = folder / "got"
    run([*command, "--output", str(local), url(target, "file")])
    assert local.read_bytes() == CONTENT
    assert "file" in run([*command, url(target)])
    assert {"LIST", "RETR"} <= commands_in_clear(target.server)


@needs_curl
@pytest.mark.parametrize("mode", ["active", "passive"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_curl(server, tmp_path, tls, mode):
    """Its active mode says close_notify first; its passive one waits for ours and sends none."""
    get_and_list(Target(server, tls=tls), tmp_path, "--ftp-ssl-ccc-mode", mode)


@needs_curl
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_curl_resumes_after_ccc(binding, tmp_path, tls):
    """The data connections behind CCC resume the session of the control connection, as they have to."""
    get_and_list(Target(binding, tls=tls), tmp_path, "--ftp-ssl-ccc-mode", "active")


@needs_curl
def test_curl_uploads_after_ccc(server, tmp_path):
    """An upload behind CCC is as complete as before it."""
    local = tmp_path / "up"
    local.write_bytes(CONTENT)
    target = Target(server)
    run([*curl_command(target), "--ftp-ssl-ccc", "--upload-file", str(local), url(target, "from-curl")])
    assert (server.files / "from-curl").read_bytes() == CONTENT


@needs_lftp
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_lftp(server, tmp_path, tls, active):
    """GnuTLS says close_notify first, and would take an early one of ours for the end of the connection."""
    printed = lftp(
        Target(server, tls=tls, active=active),
        "set ftp:ssl-use-ccc yes",
        "cls -1",
        "get file -o got",
        "put got -o from-lftp",
        folder=tmp_path,
    )
    assert "file" in printed.split()
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert (server.files / "from-lftp").read_bytes() == CONTENT


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_python_ftplib(server, version):
    """Python's ftplib unwraps its socket, which needs our close_notify."""
    with ftplib.FTP_TLS(context=tls_context(version), timeout=10) as client:
        client.connect("127.0.0.1", server.port())
        client.login(USER, PASSWORD)
        client.prot_p()
        assert client.ccc() == "200 Go on in clear"
        pieces: list[bytes] = []
        client.retrbinary("RETR file", pieces.append)
        assert b"".join(pieces) == CONTENT
        assert "file" in client.nlst()
        with pytest.raises(ftplib.error_perm, match=r"^503"):
            client.sendcmd("PROT C")
        assert not isinstance(client.sock, ssl.SSLSocket) or client.sock.version() is None
        assert client.quit().startswith("221")
