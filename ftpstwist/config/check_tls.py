"""Whether the certificates can be used, whether OpenSSL understands the cipher lists, and what stays in clear."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.certificates import make_policy, read_certificates
from ftpstwist.config.clients import complain_of_rules, read_clients
from ftpstwist.config.complaint import Complaint
from ftpstwist.config.form import join_words
from ftpstwist.config.policywords import left_in_clear
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import AskResponder
from ftpstwist.config.schema_tls import TlsSettings
from ftpstwist.session.certificate import AddressMatch
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.policy import Require, SessionReuse
from ftpstwist.tls.authorities import AskClients, ClientPolicy
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.context import ContextSet
from ftpstwist.tls.policy import TlsPolicyError
from ftpstwist.tls.selfsigned import make_self_signed

_SHOWN_CIPHERS = 3


def _certificates_are_usable(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    found = read_certificates(settings, now=surroundings.now)
    yield from found.complaints
    if not settings.tls.certificates:
        yield settings.origin.warn(
            "tls.certificates",
            "no certificate is named, so the server makes itself one that no client knows",
            "Name a certificate and its key in [[tls.certificates]], unless this is a trial",
        )
    elif len(found.pairs) == len(settings.tls.certificates) and (cause := _objection(TlsSettings(), found.pairs)):
        yield settings.origin.complain("tls.certificates", cause, "Take one of them out, or have it made anew")


def _ciphers_are_known(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    spare = (make_self_signed(["localhost"], now=surroundings.now),)
    for key, remedy, tls in (
        ("tls.ciphers", 'Write names that "openssl ciphers" lists', TlsSettings(ciphers=settings.tls.ciphers)),
        (
            "tls.ciphersuites",
            'Write names that "openssl ciphers -tls1_3" lists',
            TlsSettings(ciphersuites=settings.tls.ciphersuites),
        ),
    ):
        if cause := _objection(tls, spare):
            yield settings.origin.complain(key, cause, remedy)


def _ciphers_are_safe(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    tls = TlsSettings(ciphers=settings.tls.ciphers)
    if settings.tls.ciphers is None or _objection(tls, spare := (make_self_signed(["x"], now=surroundings.now),)):
        return  # nothing was asked for, or it is told above
    names = ContextSet(make_policy(tls, spare)).cipher_names
    if weak := [name for name in names if not name.startswith("TLS_") and TlsFacts("TLSv1.2", name).is_obsolete]:
        shown = ", ".join(weak[:_SHOWN_CIPHERS]) + (" and others" if len(weak) > _SHOWN_CIPHERS else "")
        yield settings.origin.warn(
            "tls.ciphers",
            f"no forward secrecy, or no authenticated encryption, comes with {shown}",
            "Take them out; for old devices there is [[server.legacy]]",
        )


def _little_is_in_clear(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if words := left_in_clear(settings.policy.require.policy):
        yield settings.origin.warn(
            "policy.require",
            f"{join_words(words, 'and')} may travel in clear, for everybody on the way to read",
            f'Write require = "{Require.ALL.value}", unless some clients have no TLS',
        )


def _clients_can_resume(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if settings.tls.session_reuse is SessionReuse.REQUIRE:
        yield settings.origin.warn(
            "tls.session_reuse",
            'clients that do not resume TLS sessions can transfer nothing: Python\'s ftplib, "curl -Z" and others',
            f'Write "{SessionReuse.PREFER.value}" if there are such clients',
        )


def _clients_can_be_verified(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    found = read_clients(settings, now=surroundings.now)
    yield from found.complaints
    if not any(complaint.is_error for complaint in found.complaints):
        spare = (make_self_signed(["localhost"], now=surroundings.now),)
        if cause := _objection(TlsSettings(), spare, found.policy):
            yield settings.origin.complain("tls.clients", cause, "Name other files")


def _required_certificates_are_asked_for(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    clients, require = settings.tls.clients.ask, settings.policy.require
    if clients is AskClients.REQUIRED and require in {Require.NONE, Require.DATA}:
        yield settings.origin.warn(
            "tls.clients.ask",
            f'a certificate is required under TLS only, and require = "{require.value}" lets clients do without TLS',
            f'Write require = "{Require.LOGIN.value}" or more',
        )


def _responders_are_asked_about_something(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    clients = settings.tls.clients
    if clients.ocsp.ask is not AskResponder.NEVER and clients.ask is AskClients.OFF:
        yield settings.origin.complain(
            "tls.clients.ocsp.ask",
            "a responder is to be asked about certificates, but no client is asked for one",
            'Write ask = "optional" in [tls.clients], or take it out',
        )


def _addresses_can_match(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    clients = settings.tls.clients
    if clients.address is not AddressMatch.IGNORE and clients.ask is AskClients.OFF:
        yield settings.origin.complain(
            "tls.clients.address",
            "certificates are compared with addresses, but no client is asked for one",
            'Write ask = "required" in [tls.clients], or take it out',
        )


def _certificate_rules_make_sense(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    yield from complain_of_rules(settings)
    certificates, clients = settings.accounts.certificates, settings.tls.clients
    if clients.ask is AskClients.OFF and certificates.rules:
        yield settings.origin.warn(
            "accounts.certificates.rules",
            "there are rules about client certificates, but no client is asked for one",
            'Write ask = "optional" in [tls.clients]',
        )
    if clients.ask is AskClients.OFF and certificates.mode.needs_certificate:
        yield settings.origin.complain(
            "accounts.certificates.mode",
            "nobody could log in: users need a certificate, but no client is asked for one",
            'Write ask = "optional" in [tls.clients], or another mode',
        )


RULES = (
    Rule(("tls.clients",), _clients_can_be_verified),
    Rule(("tls.clients.ocsp.ask", "tls.clients.ask"), _responders_are_asked_about_something),
    Rule(("tls.clients.address", "tls.clients.ask"), _addresses_can_match),
    Rule(("tls.clients.ask", "policy.require"), _required_certificates_are_asked_for),
    Rule(("accounts.certificates", "tls.clients.ask"), _certificate_rules_make_sense),
    Rule(("tls.certificates",), _certificates_are_usable),
    Rule(("tls.ciphers", "tls.ciphersuites"), _ciphers_are_known),
    Rule(("tls.ciphers",), _ciphers_are_safe),
    Rule(("policy.require",), _little_is_in_clear),
    Rule(("tls.session_reuse",), _clients_can_resume),
)
"""What TLS has to be like."""


def _objection(tls: TlsSettings, pairs: tuple[CertificatePair, ...], clients: ClientPolicy | None = None) -> str | None:
    """Return what OpenSSL, or the tls room, has against it."""
    try:
        ContextSet(make_policy(tls, pairs, clients))
    except TlsPolicyError as error:
        return str(error)
    return None
