"""What USER and PASS brought, as twisted.cred wants to see it (RFC 959 section 4.1.1, RFC 1635).

Names and passwords are octets here, because the checkers that come with
Twisted, and those of ``--auth`` plugins, compare octets. Nothing in this
module decides anything, and nothing in it shows a password.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from twisted.cred.credentials import Anonymous, IAnonymous, IUsernamePassword
from zope.interface import implementer

from ftpstwist.interfaces import LoginRequest
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import encode_name

ANONYMOUS_NAMES = frozenset({"anonymous", "ftp"})
"""Names that ask for the anonymous account where there is one (RFC 1635 section 3.1)."""


@implementer(IUsernamePassword)
@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """A name and a password to be checked.

    Attributes:
        username: Octets of the name as the client sent them.
        secret: The password.
        peer: Address of the client, without port, for checkers that look at it.
        tls: Protection of the control connection; ``None`` in clear.
        certificate: What the client showed there, if anything.
        code: As given by ACCT behind the password.
    """

    username: bytes
    secret: Secret
    peer: str = ""
    tls: TlsFacts | None = None
    certificate: PeerCertificate | None = None
    code: Secret | None = None

    @property
    def password(self) -> bytes:
        """Octets of the password as the client sent them."""
        return encode_name(self.secret.reveal())

    def checkPassword(self, password: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Compare with the right password, in a time that tells nothing."""
        return hmac.compare_digest(self.password, password)


def credentials_for(request: LoginRequest, *, anonymous: bool) -> PasswordLogin | IAnonymous:
    """Return the credentials of a request.

    Args:
        request: What the client gave.
        anonymous: Whether there is an anonymous account; without one its names are names like any other.
    """
    if anonymous and request.user.lower() in ANONYMOUS_NAMES:
        return Anonymous()
    return PasswordLogin(
        encode_name(request.user), request.password, request.peer, request.tls, request.certificate, request.code
    )
