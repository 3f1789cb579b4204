"""What a configuration means, in words: for ``ftpstwist check`` and for the log at the start.

Only what is in force is told, defaults included. Nothing is looked up and
nothing judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ftpstwist.config.certificates import make_policy
from ftpstwist.config.form import join_words
from ftpstwist.config.form_network import PortRange
from ftpstwist.config.hosts import settings_of_host
from ftpstwist.config.policywords import answers, demands, whom
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import AskResponder, Unanswered, Unknown
from ftpstwist.config.schema_data import AUTO
from ftpstwist.session.certificate import AddressMatch
from ftpstwist.session.policy import CloseNotify, SessionReuse
from ftpstwist.tls.authorities import AskClients
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.policy import TlsVersion

_REUSE = {
    SessionReuse.PREFER: "they should resume the TLS session of their control connection, and have to come from its "
    "address",
    SessionReuse.REQUIRE: "they have to resume the TLS session of their control connection",
    SessionReuse.OFF: "TLS sessions can not be resumed; they have to come from the address of their control connection",
}


_ASKED = {AskClients.OPTIONAL: "asked for", AskClients.REQUIRED: "required"}


@dataclass(frozen=True, slots=True)
class Section:
    """A headline and what belongs below it.

    Attributes:
        title: A few words.
        lines: One fact each.
    """

    title: str
    lines: tuple[str, ...]


def summarise(settings: Settings, pairs: tuple[CertificatePair, ...]) -> tuple[Section, ...]:
    """Tell what is in force.

    Args:
        settings: All settings.
        pairs: The certificates of ``[[tls.certificates]]``; none if the server makes one itself.
    """
    exceptions = tuple(_exceptions(settings))
    return (
        Section("Where clients connect", tuple(_listeners(settings))),
        Section("What is protected", tuple(_protection(settings))),
        *([Section("Unless one of these says otherwise, of which the first counts", exceptions)] if exceptions else []),
        Section("Certificates", tuple(_certificates(settings, pairs))),
        *([Section("Virtual hosts", tuple(_hosts(settings)))] if settings.hosts else []),
        Section("Who may log in", tuple(_accounts(settings))),
        *([Section("Quotas", tuple(each.words for each in settings.quotas))] if settings.quotas else []),
        Section("Ports to open in the firewall", tuple(_firewall(settings))),
    )


def _listeners(settings: Settings) -> Iterator[str]:
    for words, endpoints in (
        ("FTP with explicit TLS", settings.server.explicit),
        ("FTP with implicit TLS", settings.server.implicit),
    ):
        yield f"{words}: {', '.join(str(endpoint) for endpoint in endpoints) or 'switched off'}"
    if settings.server.proxies:
        networks = join_words([str(network) for network in settings.server.proxies], "and")
        yield f"only through load balancers in {networks}, with a PROXY header"
    for listener in settings.server.legacy:
        networks = join_words([str(network) for network in listener.networks], "and")
        yield f"FTP with {listener.service.value} TLS from 1.0 on, for old devices in {networks}: {listener.endpoint}"
    if settings.server.workers > 1:
        yield f"{settings.server.workers} processes serve"


def _protection(settings: Settings) -> Iterator[str]:
    for what, how in demands(settings.policy.require.policy):
        yield f"{what}: {how}"
    oldest = settings.tls.minimum or settings.tls.profile.minimum
    versions = [str(version) for version in TlsVersion if version.value >= oldest.value]
    yield f"Versions: {join_words(versions, 'and')}"
    yield f"Data connections: {_REUSE[settings.tls.session_reuse]}"
    if settings.policy.allow_ccc:
        yield "Clients that log in under TLS may go on in clear (CCC) where other commands need no TLS"
    yield from _server_to_server(settings)
    strict = settings.policy.upload_close_notify is CloseNotify.STRICT
    yield f"Uploads under TLS without close_notify at their end: {'refused as incomplete' if strict else 'accepted'}"


def _server_to_server(settings: Settings) -> Iterator[str]:
    fxp = settings.fxp
    if fxp.rule.is_offered:
        who = [*fxp.users, *(f"members of {group}" for group in fxp.groups)]
        servers = join_words([str(each) for each in fxp.networks], "and")
        yield f"Transfers between this server and those in {servers}: {join_words(who, 'and')} may"


def _exceptions(settings: Settings) -> Iterator[str]:
    for rule in settings.policy.rules:
        who = whom(rule)
        yield f"{who[:1].upper()}{who[1:]}: {'; '.join(answers(rule))}"
    if settings.policy.rules and settings.server.implicit and not settings.policy.allow_ccc:
        endpoints = join_words([str(each) for each in settings.server.implicit], "and")
        yield f"All commands on {endpoints} are under TLS anyway"


def _certificates(settings: Settings, pairs: tuple[CertificatePair, ...]) -> Iterator[str]:
    if not pairs:
        yield f"One that the server makes itself, kept in {settings.server.state_directory}"
        return
    policy = make_policy(settings.tls, pairs)
    for group in policy.certificates:
        names = ", ".join(sorted(group.answers_to)) or "clients that name no server"
        kinds = " and ".join(f"{pair.key_type} until {pair.leaf.not_valid_after_utc:%Y-%m-%d}" for pair in group.pairs)
        default = "; also for clients that name another server, or none" if group is policy.certificates[0] else ""
        yield f"{names}: {kinds}{default}"


def _hosts(settings: Settings) -> Iterator[str]:
    for host in settings.hosts:
        own = settings_of_host(settings, host)
        files = [entry.certificate or entry.bundle for entry in host.certificates]
        certificates = join_words([str(file) for file in files] or ["as above"], "and")
        home = own.accounts.home.replace("{root}", str(own.accounts.root))
        yield f"{join_words(list(host.names))}: certificate {certificates}; users of {own.accounts.users}, in {home}"
        if host.require is not None:
            yield f"    protected there: {'; '.join(f'{what}: {how}' for what, how in demands(host.require.policy))}"
    yield f"All other names: {'refused' if settings.tls.sni_strict else 'the default host'}; no name: the default host"


def _accounts(settings: Settings) -> Iterator[str]:
    accounts = settings.accounts
    home = accounts.home.replace("{root}", str(accounts.root))
    yield f"Users of {accounts.users}, at home in {home} unless it says otherwise"
    yield from _by_certificate(settings)
    if accounts.anonymous.enabled:
        words = ", ".join(sorted(permission.value for permission in accounts.anonymous.permissions))
        yield f"Anonymous, in {accounts.anonymous.root}, who may {words or 'do nothing'}"
    if settings.server.allow:
        yield f"From {', '.join(map(str, settings.server.allow))} only"
    if settings.server.deny:
        yield f"Not from {', '.join(map(str, settings.server.deny))}"


def _by_certificate(settings: Settings) -> Iterator[str]:
    clients, certificates = settings.tls.clients, settings.accounts.certificates
    if clients.ask is AskClients.OFF:
        return
    whose = []
    if clients.authorities:
        whose.append(f"one that {join_words([str(each) for each in clients.authorities])} vouches for")
    if clients.unknown is Unknown.ADMIT:
        whose.append("one whose fingerprint is in the users file")
    yield f"A client certificate is {_ASKED[clients.ask]}: {join_words(whose)}"
    if clients.address is AddressMatch.REQUIRE:
        yield "Its user has to come from an IP address that it names"
    if clients.ocsp.ask is not AskResponder.NEVER:
        responder = clients.ocsp.responder or "the responder it names"
        which = " if its issuer has no revocation list here" if clients.ocsp.ask is AskResponder.UNLISTED else ""
        silence = "goes on" if clients.ocsp.unanswered is Unanswered.ACCEPT else "fails"
        yield f"Whether it was revoked is asked of {responder} at the login{which}; without an answer that {silence}"
    mode, count = certificates.mode.value, len(certificates.rules)
    yield f'What users need for the login, unless their entry says otherwise: "{mode}"; rules for certificates: {count}'


def _firewall(settings: Settings) -> Iterator[str]:
    ports = [PortRange(endpoint.port, endpoint.port) for endpoint in settings.endpoints if endpoint.port]
    shown = dict.fromkeys(str(each) for each in [*ports, settings.passive.ports] if each.first)
    yield f"TCP {join_words(list(shown), 'and')}, from clients to this machine"
    if settings.active.enabled:
        source = settings.active.source_ports
        yield f"TCP from {source if source.first else 'any port'} of this machine to clients (active mode)"
    is_only_one = len(settings.passive.rules) == 1
    for rule in settings.passive.rules:
        who = f"clients in {rule.network}" if rule.network else "clients" if is_only_one else "all other clients"
        place = "the address they connected to" if rule.address == AUTO else rule.address
        yield f"PASV tells {who}{' under TLS' if rule.under_tls else ''} {place}"
