"""Places where accounts live, and how a checker asks them (twisted.cred; RFC 959 section 4.1.1).

A source says yes to a name and a password by giving the user's record: home,
groups, permissions, as far as it knows them. The record travels to the realm
inside the avatar id, so that both speak of the same moment. A source that can
not be asked says so (LOGIN_UNAVAILABLE, the client sees 421): that is neither a
yes nor a failed guess, and nobody is let in or counted for it.

:class:`BoundedCalls` is how sources that block are asked: a call that hangs
keeps its thread, but neither the client nor more than its share of threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, ParamSpec, Protocol, TypeVar, cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.passwords import Passwords, UnreadableHashError
from ftpstwist.auth.turns import Turns
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.interfaces import ErrorKind, FtpError, WorkerThreads
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import decode_name, encode_name

AvatarId = bytes | tuple[()]

P = ParamSpec("P")
T = TypeVar("T")

EndOfUse = Callable[[], None]
"""Ends what a source began for one use of an account; called once, never blocks."""

_log = Logger()


class AccountSource(Protocol):
    """A place where accounts live.

    Attributes:
        place: What the log calls it.
    """

    place: str

    async def check(self, login: PasswordLogin) -> UserRecord:
        """Return the record of the user whose password this is.

        Raises:
            UnauthorizedLogin: It is not, or there is no such user; the text tells which, for the log.
            FtpError: LOGIN_UNAVAILABLE, it can not be asked.
        """

    async def begin_use(self, record: UserRecord, login: PasswordLogin) -> EndOfUse | None:
        """Begin a use of the account, once the login is complete; ``None`` if there is nothing to end.

        Raises:
            FtpError: LOGIN_UNAVAILABLE, it can not be used.
        """


class VouchedUser(bytes):
    """An avatar id, the octets of a name, that brings along what the source knows.

    Attributes:
        record: The user's record.
        begin_use: To be called when the account is opened.
    """

    record: UserRecord
    begin_use: Callable[[], Awaitable[EndOfUse | None]]

    @classmethod
    def of(cls, record: UserRecord, begin_use: Callable[[], Awaitable[EndOfUse | None]]) -> VouchedUser:
        """Return the avatar id of a record."""
        vouched = cls(encode_name(record.name))
        vouched.record = record
        vouched.begin_use = begin_use
        return vouched


@implementer(ICredentialsChecker)
class SourceChecker:
    """Asks a source.

    Args:
        source: The source.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's name

    def __init__(self, source: AccountSource) -> None:
        self._source = source

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return a :class:`VouchedUser`.

        Raises:
            UnauthorizedLogin: The source says no; the text tells why, for the log.
            FtpError: LOGIN_UNAVAILABLE, it can not be asked.
        """
        return Deferred.fromCoroutine(self._ask(cast("PasswordLogin", credentials)))

    async def _ask(self, login: PasswordLogin) -> AvatarId:
        source = self._source
        if not login.password:
            raise UnauthorizedLogin("empty password")
        try:
            record = await source.check(login)
        except FtpError as error:
            _log.error(
                "{place} can not be asked about {user}: {cause}",
                place=source.place,
                user=_shown(login),
                cause=error.cause,
            )
            raise
        return VouchedUser.of(record, lambda: source.begin_use(record, login))


class HashedAccounts:
    """A source of records that hold a password hash. An ``AccountSource``.

    Args:
        place: What the log calls it.
        find: Finds the record of a name; raises FtpError if it can not.
        passwords: Verifies hashes.
        threads: Where that is done.
    """

    def __init__(
        self,
        place: str,
        find: Callable[[str], Awaitable[UserRecord | None]],
        *,
        passwords: Passwords,
        threads: WorkerThreads,
    ) -> None:
        self.place = place
        self._find = find
        self._passwords = passwords
        self._threads = threads

    async def check(self, login: PasswordLogin) -> UserRecord:
        """Return the record; every way out costs one verification."""
        record = await self._find(decode_name(login.username))
        return await self._threads.run(self._verify, record, login.secret)

    def _verify(self, record: UserRecord | None, password: Secret) -> UserRecord:
        return verified(record, password, self._passwords, self.place)

    async def begin_use(self, record: UserRecord, login: PasswordLogin) -> EndOfUse | None:
        """Do nothing: reading a record leaves nothing to end."""


def verified(record: UserRecord | None, password: Secret, passwords: Passwords, place: str) -> UserRecord:
    """Return *record* if the password is its own. Blocks; every way out costs one verification.

    Raises:
        UnauthorizedLogin: It is not; the text tells why, for the log.
    """
    # Of an account that is disabled no password is found right: nothing is remembered, nothing is quicker than a guess.
    try:
        right = passwords.verify(record.password if record and not record.disabled else None, password)
    except UnreadableHashError as error:
        passwords.verify(None, password)  # a locked account must not look like another than one that does not exist
        raise UnauthorizedLogin(f"{place}: {error}") from None
    if record is None:
        raise UnauthorizedLogin(f"no such user in {place}")
    if record.disabled:
        raise UnauthorizedLogin(f"disabled in {place}")
    if not right:
        raise UnauthorizedLogin("wrong password" if record.password else f"no password in {place}")
    return record


def password_in(file: Path | None) -> str:
    """Return the password that a source itself is asked with: what is in *file*, without its line end. Blocks.

    Raises:
        FtpError: LOGIN_UNAVAILABLE, it can not be read.
    """
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        cause = f"{file} can not be read: {getattr(error, 'strerror', 'not UTF-8')}"
    raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause)


class BoundedCalls:
    """Calls of functions that may hang: so many at once, each with so much patience.

    Args:
        place: What is called, for the log.
        threads: Where; never fewer than *at_once*.
        clock: For the time limit.
        at_once: Calls under way at the same time, those that nobody waits for any more included.
        waiting: Calls that may wait for that.
        seconds: How long the caller waits, its turn included.
    """

    def __init__(
        self,
        place: str,
        *,
        threads: WorkerThreads,
        clock: IReactorTime,
        at_once: int,
        seconds: float,
        waiting: int = 256,
    ) -> None:
        self._place = place
        self._threads = threads
        self._clock = clock
        self._seconds = seconds
        self._turns = Turns(at_once=at_once, waiting=waiting)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *function* in a thread and return its result.

        Raises:
            FtpError: LOGIN_UNAVAILABLE, it took too long; the call goes on, and its result is lost.
        """
        started = self._clock.seconds()
        leave = await self._in_time(Deferred.fromCoroutine(self._turns.enter()), self._seconds)
        work = Deferred.fromCoroutine(self._threads.run(function, *args, **kwargs))
        answer: Deferred[T] = Deferred()
        work.addBoth(_deliver, answer, leave)
        return await self._in_time(answer, max(0.0, started + self._seconds - self._clock.seconds()))

    def _in_time(self, waiting: Deferred[T], seconds: float) -> Deferred[T]:
        return waiting.addTimeout(seconds, self._clock, onTimeoutCancel=self._tell_too_late)

    def _tell_too_late(self, outcome: object, seconds: float) -> NoReturn:  # noqa: ARG002 - Twisted's signature
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{self._place} did not answer within {self._seconds:g} s")


def _deliver(outcome: T | Failure, answer: Deferred[T], leave: Callable[[], None]) -> None:
    leave()
    if not answer.called:
        answer.callback(outcome)  # a Failure is taken for one


def _shown(login: PasswordLogin) -> str:
    return ascii(decode_name(login.username))
