"""Who may log in: the configured sources or the caller's checkers, realm, portal, the defence against guessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from twisted.internet.interfaces import IReactorTime

from ftpstwist.auth.authenticator import LoginSettings, PortalAuthenticator
from ftpstwist.auth.certificate import CertificateChecker, CertificateDemand, CertificateJudgement
from ftpstwist.auth.checkers import ChainChecker, UserFileChecker
from ftpstwist.auth.defender import DefenceSettings, Defender
from ftpstwist.auth.realm import AnonymousSettings, Realm, RealmSettings
from ftpstwist.auth.totp import CodeDemand
from ftpstwist.auth.userfile import UserFile
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.config.clients import make_rule
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_accounts import AccountSettings
from ftpstwist.config.schema_sources import AskForCode, Source
from ftpstwist.interfaces import Revocations, WorkerThreads
from ftpstwist.services.files import MakeFilesystem
from ftpstwist.services.sources import Sources
from ftpstwist.session.identity import Limits, PathRule, Permission, Permissions
from ftpstwist.wire.pathname import ROOT


@dataclass(frozen=True, slots=True)
class Accounts:
    """What logging in needs.

    Attributes:
        authenticator: The front of twisted.cred.
        defender: Bans those who guess; that of the default host serves all hosts.
        users: The users file, ``None`` when the caller brought checkers of its own.
    """

    authenticator: PortalAuthenticator
    defender: Defender
    users: UserFile | None


@dataclass(frozen=True, slots=True)
class AccountParts:
    """What all accounts share, whichever host they are of.

    Attributes:
        clock: For delays and bans.
        threads: Where homes are opened.
        sources: Where accounts live beside the users file, and where passwords are verified.
        make_filesystem: Makes an account's files.
        now: Seconds since the epoch, for the validity of client certificates.
        revocations: Judges the certificates that clients show; ``None`` asks nobody.
    """

    clock: IReactorTime
    threads: WorkerThreads
    sources: Sources
    make_filesystem: MakeFilesystem
    now: Callable[[], float]
    revocations: Revocations | None = None


def build_accounts(
    settings: Settings,
    parts: AccountParts,
    *,
    realm: IRealm | None = None,
    checkers: Sequence[ICredentialsChecker] | None = None,
    counted_with: Accounts | None = None,
) -> Accounts:
    """Put checkers, realm and defence together.

    Args:
        settings: The configuration.
        parts: What all accounts share.
        realm: The caller's own; gives ``IAccount`` avatars.
        checkers: The caller's own, instead of the users file.
        counted_with: Those of another host: failures and caps hold for both together.

    Raises:
        UserFileError: The users file can not be used.
        RuleError: A rule about client certificates can not be what was meant.
    """
    accounts, sources = settings.accounts, parts.sources
    users = UserFile(accounts.users, clock=parts.clock) if checkers is None else None
    if users is not None:
        if users.path.exists():  # else it is looked for at every login
            users.load()
        by_users_file = UserFileChecker(users, passwords=sources.passwords, threads=sources.password_threads)
        checkers = [by_users_file if each is Source.USERS else sources.checkers[each] for each in accounts.sources]
    if realm is None:
        realm = Realm(
            _realm_settings(accounts, admit_unlisted=users is None),
            find_user=users.find if users is not None else _find_nobody,
            make_filesystem=parts.make_filesystem,
            threads=parts.threads,
        )
    judgement = certificate_judgement(
        settings, find_user=users.find if users is not None else _find_nobody, now=parts.now
    )

    async def refresh() -> None:
        if users is not None and not users.is_fresh:
            await sources.password_threads.run(users.refresh)

    by_certificate = CertificateChecker(judgement, refresh=refresh)
    by_password = CodeDemand(
        CertificateDemand(ChainChecker(checkers or ()), judgement),
        codes=sources.codes,
        asks=accounts.totp.ask is AskForCode.AFTER_PASSWORD,
        find_user=users.find if users is not None else _find_nobody,
        refresh=refresh,
    )
    portal = Portal(realm, [ChainChecker([by_password, by_certificate])])
    if accounts.anonymous.enabled:
        portal.registerChecker(AllowAnonymousAccess())
    defender = Defender(clock=parts.clock, settings=_defence_settings(accounts))
    authenticator = PortalAuthenticator(
        portal,
        defender=defender,
        clock=parts.clock,
        settings=_login_settings(accounts),
        revocations=parts.revocations,
    )
    if counted_with is not None:
        authenticator.share_counts_with(counted_with.authenticator)
    return Accounts(authenticator, defender, users)


def certificate_judgement(
    settings: Settings, *, find_user: Callable[[str], UserRecord | None], now: Callable[[], float]
) -> CertificateJudgement:
    """Return what says whose client certificates are.

    Args:
        settings: The configuration.
        find_user: The users file's word on a name, if it has one.
        now: Seconds since the epoch.

    Raises:
        RuleError: A rule can not be what was meant.
    """
    certificates = settings.accounts.certificates
    rules = [make_rule(rule) for rule in certificates.rules]
    return CertificateJudgement(rules, mode=certificates.mode, find_user=find_user, now=now)


def _find_nobody(_: str) -> None:
    """Stand in for a users file where the caller's checkers know the users."""


def _login_settings(accounts: AccountSettings) -> LoginSettings:
    logins = accounts.logins
    return LoginSettings(
        checks_at_once=logins.at_once,
        checks_waiting=logins.waiting,
        login_seconds=logins.timeout,
        attempts_at_once=logins.at_once_per_address,
        attempts_waiting=logins.waiting_per_address,
    )


def _realm_settings(accounts: AccountSettings, *, admit_unlisted: bool) -> RealmSettings:
    anonymous, limits = accounts.anonymous, accounts.limits
    return RealmSettings(
        root=str(accounts.root),
        home=accounts.home,
        permissions=_everywhere(accounts.permissions),
        limits=Limits(
            sessions=limits.max_sessions,
            quota=limits.quota,
            files=limits.max_files,
            file_size=limits.max_file_size,
            upload_rate=limits.upload_rate,
            download_rate=limits.download_rate,
        ),
        group_permissions=accounts.group_permissions,
        create_home=accounts.create_home,
        admit_unlisted=admit_unlisted,
        anonymous=AnonymousSettings(str(anonymous.root), _everywhere(anonymous.permissions))
        if anonymous.enabled
        else None,
    )


def _everywhere(permissions: frozenset[Permission]) -> Permissions:
    return Permissions((PathRule(ROOT, permissions),))


def _defence_settings(accounts: AccountSettings) -> DefenceSettings:
    defence = accounts.defence
    return DefenceSettings(
        delays=defence.delays,
        failures=defence.failures,
        window=defence.window,
        ban=defence.ban,
        exempt=defence.exempt,
        entries=defence.remembered,
    )
