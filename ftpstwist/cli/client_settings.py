"""``ftpstwist client-settings``: what to enter in FileZilla, WinSCP, lftp, curl, rclone and Python.

For every port of the configuration and every host: the default one as its
certificate names it, virtual hosts by their names.
Nothing is started, and nothing is connected to: ``ftpstwist doctor`` does that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

from ftpstwist.cli.clientprograms import TRUSTED_FILE, Account, texts_for
from ftpstwist.config.certificates import read_certificates, read_host_certificates
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import load
from ftpstwist.config.schema import Settings
from ftpstwist.services.certificates import self_made_certificate
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.certificate import CertificatePair, fingerprint
from ftpstwist.tls.policy import matching_names

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1
EXPLICIT_PORT, IMPLICIT_PORT = 21, 990
"""Ports of sockets that come from systemd, which the configuration does not name."""
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class _Refusal(Exception):  # noqa: N818 - tells the user what to do, ends with status 1
    """The settings can not be told; the text says why."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The certificate that clients will see."""

    certificate: x509.Certificate

    @property
    def names(self) -> tuple[str, ...]:
        try:
            names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, ValueError):
            return ()
        dns = (name.lower() for name in names.get_values_for_type(x509.DNSName))
        return (*dns, *map(str, names.get_values_for_type(x509.IPAddress)))

    def names_host(self, host: str) -> bool:
        return any(name in self.names for name in matching_names(host))

    @property
    def is_self_signed(self) -> bool:
        return self.certificate.issuer == self.certificate.subject


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``client-settings`` to the command line."""
    parser = subparsers.add_parser("client-settings", help="print what to enter in clients", description=__doc__)
    parser.add_argument("--config", metavar="FILE", required=True, help="the configuration file of the server")
    parser.add_argument("--user", metavar="NAME", type=_name, default="alice", help="who logs in; else a made-up name")
    parser.add_argument(
        "--host", metavar="HOST", type=_name, help="how clients call the server; else from its certificate"
    )


def run(args: argparse.Namespace) -> int:
    """Print settings for the configuration that the arguments name.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status; 1 if they can not be told.
    """
    try:
        for line in _lines(_settings(args.config), args.host, args.user):
            print(line)
    except ConfigurationError as error:
        for each in error.complaints:
            print(f"{each.place}: {each.cause}. {each.remedy}", file=sys.stderr)
        print(f"Run: ftpstwist check --config {args.config}", file=sys.stderr)
    except _Refusal as refusal:
        print(refusal, file=sys.stderr)
    else:
        return DONE
    return FAILED


def _settings(file: str) -> Settings:
    draft = load(file)
    if any(complaint.is_error for complaint in draft.complaints):
        raise ConfigurationError(draft.complaints)
    return draft.settings


def _lines(settings: Settings, host: str | None, user: str) -> Iterator[str]:
    for name, shown in [(host, _certificate(settings, host))] if host else _hosts(settings):
        yield from _lines_for(settings, name, shown, user)
    if settings.tls.session_reuse is SessionReuse.REQUIRE:
        yield 'Data connections have to resume the TLS session: "curl -Z" and Python without the class above can not.'


def _lines_for(settings: Settings, host: str, shown: _Shown | None, user: str) -> Iterator[str]:
    pinned = fingerprint(shown.certificate) if shown and shown.is_self_signed else ""
    for title, implicit, port in _services(settings):
        yield f"=== {title}, {host} port {port} ==="
        for text in texts_for(Account(host, port, implicit, user, pinned)):
            yield ""
            yield f"--- {text.client} ---"
            yield from text.lines
        yield ""
    yield f"=== The certificate of {host} ==="
    yield from _trust(settings, shown, host)
    yield ""


def _services(settings: Settings) -> Iterator[tuple[str, bool, int]]:
    for title, implicit, endpoints, usual in (
        ("Explicit FTP over TLS", False, settings.server.explicit, EXPLICIT_PORT),
        ("Implicit FTP over TLS", True, settings.server.implicit, IMPLICIT_PORT),
    ):
        for port in dict.fromkeys(endpoint.port or usual for endpoint in endpoints):
            yield title, implicit, port


def _hosts(settings: Settings) -> Iterator[tuple[str, _Shown | None]]:
    """Yield what clients may call the server, and what they see then: the default host, and all others by each name."""
    others = [name for host in settings.hosts for name in host.names]
    shown = _certificate(settings, None)
    names = [*(shown.names if shown else ()), *settings.server.host_names]
    unusable = {*_LOCAL_NAMES, *(name.lower() for name in others)}
    default = next((name for name in names if not name.startswith("*") and name.lower() not in unusable), None)
    if default is not None:
        yield default, shown
    elif not others:
        raise _Refusal("No certificate that can be used says how clients call this server: give --host.")
    yield from ((name, _certificate(settings, name)) for name in others)


def _certificate(settings: Settings, host: str | None) -> _Shown | None:
    """Return what clients see who ask for *host*: that with the name, else the first."""
    pairs = _pairs(settings, host)
    if pairs is None:
        path = self_made_certificate(settings.server.state_directory)
        return _Shown(x509.load_pem_x509_certificate(path.read_bytes())) if path.exists() else None
    shown = [_Shown(pair.leaf) for pair in pairs]
    return next((each for each in shown if host and each.names_host(host)), shown[0] if shown else None)


def _pairs(settings: Settings, host: str | None) -> tuple[CertificatePair, ...] | None:
    """Return the certificates of the virtual host with this name, if it has its own, else the general ones, if any."""
    now = datetime.now(UTC)
    for each, found in read_host_certificates(settings, now=now).items():
        if host and host.lower() in (name.lower() for name in each.names):
            return found.pairs
    return read_certificates(settings, now=now).pairs if settings.tls.certificates else None


def _trust(settings: Settings, shown: _Shown | None, host: str) -> Iterator[str]:
    if shown is None:
        made = "" if settings.tls.certificates else " It is made at the first start; run this again then."
        yield f"Clients have to trust the server's certificate, which can not be read here.{made}"
        return
    yield f"SHA-256 fingerprint: {fingerprint(shown.certificate)}"
    if not shown.is_self_signed:
        issuer = shown.certificate.issuer.rfc4514_string()
        yield f"Issued by {issuer}."
        yield "Of a public authority: clients need nothing else. Of your own: give clients its certificate."
        return
    yield "Self-signed: clients ask once, and the fingerprint has to be compared then."
    where = "" if settings.tls.certificates else f": {self_made_certificate(settings.server.state_directory)}"
    yield f"Programs need a copy of the certificate (not of the key){where}, as {TRUSTED_FILE} above."
    if shown.names and not shown.names_host(host):
        yield f"It is for {', '.join(shown.names)}, not for {host}: programs will refuse it."


def _name(text: str) -> str:
    if not text or not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError("it has to be one line of text")
    return text
