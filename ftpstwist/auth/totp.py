"""Codes as a second factor: TOTP (RFC 6238) over HOTP (RFC 4226), as every authenticator app shows them.

How it works: a user whose entry in the users file has a secret needs the six
digits of the moment beside the password. They come with ACCT, when PASS was
answered 332 (RFC 959 section 5.4), or right behind the password in PASS. Either
way the password is verified exactly once: digits at its end are taken for the
code if they are the code. A code counts once (RFC 6238 section 5.2), at
whichever host, and so does none before it.

Refuses to tell a wrong code from a wrong password. Does not look at logins by
certificate alone: that is a factor of its own, which the operator chose.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from urllib.parse import quote

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.sources import AvatarId
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.interfaces import CodeWanted
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import decode_name

DIGITS = 6
STEP_SECONDS = 30
SECRET_OCTETS = 20
"""What RFC 4226 section 4 recommends."""
MAX_REMEMBERED = 10_000
"""Secrets whose last code is remembered; beyond, the one used longest ago is forgotten."""


def new_secret(random: Callable[[int], bytes]) -> str:
    """Return a secret in the alphabet that apps take, base 32."""
    return base64.b32encode(random(SECRET_OCTETS)).decode("ascii")


def enrolment_uri(secret: str, *, user: str, issuer: str) -> str:
    """Return what a QR code for an app holds (the Key URI format, which all apps know)."""
    label = f"{quote(issuer, safe='')}:{quote(user, safe='')}"
    return f"otpauth://totp/{label}?secret={secret.rstrip('=')}&issuer={quote(issuer, safe='')}"


def code_at(secret: str, step: int) -> str:
    """Return the code of a step of 30 seconds (RFC 4226 section 5.3, RFC 6238 section 4).

    Raises:
        ValueError: The secret is not base 32.
    """
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


class Codes:
    """Judges codes, and remembers which were used.

    Args:
        now: Seconds since the epoch.
        drift: How many steps the user's clock may be off, each way.
    """

    def __init__(self, *, now: Callable[[], float], drift: int = 1) -> None:
        self._now = now
        self._drift = drift
        self._used: OrderedDict[str, int] = OrderedDict()

    def step_of(self, secret: str, code: str) -> int | None:
        """Return the step whose code this is, in a time that tells nothing; ``None`` for none of now."""
        now, found = int(self._now() // STEP_SECONDS), None
        given = code.encode("utf-8", "surrogateescape")
        for step in range(now - self._drift, now + self._drift + 1):
            if hmac.compare_digest(code_at(secret, step).encode("ascii"), given):
                found = step
        return found

    def use(self, secret: str, step: int) -> bool:
        """Use up a code; False if it, or a later one, was used before."""
        if self._used.get(secret, -1) >= step:
            return False
        self._used[secret] = step
        self._used.move_to_end(secret)
        while len(self._used) > MAX_REMEMBERED:
            self._used.popitem(last=False)
        return True


@implementer(ICredentialsChecker)
class CodeDemand:
    """Asks for a code beside the password, of users who have a secret.

    Args:
        checker: Checks the password.
        codes: Judges codes.
        asks: Whether a login without a code is asked for one; otherwise it is refused as if the password were wrong.
        find_user: The users file's word on a name.
        refresh: Reads that file again if it changed.
    """

    def __init__(
        self,
        checker: ICredentialsChecker,
        *,
        codes: Codes,
        asks: bool,
        find_user: Callable[[str], UserRecord | None],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._checker = checker
        self._codes = codes
        self._asks = asks
        self._find_user = find_user
        self._refresh = refresh
        self.credentialInterfaces: Iterable[InterfaceClass] = tuple(checker.credentialInterfaces)

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return the avatar id the checker gives.

        Raises:
            UnauthorizedLogin: From the checker, or because the code is wrong, used or missing.
            CodeWanted: The password is right, and there was no code.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> AvatarId:
        if not isinstance(credentials, PasswordLogin):
            return await self._check(credentials)
        await self._refresh()
        asked = self._secret_of(decode_name(credentials.username))
        if asked is None:
            return self._require_same(await self._check(credentials), credentials)
        password, code = self._split(asked, credentials)
        if not password.reveal():
            raise UnauthorizedLogin("a code without a password")
        avatar_id = await self._check(replace(credentials, secret=password))
        self._require_code(asked, code)
        return avatar_id

    async def _check(self, credentials: ICredentials) -> AvatarId:
        avatar_id: AvatarId = await maybeDeferred(self._checker.requestAvatarId, credentials)
        return avatar_id

    def _secret_of(self, name: str) -> str | None:
        record = self._find_user(name)
        return None if record is None else record.totp

    def _require_same(self, avatar_id: AvatarId, credentials: PasswordLogin) -> AvatarId:
        """Let nobody around the code who spells the name as only a directory understands it."""
        if isinstance(avatar_id, bytes) and avatar_id != credentials.username:
            secret = self._secret_of(decode_name(avatar_id))
            if secret is not None:
                self._require_code(secret, None if credentials.code is None else credentials.code.reveal())
        return avatar_id

    def _split(self, secret: str, credentials: PasswordLogin) -> tuple[Secret, str | None]:
        """Return password and code, wherever the code is."""
        password = credentials.secret.reveal()
        if credentials.code is not None:
            return credentials.secret, credentials.code.reveal()
        if self._codes.step_of(secret, password[-DIGITS:]) is not None:
            return Secret(password[:-DIGITS]), password[-DIGITS:]
        return credentials.secret, None

    def _require_code(self, secret: str, code: str | None) -> None:
        if code is None:
            if self._asks:
                raise CodeWanted
            raise UnauthorizedLogin("the password is right, but the code behind it is missing")
        step = self._codes.step_of(secret, code.replace(" ", ""))
        if step is None:
            raise UnauthorizedLogin("the password is right, but the code is wrong")
        if not self._codes.use(secret, step):
            raise UnauthorizedLogin("the password is right, but the code was used before")
