"""``ftpstwist check-cert``: whose a client certificate is with a configuration, and why, rule by rule.

Nothing is started. The exit status is 0 if the certificate is some user's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from ftpstwist.auth.certificate import CertificateJudgement
from ftpstwist.auth.certificaterule import RuleError
from ftpstwist.auth.userfile import read_user_file
from ftpstwist.auth.userrecord import PINNED_CERTIFICATE, PINNED_KEY, UserFileError, UserRecord
from ftpstwist.config.clients import read_clients
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import load
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import Unknown
from ftpstwist.services.accounts import certificate_judgement
from ftpstwist.session.certificate import PeerCertificate, write_name
from ftpstwist.tls.authorities import AskClients
from ftpstwist.tls.peer import load_certificates, read_peer
from ftpstwist.tls.trial import Objection, objection_to

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1
MAX_FILE_OCTETS = 1 << 20
"""Octets read of the file; more is no certificate with its chain."""


class _Refusal(Exception):  # noqa: N818 - tells the user what to do, ends with status 1
    """The question can not be answered; the text says why."""


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``check-cert`` to the command line."""
    parser = subparsers.add_parser("check-cert", help="say whose a client certificate is, and why", description=__doc__)
    parser.add_argument("file", metavar="FILE", help="PEM file with the certificate and its chain, or DER")
    parser.add_argument("--config", metavar="FILE", required=True, help="the configuration file of the server")


def run(args: argparse.Namespace) -> int:
    """Say whose the certificate is that the arguments name.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status; 1 if it is nobody's, or that can not be told.
    """
    now = datetime.now(UTC)
    try:
        trial = _prepare(args.file, args.config, now)
    except (_Refusal, ConfigurationError, UserFileError, RuleError) as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return FAILED
    for line in trial.tell():
        print(line)
    return DONE if trial.users else FAILED


@dataclass(frozen=True, slots=True)
class _Trial:
    """One certificate, and everything that decides about it."""

    settings: Settings
    certificate: PeerCertificate
    objection: Objection | None
    judgement: CertificateJudgement
    records: Mapping[str, UserRecord]

    @property
    def passes(self) -> bool:
        """Whether the handshake would pass."""
        clients = self.settings.tls.clients
        is_admitted = self.objection is not None and self.objection.is_unknown and clients.unknown is Unknown.ADMIT
        return clients.ask is not AskClients.OFF and (self.objection is None or is_admitted)

    @property
    def pins(self) -> dict[str, str]:
        """Users whose entry names the certificate, with the fingerprint that does."""
        found = {name: self.judgement.pin_of(record, self.certificate) for name, record in self.records.items()}
        return {name: pin for name, pin in found.items() if pin is not None}

    @property
    def users(self) -> list[str]:
        """The users whose certificate it is, by asking what the server would ask."""
        named = {user for finding in self.judgement.findings(self.certificate) for user in finding.users}
        candidates = sorted(named | set(self.pins))
        return [
            each
            for each in candidates
            if self.passes and self.judgement.owner_objection(each, self.certificate) is None
        ]

    def tell(self) -> Iterator[str]:
        """Yield the lines of the answer."""
        yield from _describe(self.certificate)
        yield ""
        yield f"Handshake: {self._handshake()}"
        if flaw := self.judgement.flaw_of(self.certificate):
            yield f"Login: nobody's, for {flaw}"
        for name, pin in self.pins.items():
            yield f"Entry of {name} in the users file: names {pin}"
        if self.certificate.trusted:
            yield from self._rules()
        else:
            yield "Rules: not looked at, for nobody vouches for the certificate"
        yield ""
        yield from self._outcome()

    def _handshake(self) -> str:
        if self.settings.tls.clients.ask is AskClients.OFF:
            return 'no client is asked for a certificate; write ask = "optional" in [tls.clients]'
        if self.objection is None:
            return "passes; an authority of [tls.clients] vouches for it"
        return f"{'passes, but is not trusted' if self.passes else 'fails'}: {self.objection.cause}"

    def _rules(self) -> Iterator[str]:
        decided = False
        for finding in self.judgement.findings(self.certificate):
            users = " or ".join(sorted(finding.users))
            outcome = (
                f"no user: {finding.reason}" if not users else f"{users}{', too late' if decided else ', decides'}"
            )
            decided = decided or bool(users)
            yield f"{finding.rule[:1].upper()}{finding.rule[1:]}: {outcome}"

    def _outcome(self) -> Iterator[str]:
        if not self.users:
            yield "It is nobody's: it logs nobody in."
        for user in self.users:
            mode = self.judgement.mode_of(user)
            worth = "logs in without a password" if mode.needs_no_password else "does not do without the password"
            unlisted = "" if user in self.records else "; but the users file has no such user"
            yield f'It is that of {user}, whose mode is "{mode.value}": it {worth}{unlisted}.'


def _prepare(file: str, config: str, now: datetime) -> _Trial:
    draft = load(config)
    if draft.complaints:
        raise ConfigurationError(draft.complaints)
    settings = draft.settings
    clients = read_clients(settings, now=now)
    if any(complaint.is_error for complaint in clients.complaints):
        raise ConfigurationError(clients.complaints)
    chain = _read(file)
    users = settings.accounts.users
    records = read_user_file(users).users if users.exists() else {}
    objection = objection_to(chain[0], chain[1:], clients.policy, now=now)
    certificate = read_peer(chain[0], trusted=objection is None)
    if certificate is None:
        raise _Refusal(f"{file}: a part of the certificate can not be decoded")
    judgement = certificate_judgement(settings, find_user=records.get, now=now.timestamp)
    return _Trial(settings, certificate, objection, judgement, records)


def _read(file: str) -> list[x509.Certificate]:
    with Path(file).open("rb") as stream:
        octets = stream.read(MAX_FILE_OCTETS)
    try:
        return load_certificates(octets)
    except ValueError:
        raise _Refusal(f"{file} holds no certificate. Give one in PEM or DER form.") from None


def _describe(certificate: PeerCertificate) -> Iterator[str]:
    rows = {
        "Subject": write_name(certificate.subject),
        "Issuer": write_name(certificate.issuer),
        "Serial number": f"{certificate.serial:x}",
        "E-mail": ", ".join(map(ascii, certificate.emails)),
        "DNS": ", ".join(map(ascii, certificate.dns_names)),
        "URI": ", ".join(map(ascii, certificate.uris)),
        "Address": ", ".join(certificate.addresses),
        "User principal name": ", ".join(map(ascii, certificate.principals)),
        "Certificate": PINNED_CERTIFICATE + certificate.fingerprint,
        "Key": PINNED_KEY + certificate.key_fingerprint,
    }
    for title, value in rows.items():
        if value:
            yield f"{title}: {value}"
