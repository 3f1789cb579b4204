"""The logins of one worker, in the front: checked here, and logged out here when the worker is gone."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred

from ftpstwist.auth.turns import once
from ftpstwist.interfaces import (
    Authenticator,
    CodeWanted,
    ErrorKind,
    Filesystem,
    FtpError,
    LoggedInAccount,
    LoginRequest,
)
from ftpstwist.services.hosts import Hosts
from ftpstwist.services.workers.spelling import read_request, spell_account, spell_refusal
from ftpstwist.session.identity import Identity


@dataclass(frozen=True, slots=True)
class HomeElsewhere:
    """Stands for the files of an account: a worker opens them."""

    path: str

    def close(self) -> None:
        """Do nothing: nothing is open."""


def home_elsewhere(identity: Identity, home: str) -> Filesystem:  # noqa: ARG001 - as ``MakeFilesystem`` wants it
    """Return what stands for the files below *home*."""
    return cast("Filesystem", HomeElsewhere(home))


_Check = Callable[[Authenticator, LoginRequest], Coroutine[Any, Any, LoggedInAccount | None]]


class Logins:
    """Answers one worker, and knows who is logged in there.

    Args:
        hosts: Whose accounts are asked for.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._ends: dict[int, Callable[[], None]] = {}

    async def login(self, *, number: int, place: list[str], request: object) -> Any:
        """Check the credentials; return the account, or why not, spelt for the worker."""
        return await self._enter(number, place, request, lambda whom, asked: whom.login(asked))

    async def login_by_certificate(self, *, number: int, place: list[str], request: object) -> Any:
        """Likewise without a password; ``None`` if one is needed."""
        return await self._enter(number, place, request, lambda whom, asked: whom.login_by_certificate(asked))

    def logout(self, *, number: int) -> None:
        """Log out, or give up a login that is not decided yet."""
        end = self._ends.pop(number, None)
        if end is not None:
            end()

    def end_all(self) -> None:
        """Log everybody out."""
        for number in list(self._ends):
            self.logout(number=number)

    async def _enter(self, number: int, place: list[str], request: object, check: _Check) -> Any:
        users, root, home = place
        accounts = self._hosts.accounts_at((users, root, home))
        if accounts is None:
            return spell_refusal(FtpError(ErrorKind.LOGIN_UNAVAILABLE, "the virtual host was just taken away"))
        checking = Deferred.fromCoroutine(check(accounts.authenticator, read_request(request)))
        self._ends[number] = checking.cancel
        try:
            account = await checking
        except (FtpError, CodeWanted) as refusal:
            self._ends.pop(number, None)
            return spell_refusal(refusal)
        except CancelledError:
            return spell_refusal(FtpError(ErrorKind.LOGIN_UNAVAILABLE, "nobody waits any more"))
        if account is None:
            self._ends.pop(number, None)
            return None
        self._ends[number] = once(account.logout)
        files = cast("HomeElsewhere", account.filesystem)
        return spell_account(account.identity, files.path, account.method)
