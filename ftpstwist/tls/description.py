"""What is in a file, in words: certificates, keys, revocation lists, OCSP responses (RFC 5280, RFC 7292, RFC 6960).

Reads PEM, DER of OCSP responses, and PKCS#12. It judges nothing but time and
order; whether a server can use a file is for ``ftpstwist check``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import fingerprint

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PURPOSES = {ExtendedKeyUsageOID.SERVER_AUTH: "servers", ExtendedKeyUsageOID.CLIENT_AUTH: "users"}
_SHOWN_SERIALS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One thing in a file.

    Attributes:
        title: What it is.
        rows: Name and value of its properties, in order.
    """

    title: str
    rows: tuple[tuple[str, str], ...]


class UnknownFileError(Exception):
    """The file holds nothing that is known here, or is locked; the text says which."""


def describe(octets: bytes, passphrase: Secret | None = None, *, now: datetime) -> list[Part]:
    """Say what is in a file.

    Args:
        octets: The whole file.
        passphrase: Opens a PKCS#12 bundle; encrypted PEM keys are not opened.
        now: For the days that are left.

    Raises:
        UnknownFileError: Nothing is known about it.
    """
    blocks = [(match[1].decode(), match[0]) for match in _PEM_BLOCK.finditer(octets)]
    if blocks:
        return list(_describe_pem(blocks, now))
    try:
        return [_describe_staple(ocsp.load_der_ocsp_response(octets), now)]
    except ValueError:
        return list(_describe_bundle(octets, passphrase, now))


def _describe_pem(blocks: Sequence[tuple[str, bytes]], now: datetime) -> Iterator[Part]:
    above: x509.Certificate | None = None
    try:
        for label, text in blocks:
            if label == "CERTIFICATE":
                certificate = x509.load_pem_x509_certificate(text)
                yield _describe_certificate(certificate, above, now)
                above = certificate
            elif label == "X509 CRL":
                yield _describe_crl(x509.load_pem_x509_crl(text), now)
            elif label.endswith("PRIVATE KEY"):
                yield _describe_key(text)
            else:
                yield Part(label.lower(), ())
    except ValueError:
        raise UnknownFileError("one of its PEM blocks is damaged") from None


def _describe_bundle(octets: bytes, passphrase: Secret | None, now: datetime) -> Iterator[Part]:
    try:
        bundle = load_pkcs12(octets, None if passphrase is None else passphrase.reveal().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnknownFileError(
            "it is neither PEM nor an OCSP response, and no PKCS#12 bundle that opens with this password"
        ) from None
    above: x509.Certificate | None = None
    for each in (bundle.cert, *bundle.additional_certs):
        if each is not None:
            yield _describe_certificate(each.certificate, above, now)
            above = each.certificate
    if bundle.key is not None:
        yield Part("private key", (("kind", _key_kind(bundle.key)),))


def _describe_certificate(certificate: x509.Certificate, above: x509.Certificate | None, now: datetime) -> Part:
    rows = [
        ("subject", certificate.subject.rfc4514_string() or "none"),
        ("issuer", "itself" if certificate.issuer == certificate.subject else certificate.issuer.rfc4514_string()),
        ("good for", ", ".join(_names_in(certificate)) or "no name"),
        ("purpose", _purpose(certificate)),
        ("valid", _period(certificate.not_valid_before_utc, certificate.not_valid_after_utc, now)),
        ("key", _key_kind(certificate.public_key())),
        ("serial number", f"{certificate.serial_number:x}"),
        ("SHA-256", fingerprint(certificate)),
        ("", ":".join(re.findall("..", fingerprint(certificate).upper()))),
    ]
    if above is not None:
        fits = _has_issued(certificate, above)
        rows.append(("order", "has issued the one before" if fits else "has NOT issued the one before"))
    return Part("certificate", tuple(rows))


def _describe_crl(crl: x509.CertificateRevocationList, now: datetime) -> Part:
    serials = [f"{entry.serial_number:x}" for entry in crl]
    shown = ", ".join(serials[:_SHOWN_SERIALS]) + (", …" if len(serials) > _SHOWN_SERIALS else "")
    rows = (
        ("issuer", crl.issuer.rfc4514_string()),
        ("valid", _period(crl.last_update_utc, crl.next_update_utc, now)),
        ("revoked", f"{len(serials)}: {shown}" if serials else "nothing yet"),
    )
    return Part("list of revoked certificates", rows)


def _describe_staple(response: ocsp.OCSPResponse, now: datetime) -> Part:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Part("OCSP response", (("status", response.response_status.name.lower()),))
    rows = (
        ("status", response.certificate_status.name.lower()),
        ("serial number", f"{response.serial_number:x}"),
        ("valid", _period(response.this_update_utc, response.next_update_utc, now)),
    )
    return Part("OCSP response", rows)


def _describe_key(text: bytes) -> Part:
    if b"ENCRYPTED" in text:
        return Part("private key", (("kind", "encrypted"),))
    try:
        return Part("private key", (("kind", _key_kind(serialization.load_pem_private_key(text, None))),))
    except (TypeError, UnsupportedAlgorithm):
        return Part("private key", (("kind", "unknown"),))


def _names_in(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _purpose(certificate: x509.Certificate) -> str:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "signing certificates"
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "any"
    return ", ".join(_purpose_name(each) for each in purposes)


def _purpose_name(purpose: ObjectIdentifier) -> str:
    return _PURPOSES.get(purpose, purpose.dotted_string)


def _period(start: datetime, end: datetime | None, now: datetime) -> str:
    if end is None:
        return f"since {start:%Y-%m-%d %H:%M} UTC"
    days = (end - now).days
    left = f"{days} days left" if now <= end else "EXPIRED"
    if now < start:
        left = "NOT YET VALID"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, {left}"


def _key_kind(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return f"ECDSA, {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey")


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - there are many ways not to fit
        return False
    return True
