"""The front of twisted.cred: one call that logs a user in, or says no in its own time.

How it works: an attempt first waits for a turn of its address, then for one of
the server's few password checks. It then lives on by itself, whether or not
the client still waits: a client that hangs up early neither gets its
address's turn back sooner, nor leaves an account in use that nobody logs out.
A refusal is told when its delay is over, counted from the start of the check,
so that neither its text nor its time tells whether the name exists.

Refuses to tell a client, or a log, anything that holds the password: errors of
foreign checkers are told by their text only, and not even by that if the
password is in it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, cast

from twisted.cred.credentials import IAnonymous
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftpstwist.auth.certificate import CertificateLogin, ICertificateLogin
from ftpstwist.auth.credentials import PasswordLogin, credentials_for
from ftpstwist.auth.defender import Defender, network_of
from ftpstwist.auth.realm import Account
from ftpstwist.auth.turns import Turns, once
from ftpstwist.interfaces import CodeWanted, ErrorKind, FtpError, IAccount, LoggedInAccount, LoginRequest, Revocations
from ftpstwist.wire.pathname import encode_name

_TOLD_KINDS = frozenset({ErrorKind.LOGIN_REFUSED, ErrorKind.TOO_MANY_SESSIONS, ErrorKind.LOGIN_UNAVAILABLE})

_Credentials = PasswordLogin | CertificateLogin | IAnonymous

_log = Logger()


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """How many logins are worked on, and for how long.

    Attributes:
        checks_at_once: Logins being checked at the same time.
        checks_waiting: Logins that may wait for that.
        login_seconds: How long the client waits at most; also how long checker and realm may take together.
        attempts_at_once: Attempts of one address at the same time, the delay after a failure included. With the
            first delay at one second, this is also how many passwords a second one address can guess.
        attempts_waiting: Further attempts of one address that may wait.
    """

    checks_at_once: int = 8
    checks_waiting: int = 256
    login_seconds: float = 30.0
    attempts_at_once: int = 10
    attempts_waiting: int = 100


class PortalAuthenticator:
    """Logs users in through a portal. An ``Authenticator``.

    Args:
        portal: With a checker for passwords, and one for ``IAnonymous`` if there is an anonymous account.
        defender: Counts failures.
        clock: For delays and time limits.
        settings: Caps and time limits.
        revocations: Judges the certificates that clients show; ``None`` asks nobody.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        defender: Defender,
        clock: IReactorTime,
        settings: LoginSettings | None = None,
        revocations: Revocations | None = None,
    ) -> None:
        self._portal = portal
        self._defender = defender
        self._clock = clock
        self._settings = settings or LoginSettings()
        self._revocations = revocations
        self._attempts = Turns(at_once=self._settings.attempts_at_once, waiting=self._settings.attempts_waiting)
        self._checks = Turns(at_once=self._settings.checks_at_once, waiting=self._settings.checks_waiting)

    def share_counts_with(self, other: PortalAuthenticator) -> None:
        """Count failures and keep caps together with *other*, before anything is counted here."""
        self._defender = other._defender
        self._attempts = other._attempts
        self._checks = other._checks

    def refuses(self, peer: str) -> bool:
        """Tell whether *peer* is banned now."""
        return self._defender.refuses(peer)

    async def login(self, request: LoginRequest) -> LoggedInAccount:
        """Check the credentials and get the avatar.

        Raises:
            FtpError: LOGIN_REFUSED after its delay, TOO_MANY_SESSIONS, LOGIN_UNAVAILABLE.
            CodeWanted: The password is right, and a code is wanted beside it.
        """
        return await self._login_in_time(
            request, credentials_for(request, anonymous=IAnonymous in self._portal.checkers)
        )

    async def login_by_certificate(self, request: LoginRequest) -> LoggedInAccount | None:
        """Log in without a password, if the certificate of the request is the user's and that is enough.

        A refusal is no failed guess: it is neither counted nor delayed.

        Raises:
            FtpError: TOO_MANY_SESSIONS, LOGIN_UNAVAILABLE.
        """
        if request.certificate is None or ICertificateLogin not in self._portal.checkers:
            return None
        credentials = CertificateLogin(encode_name(request.user), request.certificate, request.peer)
        try:
            return await self._login_in_time(request, credentials)
        except FtpError as error:
            if error.kind is not ErrorKind.LOGIN_REFUSED:
                raise
            cause = error.cause
        _log.info("{peer}: {user} needs a password; {cause}", peer=request.peer, user=ascii(request.user), cause=cause)
        return None

    async def _login_in_time(self, request: LoginRequest, credentials: _Credentials) -> LoggedInAccount:
        self._require_no_ban(request.peer)
        login = Deferred.fromCoroutine(self._login(request, credentials))
        login.addTimeout(self._settings.login_seconds, self._clock, onTimeoutCancel=_tell_too_late)
        return await login

    async def _login(self, request: LoginRequest, credentials: _Credentials) -> LoggedInAccount:
        leave = await self._attempts.enter(network_of(request.peer))
        answer: Deferred[LoggedInAccount] = Deferred()
        attempt = Deferred.fromCoroutine(self._attempt(request, credentials, answer))
        attempt.addCallbacks(_deliver, _tell, callbackArgs=(answer,), errbackArgs=(answer,))
        attempt.addBoth(lambda _: leave())
        return await answer

    async def _attempt(
        self, request: LoginRequest, credentials: _Credentials, answer: Deferred[LoggedInAccount]
    ) -> LoggedInAccount:
        """Try once; lives on when nobody waits for the *answer* any more."""
        await self._require_no_revocation(request)  # before it takes the place of a check: an answer may be slow
        self._require_no_ban(request.peer)  # which may have come while it waited, here and below
        leave = await self._checks.enter()
        started = self._clock.seconds()
        try:
            self._require_no_ban(request.peer)
            return await self._check(request, credentials, answer)
        except FtpError as error:
            if error.kind is not ErrorKind.LOGIN_REFUSED or ICertificateLogin.providedBy(credentials):
                raise
            cause = error.cause
            delay = self._defender.failed(request.peer, request.user)  # counted before the next one is checked
        finally:
            leave()
        await deferLater(self._clock, max(0.0, started + delay - self._clock.seconds()))
        raise FtpError(ErrorKind.LOGIN_REFUSED, cause)

    async def _check(
        self, request: LoginRequest, credentials: _Credentials, answer: Deferred[LoggedInAccount]
    ) -> LoggedInAccount:
        if answer.called:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "the client did not wait for its turn")
        # Raised here, where no frame holds the checker's own words: they may hold the password.
        outcome = await self._ask_portal(request, credentials)
        if isinstance(outcome, FtpError):
            raise outcome
        return outcome

    async def _ask_portal(self, request: LoginRequest, credentials: _Credentials) -> LoggedInAccount | FtpError:
        if isinstance(credentials, PasswordLogin) and not request.password.reveal():
            return FtpError(ErrorKind.LOGIN_REFUSED, "empty password")
        pending = self._portal.login(credentials, None, IAccount)
        timer = self._clock.callLater(self._settings.login_seconds, pending.cancel)
        try:
            _, avatar, logout = await pending
        except CodeWanted:
            raise  # neither counted nor delayed: the password was right
        except Exception as error:  # noqa: BLE001 - whatever a checker throws, the client gets a reply
            return _explain(error, request)
        finally:
            if timer.active():
                timer.cancel()
        return _in_use(cast("Account", avatar), credentials, once(logout))

    async def _require_no_revocation(self, request: LoginRequest) -> None:
        """Refuse whoever shows a revoked certificate, whatever else it brings; no guess is made, so none is counted."""
        if self._revocations is None or request.certificate is None:
            return
        if objection := await self._revocations.objection(request.certificate):
            raise FtpError(ErrorKind.LOGIN_REFUSED, objection)

    def _require_no_ban(self, peer: str) -> None:
        if self._defender.refuses(peer):
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{peer} is banned after too many failed logins")


def _in_use(account: Account, credentials: _Credentials, logout: Callable[[], None]) -> LoggedInAccount:
    method = "certificate" if ICertificateLogin.providedBy(credentials) else "password"
    if account.identity.anonymous:
        method = "anonymous"
    return LoggedInAccount(account.identity, account.filesystem, logout, method)


def _deliver(account: LoggedInAccount, answer: Deferred[LoggedInAccount]) -> None:
    if answer.called:
        account.logout()
    else:
        answer.callback(account)


def _tell(failure: Failure, answer: Deferred[LoggedInAccount]) -> None:
    if not answer.called:
        answer.errback(failure)


def _tell_too_late(outcome: object, seconds: float) -> NoReturn:  # noqa: ARG001 - Twisted's signature
    raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"neither yes nor no within {seconds} s")


def _explain(error: Exception, request: LoginRequest) -> FtpError:
    """Return what the session is told of a failed check; log what is no ordinary refusal."""
    if isinstance(error, FtpError) and error.kind in _TOLD_KINDS:
        return error
    cause = _text_without_password(error, request)
    if isinstance(error, UnauthorizedLogin | LoginDenied):
        return FtpError(ErrorKind.LOGIN_REFUSED, cause)
    _log.error(
        "{peer}: the login of {user} could not be checked: {cause}\n{stack}",
        peer=request.peer,
        user=ascii(request.user),
        cause=cause,
        stack="".join(traceback.format_tb(error.__traceback__)),  # lines of code, no values
    )
    return FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause)


def _text_without_password(error: Exception, request: LoginRequest) -> str:
    text = str(error)
    password = request.password.reveal()
    if password and (password in text or ascii(password)[1:-1] in text):
        text = "(its text is kept back: it held the password)"
    if isinstance(error, UnauthorizedLogin) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
