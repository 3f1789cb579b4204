"""The small authority: what it signs, what it refuses, and how it revokes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftpstwist.session.identity import Secret
from ftpstwist.tls.description import UnknownFileError, describe
from ftpstwist.tls.own_authority import (
    Authority,
    AuthorityError,
    ClientNames,
    make_authority,
    read_authority,
    read_crl,
    write_authority,
    write_bundle,
    write_crl,
)
from ftpstwist.tls.selfsigned import write_pair
from tests.tls.tls_support import NOW, pair

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def made():
    return make_authority("Example CA", now=NOW)


@pytest.fixture(scope="module")
def authority(made):
    return Authority(made)


def value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30, **options)


def test_authority_signs_no_other_authorities(made):
    """Whoever gets one of its certificates can not make more."""
    constraints = value(made.leaf, x509.BasicConstraints)
    assert (constraints.ca, constraints.path_length) == (True, 0)
    usage = value(made.leaf, x509.KeyUsage)
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature


def test_server_certificate_holds_names_and_addresses(authority, made):
    """One certificate is good for all names of a server."""
    signed = authority.sign_server(["ftp.example.org", "*.example.org", "127.0.0.1", "::1"], now=NOW)
    assert signed.server_names == ("ftp.example.org", "*.example.org")
    assert signed.addresses == ("127.0.0.1", "::1")
    assert list(value(signed.leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert signed.chain[1] == made.leaf
    signed.leaf.verify_directly_issued_by(made.leaf)


def test_client_certificate_is_for_users_only(authority):
    """A user's certificate can not be put on a server, and names the user in every way that can be mapped."""
    names = ClientNames("alice", ["alice@example.org"], ["spiffe://example.org/alice"])
    signed = authority.sign_client(names, now=NOW)
    assert list(value(signed.leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    alternatives = value(signed.leaf, x509.SubjectAlternativeName)
    assert alternatives.get_values_for_type(x509.RFC822Name) == ["alice@example.org"]
    assert alternatives.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.org/alice"]


def test_nothing_outlives_the_authority():
    """No certificate is left whose issuer has expired before it."""
    made = make_authority("Short", now=NOW, days=10)
    assert (
        Authority(made).sign_server(["a"], now=NOW, days=100).leaf.not_valid_after_utc == made.leaf.not_valid_after_utc
    )


def test_server_certificate_is_no_authority():
    """The wrong file in the place of the authority is refused."""
    with pytest.raises(AuthorityError, match="not that of an authority"):
        Authority(pair())


def test_serial_numbers_differ(authority):
    """Two certificates for one user can be told apart, and revoked apart."""
    serials = {authority.sign_client(ClientNames("a"), now=NOW).leaf.serial_number for _ in range(3)}
    assert len(serials) == 3


def test_revoked_certificates_stay_revoked(authority):
    """Every new list holds the old one, each certificate once, with the next number."""
    first, second = (authority.sign_client(ClientNames(name), now=NOW).leaf for name in "ab")
    crl = authority.sign_crl(None, [first], now=NOW)
    later = NOW + timedelta(days=1)
    crl = authority.sign_crl(crl, [second, first], now=later)
    assert {entry.serial_number for entry in crl} == {first.serial_number, second.serial_number}
    assert len(crl) == 2
    assert value(crl, x509.CRLNumber).crl_number == 2
    entry = crl.get_revoked_certificate_by_serial_number(first.serial_number)
    assert abs(entry.revocation_date_utc - NOW) < timedelta(seconds=1)


def test_certificates_and_lists_of_others_are_refused(authority):
    """A slip can not put a stranger's serial number on the list, or lose the list."""
    other = Authority(make_authority("Example CA", now=NOW))
    with pytest.raises(AuthorityError, match="not from this authority"):
        authority.sign_crl(None, [other.sign_client(ClientNames("a"), now=NOW).leaf], now=NOW)
    with pytest.raises(AuthorityError, match="not from this authority"):
        authority.sign_crl(other.sign_crl(None, now=NOW), now=NOW)


def test_files_are_read_again_and_never_overwritten(made, authority, tmp_path):
    """The authority survives in its directory; making a second one there changes nothing."""
    paths = write_authority(made, tmp_path, now=NOW)
    before = [path.read_bytes() for path in paths]
    assert stat.S_IMODE(paths[1].stat().st_mode) == 0o600
    for path in paths:
        kept = path.read_bytes()
        with pytest.raises(FileExistsError):
            write_authority(make_authority("Other", now=NOW), tmp_path, now=NOW)
        assert path.read_bytes() == kept
    assert [path.read_bytes() for path in paths] == before
    signed = read_authority(tmp_path, now=NOW).sign_client(ClientNames("alice"), now=NOW)
    signed.leaf.verify_directly_issued_by(made.leaf)


def test_list_is_replaced_as_a_whole(authority, tmp_path):
    """A server that reads the list meanwhile sees the old one or the new one."""
    path = tmp_path / "ca.crl"
    assert read_crl(path) is None
    write_crl(authority.sign_crl(None, now=NOW), path)
    revoked = authority.sign_client(ClientNames("a"), now=NOW).leaf
    write_crl(authority.sign_crl(read_crl(path), [revoked], now=NOW), path)
    assert len(read_crl(path)) == 1
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("nothing")
    with pytest.raises(AuthorityError, match="no list of revoked"):
        read_crl(path)


@needs_openssl
@pytest.mark.interop
def test_openssl_agrees(made, authority, tmp_path):
    """Strict verification by another program: purposes, names, revocation."""
    ca = write_authority(made, tmp_path, now=NOW)[0]
    server = write_pair(authority.sign_server(["ftp.example.org"], now=NOW), tmp_path, "server")[0]
    client_pair = authority.sign_client(ClientNames("alice", ["a@example.org"]), now=NOW)
    client = write_pair(client_pair, tmp_path, "client")[0]
    strict = ["verify", "-x509_strict", "-CAfile", ca]
    assert openssl(*strict, "-purpose", "sslserver", "-verify_hostname", "ftp.example.org", server).returncode == 0
    assert openssl(*strict, "-purpose", "sslclient", client).returncode == 0
    assert openssl(*strict, "-purpose", "sslserver", client).returncode != 0
    assert openssl(*strict, "-purpose", "sslclient", server).returncode != 0
    crl = tmp_path / "ca.crl"
    with_list = [*strict, "-crl_check", "-CRLfile", crl]
    assert openssl(*with_list, client).returncode == 0
    write_crl(authority.sign_crl(read_crl(crl), [client_pair.leaf], now=NOW), crl)
    refused = openssl(*with_list, client)
    assert refused.returncode != 0
    assert "revoked" in refused.stderr


@needs_openssl
@pytest.mark.interop
def test_openssl_opens_bundle(authority, tmp_path):
    """What browsers and FileZilla import is encrypted, and holds certificate, authority and key."""
    path = tmp_path / "alice.p12"
    write_bundle(authority.sign_client(ClientNames("alice"), now=NOW), path, Secret("open sesame"), name="alice")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = openssl("pkcs12", "-in", path, "-noenc", "-passin", "stdin", input="open sesame\n")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.count("BEGIN CERTIFICATE") == 2
    assert "BEGIN PRIVATE KEY" in opened.stdout
    assert openssl("pkcs12", "-in", path, "-noenc", "-passin", "stdin", input="wrong\n").returncode != 0


# --- what is in a file ----------------------------------------------------------------------------


def rows(part):
    return dict(part.rows)


def test_file_is_described(authority, made, tmp_path):
    """An operator sees names, purpose, time left, fingerprint and order without another program."""
    signed = authority.sign_server(["ftp.example.org"], now=NOW, days=31)
    certificate, key = write_pair(signed, tmp_path)
    parts = describe(certificate.read_bytes() + key.read_bytes(), now=NOW)
    assert [part.title for part in parts] == ["certificate", "certificate", "private key"]
    leaf, above, private = map(rows, parts)
    assert leaf["good for"] == "ftp.example.org"
    assert leaf["purpose"] == "servers"
    assert "30 days left" in leaf["valid"]
    assert leaf["issuer"] == "CN=Example CA"
    assert above["order"] == "has issued the one before"
    assert private["kind"] == "ECDSA, secp256r1"
    wrong = made.leaf.public_bytes(Encoding.PEM) + signed.leaf.public_bytes(Encoding.PEM)
    assert "NOT" in rows(describe(wrong, now=NOW)[1])["order"]
    assert "EXPIRED" in rows(describe(certificate.read_bytes(), now=NOW + timedelta(days=32))[0])["valid"]


def test_list_and_bundle_are_described(authority, tmp_path):
    """Revocation lists and .p12 files, too; a wrong password and other files are told."""
    revoked = authority.sign_client(ClientNames("alice"), now=NOW)
    crl = authority.sign_crl(None, [revoked.leaf], now=NOW).public_bytes(Encoding.PEM)
    assert rows(describe(crl, now=NOW)[0])["revoked"] == f"1: {revoked.leaf.serial_number:x}"
    path = tmp_path / "alice.p12"
    write_bundle(revoked, path, Secret("x"), name="alice")
    assert [part.title for part in describe(path.read_bytes(), Secret("x"), now=NOW)] == [
        "certificate",
        "certificate",
        "private key",
    ]
    for octets in (path.read_bytes(), b"nothing"):
        with pytest.raises(UnknownFileError, match="password"):
            describe(octets, Secret("y"), now=NOW)
    with pytest.raises(UnknownFileError, match="damaged"):
        describe(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", now=NOW)
