"""Self-signed certificates for a first start and for tests (RFC 5280 section 4).

Clients have to be told to trust such a certificate once, by its fingerprint.
This module refuses to replace files: a key in use is never overwritten.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ftpstwist.tls.certificate import CertificatePair

MAX_COMMON_NAME = 64
"""Characters of a common name (RFC 5280 appendix A.1, ub-common-name)."""
_CLOCK_SKEW = timedelta(hours=1)


def make_self_signed(names: Sequence[str], *, now: datetime, days: int = 3650) -> CertificatePair:
    """Make an ECDSA P-256 key and a certificate for it.

    Args:
        names: DNS names and IP addresses it shall be good for; at least one.
        now: Start of its validity, with time zone; an hour is taken off for clients whose clocks are late.
        days: Length of its validity.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public_key = key.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:MAX_COMMON_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return CertificatePair((certificate,), key)


def write_pair(pair: CertificatePair, directory: Path, name: str = "server") -> tuple[Path, Path]:
    """Write ``<name>.crt`` (the chain) and ``<name>.key`` (mode 0600, not encrypted) as PEM files.

    Each file appears under its name only when it is complete.

    Returns:
        The paths of the certificate and of the key.

    Raises:
        FileExistsError: One of the files is there already; nothing was changed.
    """
    certificate_path, key_path = directory / f"{name}.crt", directory / f"{name}.key"
    for path in (certificate_path, key_path):
        if path.exists():
            raise FileExistsError(f"{path} exists already")
    secret = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(key_path, secret, mode=0o600)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in pair.chain)
    _write_new(certificate_path, chain, mode=0o644)
    return certificate_path, key_path


def _write_new(path: Path, octets: bytes, *, mode: int) -> None:
    """Create a file whole: a link to a complete file fails if the name is taken, a rename would not."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _signing_only() -> x509.KeyUsage:
    """Return the usage of a key that only signs handshakes, as ECDHE needs it."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
