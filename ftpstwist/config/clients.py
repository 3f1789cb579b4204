"""From ``[tls.clients]`` and ``[accounts.certificates]`` to what the rooms need: at the check, the start, every reload.

Blocks on small files. Refuses to go on without one of them: a revocation list
that is missing would let in whom it should keep out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ftpstwist.auth.certificaterule import CertificateRule, RuleError, read_rule
from ftpstwist.config.complaint import Complaint, Severity
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import CertificateRuleSettings, Unknown
from ftpstwist.tls import certificate as pem
from ftpstwist.tls.authorities import AskClients, ClientPolicy, load_authorities, load_revocation_lists

_AUTHORITIES, _LISTS = "tls.clients.authorities", "tls.clients.revocation_lists"


@dataclass(frozen=True, slots=True)
class Clients:
    """What ``[tls.clients]`` asks of clients.

    Attributes:
        policy: To be used if no complaint is an error.
        complaints: Errors and warnings, with the keys they are about.
    """

    policy: ClientPolicy
    complaints: tuple[Complaint, ...] = ()


def read_clients(settings: Settings, *, now: datetime) -> Clients:
    """Read the authorities and revocation lists for client certificates. Blocks; never raises.

    Args:
        settings: Names the files.
        now: Time of the check, with time zone.
    """
    clients = settings.tls.clients
    if clients.ask is AskClients.OFF:
        return Clients(ClientPolicy())
    about_authorities: list[pem.Complaint] = []
    about_lists: list[pem.Complaint] = []
    authorities = load_authorities(clients.authorities, about_authorities, now=now)
    lists = load_revocation_lists(clients.revocation_lists, authorities, about_lists, now=now)
    complaints = [
        *_translate(settings, _AUTHORITIES, about_authorities),
        *_translate(settings, _LISTS, about_lists),
    ]
    if not clients.authorities and clients.unknown is Unknown.REFUSE:
        cause = "clients are asked for certificates, but no authority could vouch for any"
        complaints.append(settings.origin.complain(_AUTHORITIES, cause, "Name the certificate of one, in PEM form"))
    policy = ClientPolicy(
        clients.ask,
        tuple(authorities),
        tuple(lists),
        clients.expired_lists,
        clients.depth,
        admits_unknown=clients.unknown is Unknown.ADMIT,
    )
    return Clients(policy, tuple(complaints))


def make_rule(rule: CertificateRuleSettings) -> CertificateRule:
    """Return the rule that is meant; raises ``RuleError`` if it can not be."""
    return read_rule(field=rule.field, match=rule.match, value=rule.value, user=rule.user, issuer=rule.issuer)


def complain_of_rules(settings: Settings) -> Iterator[Complaint]:
    """Yield what is wrong with ``[[accounts.certificates.rules]]``."""
    for position, rule in enumerate(settings.accounts.certificates.rules):
        try:
            make_rule(rule)
        except RuleError as error:
            yield settings.origin.complain(f"accounts.certificates.rules[{position}]", error.cause, error.remedy)


def _translate(settings: Settings, key: str, complaints: list[pem.Complaint]) -> Iterator[Complaint]:
    for each in complaints:
        report = settings.origin.complain if each.severity is Severity.ERROR else settings.origin.warn
        yield report(key, f"{each.path}: {each.cause}", each.remedy[:1].upper() + each.remedy[1:])
