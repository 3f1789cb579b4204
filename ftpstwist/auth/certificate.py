"""Whose a client's certificate is, and what that is worth at the login (RFC 4217 section 12, RFC 2228 reply 232).

How it works: :class:`CertificateJudgement` answers two questions, whether a
certificate is a user's, and whether a login without a password, or with one,
is enough for that user. Two checkers of twisted.cred ask it:
:class:`CertificateChecker` logs in by certificate alone,
:class:`CertificateDemand` stands before the checkers of passwords.

A certificate is a user's if the user's entry in the users file names its
fingerprint, or that of its key; or if it is trusted and the *first* rule that
finds a user in it finds this one. Every «no» says which rule failed, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Attribute, implementer
from zope.interface.interface import InterfaceClass

from ftpstwist.auth.certificaterule import CertificateRule, NoMatch
from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.sources import AvatarId
from ftpstwist.auth.userrecord import PINNED_CERTIFICATE, PINNED_KEY, CertificateMode, UserRecord, name_objection
from ftpstwist.session.certificate import PeerCertificate, write_name
from ftpstwist.wire.pathname import decode_name

_FOR_CLIENTS = frozenset({"1.3.6.1.5.5.7.3.2", "2.5.29.37.0"})
"""Purposes that let a certificate be used by clients: clientAuth, and any purpose."""


class ICertificateLogin(ICredentials):
    """A name, and a certificate that may be its owner's."""

    username = Attribute("Octets of the name as the client sent them.")
    certificate = Attribute("A ``session.certificate.PeerCertificate``.")
    peer = Attribute("Address of the client, without port.")


@implementer(ICertificateLogin)
@dataclass(frozen=True, slots=True)
class CertificateLogin:
    """A name, and a certificate that may be its owner's; the client has proved to have the key."""

    username: bytes
    certificate: PeerCertificate
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule.

    Attributes:
        rule: The rule in words.
        users: The users it makes of the certificate; empty if none.
        reason: Why none.
    """

    rule: str
    users: frozenset[str] = frozenset()
    reason: str = ""


class CertificateJudgement:
    """Says whose certificates are, and what they are worth.

    Args:
        rules: In order; the first that finds a user decides.
        mode: Of users that have none of their own.
        find_user: The users file's word on a name, if it has one.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        rules: Sequence[CertificateRule],
        *,
        mode: CertificateMode,
        find_user: Callable[[str], UserRecord | None],
        now: Callable[[], float],
    ) -> None:
        self._rules = tuple(rules)
        self._mode = mode
        self._find_user = find_user
        self._now = now

    def refuses_certificate(self, user: str, certificate: PeerCertificate) -> str | None:
        """Return why *certificate* does not let *user* in without a password; ``None`` if it does."""
        mode = self.mode_of(user)
        if not mode.needs_no_password:
            return f'the mode of this user is "{mode.value}"'
        return self.owner_objection(user, certificate)

    def refuses_password(self, user: str, certificate: PeerCertificate | None) -> str | None:
        """Return why even the right password does not let *user* in with this, or no, certificate."""
        mode = self.mode_of(user)
        if not mode.needs_certificate:
            return None
        if mode is CertificateMode.CERTIFICATE:
            return "this user logs in by certificate only"
        if certificate is None:
            return "this user needs a certificate beside the password, and showed none"
        if mode is CertificateMode.TRUSTED:
            return None if certificate.trusted else "this user needs a trusted certificate beside the password"
        return self.owner_objection(user, certificate)

    def mode_of(self, user: str) -> CertificateMode:
        """Return what is asked of a user."""
        record = self._find_user(user)
        return self._mode if record is None or record.certificate_mode is None else record.certificate_mode

    def flaw_of(self, certificate: PeerCertificate) -> str | None:
        """Return why a certificate is nobody's, whatever the rules say."""
        if any(_has_control(value) for value in _texts(certificate)):
            return "there is a control character in one of its names"
        if certificate.purposes is not None and not certificate.purposes & _FOR_CLIENTS:
            return "it is not meant for clients: its extendedKeyUsage lacks clientAuth"
        if not certificate.not_before <= self._now() <= certificate.not_after:
            return "it is not valid now"
        return None

    def findings(self, certificate: PeerCertificate) -> Iterator[Finding]:
        """Try the rules in order; the first finding with users decides."""
        for number, rule in enumerate(self._rules, 1):
            words = f"rule {number} ({rule.text})"
            try:
                yield Finding(words, rule.users_of(certificate))
            except NoMatch as error:
                yield Finding(words, reason=str(error))

    def pin_of(self, record: UserRecord, certificate: PeerCertificate) -> str | None:
        """Return the fingerprint by which a user's entry names the certificate, if it does."""
        pins = (PINNED_CERTIFICATE + certificate.fingerprint, PINNED_KEY + certificate.key_fingerprint)
        return next((pin for pin in pins if pin in record.certificates), None)

    def owner_objection(self, user: str, certificate: PeerCertificate) -> str | None:
        """Return why the certificate is not the user's; ``None`` if it is."""
        record = self._find_user(user)
        if record is not None and record.disabled:
            return "disabled in the users file"
        if flaw := self.flaw_of(certificate):
            return flaw
        if record is not None and self.pin_of(record, certificate):
            return None
        if not certificate.trusted:
            return "nobody vouches for it, and the user's entry does not name its fingerprint"
        reasons = []
        for finding in self.findings(certificate):
            if user in finding.users:
                return name_objection(user)
            if finding.users:
                reasons.append(f"{finding.rule}: it is that of {' or '.join(map(ascii, sorted(finding.users)))}")
                break
            reasons.append(f"{finding.rule}: {finding.reason}")
        return "; ".join(reasons) or "there are no rules, and the user's entry does not name its fingerprint"


@implementer(ICredentialsChecker)
class CertificateChecker:
    """Logs in by certificate alone.

    Args:
        judgement: Says whose it is.
        refresh: Reads the users file again if it changed.
    """

    credentialInterfaces = (ICertificateLogin,)  # noqa: N815 - Twisted's name

    def __init__(self, judgement: CertificateJudgement, *, refresh: Callable[[], Awaitable[None]]) -> None:
        self._judgement = judgement
        self._refresh = refresh

    def requestAvatarId(self, credentials: ICertificateLogin) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return the user's name.

        Raises:
            UnauthorizedLogin: The certificate is not this user's, or not enough; the text tells why, for the log.
        """
        return Deferred.fromCoroutine(self._ask(credentials.username, credentials.certificate))

    async def _ask(self, username: bytes, certificate: PeerCertificate) -> AvatarId:
        await self._refresh()
        refusal = self._judgement.refuses_certificate(decode_name(username), certificate)
        if refusal is not None:
            raise UnauthorizedLogin(f"the certificate of {write_name(certificate.subject)!a}: {refusal}")
        return username


@implementer(ICredentialsChecker)
class CertificateDemand:
    """Asks for a certificate beside the password, of users of whom that is asked.

    The password is checked first, and always: how long a refusal takes must
    not tell whose certificate was the right one.

    Args:
        checker: Checks the password.
        judgement: Says what else is asked.
    """

    def __init__(self, checker: ICredentialsChecker, judgement: CertificateJudgement) -> None:
        self._checker = checker
        self._judgement = judgement
        self.credentialInterfaces: Iterable[InterfaceClass] = tuple(checker.credentialInterfaces)

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[AvatarId]:  # noqa: N802 - Twisted's name
        """Return the avatar id the checker gives.

        Raises:
            UnauthorizedLogin: From the checker, or because the certificate is missing or not the user's.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> AvatarId:
        avatar_id: AvatarId = await maybeDeferred(self._checker.requestAvatarId, credentials)
        if isinstance(avatar_id, bytes):
            certificate = credentials.certificate if isinstance(credentials, PasswordLogin) else None
            refusal = self._judgement.refuses_password(decode_name(avatar_id), certificate)
            if refusal is not None:
                raise UnauthorizedLogin(f"the password is right, but {refusal}")
        return avatar_id


def _texts(certificate: PeerCertificate) -> Iterator[str]:
    for name in (certificate.subject, certificate.issuer):
        yield from (value for part in name for _, value in part)
    yield from (*certificate.emails, *certificate.dns_names, *certificate.uris, *certificate.principals)


def _has_control(text: str) -> bool:
    return any(letter < " " or letter == "\x7f" for letter in text)
