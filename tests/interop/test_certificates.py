"""Certificates are verified by clients that mean it, and TLS is what was asked for."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.interop.clients import CLIENTS, Adapter, ClientError, Target
from tests.interop.clients.adapter import TIMEOUT
from tests.interop.conftest import Folder, usable
from tests.support.observe import Marked, write_certificate
from tests.support.server import PASSWORD, USER, Server

VERIFYING = [adapter for adapter in CLIENTS if "verifies" in adapter.options]
SAYING_WHY = {"curl", "ftplib", "ftplib that resumes", "Net::FTP"}
"""These send the alert that names the reason; the others just go away."""
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed (package openssl)")


@pytest.mark.parametrize("adapter", VERIFYING, ids=lambda adapter: adapter.name)
def test_by_host_name(adapter: Adapter, server: Server, folder: Folder):
    """The server's own certificate, once trusted, is good for its host name."""
    (folder.remote / "file").write_bytes(b"content")
    usable(adapter).perform(Target(server, host="localhost"), ("get", folder.path("file"), folder.here("file")))
    assert (folder.local / "file").read_bytes() == b"content"


@pytest.mark.parametrize("adapter", VERIFYING, ids=lambda adapter: adapter.name)
def test_not_trusted(adapter: Adapter, server: Server, folder: Folder):
    """A client that trusts another certificate sends no password, and the log says what it objected to."""
    write_certificate(folder.local, "other", "localhost")
    target = Target(server, host="localhost", trusted=folder.local / "other.crt")
    (folder.remote / "file").write_bytes(b"content")
    usable(adapter)
    log = Marked(server)
    with pytest.raises(ClientError):
        adapter.perform(target, ("get", folder.path("file"), folder.here("file")))
    end = log.wait_for("closed after")
    assert "logged in" not in log.text
    if adapter.name in SAYING_WHY:
        assert "the client does not know the issuer of our certificate" in end


@needs_openssl
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_openssl_by_hand(version, implicit, server: Server):
    """A session typed into openssl s_client."""
    target = Target(server, implicit=implicit)
    commands = [f"USER {USER}", f"PASS {PASSWORD}", "PWD", "NOOP", "QUIT"]
    output = s_client(target, f"-tls{version}", *([] if implicit else ["-starttls", "ftp"]), text=commands)
    assert "Verification: OK" in output
    replies = [line[:3] for line in output.splitlines() if line[:3].isdigit()]
    assert replies[-5:] == ["331", "230", "257", "200", "221"]


@needs_openssl
@pytest.mark.parametrize("version", ["1", "1_1"])
def test_openssl_obsolete(version, server: Server):
    """TLS 1.0 and 1.1 are not to be had (RFC 8996), and the log names the reason."""
    log = Marked(server)
    with pytest.raises(ClientError):
        s_client(Target(server, implicit=True), f"-tls{version}", "-cipher", "ALL:@SECLEVEL=0", text=[])
    assert log.wait_for("TLS 1.2")


def s_client(target: Target, *options: str, text: list[str]) -> str:
    """Talk through openssl s_client, line by line as replies come; return all it printed."""
    command = ["openssl", "s_client", "-connect", target.authority, "-CAfile", str(target.certificate), "-crlf"]
    command += ["-verify_return_error", "-ign_eof", *options]
    typed = "".join(f"{line}\n" for line in text)
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise ClientError(done.stdout + done.stderr)
    return done.stdout
