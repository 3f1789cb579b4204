"""The virtual hosts of the configuration, each with its accounts; all share the defence and the caps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ftpstwist.auth.userfile import UserFile
from ftpstwist.commands.hosts import HostBook, SessionSettings, VirtualHost
from ftpstwist.config.hosts import own_keys, settings_of_host
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import Reply as CertificateReply
from ftpstwist.config.schema_hosts import HostSettings
from ftpstwist.config.schema_sources import AskForCode, Source
from ftpstwist.interfaces import Authenticator
from ftpstwist.services.policy import policy_book
from ftpstwist.session.policybook import PolicyBook


class HostAccounts(Protocol):
    """What hosts need to know of accounts."""

    @property
    def authenticator(self) -> Authenticator:
        """The front of twisted.cred."""

    @property
    def users(self) -> UserFile | None:
        """The users file, if there is one."""


MakeAccounts = Callable[[Settings], HostAccounts]

Place = tuple[str, str, str]
"""Users file, root and home: hosts that have all three in common share their accounts, before and after a change."""

_ABOUT_ACCOUNTS = frozenset({"users", "root", "home"})


class Hosts:
    """All hosts of a server; what sessions began with stays theirs when the hosts are replaced.

    Args:
        settings: The configuration.
        default: The accounts of the default host, and of hosts that do not say otherwise.
        make_accounts: Makes those of hosts that do, counted together with the default ones; ``None`` where all hosts
            share the default ones.
        is_known: Tells whether a name that is in no ``[[hosts]]`` is ours.

    Raises:
        UserFileError: A users file can not be used.
    """

    def __init__(
        self,
        settings: Settings,
        default: HostAccounts,
        make_accounts: MakeAccounts | None,
        is_known: Callable[[str], bool],
    ) -> None:
        self._default = default
        self._make_accounts = make_accounts
        self._is_known = is_known
        self._accounts: dict[Place, HostAccounts] = {}
        self.use(self.prepare(settings))

    @property
    def book(self) -> HostBook:
        """What a session that begins now gets."""
        return self._prepared.book

    @property
    def settings(self) -> Settings:
        """The configuration that the hosts are from."""
        return self._prepared.settings

    @property
    def users(self) -> dict[str, UserFile]:
        """The users files in use, by what the log calls them."""
        known = {} if self._default.users is None else {"users": self._default.users}
        own = {
            f"users of {host.names[0]}": accounts.users
            for host, accounts in zip(self.settings.hosts, self._prepared.accounts, strict=True)
            if accounts is not self._default and accounts.users is not None
        }
        return known | own

    def prepare(self, settings: Settings) -> PreparedHosts:
        """Put hosts together, with nothing changed yet; accounts in use are kept where nothing is said otherwise.

        Raises:
            UserFileError: A users file can not be used.
        """
        by_name: dict[str, VirtualHost] = {}
        by_place = dict(self._accounts)
        accounts: list[HostAccounts] = []
        for each in settings.hosts:
            accounts.append(self._accounts_of(settings, each, by_place))
            host = _virtual_host(settings_of_host(settings, each), accounts[-1])
            by_name.update({name.lower(): host for name in each.names})
        book = HostBook(_virtual_host(settings, self._default), by_name, self._is_known)
        return PreparedHosts(settings, tuple(accounts), book)

    def use(self, prepared: PreparedHosts) -> None:
        """Let sessions that begin from now on have these hosts."""
        self._prepared = prepared
        kept = zip(prepared.settings.hosts, prepared.accounts, strict=True)
        self._accounts = {_place_of(prepared.settings, host): own for host, own in kept if own is not self._default}

    def accounts_at(self, place: Place) -> HostAccounts | None:
        """Return the accounts of a place; ``None`` if no host in use has it."""
        return self._default if place == place_of(self.settings) else self._accounts.get(place)

    def _accounts_of(self, settings: Settings, host: HostSettings, by_place: dict[Place, HostAccounts]) -> HostAccounts:
        if self._make_accounts is None or not own_keys(host) & _ABOUT_ACCOUNTS:
            return self._default
        place = _place_of(settings, host)
        if place not in by_place:
            by_place[place] = self._make_accounts(settings_of_host(settings, host))
        return by_place[place]


@dataclass(frozen=True, slots=True)
class PreparedHosts:
    """Hosts ready for use.

    Attributes:
        settings: The configuration that they are from.
        accounts: Those of each host, in the order of the configuration.
        book: For sessions.
    """

    settings: Settings
    accounts: tuple[HostAccounts, ...]
    book: HostBook


def place_of(settings: Settings) -> Place:
    """Return where the accounts of a configuration live, be it that of the default host or of another."""
    accounts = settings.accounts
    return str(accounts.users), str(accounts.root), accounts.home


def _place_of(settings: Settings, host: HostSettings) -> Place:
    return place_of(settings_of_host(settings, host))


def _virtual_host(settings: Settings, accounts: HostAccounts) -> VirtualHost:
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
        ignores_epsv_protocol=settings.passive.ignore_epsv_protocol,
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
        host_in_user=settings.accounts.host_in_user,
        code_at_pass=settings.accounts.totp.ask is AskForCode.AT_USER,
        login_attempts=limits.login_attempts,
        unknown_commands=limits.unknown_commands,
        line_octets=limits.command_line,
        pipelined_commands=limits.pipelined_commands,
        status_entries=limits.status_entries,
        listing_depth=limits.listing_depth,
        listing_entries=limits.listing_entries,
    )
