"""Logging in, in a worker: the front is asked, and gives an identity and a home; the files are opened here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.logger import Logger

from ftpstwist.auth.turns import once
from ftpstwist.auth.userfile import UserFile
from ftpstwist.interfaces import ErrorKind, Filesystem, FtpError, LoggedInAccount, LoginRequest, WorkerThreads
from ftpstwist.services.files import MakeFilesystem
from ftpstwist.services.hosts import Place
from ftpstwist.services.workers.channel import Ask, ChannelError, Tell
from ftpstwist.services.workers.spelling import read_account, spell_request

_log = Logger()


@dataclass(frozen=True, slots=True)
class ClerkParts:
    """What the clerks of all hosts share.

    Attributes:
        ask: Asks the front.
        tell: Gives it notice.
        threads: Where homes are opened.
        make_filesystem: Opens them.
        numbers: Give every login a number of its own.
    """

    ask: Ask
    tell: Tell
    threads: WorkerThreads
    make_filesystem: MakeFilesystem
    numbers: Iterator[int]


class Clerk:
    """Asks the front whether somebody may log in. An ``Authenticator``.

    Args:
        place: Whose accounts are asked for.
        parts: What all clerks share.
        users: Is read again if it has changed; it tells the groups of a name.
    """

    def __init__(self, place: Place, parts: ClerkParts, users: UserFile | None) -> None:
        self._place = place
        self._parts = parts
        self._users = users

    async def login(self, request: LoginRequest) -> LoggedInAccount:
        """Have the credentials checked, and open the files.

        Raises:
            FtpError: LOGIN_REFUSED (client sees 530), TOO_MANY_SESSIONS (421), LOGIN_UNAVAILABLE (421).
            CodeWanted: The same request is to be made again, with a code (332).
        """
        account = await self._enter("login", request)
        if account is None:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "the front process gave no answer")
        return account

    async def login_by_certificate(self, request: LoginRequest) -> LoggedInAccount | None:
        """Likewise, without a password; ``None`` if one is needed."""
        return None if request.certificate is None else await self._enter("login_by_certificate", request)

    async def _enter(self, how: str, request: LoginRequest) -> LoggedInAccount | None:
        parts, number = self._parts, next(self._parts.numbers)
        if self._users is not None and not self._users.is_fresh:
            await parts.threads.run(self._users.refresh)
        try:
            spelt = await self._ask(how, number, request)
            if spelt is None:
                return None
            identity, home, method = read_account(spelt)
            filesystem = await parts.threads.run(self._open_home, partial(parts.make_filesystem, identity, home))
        except BaseException:  # a client that went away among them
            parts.tell("logout", number=number)
            raise
        return LoggedInAccount(identity, filesystem, once(partial(self._log_out, number, filesystem)), method)

    async def _ask(self, how: str, number: int, request: LoginRequest) -> Any:
        try:
            return await self._parts.ask(how, number=number, place=self._place, request=spell_request(request))
        except ChannelError as error:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"accounts could not be asked: {error}") from None

    def _log_out(self, number: int, filesystem: Filesystem) -> None:
        filesystem.close()
        self._parts.tell("logout", number=number)

    @staticmethod
    def _open_home(opening: Callable[[], Filesystem]) -> Filesystem:
        try:
            return opening()
        except FtpError as error:
            if error.kind in {ErrorKind.LOGIN_REFUSED, ErrorKind.LOGIN_UNAVAILABLE}:
                raise
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, error.cause) from None


@dataclass(frozen=True, slots=True)
class ClerkAccounts:
    """The accounts of a place, as a worker has them; ``HostAccounts``."""

    authenticator: Clerk
    users: UserFile | None
