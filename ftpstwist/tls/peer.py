"""Reading a client's certificate (RFC 5280 sections 4.1 and 4.2).

Refuses to judge it: who its holder is to us is for the auth room to say.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ftpstwist.session.certificate import DistinguishedName, PeerCertificate
from ftpstwist.tls.certificate import fingerprint

_PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3"
"""The otherName that holds a user principal name."""


def load_certificates(octets: bytes) -> list[x509.Certificate]:
    """Return the certificates of a file, PEM (one or several) or DER; ``ValueError`` if it holds none."""
    if b"-----BEGIN" in octets:
        return x509.load_pem_x509_certificates(octets)
    return [x509.load_der_x509_certificate(octets)]


def read_peer(
    certificate: x509.Certificate, *, trusted: bool, issuer: x509.Certificate | None = None
) -> PeerCertificate | None:
    """Return what a certificate says; ``None`` if a part of it can not be read.

    Args:
        certificate: As the client showed it.
        trusted: Whether an authority of ours vouches for it.
        issuer: That of the one above it in the chain that was verified, if there is one.
    """
    try:
        return _read(certificate, trusted=trusted, issuer=issuer)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _read(certificate: x509.Certificate, *, trusted: bool, issuer: x509.Certificate | None) -> PeerCertificate:
    names = _alternative_names(certificate)
    return PeerCertificate(
        der=certificate.public_bytes(Encoding.DER),
        fingerprint=fingerprint(certificate),
        key_fingerprint=_key_fingerprint(certificate),
        trusted=trusted,
        subject=_read_name(certificate.subject),
        issuer=_read_name(certificate.issuer),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        emails=tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
        dns_names=tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)) if names else (),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
        addresses=tuple(str(each) for each in names.get_values_for_type(x509.IPAddress)) if names else (),
        principals=_principals(names) if names else (),
        purposes=_purposes(certificate),
        issuer_der=None if issuer is None else issuer.public_bytes(Encoding.DER),
    )


def _read_name(name: x509.Name) -> DistinguishedName:
    return tuple(
        tuple(sorted((attribute.oid.dotted_string, _text(attribute.value)) for attribute in part)) for part in name.rdns
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()  # a bit string


def _key_fingerprint(certificate: x509.Certificate) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _principals(names: x509.SubjectAlternativeName) -> tuple[str, ...]:
    return tuple(
        asn1.decode_der(str, other.value)
        for other in names.get_values_for_type(x509.OtherName)
        if other.type_id.dotted_string == _PRINCIPAL_NAME
    )


def _purposes(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return frozenset(purpose.dotted_string for purpose in usage)
