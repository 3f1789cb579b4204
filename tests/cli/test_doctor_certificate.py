"""What the doctor says about certificates: each fault with its own words, and several at once."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ftpstwist.cli.doctor.certificate import judge_certificate
from ftpstwist.cli.doctor.encryption import explain
from ftpstwist.cli.doctor.finding import Verdict

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def make(*, names=("ftp.example.org",), issuer="An authority", begin=NOW - DAY, end=NOW + 90 * DAY, key=None):
    """Make a certificate in DER form; who signed it is not looked at here."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ftp.example.org")]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def problems(octets, host="ftp.example.org", trust=""):
    """Return the texts of all problems; each has a remedy."""
    found = [each for each in judge_certificate(octets, host, trust) if each.verdict is not Verdict.OK]
    assert all(each.verdict is Verdict.PROBLEM and each.remedy for each in found)
    return [each.text for each in found]


def test_a_good_certificate():
    """Nothing is wrong with a certificate of a known authority with the right name, or a wildcard for it."""
    assert problems(make()) == []
    assert problems(make(names=["*.example.org"])) == []


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ("unable to get local issuer certificate", 'its issuer "An authority" is not known'),
        ("self-signed certificate in certificate chain", "an authority that is not known here"),
        ("certificate has expired", "one of its chain is out of date"),
    ],
)
def test_trust(trust, words):
    """A missing intermediate, a private authority and an expired intermediate are told apart."""
    (text,) = problems(make(), trust=trust)
    assert words in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ()}, "it names no server"),
        ({"names": ["other.example.org"]}, 'it is for "other.example.org", not for "ftp.example.org"'),
        ({"end": NOW - timedelta(hours=1)}, "it expired on"),
        ({"begin": NOW + DAY}, "it is not valid before"),
        ({"end": NOW + 10 * DAY}, "it expires in 9 days"),
        ({"key": rsa.generate_private_key(65537, 1024)}, "its RSA key has 1024 bits only"),
    ],
)
def test_faults(options, words):
    """Each fault alone is told alone."""
    (text,) = problems(make(**options))
    assert words in text


def test_an_expired_certificate_of_a_known_authority():
    """OpenSSL's one complaint is about the date, so the authority is known."""
    (text,) = problems(make(end=NOW - timedelta(hours=1)), trust="certificate has expired")
    assert "it expired on" in text


def test_what_is_no_certificate():
    """Garbage is told as such."""
    assert problems(b"garbage") == ["it can not be decoded"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer to the ClientHello"),
        (ConnectionResetError(104, "Connection reset by peer"), "closed the connection in the middle"),
        (ssl.SSLError(1, "[SSL: X] something new"), "it failed"),
    ],
)
def test_failed_handshakes(error, words):
    """Every failure becomes a problem with a remedy, known or not."""
    finding = explain(error)
    assert words in finding.text
    assert finding.remedy
