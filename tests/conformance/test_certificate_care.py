"""Certificates replaced while the server runs, and an authority of one's own, with a real server and real clients."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ftpstwist.cli.main import main
from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import load_pair
from ftpstwist.tls.own_authority import write_bundle
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.support.client import connected, logged_in
from tests.support.observe import Marked, assert_no_traceback, eventually, fingerprint, write_certificate
from tests.support.server import PASSWORD, USER, running_server

WATCHED = "[tls]\nwatch_interval = 0.1\n"
PAIR = '[[tls.certificates]]\ncertificate = "{0}/fullchain.pem"\nkey = "{0}/privkey.pem"\n'


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def shown_by(server) -> str:
    """Return the fingerprint of the certificate that a new session gets."""
    with connected(server).auth() as client:
        return fingerprint(client.sock)


def new_files(folder, name):
    """Make a pair as ACME clients name the files; return its fingerprint."""
    folder.mkdir(parents=True)
    certificate, key = write_pair(make_self_signed([name], now=datetime.now(UTC)), folder)
    certificate.rename(folder / "fullchain.pem")
    key.rename(folder / "privkey.pem")
    return fingerprint(folder / "fullchain.pem")


# --- replaced files -------------------------------------------------------------------------------


def session(server, name) -> str:
    """A session with a transfer each way; return the certificate that it saw."""
    with logged_in(server) as client:
        shown = fingerprint(client.sock)
        assert client.upload(f"STOR {name}", name.encode()).code == 226
        octets, answer = client.download(f"RETR {name}")
        assert (octets, answer.code) == (name.encode(), 226)
        assert client.code("QUIT") == 221
    return shown


def keep_busy(server, client, done) -> set[str]:
    """Ten sessions one after the other, and more until *done*; return the certificates that they saw."""
    seen = set()
    for number in range(1000):
        if number >= 10 and done.is_set():
            break
        seen.add(session(server, f"file-{client}-{number % 10}"))
    return seen


def test_sessions_do_not_fail_while_certificates_are_replaced(tmp_path):
    """K12: ten swaps by atomic rename under a load of sessions; every session works from its beginning to its end."""
    table = write_certificate(tmp_path, "live")
    known = {fingerprint(tmp_path / "live.crt")}
    with running_server(tmp_path, WATCHED, tables=table) as server, ThreadPoolExecutor(3) as clients:
        done = Event()
        running = [clients.submit(keep_busy, server, client, done) for client in range(3)]
        for swap in range(10):
            write_certificate(tmp_path, f"new{swap}", "live")
            newest = fingerprint(tmp_path / f"new{swap}.crt")
            known.add(newest)
            for ending in ("crt", "key"):
                (tmp_path / f"new{swap}.{ending}").replace(tmp_path / f"live.{ending}")
            eventually(lambda: shown_by(server) == newest, "the swap")  # noqa: B023 - called at once
        done.set()
        seen = set().union(*(each.result() for each in running))
        assert seen <= known
        assert len(seen) > 3
        assert shown_by(server) == newest
        assert_no_traceback(server)


def test_links_of_an_acme_client_are_followed(tmp_path):
    """certbot: live/ holds links into archive/, which are flipped one by one; no hook is needed."""
    live = tmp_path / "live"
    live.mkdir()
    old = new_files(tmp_path / "archive" / "1", "ftp.example.org")
    for name in ("fullchain.pem", "privkey.pem"):
        (live / name).symlink_to(tmp_path / "archive" / "1" / name)
    with running_server(tmp_path, WATCHED, tables=PAIR.format(live)) as server:
        assert shown_by(server) == old
        log = Marked(server)
        new = new_files(tmp_path / "archive" / "2", "ftp.example.org")
        for name in ("fullchain.pem", "privkey.pem"):
            (live / "link").symlink_to(tmp_path / "archive" / "2" / name)
            (live / "link").replace(live / name)
        log.wait_for("certificates were read anew, for their files have changed")
        assert shown_by(server) == new


def test_bad_file_keeps_the_old_certificate(tmp_path):
    """A mistake at night is a line in the log, once, and no outage; the next good pair is taken."""
    table = write_certificate(tmp_path, "live")
    old = fingerprint(tmp_path / "live.crt")
    with running_server(tmp_path, WATCHED, tables=table) as server:
        log = Marked(server)
        (tmp_path / "live.key").write_text("garbage")
        log.wait_for("the new certificates are not used, the old ones stay")
        assert shown_by(server) == old
        write_certificate(tmp_path, "new", "live")
        for ending in ("crt", "key"):
            (tmp_path / f"new.{ending}").replace(tmp_path / f"live.{ending}")
        log.wait_for("certificates were read anew")
        assert shown_by(server) == fingerprint(tmp_path / "live.crt")
        assert log.text.count("the old ones stay") == 1


# --- an authority of one's own --------------------------------------------------------------------


def certificate(*arguments) -> None:
    assert main(["certificate", *map(str, arguments)]) == 0


def curl(server, *options):
    """Fetch a file by curl, without a password."""
    address = f"ftp://127.0.0.1:{server.port()}/hello"
    command = ["curl", "--silent", "--show-error", "--ssl-reqd", "--user", f"{USER}:", "--insecure", *options, address]
    return subprocess.run(list(map(str, command)), capture_output=True, timeout=30)


@needs("curl")
@pytest.mark.interop
def test_user_gets_in_by_certificate_until_it_is_revoked(tmp_path, capsys):
    """From nothing to a login without a password, PEM or .p12, and out again: four commands, no other program, no signal."""
    certificate("ca", "Example CA", "--out", tmp_path)
    printed = capsys.readouterr().out
    configuration = WATCHED + printed[printed.index("[tls.clients]") :].replace("[[accounts", "\n[[accounts")
    certificate("client", "--ca", tmp_path, USER, "--out", tmp_path)
    password = capsys.readouterr().out.partition(".p12: ")[2].split()[0]
    pem = ("--cert", tmp_path / f"{USER}.crt", "--key", tmp_path / f"{USER}.key")
    p12 = ("--cert-type", "P12", "--cert", f"{tmp_path / USER}.p12:{password}")
    with running_server(tmp_path, tables=configuration) as server:
        (server.files / "hello").write_bytes(b"octets")
        for shown in (pem, p12):
            done = curl(server, *shown)
            assert (done.returncode, done.stdout) == (0, b"octets"), done.stderr
        assert curl(server).returncode == 67  # no certificate, no password
        log = Marked(server)
        certificate("revoke", "--ca", tmp_path, tmp_path / f"{USER}.crt")
        log.wait_for("certificates were read anew")
        assert curl(server, *pem).returncode != 0
        assert "revoked" in log.text
        assert_no_traceback(server)


@needs("keytool")
@pytest.mark.interop
def test_java_reads_the_bundle(tmp_path, capsys):
    """Java's clients take the .p12 as it is."""
    certificate("ca", "Example CA", "--out", tmp_path)
    certificate("client", "--ca", tmp_path, "alice", "--out", tmp_path)
    password = capsys.readouterr().out.partition(".p12: ")[2].split()[0]
    command = ["keytool", "-list", "-keystore", tmp_path / "alice.p12", "-storepass", password]
    done = subprocess.run(command, capture_output=True, timeout=60, text=True)
    assert done.returncode == 0, done.stdout
    assert "PrivateKeyEntry" in done.stdout


def respond(folder, *, hours):
    """Write an OCSP response for the server's certificate, as the authority's responder would."""
    now = datetime.now(UTC)
    authority = load_pair(folder / "ca.crt", folder / "ca.key", now=now)
    server = x509.load_pem_x509_certificate((folder / "localhost.crt").read_bytes())
    response = ocsp.OCSPResponseBuilder().add_response(
        server,
        authority.leaf,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.GOOD,
        now - timedelta(hours=1),
        now + timedelta(hours=hours),
        None,
        None,
    )
    response = response.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.leaf).sign(
        authority.key, hashes.SHA256()
    )
    (folder / "new.ocsp").write_bytes(response.public_bytes(Encoding.DER))
    (folder / "server.ocsp").unlink(missing_ok=True)
    (folder / "new.ocsp").replace(folder / "server.ocsp")
    return f"Next Update: {(now + timedelta(hours=hours)):%b %e %H:%M:%S %Y} GMT"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A server whose certificate comes from an authority made by the command line, in a locked bundle, with a staple."""
    folder = tmp_path_factory.mktemp("own")
    certificate("ca", "Example CA", "--out", folder)
    certificate("server", "--ca", folder, "localhost", "127.0.0.1", "--out", folder)
    signed = load_pair(folder / "localhost.crt", folder / "localhost.key", now=datetime.now(UTC))
    write_bundle(signed, folder / "server.p12", Secret("open sesame"), name="server")
    (folder / "localhost.key").unlink()
    respond(folder, hours=1)
    command = json.dumps([sys.executable, "-c", "print('open sesame')"])
    table = f'[[tls.certificates]]\nbundle = "server.p12"\npassphrase_command = {command}\nstaple = "server.ocsp"\n'
    with running_server(folder, WATCHED, tables=table) as server:
        yield server


@needs("curl")
@pytest.mark.interop
@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_curl_trusts_the_authority_and_no_one_else(own, tmp_path, service):
    """From nothing to a verified transfer: the FAQ's first question in two commands."""
    (own.files / "hello").write_bytes(b"octets")
    scheme = "ftps" if service == "implicit" else "ftp"
    command = ["curl", "--silent", "--show-error", "--ssl-reqd", "--disable-epsv", "--user", f"{USER}:{PASSWORD}"]
    command.append(f"{scheme}://127.0.0.1:{own.port(service)}/hello")
    done = subprocess.run([*command, "--cacert", own.folder / "ca.crt"], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, b"octets"), done.stderr
    certificate("ca", "Example CA", "--out", tmp_path)
    done = subprocess.run([*command, "--cacert", tmp_path / "ca.crt"], capture_output=True, timeout=30)
    assert done.returncode == 60
    assert done.stdout == b""


@needs("openssl")
@pytest.mark.interop
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_gets_the_staple_and_its_successor(own, version):
    """RFC 6066 section 8: a client that asks for the status gets it, verified; a new file is taken by itself."""

    def status():
        done = subprocess.run(
            [
                "openssl",
                "s_client",
                version,
                "-status",
                "-verify_return_error",
                *("-CAfile", own.folder / "ca.crt"),
                *("-connect", f"127.0.0.1:{own.port('implicit')}"),
            ],
            input=b"QUIT\r\n",
            capture_output=True,
            timeout=30,
        )
        assert b"Verify return code: 0 (ok)" in done.stdout, done.stderr
        return done.stdout.decode()

    assert "Cert Status: good" in status()
    end = respond(own.folder, hours=50)
    eventually(lambda: end in status(), "the new staple")


def test_python_trusts_the_authority_strictly(own):
    """Python 3.13 and later take RFC 5280 at its word: extensions, usages, names."""
    context = ssl.create_default_context(cafile=own.folder / "ca.crt")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", own.port("implicit")), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as private:
            assert private.recv(3) == b"220"
    assert_no_traceback(own)
