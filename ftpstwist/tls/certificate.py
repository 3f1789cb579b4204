"""Certificates and their keys: reading them from PEM files, and saying all that is wrong with them (RFC 5280).

How it works: every check is a small generator of complaints. All of them run,
so an operator sees the whole list at once and not one fault per attempt; the
pair is refused if any of them is an error.

This module blocks on small files. It refuses to judge trust: whether clients
know the authority that signed a certificate is not known here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ftpstwist.interfaces import Severity
from ftpstwist.session.identity import Secret
from ftpstwist.tls.expiry import notice_of_end

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_KEY_TYPES = {rsa.RSAPrivateKey: "RSA", ec.EllipticCurvePrivateKey: "ECDSA", ed25519.Ed25519PrivateKey: "Ed25519"}
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

MAX_FILE_OCTETS = 1 << 20
"""Octets read of a certificate or key file; more is no PEM file of ours."""
MIN_RSA_BITS = 2048
"""What OpenSSL accepts at its default security level."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong with a file.

    Attributes:
        severity: An error refuses the pair, a warning does not.
        path: The file.
        cause: What is wrong.
        remedy: What to do.
    """

    severity: Severity
    path: str
    cause: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{self.path}: {self.cause}{remedy}"


class CertificateError(Exception):
    """A certificate or its key can not be used.

    Args:
        complaints: All that was found, errors and warnings.
    """

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(str(complaint) for complaint in self.complaints))


@dataclass(frozen=True, slots=True)
class Staple:
    """An OCSP response that proves that a certificate is not revoked (RFC 6960).

    Attributes:
        octets: The response as clients get it, DER.
        until: When it is out of date.
    """

    octets: bytes = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """A certificate with the chain above it, and its private key.

    Attributes:
        chain: The server's certificate first, then each one's issuer.
        key: The private key of the first.
        complaints: Warnings found when it was read.
        staple: What is stapled to handshakes with it.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    complaints: tuple[Complaint, ...] = ()
    staple: Staple | None = None

    @property
    def leaf(self) -> x509.Certificate:
        """The server's own certificate."""
        return self.chain[0]

    @property
    def key_type(self) -> str:
        """``RSA``, ``ECDSA`` or ``Ed25519``."""
        return next(name for kind, name in _KEY_TYPES.items() if isinstance(self.key, kind))

    @property
    def server_names(self) -> tuple[str, ...]:
        """The DNS names it is good for, in lower case; ``*.example.org`` is one."""
        names = _extension(self.leaf, x509.SubjectAlternativeName)
        return tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)) if names else ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The IP addresses it is good for."""
        names = _extension(self.leaf, x509.SubjectAlternativeName)
        return tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)) if names else ()


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint in lower-case hex, as ``TlsFacts.certificate`` has it."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def load_pair(
    certificate_path: Path, key_path: Path, passphrase: Secret | None = None, *, now: datetime
) -> CertificatePair:
    """Read a certificate chain and its key, and check both.

    Args:
        certificate_path: PEM file with the server's certificate and the intermediates, in any order.
        key_path: PEM file with the private key; may be the same file.
        passphrase: Opens an encrypted key.
        now: Time of the check, with time zone.

    Returns:
        The pair, its chain in order, with the warnings.

    Raises:
        CertificateError: With every complaint, when at least one is an error.
    """
    complaints: list[Complaint] = []
    certificates = _read_certificates(certificate_path, complaints)
    key = _read_key(key_path, passphrase, complaints)
    return join((certificate_path, certificates), (key_path, key), complaints, now=now)


def join(
    found: tuple[Path, list[x509.Certificate]],
    key_found: tuple[Path, PrivateKey | None],
    complaints: list[Complaint],
    *,
    now: datetime,
) -> CertificatePair:
    """Make a pair of what was read, and check it.

    Args:
        found: The certificates, in any order, and their file.
        key_found: The key, and its file.
        complaints: What was wrong with the files.
        now: Time of the check, with time zone.

    Raises:
        CertificateError: With every complaint, when at least one is an error.
    """
    (certificate_path, certificates), (key_path, key) = found, key_found
    chain: tuple[x509.Certificate, ...] = ()
    if certificates:
        leaf = _find_leaf(certificates, key)
        if leaf is None:
            cause = f"the key in {key_path} belongs to none of its certificates"
            complaints.append(_error(certificate_path, cause, "name the two files that were made together"))
        chain = _put_in_order(leaf or certificates[0], certificates)
        complaints += _check_chain(certificate_path, chain, certificates)
        complaints += _check_leaf(certificate_path, chain[0])
        for certificate in chain:
            complaints += check_validity(certificate_path, certificate, now=now)
    if key is None or any(complaint.severity is Severity.ERROR for complaint in complaints):
        raise CertificateError(complaints)
    return CertificatePair(chain, key, tuple(complaints))


def check_validity(path: Path, certificate: x509.Certificate, *, now: datetime) -> Iterator[Complaint]:
    """Say whether a certificate is not valid yet, has expired, or expires within the next 30, 14, 7 days or day."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    who = f"the certificate of {common_name(certificate.subject)}"
    if now < start:
        yield _error(path, f"{who} is not valid before {start:%Y-%m-%d %H:%M} UTC", "check the clock of this machine")
    notice = notice_of_end(who, end, now=now)
    if notice is not None:
        yield (_warning if notice.days else _error)(path, notice.words, "renew it")


# --- reading --------------------------------------------------------------------------------------


def _read_certificates(path: Path, complaints: list[Complaint]) -> list[x509.Certificate]:
    opened = read_file(path, complaints)
    if opened is None:
        return []
    try:
        return x509.load_pem_x509_certificates(opened[0])
    except ValueError:
        complaints.append(_error(path, "no certificate in PEM form inside", "export it as PEM, with its chain"))
        return []


def _read_key(path: Path, passphrase: Secret | None, complaints: list[Complaint]) -> PrivateKey | None:
    opened = read_file(path, complaints)
    if opened is None:
        return None
    octets, mode = opened
    complaints += check_mode(path, mode)
    try:
        key = _decode_key(octets, passphrase)
    except _KeyUnreadable as fault:
        complaints.append(_error(path, str(fault)))
        return None
    complaints += check_strength(path, key)
    return key


class _KeyUnreadable(Exception):  # noqa: N818 - it becomes a complaint
    """The key can not be had; the text says why."""


def _decode_key(octets: bytes, passphrase: Secret | None) -> PrivateKey:
    if b"PRIVATE KEY-----" not in octets:
        raise _KeyUnreadable("no private key in PEM form inside")
    is_encrypted = b"ENCRYPTED" in octets
    if is_encrypted and passphrase is None:
        raise _KeyUnreadable("the key is encrypted and no passphrase is set")
    secret = passphrase.reveal().encode() if is_encrypted and passphrase is not None else None
    try:
        key = serialization.load_pem_private_key(octets, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Their texts are not passed on: what they quote is not under our control.
        raise _KeyUnreadable("the passphrase is wrong" if is_encrypted else "the key can not be decoded") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise _KeyUnreadable("the key is neither RSA nor ECDSA nor Ed25519")
    return key


def read_file(path: Path, complaints: list[Complaint]) -> tuple[bytes, int] | None:
    """Read a whole file; the mode comes from the same descriptor, so both belong together."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            return file.read(MAX_FILE_OCTETS), mode
    except OSError as fault:
        complaints.append(_error(path, f"can not be read ({fault.strerror})"))
        return None


# --- checks ---------------------------------------------------------------------------------------


def check_mode(path: Path, mode: int) -> Iterator[Complaint]:
    """Hardening rule: a private key is its owner's alone."""
    remedy = f"chmod 600 {path}"
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        cause = f"the key file may be read or changed by others (mode {stat.S_IMODE(mode):04o})"
        yield _error(path, cause, remedy)
    elif mode & stat.S_IRWXG:
        yield _warning(path, f"the key file may be read by its group (mode {stat.S_IMODE(mode):04o})", remedy)


def check_strength(path: Path, key: PrivateKey) -> Iterator[Complaint]:
    """Say whether OpenSSL would refuse a key as too weak."""
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        yield _error(path, f"the RSA key has {key.key_size} bits, fewer than {MIN_RSA_BITS}", "make a new pair")


def _find_leaf(certificates: list[x509.Certificate], key: PrivateKey | None) -> x509.Certificate | None:
    """Return the certificate of *key*; without a key, the first that no other was signed with."""
    if key is not None:
        return next((each for each in certificates if _belongs(key, each)), None)
    issuers = {each.issuer for each in certificates if each.issuer != each.subject}
    return next((each for each in certificates if each.subject not in issuers), certificates[0])


def _belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _put_in_order(leaf: x509.Certificate, certificates: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    chain = [leaf]
    while (issuer := _find_issuer(chain[-1], certificates)) is not None and issuer not in chain:
        chain.append(issuer)
    return tuple(chain)


def _find_issuer(certificate: x509.Certificate, certificates: list[x509.Certificate]) -> x509.Certificate | None:
    for candidate in certificates:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return candidate
    return None


def _check_chain(
    path: Path, chain: tuple[x509.Certificate, ...], certificates: list[x509.Certificate]
) -> Iterator[Complaint]:
    for stray in certificates:
        if stray not in chain:
            yield _warning(
                path, f"the certificate of {common_name(stray.subject)} does not belong to the chain", "remove it"
            )
    if [each for each in certificates if each in chain] != list(chain):
        yield _warning(path, "the chain was out of order and has been put right", "put the server's certificate first")
    leaf = chain[0]
    if len(chain) == 1 and leaf.issuer != leaf.subject:
        yield _warning(
            path,
            f"the certificate of the issuer, {common_name(leaf.issuer)}, is missing",
            f"append it{_where_to_get_issuer(leaf)}, unless clients trust that issuer directly",
        )


def _check_leaf(path: Path, leaf: x509.Certificate) -> Iterator[Complaint]:
    if _extension(leaf, x509.SubjectAlternativeName) is None:
        cause = "the certificate names no server (subjectAltName is missing)"
        yield _warning(path, cause, "get one with names: clients do not look at the common name")
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    if usage is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        yield _error(path, "the certificate is not meant for servers (extendedKeyUsage)", "get one with serverAuth")
    if isinstance(leaf.signature_hash_algorithm, hashes.SHA1 | hashes.MD5) and leaf.issuer != leaf.subject:
        cause = f"the certificate is signed with {leaf.signature_hash_algorithm.name}"
        yield _error(path, cause, "get one signed with SHA-256 or better")


def _where_to_get_issuer(leaf: x509.Certificate) -> str:
    access = _extension(leaf, x509.AuthorityInformationAccess) or ()
    for description in access:
        location = description.access_location
        if description.access_method == AuthorityInformationAccessOID.CA_ISSUERS and isinstance(
            location, x509.UniformResourceIdentifier
        ):
            return f" (from {location.value})"
    return ""


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def common_name(name: x509.Name) -> str:
    """Return the common name, or the whole name if there is none."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "an empty name"


def _error(path: Path, cause: str, remedy: str = "") -> Complaint:
    return Complaint(Severity.ERROR, str(path), cause, remedy)


def _warning(path: Path, cause: str, remedy: str = "") -> Complaint:
    return Complaint(Severity.WARNING, str(path), cause, remedy)
