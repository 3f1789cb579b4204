"""What clients will think of the server's certificate (RFC 5280, RFC 9525)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from ftpstwist.cli.doctor.finding import Findings, note, ok, problem, quoted

SOON = timedelta(days=14)
MIN_RSA_BITS = 2048

_RENEW = "On the server: renew the certificate and load it"
_TIME_MESSAGES = ("expired", "not yet valid")


def judge_certificate(octets: bytes, host: str, trust: str) -> Findings[None]:
    """Judge the certificate of a server.

    Args:
        octets: DER, as the server sent it.
        host: Name or address the client uses.
        trust: What the TLS library has against it; empty if it was verified.
    """
    try:
        certificate = x509.load_der_x509_certificate(octets)
        yield ok("certificate", f"{_subject(certificate)}, SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()}")
    except ValueError:
        yield problem("certificate", "it can not be decoded", "On the server: a new certificate")
        return
    yield from _judge_trust(certificate, trust)
    yield from _judge_names(certificate, host)
    yield from _judge_validity(certificate, datetime.now(UTC))
    yield from _judge_strength(certificate)


def _judge_trust(certificate: x509.Certificate, trust: str) -> Findings[None]:
    is_about_time = any(words in trust for words in _TIME_MESSAGES)
    if not trust or (is_about_time and not _is_valid(certificate, datetime.now(UTC))):
        yield ok("certificate", "issued by an authority that is trusted here")
    elif is_about_time:
        yield problem("certificate", f"one of its chain is out of date: {trust}", "On the server: send a newer chain")
    elif certificate.issuer == certificate.subject:
        yield problem(
            "certificate",
            "self-signed: every client warns",
            "On the server: a certificate of a public authority (ACME); or give clients this one, and --ca-file here",
        )
    elif "in certificate chain" in trust:
        yield problem(
            "certificate", "of an authority that is not known here", "Give clients that authority, and --ca-file here"
        )
    else:
        yield problem(
            "certificate",
            f"its issuer {quoted(_common_name(certificate.issuer))} is not known: {trust}",
            "On the server: send the intermediate certificates, too (the full chain). "
            "If the authority is your own, give it to clients, and --ca-file here",
        )


def _judge_names(certificate: x509.Certificate, host: str) -> Findings[None]:
    try:
        if _is_address(host):
            verify_certificate_ip_address(certificate, host.partition("%")[0])
        else:
            verify_certificate_hostname(certificate, host)
    except VerificationError:
        yield problem(
            "certificate",
            f"it is for {_names(certificate)}, not for {quoted(host)}",
            "In the client: use a name of the certificate. Or on the server: get one with this name",
        )
    except CertificateError:
        yield problem(
            "certificate",
            "it names no server (subjectAltName is missing)",
            "On the server: get a certificate with names; clients ignore the common name",
        )
    except ValueError:
        yield note("certificate", f"{quoted(host)} can not be compared with its names")
    else:
        yield ok("certificate", f"it is for {quoted(host)}")


def _judge_validity(certificate: x509.Certificate, now: datetime) -> Findings[None]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        yield problem("certificate", f"it expired on {end:%Y-%m-%d}", _RENEW)
    elif now < begin:
        yield problem(
            "certificate", f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC", "Check the clocks of both sides"
        )
    elif end - now < SOON:
        yield problem("certificate", f"it expires in {(end - now).days} days, on {end:%Y-%m-%d}", _RENEW)
    else:
        yield ok("certificate", f"valid until {end:%Y-%m-%d}")


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _judge_strength(certificate: x509.Certificate) -> Findings[None]:
    try:
        key = certificate.public_key()
        weak_hash = isinstance(certificate.signature_hash_algorithm, hashes.SHA1 | hashes.MD5)
    except (UnsupportedAlgorithm, ValueError):
        return
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        yield problem(
            "certificate", f"its RSA key has {key.key_size} bits only", "On the server: a new key, 2048 bits or more"
        )
    if weak_hash and certificate.issuer != certificate.subject:
        yield problem("certificate", "it is signed with SHA-1 or MD5", "On the server: get one signed with SHA-256")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _names(certificate: x509.Certificate) -> str:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return quoted(", ".join(found))


def _subject(certificate: x509.Certificate) -> str:
    return quoted(_common_name(certificate.subject))


def _common_name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "no name"
