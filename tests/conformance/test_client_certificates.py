"""Client certificates with real TLS clients (RFC 4217 sections 12 and 15.1.2, RFC 2228 reply 232; T2, T20, T25)."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.authority import DAY, NOW, Authority, issue, name, write_list
from tests.support.client import Client, connected, tls_context
from tests.support.observe import eventually
from tests.support.server import PASSWORD, Server, running_server

VERSIONS = ["TLSv1_2", "TLSv1_3"]
RULES = """
[[accounts.certificates.rules]]
field = "email"
match = "template"
value = "{user}@example.org"
[[accounts.certificates.rules]]
field = "subject.CN"
match = "template"
value = "{user}"
issuer = "CN=Staff,O=Test"
"""
USERS = """
[users.bob]
password = "HASH"
[users.strict]
password = "HASH"
certificate_mode = "certificate"
[users.both]
password = "HASH"
certificate_mode = "certificate-and-password"
[users.trusted]
password = "HASH"
certificate_mode = "trusted-certificate-and-password"
[users.gone]
password = "HASH"
disabled = true
"""


@dataclass(frozen=True)
class World:
    """Authorities, what they issued, and where the files are."""

    folder: Path
    staff: Authority
    partners: Authority
    strangers: Authority
    revoked: Path

    def certificate(self, stem: str, authority: Authority | None = None, **options) -> Path:
        return (authority or self.staff).issue(stem, **options).write(self.folder, stem)

    @property
    def revocation_list(self) -> Path:
        return self.folder / "staff.crl"

    def config(self, **settings: str) -> str:
        clients = {
            "ask": '"optional"',
            "authorities": f'["{self.folder}/staff.pem", "{self.folder}/partners.pem"]',
            "revocation_lists": f'["{self.revocation_list}"]',
            **settings,
        }
        return "[tls.clients]\n" + "\n".join(f"{key} = {value}" for key, value in clients.items())


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("authorities")
    staff, partners, strangers = Authority("Staff"), Authority("Partners"), Authority("Strangers")
    staff.write(folder, "staff")
    partners.write(folder, "partners")
    revoked = staff.issue("alice")
    write_list(folder / "staff.crl", staff.revoke(revoked))
    return World(folder, staff, partners, strangers, revoked.write(folder, "revoked"))


@pytest.fixture(scope="module")
def server(world, tmp_path_factory):
    """A server that asks for certificates, and maps those of its staff."""
    with running_server(tmp_path_factory.mktemp("ftps"), world.config(), USERS, tables=RULES) as server:
        yield server


@pytest.fixture(scope="module")
def alice(world) -> Path:
    return world.certificate("alice")


def protected(server: Server, certificate: Path | None, version: str = "TLSv1_3") -> Client:
    return connected(server, version=version, certificate=certificate).auth()


def is_refused(server: Server, certificate: Path | None, version: str = "TLSv1_3") -> bool:
    """Whether the handshake fails; under TLS 1.3 the client learns it when it next reads."""
    with connected(server, version=version, certificate=certificate) as client:
        try:
            client.auth()
            client.do("NOOP")
        except (ssl.SSLError, ConnectionError):
            return True
    return False


# --- the login ---


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mapped_certificate_logs_in_at_user(server, alice, version):
    """T20: no password is needed, and files go over data connections of the same certificate."""
    with protected(server, alice, version) as client:
        assert client.code("PWD") == 530  # T2: USER is still required
        assert client.code("USER alice") == 232
        client.protect()
        assert client.upload(f"STOR mapped-{version}", b"hello").code == 226
        assert client.download(f"RETR mapped-{version}")[0] == b"hello"
    assert '"method": "certificate"' in server.log("events.json").replace('":"', '": "')


def test_a_password_after_232_is_superfluous(server, alice):
    """Clients that send USER and PASS in any case go on; what they sent is not looked at."""
    with protected(server, alice) as client:
        assert client.code("USER alice") == 232
        assert client.code("PASS wrong") == 202
        assert client.code("PWD") == 257


@pytest.mark.parametrize("user", ["bob", "gone", "nobody", "ALICE", "alice@example.org"])
def test_the_certificate_of_another_user_changes_nothing(server, alice, user):
    """T20: 331, as without one; the log says which rule failed and why."""
    with protected(server, alice) as client:
        assert client.code(f"USER {user}") == 331
        assert client.code("PWD") == 530
        assert client.code(f"PASS {PASSWORD}") == (230 if user == "bob" else 530)
    assert "rule 2 (subject.CN template" in server.log()


def test_without_a_certificate_the_password_is_asked_for(server):
    """«optional» is optional."""
    with protected(server, None) as client:
        client.login()


def test_a_new_user_begins_anew(server, alice):
    """USER for another account ends the login by certificate, and PASS is wanted again."""
    with protected(server, alice) as client:
        assert client.code("USER alice") == 232
        assert client.code("USER bob") == 331
        assert client.code("PWD") == 530
        assert client.code("PASS wrong") == 530
        assert client.code("USER alice") == 232


def test_host_ends_the_login_that_needs_no_password(server, alice):
    """A PASS that follows a reset is out of sequence, whatever was before."""
    with protected(server, alice) as client:
        assert client.code("USER alice") == 232
        assert client.code("USER bob") == 331
        assert client.code("HOST 127.0.0.1") == 220
        assert client.code("PASS x") == 503


def test_a_mode_of_both_needs_both(world, server):
    """`certificate-and-password`: neither the certificate nor the password is enough."""
    own = world.certificate("both")
    with protected(server, own) as client:
        assert client.code("USER both") == 331
        assert client.code("PASS wrong") == 530
        client.login("both")
    with protected(server, None) as client:
        assert client.code("USER both") == 331
        assert client.code(f"PASS {PASSWORD}") == 530
    with protected(server, world.certificate("other")) as client:
        assert client.code("USER both") == 331
        assert client.code(f"PASS {PASSWORD}") == 530


def test_a_mode_of_certificate_takes_no_password(world, server):
    """`certificate`: the right password is refused like a wrong one."""
    with protected(server, None) as client:
        assert client.code("USER strict") == 331
        assert client.code(f"PASS {PASSWORD}") == 530
    with protected(server, world.certificate("strict")) as client:
        assert client.code("USER strict") == 232


def test_a_mode_of_trusted_takes_any_trusted_one(world, server):
    """`trusted-certificate-and-password`: whose it is does not matter, that it is there does."""
    with protected(server, world.certificate("somebody", world.partners)) as client:
        client.login("trusted")
    with protected(server, None) as client:
        assert client.code("USER trusted") == 331
        assert client.code(f"PASS {PASSWORD}") == 530


def test_another_name_of_the_certificate(world, server):
    """The first rule that finds a user decides, here the e-mail address."""
    file = world.staff.issue("x", x509.RFC822Name("bob@example.org")).write(world.folder, "email")
    with protected(server, file) as client:
        assert client.code("USER x") == 331
        assert client.code("USER bob") == 232


def test_a_rule_holds_for_its_issuer_only(world, server):
    """An authority that is trusted, but not for this, makes no users."""
    with protected(server, world.certificate("alice-of-partners", world.partners)) as client:
        assert client.code("USER alice-of-partners") == 331
    file = world.partners.issue("alice").write(world.folder, "partner-alice")
    with protected(server, file) as client:
        assert client.code("USER alice") == 331
    assert "it was issued by CN=Partners,O=Test" in server.log()


def test_a_nul_in_a_name_makes_no_user(world, server):
    """«alice» in front of a NUL is not alice; a certificate like that is nobody's at all."""
    file = world.staff.issue(name(("CN", "alice\0.example.com"))).write(world.folder, "nul")
    email = world.staff.issue("x", x509.RFC822Name("alice@example.org\0.example.com")).write(world.folder, "nul-email")
    for each in (file, email):
        with protected(server, each) as client:
            assert client.code("USER alice") == 331
    assert "there is a control character in one of its names" in server.log()


def test_two_common_names_are_ambiguous(world, server):
    """Nobody knows which of the two the authority has checked."""
    file = world.staff.issue(name(("CN", "alice"), ("CN", "bob"))).write(world.folder, "two")
    with protected(server, file) as client:
        assert client.code("USER alice") == 331
        assert client.code("USER bob") == 331
    assert "the certificate has 2 of them, which is ambiguous" in server.log()


# --- the handshake ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["expired", "early", "server", "stranger", "self-signed", "revoked"])
def test_a_bad_certificate_is_refused(world, server, version, kind):
    """No handshake, no login, and one line in the log with cause and remedy."""
    makers = {
        "expired": lambda: world.certificate("expired", start=NOW - 9 * DAY, end=NOW - DAY),
        "early": lambda: world.certificate("early", start=NOW + DAY),
        "server": lambda: world.certificate("server", usage=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "stranger": lambda: world.certificate("stranger", world.strangers),
        "self-signed": lambda: issue("self").write(world.folder, "self"),
        "revoked": lambda: world.revoked,
    }
    words = {
        "expired": "it has expired",
        "early": "it is not valid yet",
        "server": "it is not meant for clients",
        "stranger": "no authority of ours vouches for it",
        "self-signed": "no authority of ours vouches for it",
        "revoked": "it has been revoked",
    }
    before = server.log().count(words[kind])
    assert is_refused(server, makers[kind](), version)
    eventually(lambda: server.log().count(words[kind]) > before)


def test_a_list_of_one_authority_does_not_hold_up_another(world, server):
    """Partners publish no revocation list: that of the staff says nothing about them."""
    with protected(server, world.certificate("partner", world.partners)) as client:
        client.login()


def test_certificates_of_an_authority_below(world, server):
    """The client sends what is between; both the list of the root and the missing one below are right."""
    below = Authority("Department", world.staff)
    with protected(server, world.certificate("deep", below)) as client:
        client.login()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_required_certificate(world, alice, tmp_path, version):
    """«required»: none, no handshake; the log says so. With one, all is well."""
    with running_server(tmp_path, world.config(ask='"required"'), tables=RULES) as server:
        assert is_refused(server, None, version)
        eventually(lambda: "the client showed no certificate, and one is required" in server.log())
        with protected(server, alice, version) as client:
            assert client.code("USER alice") == 232
        with Client("127.0.0.1", server.port("implicit"), implicit=True, certificate=alice) as client:
            assert client.answer().code == 220
            assert client.code("USER alice") == 232


@pytest.mark.parametrize("choice", ["require", "log"])
def test_a_client_that_is_not_where_its_certificate_says(world, tmp_path, choice):
    """It is told so before any login, or stays and only the log tells; one that is in its place notices nothing."""
    here, none = ip_address("127.0.0.1"), ip_address("192.0.2.7")
    good = world.staff.issue("alice", x509.IPAddress(here)).write(world.folder, "here")
    bad = world.staff.issue("alice", x509.IPAddress(none)).write(world.folder, "elsewhere")
    with running_server(tmp_path, world.config(address=f'"{choice}"'), tables=RULES) as server:
        with protected(server, good) as client:
            assert client.code("USER alice") == 232
        with protected(server, None) as client:
            client.login()
        assert "certificate-address" not in server.log()
        with protected(server, bad) as client:
            if choice == "log":
                assert client.code("USER alice") == 232
            else:
                assert client.answer().code == 421
                assert client.is_closed()
        with Client("127.0.0.1", server.port("implicit"), implicit=True, certificate=bad) as client:
            assert client.answer().code == (220 if choice == "log" else 421)
        eventually(lambda: "is for 192.0.2.7, not for 127.0.0.1" in server.log())


# --- data connections ---


@pytest.mark.parametrize("version", VERSIONS)
def test_a_data_connection_with_another_certificate(world, server, alice, version):
    """T25: 522, and no octet of the file."""
    with protected(server, alice, version) as client:
        assert client.code("USER alice") == 232
        client.protect()
        assert client.upload("STOR secret", b"for alice only").code == 226
        for other in (world.certificate("mallory"), None):
            data = client.passive()
            assert client.code("RETR secret") == 150
            context = tls_context(version)
            if other is not None:
                context.load_cert_chain(other)
            received = b""
            try:
                data = context.wrap_socket(data)
                received = data.recv(100)
            except (ssl.SSLError, ConnectionError):
                pass
            data.close()
            assert received == b""
            assert client.answer().code == 522
        full = client.passive()
        assert client.code("RETR secret") == 150
        full = client.wrap_data(full, session=None)
        assert full.recv(100) == b"for alice only"
        full.close()
        assert client.answer().code == 226


# --- without an authority ---


def test_a_pinned_certificate_needs_no_authority(world, tmp_path):
    """A certificate of the user's own making, named in the users file: good for that user and nobody else."""
    own, renewed, other = issue("whatever"), issue("key"), issue("alice")
    pins = f'["sha256:{own.fingerprint}", "spki-sha256:{renewed.key_fingerprint}"]'
    users = f"[users.pinned]\ncertificates = {pins}\n"
    with running_server(tmp_path, world.config(unknown='"admit"'), users, tables=RULES) as server:
        for each in (own, renewed):
            with protected(server, each.write(world.folder, "own")) as client:
                assert client.code("USER alice") == 331
                assert client.code("USER pinned") == 232
                client.protect()
                assert client.upload("STOR file", b"x").code == 226
        with protected(server, other.write(world.folder, "other")) as client:
            assert client.code("USER pinned") == 331
            assert client.code("USER alice") == 331  # its common name says so, but nobody vouches for that
        assert is_refused(server, world.revoked)
        expired = issue("late", start=NOW - 9 * DAY, end=NOW - DAY)
        assert is_refused(server, expired.write(world.folder, "late"))


def test_the_reply_331_for_clients_that_know_no_232(world, alice, tmp_path):
    """The login is complete at PASS, whatever it says."""
    config = world.config() + '\n[accounts.certificates]\nreply = "331"\n'
    with running_server(tmp_path, config, tables=RULES) as server:
        with protected(server, alice) as client:
            assert client.code("USER alice") == 331
            assert client.code("PWD") == 530
            assert client.code("PASS whatever") == 230
        with protected(server, alice) as client:
            assert client.code("USER bob") == 331
            assert client.code("PASS whatever") == 530
        eventually(lambda: "the password of alice was ignored" in server.log())


# --- revocation lists ---


@pytest.mark.one_process
def test_a_new_list_counts_from_sighup_on(world, tmp_path):
    """Who is revoked is kept out without a restart; a broken list changes nothing."""
    authority = Authority("Reloaded")
    authority.write(tmp_path, "reloaded")
    issued = authority.issue("alice")
    file, crl = issued.write(tmp_path, "alice"), tmp_path / "reloaded.crl"
    write_list(crl, authority.revoke())
    config = world.config(authorities=f'["{tmp_path}/reloaded.pem"]', revocation_lists=f'["{crl}"]')
    with running_server(tmp_path / "server", config) as server:
        with protected(server, file) as client:
            client.login()
        crl.write_bytes(b"nonsense")
        os.kill(server.process.pid, signal.SIGHUP)
        eventually(lambda: "no revocation list inside" in server.log())
        with protected(server, file) as client:
            client.login()
        write_list(crl, authority.revoke(issued))
        os.kill(server.process.pid, signal.SIGHUP)
        eventually(lambda: "certificates were read anew" in server.log())
        assert is_refused(server, file)


@pytest.mark.parametrize("choice", ["refuse", "accept"])
def test_an_expired_list(world, tmp_path, choice):
    """Fail closed unless told otherwise; a revoked one stays out in either case."""
    authority = Authority("Late")
    authority.write(tmp_path, "late")
    good, bad = authority.issue("alice"), authority.issue("bob")
    crl = write_list(tmp_path / "late.crl", authority.revoke(bad, end=NOW - DAY))
    config = world.config(
        authorities=f'["{tmp_path}/late.pem", "{world.folder}/staff.pem"]',
        revocation_lists=f'["{crl}"]',
        expired_lists=f'"{choice}"',
    )
    with running_server(tmp_path / "server", config) as server:
        assert is_refused(server, good.write(tmp_path, "good")) is (choice == "refuse")
        assert is_refused(server, bad.write(tmp_path, "bad"))
        assert not is_refused(server, world.certificate("alice"))  # another authority's
        assert ("the revocation list of its issuer has ended" in server.log()) is (choice == "refuse")


# --- programs ---


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_curl(server, alice, tmp_path):
    """A user of curl --cert logs in without a password, and moves files."""
    file = tmp_path / "up"
    file.write_bytes(b"by curl" * 1000)
    url = f"ftp://127.0.0.1:{server.port()}/curl"
    common = ["curl", "-sS", "--ssl-reqd", "-k", "--cert", str(alice), "--user", "alice:unused", "--max-time", "20"]
    subprocess.run([*common, "-T", str(file), url], check=True, timeout=30)
    fetched = subprocess.run([*common, url], check=True, timeout=30, capture_output=True).stdout
    assert fetched == file.read_bytes()


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("lftp") is None, reason="no lftp")
def test_lftp(server, alice, tmp_path):
    """A user of lftp with ssl:cert-file and ssl:key-file logs in without a right password, and moves files."""
    (tmp_path / "up").write_bytes(b"by lftp" * 1000)
    script = (
        "set net:max-retries 1; set net:timeout 10; set ssl:verify-certificate no; set ftp:ssl-force yes;"
        f"set ftp:ssl-protect-data yes; set ssl:cert-file {alice}; set ssl:key-file {alice};"
        f"open -u alice,unused ftp://127.0.0.1:{server.port()};"
        f"put {tmp_path}/up -o lftp; get lftp -o {tmp_path}/down; bye"
    )
    subprocess.run(["lftp", "-c", script], check=True, timeout=30)
    assert (tmp_path / "down").read_bytes() == (tmp_path / "up").read_bytes()
