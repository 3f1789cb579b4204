"""Whether virtual hosts can be told apart, and whether what they say for themselves can be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ftpstwist.commands.hosts import HostInUser
from ftpstwist.config import check_accounts
from ftpstwist.config.certificates import read_certificates, read_host_certificates
from ftpstwist.config.complaint import Complaint, Origin
from ftpstwist.config.form import join_words
from ftpstwist.config.hosts import GENERAL_KEYS, numbered_hosts, own_keys, settings_of_host
from ftpstwist.config.policywords import left_in_clear
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.tls.context import ContextSet
from ftpstwist.tls.policy import ServerCertificates, TlsPolicy, TlsPolicyError, matching_names

_ABOUT_ACCOUNTS = [
    rule for rule in check_accounts.RULES if {"accounts.users", "accounts.root", "accounts.home"} & set(rule.keys)
]


def _hosts_have_names_of_their_own(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    taken: dict[str, str] = {}
    for key, host in numbered_hosts(settings):
        if not host.names:
            yield settings.origin.complain(
                f"{key}.names", "the list is empty, so nobody can choose the host", "Give at least one name"
            )
        for position, name in enumerate(host.names):
            earlier = taken.setdefault(name.lower(), key)
            if earlier != key:
                yield settings.origin.complain(
                    f"{key}.names[{position}]", f"{name} is also a name of {earlier}", "Take one of the two out"
                )


def _accounts_can_be_used(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    """Judge what hosts say for themselves as what is said for all, and put the complaints where they belong."""
    for key, host in numbered_hosts(settings):
        names = {GENERAL_KEYS[name]: f"{key}.{name}" for name in own_keys(host)}
        own = replace(settings_of_host(settings, host), origin=_with_lines_of(settings, names))
        for complaint in (each for rule in _ABOUT_ACCOUNTS for each in rule.judge(own, surroundings)):
            if complaint.file != own.origin.file:
                yield complaint
            elif complaint.key in names:
                yield replace(complaint, key=names[complaint.key])


def _with_lines_of(settings: Settings, names: dict[str, str]) -> Origin:
    lines = settings.origin.lines
    return replace(settings.origin, lines=lines | {mine: lines[own] for mine, own in names.items() if own in lines})


def _homes_are_not_shared(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    homes = {(settings.accounts.root, settings.accounts.home): "[accounts]"}
    for key, host in numbered_hosts(settings):
        accounts = settings_of_host(settings, host).accounts
        other = homes.setdefault((accounts.root, accounts.home), key)
        if host.users is not None and other != key:
            yield settings.origin.warn(
                f"{key}.users",
                f"the homes are those of {other}: users of one name share theirs, whichever users file they are in",
                "Give the host a root of its own",
            )


def _certificates_can_be_used(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    general = read_certificates(settings, now=surroundings.now).pairs
    own = read_host_certificates(settings, now=surroundings.now)
    for key, host in numbered_hosts(settings):
        pairs = general
        if host in own:
            pairs = own[host].pairs
            yield from own[host].complaints
            if len(pairs) < len(host.certificates):
                continue
            if cause := _objection(ServerCertificates(pairs, host.names)):
                yield settings.origin.complain(
                    f"{key}.certificates", cause, "Take one of them out, or have it made anew"
                )
        held = {name for pair in pairs for name in pair.server_names}
        missing = [name for name in host.names if held.isdisjoint(matching_names(name))]
        if missing and pairs:
            yield settings.origin.warn(
                f"{key}.names",
                f"no certificate of the host holds {join_words(missing, 'or')}, so clients will refuse it",
                "Have one made for all names",
            )


def _objection(group: ServerCertificates) -> str | None:
    try:
        ContextSet(TlsPolicy((group,)))
    except TlsPolicyError as error:
        return str(error)
    return None


def _little_is_in_clear(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    general = left_in_clear(settings.policy.require.policy)
    for key, host in numbered_hosts(settings):
        exposed = [] if host.require is None else left_in_clear(host.require.policy)
        if more := [word for word in exposed if word not in general]:
            yield settings.origin.warn(
                f"{key}.require",
                f"{join_words(more, 'and')} may travel in clear, for everybody on the way to read",
                "Take it out, unless some clients of this host have no TLS",
            )


def _hosts_can_be_named_by_users(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if settings.accounts.host_in_user is HostInUser.CHOOSES and not settings.hosts:
        yield settings.origin.warn(
            "accounts.host_in_user", "there are no hosts to choose from", 'Write [[hosts]], or "strip"'
        )


RULES = (
    Rule(("hosts", "accounts.host_in_user"), _hosts_can_be_named_by_users),
    Rule(("hosts",), _hosts_have_names_of_their_own),
    Rule(("hosts", "accounts"), _accounts_can_be_used),
    Rule(("hosts", "accounts"), _homes_are_not_shared),
    Rule(("hosts", "tls.certificates"), _certificates_can_be_used),
    Rule(("hosts", "policy.require"), _little_is_in_clear),
)
"""What hosts have to be like."""
