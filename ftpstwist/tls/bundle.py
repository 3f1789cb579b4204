"""Certificate, chain and key in one PKCS#12 file, ``.p12`` or ``.pfx`` (RFC 7292).

The bundle is judged exactly as a pair of PEM files is. Blocks on a small file.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12

from ftpstwist.interfaces import Severity
from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import (
    CertificatePair,
    Complaint,
    PrivateKey,
    check_mode,
    check_strength,
    join,
    read_file,
)


def load_bundle(path: Path, passphrase: Secret | None = None, *, now: datetime) -> CertificatePair:
    """Read a PKCS#12 file and check what is in it.

    Args:
        path: The file.
        passphrase: Opens it; one without a passphrase is opened without.
        now: Time of the check, with time zone.

    Raises:
        CertificateError: With every complaint, when at least one is an error.
    """
    complaints: list[Complaint] = []
    bundle = _open(path, passphrase, complaints)
    if bundle is None:
        return join((path, []), (path, None), complaints, now=now)
    entries = [bundle.cert, *bundle.additional_certs]
    certificates = [entry.certificate for entry in entries if entry is not None]
    key = bundle.key if isinstance(bundle.key, PrivateKey) else None
    if key is None:
        complaints.append(_error(path, "it holds no RSA, ECDSA or Ed25519 key", "export it together with its key"))
    else:
        complaints += check_strength(path, key)
    if not certificates:
        complaints.append(_error(path, "it holds no certificate", "export it together with its chain"))
    return join((path, certificates), (path, key), complaints, now=now)


def _open(path: Path, passphrase: Secret | None, complaints: list[Complaint]) -> PKCS12KeyAndCertificates | None:
    opened = read_file(path, complaints)
    if opened is None:
        return None
    octets, mode = opened
    complaints += check_mode(path, mode)
    try:
        return load_pkcs12(octets, None if passphrase is None else passphrase.reveal().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Their texts are not passed on: what they quote is not under our control.
        if passphrase is None:
            complaints.append(_error(path, "it is no PKCS#12 file, or has a passphrase and none is set"))
        else:
            complaints.append(_error(path, "the passphrase is wrong, or it is no PKCS#12 file"))
        return None


def _error(path: Path, cause: str, remedy: str = "") -> Complaint:
    return Complaint(Severity.ERROR, str(path), cause, remedy)
