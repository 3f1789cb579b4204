"""The places where accounts live, beside the users file: built once, shared by all virtual hosts."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.interfaces import IReactorTime

from ftpstwist.auth.passwordfile import PasswordFile
from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.auth.remembered import RememberedPasswords
from ftpstwist.auth.sources import AccountSource, BoundedCalls, HashedAccounts, SourceChecker, password_in
from ftpstwist.auth.sql import Queries, SqlRecords
from ftpstwist.auth.totp import Codes
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_sources import NEEDED_PACKAGES, Source
from ftpstwist.interfaces import WorkerThreads

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Sources:
    """What checks passwords.

    Attributes:
        checkers: Of all sources in use but the users file, of which each host has its own.
        passwords: Verifies hashes.
        password_threads: Where that is done.
        codes: Judges second factors; one for all hosts, so that a code counts once.
    """

    checkers: Mapping[Source, ICredentialsChecker]
    passwords: Passwords
    password_threads: WorkerThreads
    codes: Codes


def threads_for_sources(settings: Settings) -> int:
    """Return how many threads all questions at the same time need."""
    accounts = settings.accounts
    at_once = {
        Source.PAM: accounts.pam.at_once,
        Source.LDAP: accounts.ldap.at_once,
        Source.SQL: accounts.sql.at_once,
    }
    return max(1, sum(at_once.get(source, 0) for source in set(accounts.sources)))


def build_sources(
    settings: Settings,
    *,
    clock: IReactorTime,
    threads: WorkerThreads,
    password_threads: WorkerThreads,
    now: Callable[[], float],
) -> Sources:
    """Build what checks passwords.

    Args:
        settings: The configuration.
        clock: For time limits.
        threads: Where sources are asked; as many as :func:`threads_for_sources` says.
        password_threads: Where passwords are verified.
        now: Seconds since the epoch.

    Raises:
        ConfigurationError: A package is missing.
    """

    def calls(place: str, at_once: int, seconds: float) -> BoundedCalls:
        return BoundedCalls(place, threads=threads, clock=clock, at_once=at_once, seconds=seconds)

    passwords = Passwords(_password_cost(settings), remembered=_remembered(settings, clock))
    builders: dict[Source, Callable[[], AccountSource]] = {
        Source.PAM: lambda: _pam(settings, calls),
        Source.LDAP: lambda: _ldap(settings, calls),
        Source.SQL: lambda: HashedAccounts(
            "the database", _sql(settings, calls).find, passwords=passwords, threads=password_threads
        ),
        Source.PASSWORD_FILE: lambda: HashedAccounts(
            "the password file",
            _password_file(settings, clock, password_threads),
            passwords=passwords,
            threads=password_threads,
        ),
    }
    in_use = [each for each in settings.accounts.sources if each is not Source.USERS]
    checkers: dict[Source, ICredentialsChecker] = {source: SourceChecker(builders[source]()) for source in in_use}
    codes = Codes(now=now, drift=settings.accounts.totp.drift)
    return Sources(checkers, passwords, password_threads, codes)


def _password_cost(settings: Settings) -> PasswordCost:
    passwords = settings.accounts.passwords
    return PasswordCost(memory_kib=passwords.memory // _KIB, iterations=passwords.iterations, lanes=passwords.lanes)


def _remembered(settings: Settings, clock: IReactorTime) -> RememberedPasswords | None:
    seconds = settings.accounts.passwords.remember
    return None if seconds is None else RememberedPasswords(seconds=seconds, now=clock.seconds, random=os.urandom)


_Calls = Callable[[str, int, float], BoundedCalls]


def _pam(settings: Settings, calls: _Calls) -> AccountSource:
    pam, module = settings.accounts.pam, _module(settings, Source.PAM, "ftpstwist.auth.pam")
    source: AccountSource = module.PamAccounts(
        module.PamSettings(**_common(pam, module.PamSettings)), calls=calls("PAM", pam.at_once, pam.timeout)
    )
    return source


def _ldap(settings: Settings, calls: _Calls) -> AccountSource:
    directory, module = settings.accounts.ldap, _module(settings, Source.LDAP, "ftpstwist.auth.ldap")
    share = directory.timeout / max(1, len(directory.servers))
    source: AccountSource = module.LdapAccounts(
        module.LdapSettings(**_common(directory, module.LdapSettings), seconds=share),
        calls=calls("LDAP", directory.at_once, directory.timeout),
    )
    return source


def _sql(settings: Settings, calls: _Calls) -> SqlRecords:
    sql, module = settings.accounts.sql, _module(settings, Source.SQL, settings.accounts.sql.module)
    arguments: dict[str, object] = dict(sql.connect)
    if sql.module == "sqlite3":
        arguments.setdefault("check_same_thread", False)  # one thread at a time has it, not always the same
    secret = sql.connect_password_file

    def connect() -> Any:
        more = {} if secret is None else {"password": password_in(secret)}
        return module.connect(**arguments, **more)

    return SqlRecords(
        Queries(sql.query, sql.groups_query),
        connect=connect,
        error=module.Error,
        calls=calls("the database", sql.at_once, sql.timeout),
    )


def _password_file(
    settings: Settings, clock: IReactorTime, threads: WorkerThreads
) -> Callable[[str], Awaitable[UserRecord | None]]:
    asked = settings.accounts.password_file
    file = PasswordFile(asked.file, group_file=asked.group_file, homes=asked.home, clock=clock)
    return lambda name: threads.run(file.find, name)


def _common(settings: DataclassInstance, wanted: type[DataclassInstance]) -> dict[str, Any]:
    """Return the settings of a source that the configuration gives under the same names."""
    given = {each.name for each in fields(settings)}
    return {each.name: getattr(settings, each.name) for each in fields(wanted) if each.name in given}


def _module(settings: Settings, source: Source, name: str) -> ModuleType:
    """Return a module that is, or needs, a package not everybody has."""
    try:
        return import_module(name)
    except (ImportError, AttributeError) as error:  # the latter from pamela, where there is no libpam
        remedy = NEEDED_PACKAGES[source].remedy if source in NEEDED_PACKAGES else f"Install {name}"
        complaint = settings.origin.complain("accounts.sources", f'"{source.value}" can not be used: {error}', remedy)
        raise ConfigurationError((complaint,)) from None
