"""Logging in: the front of twisted.cred, and the avatars it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from zope.interface import Attribute, Interface

from ftpstwist.interfaces.storage import Filesystem
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.identity import Identity, Secret


class IAccount(Interface):
    """The avatar interface: what a realm gives for a user. ``LoggedInAccount`` is the plain value."""

    identity = Attribute("A ``session.identity.Identity``.")
    filesystem = Attribute("The user's ``Filesystem``.")


class CodeWanted(Exception):  # noqa: N818 - no error: the login goes on
    """The password is right, and a code is wanted beside it (RFC 959 section 5.4: 332)."""


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What is known when PASS arrives (or USER, for those who need no password).

    Attributes:
        user: Name as given by USER.
        password: As given by PASS.
        peer: Address of the client, without port.
        tls: Protection of the control connection; ``None`` in clear.
        certificate: What the client showed there, if anything.
        code: As given by ACCT behind the password.
    """

    user: str
    password: Secret
    peer: str
    tls: TlsFacts | None
    certificate: PeerCertificate | None = None
    code: Secret | None = None


@dataclass(frozen=True, slots=True)
class LoggedInAccount:
    """An account in use.

    Attributes:
        identity: Who it is and what is allowed.
        filesystem: The user's files.
        logout: To be called exactly once, at the end of the use.
        method: ``password``, ``anonymous`` or ``certificate``.
    """

    identity: Identity
    filesystem: Filesystem
    logout: Callable[[], None]
    method: str


class Authenticator(Protocol):
    """The front of twisted.cred: checkers, realm and the defence against guessing."""

    async def login(self, request: LoginRequest) -> LoggedInAccount:
        """Check the credentials and get the avatar.

        Takes its time: failures are delayed, and unknown names cost what known ones cost.

        Raises:
            FtpError: LOGIN_REFUSED (client sees 530), TOO_MANY_SESSIONS (421), LOGIN_UNAVAILABLE (421).
            CodeWanted: The same request is to be made again, with a code (332).
        """

    async def login_by_certificate(self, request: LoginRequest) -> LoggedInAccount | None:
        """Log in without a password, if the certificate of the request is the user's and that is enough.

        A refusal costs the client nothing: it may be asked for a password then.

        Returns:
            The avatar; ``None`` if a password is needed.

        Raises:
            FtpError: TOO_MANY_SESSIONS (client sees 421), LOGIN_UNAVAILABLE (421).
        """


class Revocations(Protocol):
    """Knows, or asks somebody, whether a client's certificate was revoked since it was issued."""

    async def objection(self, certificate: PeerCertificate) -> str | None:
        """Return why nobody may log in with *certificate*, for the log; ``None`` if nothing is against it.

        Takes its time, within a limit of its own; never raises.
        """
