"""From ``[tls]`` to certificates and a TLS policy: at the check, at the start and at every reload.

Blocks on small files. Refuses to go on with half the certificates: a name
whose certificate is missing would silently be answered with another one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ftpstwist.config.complaint import Complaint, Origin
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_tls import CertificateSettings, TlsSettings
from ftpstwist.session.identity import Secret
from ftpstwist.tls import certificate as pem
from ftpstwist.tls.certificate import CertificateError, CertificatePair, load_pair
from ftpstwist.tls.policy import TlsPolicy, group_pairs

MAX_PASSPHRASE_OCTETS = 4096
"""Longest first line of a passphrase file."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """What ``[[tls.certificates]]`` names.

    Attributes:
        pairs: Those that can be used; all of them if no complaint is an error.
        complaints: Errors and warnings, with the keys they are about.
    """

    pairs: tuple[CertificatePair, ...]
    complaints: tuple[Complaint, ...]


def read_certificates(settings: Settings, *, now: datetime) -> Certificates:
    """Read all certificates and their keys. Blocks; never raises.

    Args:
        settings: Names the files.
        now: Time of the check, with time zone.
    """
    pairs: list[CertificatePair] = []
    complaints: list[Complaint] = []
    for position, entry in enumerate(settings.tls.certificates):
        found = _Entry(settings.origin, f"tls.certificates[{position}]", entry)
        passphrase = found.read_passphrase(complaints)
        try:
            pair = load_pair(entry.certificate, entry.key, passphrase, now=now)
        except CertificateError as error:
            complaints += found.translate(error.complaints)
        else:
            complaints += found.translate(pair.complaints)
            pairs.append(pair)
    return Certificates(tuple(pairs), tuple(complaints))


def make_policy(tls: TlsSettings, pairs: tuple[CertificatePair, ...]) -> TlsPolicy:
    """Return what the listeners speak.

    Args:
        tls: Versions and suites.
        pairs: Certificates with their keys, at least one.

    Raises:
        TlsPolicyError: It contradicts itself.
    """
    return TlsPolicy(
        group_pairs(pairs),
        profile=tls.profile,
        minimum=tls.minimum,
        ciphers=tls.ciphers,
        suites=tls.ciphersuites,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the list, with the place where complaints about it belong."""

    origin: Origin
    key: str
    files: CertificateSettings

    def read_passphrase(self, complaints: list[Complaint]) -> Secret | None:
        path = self.files.passphrase_file
        if path is None:
            return None
        key = f"{self.key}.passphrase_file"
        try:
            octets, mode = _read_first_line(path)
        except OSError as error:
            cause, remedy = f"{path} can not be read ({error.strerror})", "Give the path of the file"
            complaints.append(self.origin.complain(key, cause, remedy))
            return None
        if mode & stat.S_IRWXO:
            cause = f"{path} may be read or changed by others (mode {mode:04o})"
            complaints.append(self.origin.complain(key, cause, f"Run: chmod 600 {path}"))
        if not octets:
            complaints.append(self.origin.complain(key, f"the first line of {path} is empty", "Write the passphrase"))
        return Secret(octets.decode("utf-8", "replace"))

    def translate(self, complaints: tuple[pem.Complaint, ...]) -> Iterator[Complaint]:
        """Put complaints of the tls room to the keys that name the files."""
        for each in complaints:
            name = "certificate" if each.path == str(self.files.certificate) else "key"
            report = self.origin.complain if each.severity is pem.Severity.ERROR else self.origin.warn
            yield report(f"{self.key}.{name}", f"{each.path}: {each.cause}", _as_sentence(each.remedy))


def _as_sentence(remedy: str) -> str:
    if remedy.startswith("chmod"):
        return f"Run: {remedy}"
    return remedy[:1].upper() + remedy[1:] if remedy else "Give the path of a usable file"


def _read_first_line(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        return file.readline(MAX_PASSPHRASE_OCTETS).rstrip(b"\r\n"), mode
