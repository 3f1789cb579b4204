"""Whom we ask for a client certificate, and whose word on clients we take (RFC 5280, RFC 4217 section 15.1.2).

The authorities and their revocation lists come from files named for this
purpose. Those of the system are never used: any of a hundred public
authorities could otherwise make our users.

Blocks on small files. Refuses to fetch anything from a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from ftpstwist.interfaces import Severity
from ftpstwist.tls.certificate import Complaint

MAX_FILE_OCTETS = 64 << 20
"""Octets read of one file; revocation lists of large authorities have some million entries."""
MAX_DEPTH = 100
DEFAULT_DEPTH = 9

_PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


class AskClients(Enum):
    """Whether clients are asked for a certificate; the value is the word used in the configuration."""

    OFF = "off"
    """They are not asked."""
    OPTIONAL = "optional"
    """They are asked; a certificate that is shown has to be good."""
    REQUIRED = "required"
    """Without a good one there is no handshake."""


class ExpiredList(Enum):
    """What a revocation list is worth after its end; the value is the word used in the configuration."""

    REFUSE = "refuse"
    """Nothing: nobody it is about gets in until there is a new one."""
    ACCEPT = "accept"
    """What it says still counts; what happened since is not known."""


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """What is asked of clients in the way of certificates.

    Attributes:
        ask: Whether they are asked at all.
        authorities: Certificates of those whose word counts, each in its own right, whoever signed it.
        revocation_lists: Of any of these authorities, and of those below them.
        expired_list: What a list is worth after its end.
        depth: Most certificates between the client's and the authority's.
        admits_unknown: Whether a certificate nobody vouches for passes the handshake, marked as not trusted.
    """

    ask: AskClients = AskClients.OFF
    authorities: tuple[x509.Certificate, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()
    expired_list: ExpiredList = ExpiredList.REFUSE
    depth: int = DEFAULT_DEPTH
    admits_unknown: bool = False

    @property
    def listed_issuers(self) -> frozenset[x509.Name]:
        """The names of those that gave a revocation list."""
        return frozenset(each.issuer for each in self.revocation_lists)


def load_authorities(
    paths: Iterable[Path], complaints: list[Complaint], *, now: datetime, may_be_leaf: bool = False
) -> list[x509.Certificate]:
    """Read the certificates of authorities from PEM files; what is wrong is added to *complaints*.

    With *may_be_leaf* a certificate may stand for nobody but itself.
    """
    found: list[x509.Certificate] = []
    for path in paths:
        octets = _read_file(path, complaints)
        if octets is None:
            continue
        try:
            certificates = x509.load_pem_x509_certificates(octets)
        except ValueError:
            complaints.append(_error(path, "no certificate in PEM form inside", "export the authority's as PEM"))
            continue
        for certificate in certificates:
            complaints += _check_authority(path, certificate, now, may_be_leaf=may_be_leaf)
        found += certificates
    return found


def load_revocation_lists(
    paths: Iterable[Path],
    authorities: Iterable[x509.Certificate],
    complaints: list[Complaint],
    *,
    now: datetime,
) -> list[x509.CertificateRevocationList]:
    """Read revocation lists, PEM (one or several in a file) or DER; what is wrong is added to *complaints*."""
    keys = _keys_by_name(authorities)
    found: list[x509.CertificateRevocationList] = []
    for path in paths:
        octets = _read_file(path, complaints)
        if octets is None:
            continue
        try:
            lists = _decode_lists(octets)
        except ValueError:
            complaints.append(_error(path, "no revocation list inside", "give one in PEM or DER form"))
            continue
        for each in lists:
            complaints += _check_list(path, each, keys, now)
        found += lists
    return found


def name_in_words(name: x509.Name) -> str:
    """Return a distinguished name as logs show it (RFC 4514)."""
    return name.rfc4514_string() or "an empty name"


def _read_file(path: Path, complaints: list[Complaint]) -> bytes | None:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE_OCTETS + 1)
    except OSError as fault:
        complaints.append(_error(path, f"can not be read ({fault.strerror})", "give the path of the file"))
        return None
    if len(octets) > MAX_FILE_OCTETS:
        complaints.append(_error(path, f"larger than {MAX_FILE_OCTETS} octets", "give the path of the right file"))
        return None
    return octets


def _decode_lists(octets: bytes) -> list[x509.CertificateRevocationList]:
    if pieces := _PEM_LIST.findall(octets):
        return [x509.load_pem_x509_crl(piece) for piece in pieces]
    return [x509.load_der_x509_crl(octets)]


def _check_authority(
    path: Path, certificate: x509.Certificate, now: datetime, *, may_be_leaf: bool
) -> Iterator[Complaint]:
    who = name_in_words(certificate.subject)
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_authority = False
    if not (is_authority or may_be_leaf):
        yield _error(
            path, f"the certificate of {who} is not that of an authority (basicConstraints)", "name the issuer's"
        )
    if now > certificate.not_valid_after_utc:
        until = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        yield _warning(path, f"the certificate of {who} expired on {until}: it vouches for nobody", "renew it")


def _check_list(
    path: Path,
    revocations: x509.CertificateRevocationList,
    keys: dict[x509.Name, list[CertificateIssuerPublicKeyTypes]],
    now: datetime,
) -> Iterator[Complaint]:
    who = name_in_words(revocations.issuer)
    known = keys.get(revocations.issuer)
    if known is not None and not any(_is_signed_with(revocations, key) for key in known):
        yield _error(path, f"the revocation list was not signed by {who}, whose name it has", "fetch it anew")
    end = revocations.next_update_utc
    if end is not None and now > end:
        yield _warning(path, f"the revocation list of {who} ended on {end:%Y-%m-%d %H:%M} UTC", "fetch a new one")


def _keys_by_name(
    authorities: Iterable[x509.Certificate],
) -> dict[x509.Name, list[CertificateIssuerPublicKeyTypes]]:
    keys: dict[x509.Name, list[CertificateIssuerPublicKeyTypes]] = {}
    for each in authorities:
        try:
            key = each.public_key()
        except (ValueError, UnsupportedAlgorithm):
            continue
        keys.setdefault(each.subject, []).append(key)  # type: ignore[arg-type]  # a wrong kind is refused below
    return keys


def _is_signed_with(revocations: x509.CertificateRevocationList, key: CertificateIssuerPublicKeyTypes) -> bool:
    try:
        return revocations.is_signature_valid(key)
    except (TypeError, ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False


def _error(path: Path, cause: str, remedy: str) -> Complaint:
    return Complaint(Severity.ERROR, str(path), cause, remedy)


def _warning(path: Path, cause: str, remedy: str) -> Complaint:
    return Complaint(Severity.WARNING, str(path), cause, remedy)
