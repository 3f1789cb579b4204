"""PKCS#12 bundles, ours and those of other programs, are judged as PEM files are."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from ftpstwist.session.identity import Secret
from ftpstwist.tls.bundle import load_bundle
from ftpstwist.tls.certificate import CertificateError
from ftpstwist.tls.selfsigned import write_pair
from tests.tls.tls_support import NOW, authority, pair

SECRET = Secret("open sesame")


@pytest.fixture
def write(tmp_path):
    def write(octets):
        path = tmp_path / "x.p12"
        path.write_bytes(octets)
        path.chmod(0o600)
        return path

    return write


def causes(path, passphrase=None):
    with pytest.raises(CertificateError) as caught:
        load_bundle(path, passphrase, now=NOW)
    return [complaint.cause for complaint in caught.value.complaints]


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("key_type", ["ECDSA", "RSA"])
def test_bundle_of_openssl_is_read(tmp_path, key_type):
    """What another program exported serves as it is, with its chain in order."""
    known = pair(key_type=key_type, chained=True)
    certificate, key = write_pair(known, tmp_path)
    path = tmp_path / "x.p12"
    command = ["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", path, "-passout", "stdin"]
    subprocess.run(command, input=SECRET.reveal(), text=True, check=True, timeout=30)
    path.chmod(0o600)
    read = load_bundle(path, SECRET, now=NOW)
    assert read.chain == known.chain
    assert read.key_type == key_type
    assert read.complaints == ()


def test_bundle_without_passphrase_opens_without(write):
    """Some programs export none; the file's mode protects it."""
    known = pair(chained=True)
    path = write(serialize_key_and_certificates(b"x", known.key, known.leaf, known.chain[1:], NoEncryption()))
    assert load_bundle(path, now=NOW).chain == known.chain


def test_what_is_missing_is_named(write, tmp_path):
    """Key, certificate, file, or the right key: each is told by itself."""
    known = pair()
    without_key = serialize_key_and_certificates(None, None, known.leaf, None, NoEncryption())
    assert causes(write(without_key)) == ["it holds no RSA, ECDSA or Ed25519 key"]
    without_certificate = serialize_key_and_certificates(None, known.key, None, None, NoEncryption())
    assert causes(write(without_certificate)) == ["it holds no certificate"]
    other = serialize_key_and_certificates(None, known.key, None, [authority()[0]], NoEncryption())
    assert any("belongs to none of its certificates" in cause for cause in causes(write(other)))
    assert causes(write(b"garbage")) == ["it is no PKCS#12 file, or has a passphrase and none is set"]
    assert causes(write(b"garbage"), SECRET) == ["the passphrase is wrong, or it is no PKCS#12 file"]
    assert causes(tmp_path / "none") == ["can not be read (No such file or directory)"]
