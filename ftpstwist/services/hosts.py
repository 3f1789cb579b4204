"""The virtual hosts of the configuration, each with its accounts; all share the defence and the caps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ftpstwist.auth.userfile import UserFile
from ftpstwist.commands.hosts import HostBook, SessionSettings, VirtualHost
from ftpstwist.config.hosts import own_keys, settings_of_host
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import Reply as CertificateReply
from ftpstwist.config.schema_sources import Source
from ftpstwist.services.accounts import Accounts
from ftpstwist.services.policy import policy_book
from ftpstwist.session.policybook import PolicyBook

MakeAccounts = Callable[[Settings], Accounts]

_ABOUT_ACCOUNTS = frozenset({"users", "root", "home"})


@dataclass(frozen=True, slots=True)
class Hosts:
    """All hosts of a server.

    Attributes:
        book: For sessions.
        users: The users files that were read, by what the log calls them.
    """

    book: HostBook
    users: Mapping[str, UserFile]


def build_hosts(
    settings: Settings, default: Accounts, make_accounts: MakeAccounts | None, is_known: Callable[[str], bool]
) -> Hosts:
    """Put the hosts together.

    Args:
        settings: The configuration.
        default: The accounts of the default host, and of hosts that do not say otherwise.
        make_accounts: Makes those of hosts that do; ``None`` where all hosts share the default ones.
        is_known: Tells whether a name that is in no ``[[hosts]]`` is ours.

    Raises:
        UserFileError: A users file can not be used.
    """
    users = {} if default.users is None else {"users": default.users}
    by_name: dict[str, VirtualHost] = {}
    for each in settings.hosts:
        own, accounts = settings_of_host(settings, each), default
        if make_accounts is not None and own_keys(each) & _ABOUT_ACCOUNTS:
            accounts = make_accounts(own)
            accounts.authenticator.share_counts_with(default.authenticator)
            if accounts.users is not None:
                users[f"users of {each.names[0]}"] = accounts.users
        host = _virtual_host(own, accounts)
        by_name.update({name.lower(): host for name in each.names})
    return Hosts(HostBook(_virtual_host(settings, default), by_name, is_known), users)


def _virtual_host(settings: Settings, accounts: Accounts) -> VirtualHost:
    # Where other sources add groups, those of the users file are not all that will count.
    knows_groups = set(settings.accounts.sources) == {Source.USERS}
    policy = policy_book(settings, accounts.users if knows_groups else None)
    return VirtualHost(_session_settings(settings, policy), accounts.authenticator)


def _session_settings(settings: Settings, policy: PolicyBook) -> SessionSettings:
    server, limits = settings.server, settings.limits
    return SessionSettings(
        policy=policy,
        banner=server.banner,
        goodbye=server.goodbye,
        active=settings.active.enabled,
        mdtm_sets_time=server.mdtm_sets_time,
        strict_sequence=server.strict_rfc,
        server_to_server=settings.fxp.rule,
        deflate_level=settings.deflate.level if settings.deflate.enabled else None,
        highest_deflate_level=settings.deflate.highest_level,
        digests=settings.integrity.digests,
        allow_ccc=settings.policy.allow_ccc,
        idle_seconds=server.idle_timeout,
        login_seconds=server.login_timeout,
        certificate_at_user=settings.accounts.certificates.reply is CertificateReply.AT_USER,
        certificate_address=settings.tls.clients.address,
        login_attempts=limits.login_attempts,
        unknown_commands=limits.unknown_commands,
        line_octets=limits.command_line,
        pipelined_commands=limits.pipelined_commands,
        status_entries=limits.status_entries,
        listing_depth=limits.listing_depth,
        listing_entries=limits.listing_entries,
    )
