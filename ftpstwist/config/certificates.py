"""From ``[tls]`` to certificates and a TLS policy: at the check, at the start and at every reload.

Blocks on small files. Refuses to go on with half the certificates: a name
whose certificate is missing would silently be answered with another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ftpstwist.config.complaint import Complaint, Origin, Severity
from ftpstwist.config.hosts import numbered_hosts
from ftpstwist.config.passphrase import read_passphrase
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_hosts import HostSettings
from ftpstwist.config.schema_tls import CertificateSettings, TlsSettings
from ftpstwist.session.identity import Secret
from ftpstwist.tls import certificate as pem
from ftpstwist.tls.authorities import ClientPolicy
from ftpstwist.tls.bundle import load_bundle
from ftpstwist.tls.certificate import CertificateError, CertificatePair, load_pair
from ftpstwist.tls.ocsp import ResponseError
from ftpstwist.tls.policy import TlsPolicy, group_pairs
from ftpstwist.tls.staple import load_staple

_NOUNS = {"certificate": "certificate and the full chain", "key": "private key, mode 0600"}


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
    """Read the certificates for all, and their keys. Blocks; never raises.

    Args:
        settings: Names the files.
        now: Time of the check, with time zone.
    """
    return _read(settings.origin, "tls.certificates", settings.tls.certificates, now)


def read_host_certificates(settings: Settings, *, now: datetime) -> dict[HostSettings, Certificates]:
    """Read the certificates of the hosts that have some. Blocks; never raises.

    Args:
        settings: Names the files.
        now: Time of the check, with time zone.
    """
    return {
        host: _read(settings.origin, f"{key}.certificates", host.certificates, now)
        for key, host in numbered_hosts(settings)
        if host.certificates
    }


def _read(origin: Origin, key: str, entries: tuple[CertificateSettings, ...], now: datetime) -> Certificates:
    pairs: list[CertificatePair] = []
    complaints: list[Complaint] = []
    for position, entry in enumerate(entries):
        found = _Entry(origin, f"{key}[{position}]", entry, now)
        if unclear := list(found.complain_of_files()):
            complaints += unclear
            continue
        passphrase = read_passphrase(entry, origin, found.key, complaints)
        if entry.passphrase_sources and passphrase is None:
            continue
        try:
            pair = found.load(passphrase)
        except CertificateError as error:
            complaints += found.translate(error.complaints)
        else:
            complaints += found.translate(pair.complaints)
            pairs.append(found.staple(pair, complaints))
    return Certificates(tuple(pairs), tuple(complaints))


def make_policy(tls: TlsSettings, pairs: tuple[CertificatePair, ...], clients: ClientPolicy | None = None) -> TlsPolicy:
    """Return what the listeners speak.

    Args:
        tls: Versions and suites.
        pairs: Certificates with their keys, at least one.
        clients: What is asked of clients, from ``config.clients``; nothing if not given.

    Raises:
        TlsPolicyError: It contradicts itself.
    """
    return TlsPolicy(
        group_pairs(pairs),
        profile=tls.profile,
        minimum=tls.minimum,
        ciphers=tls.ciphers,
        suites=tls.ciphersuites,
        clients=clients or ClientPolicy(),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the list, with the place where complaints about it belong."""

    origin: Origin
    key: str
    files: CertificateSettings
    now: datetime

    def complain_of_files(self) -> Iterator[Complaint]:
        """Say whether it is unclear which files are meant."""
        pair = {"certificate": self.files.certificate, "key": self.files.key}
        for name, file in pair.items():
            if self.files.bundle is not None and file is not None:
                cause = f"the bundle {self.files.bundle} holds certificate and key already"
                yield self.origin.complain(f"{self.key}.{name}", cause, f"Take out bundle, or {name}")
            elif self.files.bundle is None and file is None:
                remedy = f"Add it: PEM file with the {_NOUNS[name]}; or give a bundle"
                yield self.origin.complain(f"{self.key}.{name}", "the setting is missing", remedy)

    def load(self, passphrase: Secret | None) -> CertificatePair:
        """Read certificate and key; raises ``CertificateError``."""
        if self.files.bundle is not None:
            return load_bundle(self.files.bundle, passphrase, now=self.now)
        if self.files.certificate is None or self.files.key is None:
            raise CertificateError(())
        return load_pair(self.files.certificate, self.files.key, passphrase, now=self.now)

    def staple(self, pair: CertificatePair, complaints: list[Complaint]) -> CertificatePair:
        """Return the pair with its OCSP response; a bad one is left out, for the certificate is good without."""
        if self.files.staple is None:
            return pair
        try:
            return replace(pair, staple=load_staple(self.files.staple, pair, now=self.now))
        except ResponseError as error:
            cause = f"{self.files.staple} is not stapled: {error.cause}"
            complaints.append(self.origin.warn(f"{self.key}.staple", cause, error.remedy))
            return pair

    def translate(self, complaints: tuple[pem.Complaint, ...]) -> Iterator[Complaint]:
        """Put complaints of the tls room to the keys that name the files."""
        for each in complaints:
            named = {"bundle": self.files.bundle, "certificate": self.files.certificate}
            name = next((name for name, file in named.items() if str(file) == each.path), "key")
            report = self.origin.complain if each.severity is Severity.ERROR else self.origin.warn
            yield report(f"{self.key}.{name}", f"{each.path}: {each.cause}", _as_sentence(each.remedy))


def _as_sentence(remedy: str) -> str:
    if remedy.startswith("chmod"):
        return f"Run: {remedy}"
    return remedy[:1].upper() + remedy[1:] if remedy else "Give the path of a usable file"
