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
CLOCK_SKEW = timedelta(hours=1)
"""How much earlier than now validity begins, for peers whose clocks are late."""
_KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


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
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
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
    write_new(key_path, secret, mode=0o600)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in pair.chain)
    write_new(certificate_path, chain, mode=0o644)
    return certificate_path, key_path


def write_new(path: Path, octets: bytes, *, mode: int, replace: bool = False) -> None:
    """Create a file whole, or not at all.

    Args:
        path: Its name.
        octets: What it holds.
        mode: Its permission bits.
        replace: Take the place of a file of that name.

    Raises:
        FileExistsError: The name is taken.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        if replace:
            Path(temporary).replace(path)
        else:
            os.link(temporary, path)  # fails if the name is taken, a rename would not
    finally:
        Path(temporary).unlink(missing_ok=True)


def general_name(name: str) -> x509.GeneralName:
    """Return an IP address or a DNS name as certificates hold it.

    Raises:
        ValueError: It is neither.
    """
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def key_usage(*uses: str) -> x509.KeyUsage:
    """Return the usage of a key, as a critical extension has it.

    Args:
        uses: Names of arguments of ``x509.KeyUsage``; ``digital_signature`` is all that ECDHE needs.
    """
    return x509.KeyUsage(**{name: name in uses for name in _KEY_USES})
