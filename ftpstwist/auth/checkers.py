"""Checkers: who vouches for a user (twisted.cred; RFC 959 section 4.1.1).

A portal keeps one checker for each kind of credentials and drops the others
without a word; :class:`ChainChecker` asks several in order. Those of
``--auth`` plugins fit in as they are: they get octets, and run on the
reactor's thread, as their own contract says.

Refuses to go on after an error that is no refusal: if a directory service is
down, the next checker must not let in whom it would have kept out.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from ftpstwist.auth.passwords import Passwords
from ftpstwist.auth.sources import AvatarId, verified
from ftpstwist.auth.userfile import UserFile
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import decode_name


@implementer(ICredentialsChecker)
class ChainChecker:
    """Asks its checkers in order; the first that vouches for the user decides.

    Args:
        checkers: Any checkers of twisted.cred.
    """

    def __init__(self, checkers: Iterable[ICredentialsChecker]) -> None:
        self._checkers = [_speaking_octets(checker) for checker in checkers]
        interfaces = dict.fromkeys(each for checker in self._checkers for each in checker.credentialInterfaces)
        self.credentialInterfaces: tuple[InterfaceClass, ...] = tuple(interfaces)

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return the avatar id the first willing checker gives.

        Raises:
            UnauthorizedLogin: None of them does; the text tells the reasons, for the log.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> AvatarId:
        reasons: list[str] = []
        for checker in self._checkers:
            if not any(interface.providedBy(credentials) for interface in checker.credentialInterfaces):
                continue
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except UnauthorizedLogin as refusal:
                reasons.append(str(refusal) or type(checker).__name__)
        if not reasons:
            raise UnhandledCredentials("no checker takes such credentials")
        raise UnauthorizedLogin("; ".join(reasons))


@implementer(ICredentialsChecker)
class UserFileChecker:
    """Checks passwords against the users file.

    Args:
        users: The file.
        passwords: Verifies hashes.
        threads: Where that is done: a small pool of its own, so that guessing can not hold up transfers.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's name

    def __init__(self, users: UserFile, *, passwords: Passwords, threads: WorkerThreads) -> None:
        self._users = users
        self._passwords = passwords
        self._threads = threads

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return the user's name.

        Raises:
            UnauthorizedLogin: The password is wrong, or there is no such user; the text tells which, for the log.
        """
        password = Secret(decode_name(credentials.password))
        if self._is_remembered(credentials.username, password):
            return succeed(credentials.username)
        return Deferred.fromCoroutine(self._threads.run(self._check, credentials.username, password))

    def _is_remembered(self, username: bytes, password: Secret) -> bool:
        """Tell whether there is nothing to check that would have to wait for a disk or a hash."""
        record = self._users.find(decode_name(username)) if self._users.is_fresh else None
        return record is not None and not record.disabled and self._passwords.remembers(record.password, password)

    def _check(self, username: bytes, password: Secret) -> bytes:
        """Check in a worker thread; every way out costs one verification."""
        self._users.refresh()
        verified(self._users.find(decode_name(username)), password, self._passwords, "the users file")
        return username


def _speaking_octets(checker: ICredentialsChecker) -> ICredentialsChecker:
    """Mend the stock ``memory:`` plugin, which fills the octets its checker compares with text."""
    if not isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        return checker
    mended = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in checker.users.items():
        mended.addUser(_octets(name), _octets(password))
    return mended


def _octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
