"""The failures people ask about, provoked with the clients they use: the log says in one line what is wrong and what helps.

The questions are those of docs/faq.md. What is not here can not happen, or has tests of its own: wrong mode and port in
``test_wrong_mode``, clear text and TLS mixed in ``test_hardening``, sessions that are not resumed in ``test_session_reuse``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.authority import Authority
from tests.support.client import logged_in
from tests.support.observe import Marked, assert_no_traceback, write_certificate
from tests.support.server import PASSWORD, USER, Server, running_server

RSA_ONLY = "ECDHE-RSA-AES128-GCM-SHA256"
OLD_SUITE = "AES128-SHA:@SECLEVEL=0"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed (package {program})")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A server with an ECDSA certificate, as it comes, that asks for client certificates of a short chain."""
    folder = tmp_path_factory.mktemp("faq")
    root = Authority("Root")
    root.write(folder, "root")
    config = f'[tls.clients]\nask = "optional"\nauthorities = ["{folder}/root.pem"]\ndepth = 1\n'
    tables = write_certificate(folder, "localhost")
    middle = Authority("Middle", root)
    deep = Authority("Deep", middle).issue(USER)
    chained = type(deep)(deep.certificate, deep.key, (*deep.chain, middle.certificate))
    chained.write(folder, "deep")
    with running_server(folder, config, tables=tables) as server:
        yield server
        assert_no_traceback(server)


def curl(server: Server, *options: str, path: str = "") -> subprocess.CompletedProcess:
    url = f"ftp://127.0.0.1:{server.port()}/{path}"
    command = ["curl", "-sS", "-k", "--user", f"{USER}:{PASSWORD}", "--max-time", "20", *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def s_client(server: Server, *options: str) -> subprocess.CompletedProcess:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port('implicit')}", *options]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=30)


def lftp(
    server: Server, settings: str, *, scheme: str = "ftp", service: str = "explicit"
) -> subprocess.CompletedProcess:
    script = "set net:max-retries 1; set net:timeout 5; set ssl:verify-certificate no; set cmd:fail-exit yes; "
    script += f"{settings}; open -u {USER},'{PASSWORD}' {scheme}://127.0.0.1:{server.port(service)}; cls"
    return subprocess.run(["lftp", "--norc", "-c", script], capture_output=True, text=True, timeout=60)


@needs("curl")
def test_logged_in_but_no_directories(server):
    """A client that encrypts passwords only, not files: its user and the log are told what to switch on, once."""
    log = Marked(server)
    done = curl(server, "--ftp-ssl-control")
    assert done.returncode
    line = log.wait_for("data-protection")
    assert "a transfer in clear was refused" in line
    assert "switch encrypted data connections (PROT P) on in the client" in line


@needs("lftp")
def test_a_client_that_is_not_told_to_use_tls(server):
    """Lftp with ssl-allow off, FileZilla with "plain FTP": the reply says which setting it is, before any password."""
    log = Marked(server)
    done = lftp(server, "set ftp:ssl-allow no; debug 3")
    assert done.returncode
    assert "send AUTH TLS first, or set the client to explicit FTP over TLS" in done.stdout + done.stderr
    log.wait_for("USER alice: 530")
    assert "PASS" not in log.text


@needs("openssl")
def test_no_cipher_suite_in_common(server):
    """«no shared cipher», first cause: both lists stand in the line."""
    log = Marked(server)
    done = s_client(server, "-tls1_2", "-cipher", OLD_SUITE)
    assert "handshake failure" in done.stderr
    line = log.wait_for("no cipher suite in common")
    assert "the client offers AES128-SHA" in line
    assert "ours are ECDHE-ECDSA-AES" in line
    assert "it needs a suite with ECDHE" in line


@needs("openssl")
def test_no_certificate_of_the_type(server):
    """«no shared cipher», second cause: the certificate that would be needed is named."""
    log = Marked(server)
    s_client(server, "-tls1_2", "-cipher", RSA_ONLY)
    line = log.wait_for("the client takes RSA certificates only; we have ECDSA")
    assert "add an RSA certificate beside the ECDSA one" in line


@needs("openssl")
def test_a_version_that_is_too_old(server):
    """«unknown protocol», «wrong version number»: what was offered, what is the minimum."""
    log = Marked(server)
    s_client(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    line = log.wait_for("the client offered at most TLS 1.1; the minimum is TLS 1.2")
    assert "update the client" in line


@needs("curl")
def test_a_client_that_does_not_know_the_issuer(server):
    """Self-signed, or the chain is not complete: the client's alert is translated."""
    log = Marked(server)
    command = ["curl", "-sS", "--ssl-reqd", f"ftp://127.0.0.1:{server.port()}/", "--max-time", "20"]
    assert subprocess.run(command, capture_output=True, timeout=30).returncode == 60
    line = log.wait_for("the client does not know the issuer of our certificate")
    assert "check that the chain in the certificate file is complete" in line


@needs("curl")
def test_a_chain_that_is_too_long(server):
    """«certificate chain too long»: how deep it is, and the setting."""
    log = Marked(server)
    assert curl(server, "--ssl-reqd", "--cert", str(server.folder / "deep.pem")).returncode
    line = log.wait_for("the chain of issuers is longer than [tls.clients] depth allows")
    assert "set depth to 2 or more" in line


def test_a_connection_that_ends_in_the_handshake(server):
    """«received EOF that violates protocol»: the line tells where, and that a firewall may be in between."""
    log = Marked(server)
    program = (
        "import socket, ssl\n"
        "out = ssl.MemoryBIO()\n"
        "context = ssl._create_unverified_context()\n"
        "tls = context.wrap_bio(ssl.MemoryBIO(), out)\n"
        "try: tls.do_handshake()\n"
        "except ssl.SSLWantReadError: pass\n"
        f"s = socket.create_connection(('127.0.0.1', {server.port('implicit')}))\n"
        "s.sendall(out.read()); s.recv(1); s.close()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    line = log.wait_for("ended")
    assert "after our ServerHello" in line
    assert "a firewall that inspects FTP may be in between" in line


def test_a_passive_port_that_is_never_reached(server):
    """Behind a firewall, or with a wrong address in 227: reply and log name the port that stayed silent."""
    log = Marked(server)
    with logged_in(server) as client:
        port = client.passive_port()
        assert client.code("NLST") == 150
        answer = client.answer()
    assert answer.code == 425
    assert str(port) in answer.text
    line = log.wait_for(f"did not connect to passive port {port}")
    assert "open the passive ports in all firewalls on the way" in line


@needs("lftp")
def test_lftp_in_the_wrong_mode(server):
    """ftps:// where ftpes was meant: the line says which way to change the client."""
    log = Marked(server)
    assert lftp(server, "set ftp:ssl-force yes", scheme="ftps").returncode
    line = log.wait_for("the client starts TLS at once on the explicit port")
    assert "switch the client to explicit TLS (AUTH TLS, ftpes)" in line


def test_python_s_ftplib_where_resumption_is_demanded(tmp_path):
    """425 «Operation not permitted» elsewhere: here the user reads the reason, and the log names client and setting."""
    program = (
        "import ftplib, ssl, sys\n"
        f"f = ftplib.FTP_TLS(context=ssl._create_unverified_context()); f.connect('127.0.0.1', int(sys.argv[1]))\n"
        f"f.login('{USER}', '{PASSWORD}'); f.prot_p(); f.sendcmd('CLNT ftplib'); print(f.nlst())\n"
    )
    with running_server(tmp_path, '[tls]\nsession_reuse = "require"\n') as server:
        log = Marked(server)
        done = subprocess.run(
            [sys.executable, "-c", program, str(server.port())], capture_output=True, text=True, timeout=30
        )
        line = log.wait_for("TLS failed (data")
    assert done.returncode
    assert re.search(r"did not resume the session of its control connection", line)
    assert "ftplib" in line
    assert 'set session_reuse = "prefer"' in line


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('certificate = "localhost.crt"\n', "tls.certificates[0].key"),
        ('certificate = "localhost.crt"\nkey = "other.key"\n', "belongs to none of its certificates"),
        ('certificate = "localhost.crt"\nkey = "locked.key"\n', "passphrase"),
    ],
)
def test_a_certificate_without_its_key(tmp_path, table, words):
    """«no certificate assigned», or a prompt at the start: the check says so, and nothing ever asks at a terminal."""
    write_certificate(tmp_path, "localhost")
    write_certificate(tmp_path, "other")
    locked = ["openssl", "pkcs8", "-topk8", "-in", "localhost.key", "-out", "locked.key", "-passout", "pass:x"]
    subprocess.run(locked, cwd=tmp_path, check=True, timeout=30)
    (tmp_path / "locked.key").chmod(0o600)
    (tmp_path / "f.toml").write_text(f"[[tls.certificates]]\n{table}")
    command = [sys.executable, "-m", "ftpstwist.cli.main", "check", "--config", str(tmp_path / "f.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert words in done.stdout + done.stderr
