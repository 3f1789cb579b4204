"""An authority for client certificates, and what it issues: real files for real clients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
FOR_CLIENTS = (ExtendedKeyUsageOID.CLIENT_AUTH,)
_OIDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "UID": NameOID.USER_ID,
}


def name(*parts: tuple[str, str]) -> x509.Name:
    """Make a name of pairs such as ("CN", "alice"), the root of the tree first."""
    return x509.Name([x509.NameAttribute(_OIDS[kind], value, _validate=False) for kind, value in parts])


def upn(text: str) -> x509.OtherName:
    return x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), asn1.encode_der(text))


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def key_fingerprint(self) -> str:
        octets = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(octets).hexdigest()

    def write(self, folder: Path, stem: str) -> Path:
        """Write certificate, chain and key into one PEM file, as every client takes it."""
        file = folder / f"{stem}.pem"
        certificates = b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain))
        file.write_bytes(certificates + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.chmod(0o600)
        return file


class Authority:
    """An authority with its key; below another one if *above* is given."""

    def __init__(self, title: str, above: Authority | None = None) -> None:
        self.name = name(("O", "Test"), ("CN", title))
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.above = above
        signer = above or self
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(signer.key, hashes.SHA256())
        )

    def write(self, folder: Path, stem: str) -> Path:
        file = folder / f"{stem}.pem"
        file.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return file

    def issue(
        self,
        subject: x509.Name | str,
        *alternative: x509.GeneralName,
        usage: tuple[x509.ObjectIdentifier, ...] = FOR_CLIENTS,
        start: datetime = NOW - DAY,
        end: datetime = NOW + 365 * DAY,
        more: tuple[x509.ExtensionType, ...] = (),
    ) -> Issued:
        """Issue a client certificate."""
        return issue(subject, *alternative, issuer=self, usage=usage, start=start, end=end, more=more)

    def revoke(self, *issued: Issued, end: datetime = NOW + 30 * DAY) -> x509.CertificateRevocationList:
        """Make a revocation list with these."""
        builder = x509.CertificateRevocationListBuilder(self.name, NOW - 2 * DAY, end)
        for each in issued:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(each.certificate.serial_number, NOW - DAY).build()
            )
        return builder.sign(self.key, hashes.SHA256())


def issue(
    subject: x509.Name | str,
    *alternative: x509.GeneralName,
    issuer: Authority | None = None,
    usage: tuple[x509.ObjectIdentifier, ...] = FOR_CLIENTS,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 365 * DAY,
    more: tuple[x509.ExtensionType, ...] = (),
) -> Issued:
    """Make a client certificate, signed by *issuer*, or by its own key."""
    subject = name(("CN", subject)) if isinstance(subject, str) else subject
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), critical=False)
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(alternative)), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    chain = [] if issuer is None or issuer.above is None else [issuer.certificate]
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key, tuple(chain))


def write_list(file: Path, *lists: x509.CertificateRevocationList) -> Path:
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in lists))
    return file
