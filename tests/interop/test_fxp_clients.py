"""Transfers from server to server: lftp between two servers of ours, and ours beside ProFTPD.

Debian: lftp; proftpd-core and proftpd-mod-crypto, started by root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.interop.test_doctor_servers import PASSWORD as THEIR_PASSWORD
from tests.interop.test_doctor_servers import PROFTPD
from tests.interop.test_doctor_servers import USER as THEIR_USER
from tests.interop.test_doctor_servers import folder as folder  # noqa: PLC0414 - a fixture
from tests.interop.test_doctor_servers import proftpd as proftpd  # noqa: PLC0414
from tests.support.client import Client
from tests.support.fxp import FIRST, OCTETS, SECOND, configuration
from tests.support.server import USER, running_server

SETTINGS = "set net:timeout 5; set net:max-retries 1; set ssl:verify-certificate no; set ftp:use-fxp yes; "


def ours(folder, host, more="verify = false\n"):
    return running_server(folder, configuration(host, more, network="127.0.0.0/30"))


@pytest.mark.parametrize("protected", ["no", "yes"])
def test_lftp(tmp_path, protected):
    """T9, X10: lftp has one server send a file to the other, in clear and under TLS, and no octet passes through it."""
    if shutil.which("lftp") is None:
        pytest.skip("lftp is not installed")
    with ours(tmp_path / "first", FIRST) as first, ours(tmp_path / "second", SECOND) as second:
        (first.files / "file").write_bytes(OCTETS)
        source, target = (
            f"ftp://{USER}:correct%20horse@{host}:{server.port(host=host)}"
            for server, host in ((first, FIRST), (second, SECOND))
        )
        script = (
            f"{SETTINGS} set ftp:fxp-force yes; set ftp:ssl-protect-data {protected}; "
            f"set ftp:ssl-protect-fxp {protected}; get {source}/file -o {target}/copy"
        )
        done = subprocess.run(["lftp", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert (second.files / "copy").read_bytes() == OCTETS
        assert f"the data connection is with the server {SECOND}" in first.log()
        assert ('"data_tls":null' in first.log("events.json")) is (protected == "no")


@contextmanager
def control(host, port, user, password):
    with Client(host, port, source="127.0.0.1") as client:
        assert client.answer().code == 220
        client.auth().login(user, password).protect()
        assert client.code("TYPE I") == 200
        yield client


def copy(source, target, *, listens):
    """Who listens is told first, so that it does before it is called."""
    calls = source if listens is target else target
    answer = listens.do("PASV")
    assert answer.code == 227, answer
    assert calls.code("PORT " + re.search(r"\(([0-9,]+)\)", answer.text)[1]) == 200
    for client in (listens, calls):
        client.send("RETR file" if client is source else "STOR copy")
    assert [client.answer().code for client in (source, target)] == [150, 150]
    return [client.answer().code for client in (source, target)]


@pytest.mark.skipif(os.geteuid() != 0, reason="ProFTPD has to be started by root")
@pytest.mark.parametrize("listens", ["ours", "theirs"])
@pytest.mark.parametrize("tls_client", ["ours", "theirs"])
def test_proftpd(tmp_path, folder, proftpd, tls_client, listens):
    """X10: files go to ProFTPD and come from it, whichever of the two is the TLS client, and whichever listens."""
    port = proftpd(
        "AllowForeignAddress on\nAllowOverwrite on\nTLSOptions NoSessionReuseRequired\n"
        "TLSVerifyServer off\n<Directory />\nAllowOverwrite on\n</Directory>\n",
        text=PROFTPD.replace("DefaultAddress 127.0.0.1", "DefaultAddress 127.0.0.1\nSocketBindTight on"),
    )
    trust = f'authorities = ["{folder}/server.crt"]\n'
    with (
        ours(tmp_path / "ours", FIRST, trust) as server,
        control(FIRST, server.port(host=FIRST), USER, "correct horse") as here,
        control("127.0.0.1", port, THEIR_USER, THEIR_PASSWORD) as there,
    ):
        client = here if tls_client == "ours" else there
        assert client.code("SSCN ON") == 200
        (server.files / "file").write_bytes(OCTETS)
        listener = here if listens == "ours" else there
        assert copy(here, there, listens=listener) == [226, 226]
        assert (folder / "home" / "copy").read_bytes() == OCTETS
        (folder / "home" / "file").write_bytes(OCTETS[::-1])
        assert copy(there, here, listens=listener) == [226, 226]
        assert (server.files / "copy").read_bytes() == OCTETS[::-1]
