"""Accounts of a directory (LDAP, RFC 4511; StartTLS, section 4.14; filters, RFC 4515; names, RFC 4514).

How it works: every question is a connection of its own in a worker thread. The
servers are tried in order; one that can not be reached leads to the next. The
user's entry is either found by a search, as the service's own account, or its
name follows from a template; then the directory is asked to bind as that entry
with the user's password. The directory alone judges passwords.

Names go into filters and entry names escaped, so that they stay values.
Referrals are not followed: they would send passwords to servers nobody named.

Refuses an empty password, which RFC 4513 section 5.1.2 lets any directory
answer with success, and a name that fits several entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import ldap
import ldap.dn
import ldap.filter
from twisted.cred.error import UnauthorizedLogin

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.sources import BoundedCalls, EndOfUse, password_in
from ftpstwist.auth.userrecord import UserRecord, parse_octets
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.pathname import decode_name

_MOST_GROUPS = 1000

_UNREACHABLE = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY, ldap.LOCAL_ERROR)
_REFUSALS = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.CONSTRAINT_VIOLATION,
    ldap.UNWILLING_TO_PERFORM,
    ldap.NO_SUCH_OBJECT,
    ldap.INVALID_DN_SYNTAX,
    ldap.INSUFFICIENT_ACCESS,
)
"""Answers to a bind as the user that are a no."""

_Attributes = Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """Which directory, and how accounts look there; an empty attribute name means that there is none.

    Attributes:
        servers: URIs, tried in order.
        start_tls: Whether TLS is put on connections that begin in clear.
        verify: Whether the certificate of a server must be good.
        ca_file: Authorities for that; ``None`` for those of the system's ldap.conf.
        bind_dn: The account that searches; empty for an anonymous search.
        bind_password_file: Holds its password.
        user_dn: Template of the names of entries; empty for a search.
        base: Where users are searched.
        filter: Template of the filter that finds one.
        name_attribute: Holds the user's name as it counts here.
        home_attribute: Holds the home.
        quota_attribute: Holds the quota, in octets or with a unit.
        uid_attribute: Holds the user number.
        minimum_uid: Smallest that may log in.
        group_attribute: Holds the groups of the user, by name or by the name of their entries.
        group_base: Where groups are searched; empty for not at all.
        group_filter: Template of the filter that finds those of a user; knows the user's entry, too.
        group_name_attribute: Holds a group's name.
        seconds: How long one server may take for one operation.
    """

    servers: tuple[str, ...]
    start_tls: bool = True
    verify: bool = True
    ca_file: Path | None = None
    bind_dn: str = ""
    bind_password_file: Path | None = None
    user_dn: str = ""
    base: str = ""
    filter: str = "(&(objectClass=posixAccount)(uid={user}))"
    name_attribute: str = "uid"
    home_attribute: str = ""
    quota_attribute: str = ""
    uid_attribute: str = ""
    minimum_uid: int = 1000
    group_attribute: str = ""
    group_base: str = ""
    group_filter: str = "(&(objectClass=posixGroup)(memberUid={user}))"
    group_name_attribute: str = "cn"
    seconds: float = 5.0


class LdapAccounts:
    """Asks a directory. An ``AccountSource``.

    Args:
        settings: Which one.
        calls: How.
    """

    place = "LDAP"

    def __init__(self, settings: LdapSettings, *, calls: BoundedCalls) -> None:
        self._settings = settings
        self._calls = calls

    async def check(self, login: PasswordLogin) -> UserRecord:
        """Return what the directory says of the user.

        Raises:
            UnauthorizedLogin: It says no, or has no such user.
            FtpError: LOGIN_UNAVAILABLE, no server can be asked.
        """
        try:
            name, password = login.username.decode(), login.password
        except UnicodeDecodeError:
            raise UnauthorizedLogin("no name in a directory: not UTF-8") from None
        if not name or "\0" in name or not password:
            raise UnauthorizedLogin("no name or no password for a directory")
        return await self._calls.run(self._check, name, password)

    async def begin_use(self, record: UserRecord, login: PasswordLogin) -> EndOfUse | None:
        """Do nothing: the connection is closed when the answer is there."""

    def _check(self, name: str, password: bytes) -> UserRecord:
        causes = []
        for uri in self._settings.servers:
            try:
                with _Connection(uri, self._settings) as connection:
                    return connection.check(name, password)
            except _UNREACHABLE as error:
                causes.append(f"{uri}: {_words(error)}")
            except ldap.LDAPError as error:
                raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{uri}: {_words(error)}") from None
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "; ".join(causes))


class _Connection:
    """One question to one server. Blocks."""

    def __init__(self, uri: str, settings: LdapSettings) -> None:
        self._settings = settings
        self._uri = uri
        self._ldap: Any = ldap.initialize(uri)

    def __enter__(self) -> Self:
        settings, connection = self._settings, self._ldap
        connection.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.seconds)
        connection.set_option(ldap.OPT_TIMEOUT, settings.seconds)
        if not self._uri.startswith("ldapi:"):
            demand = ldap.OPT_X_TLS_DEMAND if settings.verify else ldap.OPT_X_TLS_NEVER
            connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, demand)
            if settings.ca_file is not None:
                connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(settings.ca_file))
            connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if settings.start_tls and self._uri.startswith("ldap:"):
            connection.start_tls_s()
        return self

    def __exit__(self, *_: object) -> None:
        self._ldap.unbind_ext_s()

    def check(self, name: str, password: bytes) -> UserRecord:
        """Return the record of a user whom the directory lets bind."""
        settings = self._settings
        if settings.user_dn:
            dn = _filled(settings.user_dn, user=ldap.dn.escape_dn_chars(name))
            self._bind_as_user(dn, password)
            found = self._search(dn, ldap.SCOPE_BASE, "(objectClass=*)", self._wanted)
            attributes = found[0][1] if found else {}
            groups = self._groups_of(name, dn, attributes)
        else:
            self._bind_as_service()
            dn, attributes = self._find(name)
            groups = self._groups_of(name, dn, attributes)
            self._bind_as_user(dn, password)
        return self._record_of(name, attributes, groups)

    def _bind_as_service(self) -> None:
        settings = self._settings
        if not settings.bind_dn:
            return
        try:
            self._ldap.simple_bind_s(settings.bind_dn, password_in(settings.bind_password_file))
        except _REFUSALS as error:
            cause = f"{self._uri} refuses accounts.ldap.bind_dn: {_words(error)}"
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause) from None

    def _bind_as_user(self, dn: str, password: bytes) -> None:
        try:
            self._ldap.simple_bind_s(dn, password)
        except _REFUSALS as error:
            raise UnauthorizedLogin(f"the directory does not let {dn} in: {_words(error)}") from None

    def _find(self, name: str) -> tuple[str, _Attributes]:
        settings = self._settings
        finds = _filled(settings.filter, user=ldap.filter.escape_filter_chars(name))
        found = self._search(settings.base, ldap.SCOPE_SUBTREE, finds, self._wanted, most=2)
        if not found:
            raise UnauthorizedLogin("no such user in the directory")
        if len(found) > 1:
            raise UnauthorizedLogin(f"{finds} finds more than one entry in the directory")
        return found[0]

    @property
    def _wanted(self) -> list[str]:
        settings = self._settings
        names = (
            settings.name_attribute,
            settings.home_attribute,
            settings.quota_attribute,
            settings.uid_attribute,
            settings.group_attribute,
        )
        return [name for name in names if name] or ["1.1"]

    def _groups_of(self, name: str, dn: str, attributes: _Attributes) -> frozenset[str]:
        settings = self._settings
        groups = {_group_name(value) for value in _values(attributes, settings.group_attribute)}
        if settings.group_base:
            escape = ldap.filter.escape_filter_chars
            finds = _filled(settings.group_filter, user=escape(name), dn=escape(dn))
            wanted = [settings.group_name_attribute]
            found = self._search(settings.group_base, ldap.SCOPE_SUBTREE, finds, wanted, most=_MOST_GROUPS)
            groups.update(*(_values(each, settings.group_name_attribute)[:1] for _, each in found))
        return frozenset(groups)

    def _search(
        self, base: str, scope: int, finds: str, wanted: list[str], *, most: int = 1
    ) -> list[tuple[str, _Attributes]]:
        """Return entries and their attributes, at most *most*; references to other servers are left out."""
        try:
            found = self._ldap.search_ext_s(base, scope, finds, wanted, timeout=self._settings.seconds, sizelimit=most)
        except ldap.SIZELIMIT_EXCEEDED:
            raise UnauthorizedLogin(f"{finds} finds more than {most} entries in the directory") from None
        return [(dn, attributes) for dn, attributes in found if dn is not None]

    def _record_of(self, name: str, attributes: _Attributes, groups: frozenset[str]) -> UserRecord:
        settings = self._settings
        uid = _first(attributes, settings.uid_attribute)
        if settings.uid_attribute and not (uid.isdecimal() and int(uid) >= settings.minimum_uid):
            raise UnauthorizedLogin(f"user number {uid or '(none)'} is below {settings.minimum_uid}")
        home, quota = _first(attributes, settings.home_attribute), _first(attributes, settings.quota_attribute)
        octets = parse_octets(quota)
        if (home and not home.startswith("/")) or (quota and octets is None):
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"home {home!a} or quota {quota!a} of {name!a} can not be used")
        names = _values(attributes, settings.name_attribute)
        if settings.name_attribute and not names:  # the client's spelling could slip past what the users file says
            cause = f"the directory shows no {settings.name_attribute} of {name!a}; let the server's entry read it"
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause)
        return UserRecord(
            _name_in(names, name),
            home=home or None,
            groups=groups,
            limits={} if octets is None else {"quota": octets},
        )


def _values(attributes: _Attributes, name: str) -> list[str]:
    """Return the values of an attribute; the directory may spell its name in another case."""
    wanted = name.lower()
    return [decode_name(value) for key, values in attributes.items() if key.lower() == wanted for value in values]


def _first(attributes: _Attributes, name: str) -> str:
    return next(iter(_values(attributes, name)), "") if name else ""


def _name_in(values: list[str], given: str) -> str:
    """Return the name that counts: the one given if the entry has it, as the entry spells it, or else its first."""
    same = [value for value in values if value == given] or [v for v in values if v.lower() == given.lower()]
    return next(iter(same or values), given)


def _filled(template: str, **values: str) -> str:
    """Return a template with its placeholders filled, in one go: a value is never looked into for another."""
    return re.sub(r"\{(user|dn)\}", lambda found: values.get(found[1], found[0]), template)


def _group_name(value: str) -> str:
    """Return a group's name: the value itself, or the first part of an entry's name."""
    if not ldap.dn.is_dn(value) or "=" not in value:
        return value
    (_, name, _), *_ = ldap.dn.str2dn(value)[0]
    return str(name)


def _words(error: ldap.LDAPError) -> str:
    """Return what an error says, without what libldap adds for programs."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = (str(told.get("desc") or type(error).__name__), str(told.get("info") or ""))
    return ": ".join(part for part in parts if part)
