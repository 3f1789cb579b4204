"""``ftpstwist check-cert`` as an operator meets it: whose a certificate is, rule by rule."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftpstwist.cli.main import main
from tests.support.authority import DAY, NOW, Authority, issue, write_list

CONFIG = """
[tls.clients]
ask = "optional"
authorities = ["staff.pem"]
revocation_lists = ["staff.crl"]
[accounts]
users = "users.toml"
[[accounts.certificates.rules]]
field = "email"
match = "template"
value = "{user}@example.org"
[[accounts.certificates.rules]]
field = "subject.CN"
match = "template"
value = "{user}"
"""


class House:
    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.staff = Authority("Staff")
        self.staff.write(folder, "staff")
        self.revoke()
        self.configure()
        self.write_users("[users.alice]\n[users.both]\ncertificate_mode = 'certificate-and-password'\n")

    def configure(self, *changes):
        text = CONFIG
        for old, new in changes:
            text = text.replace(old, new)
        (self.folder / "ftps.toml").write_text(text)

    def write_users(self, text):
        file = self.folder / "users.toml"
        file.write_text(text)
        file.chmod(0o600)

    def revoke(self, *issued, **options):
        write_list(self.folder / "staff.crl", self.staff.revoke(*issued, **options))

    def ask(self, issued):
        file = issued.write(self.folder, "client")
        status = main(["check-cert", str(file), "--config", str(self.folder / "ftps.toml")])
        return status, *self.capsys.readouterr()


@pytest.fixture
def house(tmp_path, capsys):
    return House(tmp_path, capsys)


def test_a_mapped_one(house):
    """Every rule tells what it found; the last line says what that is worth."""
    issued = house.staff.issue("alice")
    status, out, err = house.ask(issued)
    assert (status, err) == (0, "")
    assert "Subject: CN=alice\n" in out
    assert "Issuer: CN=Staff,O=Test\n" in out
    assert f"Certificate: sha256:{issued.fingerprint}\n" in out
    assert f"Key: spki-sha256:{issued.key_fingerprint}\n" in out
    assert "Handshake: passes; an authority" in out
    assert 'Rule 1 (email template "{user}@example.org"): no user: the certificate has no such field\n' in out
    assert 'Rule 2 (subject.CN template "{user}"): alice, decides\n' in out
    assert out.endswith(
        'It is that of alice, whose mode is "certificate-or-password": it logs in without a password.\n'
    )


def test_the_first_rule_decides(house):
    """A later rule may find somebody else: it is told that it came too late."""
    status, out, _ = house.ask(house.staff.issue("alice", x509.RFC822Name("both@example.org")))
    assert status == 0
    assert "both, decides" in out
    assert "alice, too late" in out
    assert 'It is that of both, whose mode is "certificate-and-password": it does not do without the password.' in out
    assert "It is that of alice" not in out


def test_a_user_that_is_not_there(house):
    """A rule makes users of names; whether there is such a user is another question."""
    status, out, _ = house.ask(house.staff.issue("eve"))
    assert status == 0
    assert "It is that of eve" in out
    assert "but the users file has no such user" in out


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda house: house.staff.issue("alice", end=NOW - DAY / 2), "Handshake: fails: it is not valid now"),
        (
            lambda house: house.staff.issue("alice", usage=(ExtendedKeyUsageOID.SERVER_AUTH,)),
            "Handshake: fails: it is not meant for clients",
        ),
        (lambda _: Authority("Other").issue("alice"), "Handshake: fails: unable to get local issuer certificate"),
        (lambda _: issue("alice"), "Handshake: fails: self-signed certificate"),
    ],
    ids=["expired", "server", "other authority", "self-signed"],
)
def test_one_that_is_refused(house, make, words):
    """The reason is the one the handshake would have."""
    status, out, _ = house.ask(make(house))
    assert status == 1
    assert words in out
    assert out.endswith("It is nobody's: it logs nobody in.\n")


def test_a_revoked_one(house):
    """The lists of the configuration count here, too; an expired one as the configuration says."""
    issued, other = house.staff.issue("alice"), house.staff.issue("alice")
    house.revoke(issued, end=NOW - DAY)
    assert "Handshake: fails: CN=alice has been revoked" in house.ask(issued)[1]
    assert "Handshake: fails: the revocation list of CN=Staff,O=Test has ended" in house.ask(other)[1]
    house.configure(("[accounts]", 'expired_lists = "accept"\n[accounts]'))
    assert house.ask(other)[0] == 0
    assert house.ask(issued)[0] == 1


def test_a_pinned_one(house):
    """The entry that names it is told, and that rules do not look at what nobody vouches for."""
    issued = issue("both")
    house.configure(("[accounts]", 'unknown = "admit"\n[accounts]'))
    house.write_users(f'[users.alice]\ncertificates = ["spki-sha256:{issued.key_fingerprint.upper()}"]\n')
    status, out, _ = house.ask(issued)
    assert status == 0
    assert "Handshake: passes, but is not trusted: self-signed certificate" in out
    assert f"Entry of alice in the users file: names spki-sha256:{issued.key_fingerprint}\n" in out
    assert "Rules: not looked at" in out
    assert "It is that of alice" in out
    assert house.ask(issue("both"))[0] == 1


def test_nobody_is_asked(house):
    """A configuration that asks no client for a certificate makes every one nobody's."""
    house.configure(('"optional"', '"off"'))
    status, out, _ = house.ask(house.staff.issue("alice"))
    assert status == 1
    assert "no client is asked for a certificate" in out


def test_der_and_nonsense(house, tmp_path, capsys):
    """A file in DER is as good; what is none is said to be none."""
    der, text = tmp_path / "client.der", tmp_path / "text"
    der.write_bytes(house.staff.issue("alice").certificate.public_bytes(Encoding.DER))
    config = str(tmp_path / "ftps.toml")
    assert main(["check-cert", str(der), "--config", config]) == 0
    capsys.readouterr()
    text.write_text("no certificate")
    assert main(["check-cert", str(text), "--config", config]) == 1
    assert capsys.readouterr().err == f"{text} holds no certificate. Give one in PEM or DER form.\n"
    assert main(["check-cert", str(tmp_path / "missing"), "--config", config]) == 1
    house.configure(("staff.crl", "missing.crl"))
    assert main(["check-cert", str(der), "--config", config]) == 1
    assert "missing.crl: can not be read" in capsys.readouterr().err
