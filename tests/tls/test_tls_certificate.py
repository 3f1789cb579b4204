"""Certificate files: everything that is wrong with them is said at once."""

import hashlib
import os
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftpstwist.interfaces import Severity
from ftpstwist.session.identity import Secret
from ftpstwist.tls import certificate as certificates
from ftpstwist.tls.certificate import CertificateError, fingerprint, load_pair
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.tls.tls_support import NOW, authority, intermediate, issue, pair, private_key

PEM = serialization.Encoding.PEM


def write_chain(path, *chain):
    path.write_bytes(b"".join(each.public_bytes(PEM) for each in chain))
    return path


def write_key(path, key, passphrase=None, mode=0o600):
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption))
    path.chmod(mode)
    return path


def files(tmp_path, chain, key, **settings):
    return write_chain(tmp_path / "server.crt", *chain), write_key(tmp_path / "server.key", key, **settings)


def complaints_of(*paths, passphrase=None, now=NOW):
    """Return (severity, text) of all complaints, whether the pair was refused or not."""
    try:
        found = load_pair(*paths, passphrase, now=now).complaints
    except CertificateError as refused:
        found = refused.complaints
        assert any(each.severity is Severity.ERROR for each in found)
    else:
        assert all(each.severity is Severity.WARNING for each in found)
    return [(each.severity, str(each)) for each in found]


def test_a_good_pair_is_loaded_without_complaint(tmp_path):
    """A full chain as every ACME client writes it just works."""
    good = pair(chained=True)
    loaded = load_pair(*files(tmp_path, good.chain, good.key), now=NOW)
    assert loaded.chain == good.chain
    assert loaded.complaints == ()
    assert loaded.server_names == ("ftp.example.org",)
    assert loaded.key_type == "ECDSA"


def test_certificate_and_key_may_be_one_file(tmp_path):
    """A combined PEM file, as other servers use it, is accepted for both."""
    good = pair()
    path = write_key(tmp_path / "both.pem", good.key)
    path.write_bytes(good.leaf.public_bytes(PEM) + path.read_bytes())
    assert load_pair(path, path, now=NOW).leaf == good.leaf


@pytest.mark.parametrize("key_type", ["RSA", "Ed25519"])
def test_other_key_types_are_loaded(tmp_path, key_type):
    """RSA and Ed25519 certificates serve as well."""
    key = ed25519.Ed25519PrivateKey.generate() if key_type == "Ed25519" else private_key("ftp.example.org", "RSA")
    builder = x509.CertificateBuilder(
        subject_name=x509.Name([]),
        issuer_name=x509.Name([]),
        public_key=key.public_key(),
        serial_number=7,
        not_valid_before=NOW - timedelta(days=1),
        not_valid_after=NOW + timedelta(days=90),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=True)
    leaf = builder.sign(key, None if key_type == "Ed25519" else hashes.SHA256())
    assert load_pair(*files(tmp_path, [leaf], key), now=NOW).key_type == key_type


def test_all_faults_are_reported_at_once(tmp_path):
    """An operator fixes everything in one go, not one fault per attempt."""
    other = private_key("another")
    expired = issue(
        "ftp.example.org", private_key("expired"), end=NOW - timedelta(hours=1), start=NOW - timedelta(days=9)
    )
    found = complaints_of(*files(tmp_path, [expired], other, mode=0o644))
    text = "\n".join(each for _, each in found)
    assert "belongs to none of its certificates" in text
    assert "expired on" in text
    assert "mode 0644" in text
    assert len(found) == 3


def test_missing_files_are_both_named(tmp_path):
    """Two wrong paths are two complaints, each with its path."""
    found = complaints_of(tmp_path / "no.crt", tmp_path / "no.key")
    assert [text.split(":")[0] for _, text in found] == [str(tmp_path / "no.crt"), str(tmp_path / "no.key")]
    assert all("No such file" in text for _, text in found)


def test_what_is_not_pem_is_said(tmp_path):
    """A DER certificate or a public key in place of the private one is recognised."""
    der, key = tmp_path / "der.crt", tmp_path / "not.key"
    der.write_bytes(pair().leaf.public_bytes(serialization.Encoding.DER))
    key.write_bytes(pair().leaf.public_bytes(PEM))
    key.chmod(0o600)
    texts = [text for _, text in complaints_of(der, key)]
    assert "no certificate in PEM form" in texts[0]
    assert "no private key in PEM form" in texts[1]


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [(None, "no passphrase is set"), (Secret("wrong"), "the passphrase is wrong"), (Secret("right"), None)],
)
def test_encrypted_keys(tmp_path, passphrase, words):
    """A missing and a wrong passphrase are told apart, and never shown."""
    good = pair()
    paths = files(tmp_path, good.chain, good.key, passphrase=b"right")
    texts = [text for _, text in complaints_of(*paths, passphrase=passphrase)]
    assert [words in text for text in texts] == ([True] if words else [])
    assert not any(word in text for text in texts for word in ("wrong'", '"wrong"'))


def test_a_needless_passphrase_does_no_harm(tmp_path):
    """A passphrase that is set for a key in clear is not a fault."""
    good = pair()
    assert complaints_of(*files(tmp_path, good.chain, good.key), passphrase=Secret("x")) == []


def test_broken_and_unsuitable_keys_are_refused(tmp_path):
    """A damaged key, a DSA key and a short RSA key are named for what they are."""
    chain = write_chain(tmp_path / "server.crt", pair().leaf)
    broken = tmp_path / "broken.key"
    broken.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    broken.chmod(0o600)
    assert "can not be decoded" in complaints_of(chain, broken)[0][1]
    odd = write_key(tmp_path / "dsa.key", dsa.generate_private_key(1024))
    assert "neither RSA nor ECDSA" in complaints_of(chain, odd)[0][1]
    short = write_key(tmp_path / "short.key", rsa.generate_private_key(65537, 1024))
    assert "1024 bits" in complaints_of(chain, short)[0][1]


@pytest.mark.parametrize(
    ("mode", "severity"),
    [
        (0o600, None),
        (0o400, None),
        (0o640, Severity.WARNING),
        (0o644, Severity.ERROR),
        (0o604, Severity.ERROR),
        (0o660, Severity.ERROR),
        (0o601, Severity.ERROR),
    ],
)
def test_the_mode_of_the_key_file_is_checked(tmp_path, mode, severity):
    """K11: a key that others can read is refused; one that its group can read is mentioned."""
    good = pair()
    found = complaints_of(*files(tmp_path, good.chain, good.key, mode=mode))
    assert [each for each, _ in found] == ([severity] if severity else [])
    assert all(f"{mode:04o}" in text and "chmod 600" in text for _, text in found)


def test_a_chain_out_of_order_is_put_right(tmp_path):
    """A chain in any order works, with a remark; clients get it in the right one."""
    good = pair(chained=True)
    root, _ = authority()
    paths = files(tmp_path, [root, good.chain[1], good.chain[0]], good.key)
    loaded = load_pair(*paths, now=NOW)
    assert loaded.chain == (*good.chain, root)
    assert ["out of order" in each.cause for each in loaded.complaints] == [True]


def test_a_missing_intermediate_is_named(tmp_path):
    """Clients that fail for want of the intermediate are foreseen, with the place to get it."""
    above = intermediate()
    key = private_key("leaf")
    leaf = issue("leaf.example.org", key, above, access="http://ca.example/issuer.der")
    [(severity, text)] = complaints_of(*files(tmp_path, [leaf], key))
    assert severity is Severity.WARNING
    assert "ECDSA Intermediate, is missing" in text
    assert "http://ca.example/issuer.der" in text


def test_a_stray_certificate_is_named_and_not_sent(tmp_path):
    """A leftover of another chain is left out."""
    good = pair(chained=True)
    stray = issue("Stray", private_key("stray"))
    loaded = load_pair(*files(tmp_path, [*good.chain, stray], good.key), now=NOW)
    assert stray not in loaded.chain
    assert ["Stray does not belong" in each.cause for each in loaded.complaints] == [True]


def test_an_issuer_of_the_right_name_and_wrong_key_is_no_issuer(tmp_path):
    """Two intermediates of one name (a renewed one) are told apart by the signature."""
    good = pair(chained=True)
    impostor = issue("ECDSA Intermediate", private_key("impostor"), authority(), names=(), ca=True, usage=())
    loaded = load_pair(*files(tmp_path, [good.leaf, impostor, good.chain[1]], good.key), now=NOW)
    assert loaded.chain == good.chain


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), "within 30 days"),
        (timedelta(days=14), "within 14 days"),
        (timedelta(days=7), "within 7 days"),
        (timedelta(days=1), "within a day"),
        (timedelta(seconds=-1), "expired on"),
    ],
)
def test_the_end_of_validity_is_announced(tmp_path, left, words):
    """30, 14, 7 and 1 days before the end the words change; behind it the pair is refused."""
    now = NOW.replace(microsecond=0)
    key = private_key("expiry")
    leaf = issue("a.example", key, end=now + left, start=now - timedelta(days=60))
    found = complaints_of(*files(tmp_path, [leaf], key), now=now)
    assert [words in text for _, text in found] == ([True] if words else [])
    assert all((severity is Severity.ERROR) == (left < timedelta(0)) for severity, _ in found)


def test_a_certificate_of_the_future_is_refused(tmp_path):
    """A wrong clock shows as what it is."""
    key = private_key("future")
    leaf = issue("a.example", key, start=NOW + timedelta(hours=1))
    [(severity, text)] = complaints_of(*files(tmp_path, [leaf], key))
    assert severity is Severity.ERROR
    assert "not valid before" in text


def test_an_intermediate_that_expires_is_noticed(tmp_path):
    """The chain ends when its first member does."""
    key, above_key = private_key("leaf"), private_key("old intermediate")
    above = issue("Old", above_key, authority(), names=(), ca=True, usage=(), end=NOW + timedelta(days=3))
    leaf = issue("a.example", key, (above, above_key))
    [(_, text)] = complaints_of(*files(tmp_path, [leaf, above], key))
    assert "certificate of Old expires within 7 days" in text


def test_certificates_not_made_for_servers(tmp_path):
    """A client certificate, one without names and one signed with SHA-1 are recognised."""
    key = private_key("odd")
    client = issue("a.example", key, usage=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    assert "not meant for servers" in complaints_of(*files(tmp_path, [client], key))[0][1]
    nameless = issue("a.example", key, names=())
    assert "names no server" in complaints_of(*files(tmp_path, [nameless], key))[0][1]


SIGNED_WITH_SHA1 = b"""\
-----BEGIN CERTIFICATE-----
MIIBtjCCAVygAwIBAgIUBn8X2MZQ8gdG68b5mRqBbHRRCEkwCQYHKoZIzj0EATAT
MREwDwYDVQQDDAhPbGQgUm9vdDAgFw0yNjExMjAxNDI1NDBaGA8yMTI2MTAyNzE0
MjU0MFowFjEUMBIGA1UEAwwLb2xkLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASZ3qvY02Ab+1NLxBZQ6shCaxStVzJJ6GlG70TNauT97YcfoR9tQ/9I
72i+OteNjvdeU2ijeBilb4egwRB92iWSo4GJMIGGMBYGA1UdEQQPMA2CC29sZC5l
eGFtcGxlMCwGCCsGAQUFBwEBBCAwHjAcBggrBgEFBQcwAYYQaHR0cDovL28uZXhh
bXBsZTAdBgNVHQ4EFgQUAwseLVrwvB6fgxUddRs+PeLloi8wHwYDVR0jBBgwFoAU
p1MqwGi0+ObufEjbSil2j84AS2AwCQYHKoZIzj0EAQNJADBGAiEApoUrDJ9mG2k1
xqBlpEO3SSnUhfWG6TnGATDzF0ibbNkCIQCp2xGk3R/T94E82OLfEulByHwg+6Jo
pv7P4yOfGnqIpA==
-----END CERTIFICATE-----
"""
ON_A_CURVE_OF_ITS_OWN = b"""\
-----BEGIN CERTIFICATE-----
MIICWzCCAgagAwIBAgIUcyIe8CwhnXJaNFCQWHqQhml+9VUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJb2RkIGN1cnZlMCAXDTI2MTEyMDE0MjU0MFoYDzIxMjYxMDI3
MTQyNTQwWjAUMRIwEAYDVQQDDAlvZGQgY3VydmUwggE4MIH1BgcqhkjOPQIBMIHp
AgEBMCkGByqGSM49AQECHn///////////////3///////4AAAAAAAH///////zBX
BB5///////////////9///////+AAAAAAAB///////wEHmsBbDvc8YlB0NZUkhR1
ynGp2y+yfR03eWGFwpQsCgMVAOQ7tGDwuAzAwLB1eY6UgGD4Mht9BD0ED/qWPNyo
gWzMM7hkK+35BcPTWFc9Pyf7vTs8uaqvfevo5OkKXa5uQFTKUwugRlSzaBjOIms5
/Mt7AvGuAh5///////////////9///+eXpqfXZBx+9FSJoiQnQsCAQEDPgAEeJo+
PWpLDJwoeftQTRd03QfPBIbH7qmvBb51D2VyL1YmrZUMsoq2XN9sHKMzmOqBysaT
tFHwqIm6A4/co1MwUTAdBgNVHQ4EFgQUHjBAWj8pLhB38nCvlZikUR9O2o8wHwYD
VR0jBBgwFoAUHjBAWj8pLhB38nCvlZikUR9O2o8wDwYDVR0TAQH/BAUwAwEB/zAK
BggqhkjOPQQDAgNDADBAAh5VguWTNrTsqR3Fws1O9DtDHgPenReRerm7EwV9650C
Hgjvl/161PBrG73sOJTqLQK4TMxKuGnZWTtX6Awtbg==
-----END CERTIFICATE-----
"""


def test_certificates_of_other_days(tmp_path):
    """SHA-1 signatures and home-made curves, which OpenSSL refuses, are complaints and no tracebacks."""
    key = write_key(tmp_path / "server.key", private_key("any"))
    for octets, words in (
        (SIGNED_WITH_SHA1, "signed with sha1"),
        (ON_A_CURVE_OF_ITS_OWN, "belongs to none of its certificates"),
    ):
        (tmp_path / "server.crt").write_bytes(octets)
        found = complaints_of(tmp_path / "server.crt", key)
        assert any(severity is Severity.ERROR and words in text for severity, text in found)


def test_a_directory_in_place_of_a_file_is_a_complaint(tmp_path):
    """A wrong path never ends in a traceback."""
    assert len(complaints_of(tmp_path, tmp_path)) == 2


# --- self-signed ----------------------------------------------------------------------------------


def test_a_self_signed_pair_is_without_fault(tmp_path):
    """What we make, we accept, and clients that know its fingerprint can check its names."""
    made = make_self_signed(["ftp.example.org", "*.example.org", "192.0.2.7", "2001:db8::7", "Bücher.example"], now=NOW)
    loaded = load_pair(*write_pair(made, tmp_path), now=NOW)
    assert loaded.complaints == ()
    assert loaded.server_names == ("ftp.example.org", "*.example.org", "xn--bcher-kva.example")
    assert loaded.addresses == ("192.0.2.7", "2001:db8::7")
    extensions = made.leaf.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert ExtendedKeyUsageOID.SERVER_AUTH in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier)


def test_the_key_is_written_for_its_owner_alone(tmp_path):
    """K11: at no time and under no umask can others read the key."""
    before = os.umask(0)
    try:
        certificate_path, key_path = write_pair(make_self_signed(["a.example"], now=NOW), tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(certificate_path.stat().st_mode) == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["server.crt", "server.key"]


@pytest.mark.parametrize("taken", ["server.crt", "server.key"])
def test_files_are_never_replaced(tmp_path, taken):
    """A key in use is not lost by a second init."""
    (tmp_path / taken).write_text("mine")
    with pytest.raises(FileExistsError):
        write_pair(make_self_signed(["a.example"], now=NOW), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_the_fingerprint_is_that_of_other_tools():
    """What we print can be compared with what a client shows: SHA-256 over the DER form."""
    leaf = pair().leaf
    assert fingerprint(leaf) == hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest()


def test_no_key_in_any_repr():
    """A pair in a log shows no key."""
    assert "key=" not in repr(pair())
    assert certificates.Complaint(Severity.ERROR, "/x", "cause").__str__() == "/x: cause"
