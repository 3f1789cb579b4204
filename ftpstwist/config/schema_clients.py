"""The tables about client certificates: ``[tls.clients]`` (handshake) and ``[accounts.certificates]`` (login)."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from ftpstwist.auth.certificaterule import FIELDS, USER, Match
from ftpstwist.auth.userrecord import CertificateMode
from ftpstwist.config.form import join_words, or_word, path, text, word
from ftpstwist.config.form_numbers import seconds, whole
from ftpstwist.config.setting import required, setting, table
from ftpstwist.session.certificate import AddressMatch
from ftpstwist.tls.authorities import DEFAULT_DEPTH, MAX_DEPTH, AskClients, ExpiredList

_NAMED = "certificate"
"""The word for "whom the certificate names"."""
_ADDRESS = r"http://[A-Za-z0-9.\[\]:-]+(/[!-~]*)?"

ResponderAddress = Annotated[
    str | None, or_word(word("an address", ' such as "http://ocsp.example.org/"', _ADDRESS), _NAMED)
]
HostPath = Annotated[Path, path()]
FieldName = Annotated[
    str, word("a field of a certificate", f": {join_words(list(FIELDS))}, or subject. and an OID", r"[A-Za-z0-9.]+")
]


class Unknown(Enum):
    """What becomes of a certificate that nobody vouches for."""

    REFUSE = "refuse"
    ADMIT = "admit"


class Reply(Enum):
    """When a user is logged in whose certificate is enough."""

    AT_USER = "232"
    AT_PASSWORD = "331"  # noqa: S105 - a reply code


class AskResponder(Enum):
    """Of which certificates the issuer's OCSP responder is asked."""

    NEVER = "never"
    UNLISTED = "unlisted"
    ALWAYS = "always"


class Unanswered(Enum):
    """What becomes of a login when the responder gives no answer."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class OcspSettings:
    """Asking the issuer whether a client's certificate was revoked (OCSP, RFC 6960).

    It is asked at the login, never in a handshake, over plain http: answers are signed, by the issuer or by a responder
    it has made a certificate for. Certificates that no authority vouches for are not asked about, nor are issuers'.
    """

    ask: AskResponder = setting(
        AskResponder.NEVER,
        '"never"; "unlisted": about certificates whose issuer has no list among the revocation_lists; "always": about '
        "all. A list at hand always counts, in the handshake, and is what counts if there is no answer.",
    )
    responder: ResponderAddress = setting(
        None, "Whom to ask; without it, whom the certificate names (authorityInfoAccess)."
    )
    timeout: Annotated[float, seconds(least=0.1, most=20)] = setting(5.0, "Longest wait for an answer.")
    unanswered: Unanswered = setting(
        Unanswered.REFUSE,
        'What becomes of a login when there is no answer, and no list either. "refuse": it fails; "accept": it goes '
        "on, and the log tells.",
    )
    nonce: bool = setting(
        False, "Ask for an answer made for this question. Many responders give only such as they have in store."
    )
    remember: Annotated[float, seconds(most=86400)] = setting(
        3600.0, "Longest time an answer is kept; never longer than it says itself."
    )
    remembered: Annotated[int, whole(least=1, most=1_000_000)] = setting(
        10_000, "Answers that are kept; beyond, the oldest goes."
    )


@dataclass(frozen=True, slots=True)
class ClientCertificateSettings:
    """Certificates of clients, in the handshakes of control and data connections.

    A data connection has to show the one of its control connection, or resume
    its session. Whose certificate it is says [accounts.certificates].
    """

    ask: AskClients = setting(
        AskClients.OFF,
        'Whether clients are asked for one. "off": no; "optional": yes, and one that is shown has to be good; '
        '"required": without a good one there is no handshake.',
    )
    authorities: tuple[HostPath, ...] = setting(
        (),
        "PEM files with the certificates of the authorities whose word counts, each in its own right, whoever signed "
        "it. Those of the system never count.",
    )
    revocation_lists: tuple[HostPath, ...] = setting(
        (),
        "Files with certificate revocation lists, PEM or DER. They are read again with the certificates and at SIGHUP. "
        "Clients whose issuer has no list here are not held up by those of others.",
    )
    expired_lists: ExpiredList = setting(
        ExpiredList.REFUSE,
        'What a revocation list is worth after its end. "refuse": nobody it is about gets in until there is a new one; '
        '"accept": what it says still counts.',
    )
    depth: Annotated[int, whole(most=MAX_DEPTH)] = setting(
        DEFAULT_DEPTH, "Most certificates between the one of the client and that of an authority."
    )
    address: AddressMatch = setting(
        AddressMatch.IGNORE,
        "Whether a client that shows a certificate has to come from an IP address that it names (subjectAltName). "
        '"require": others are answered 421 behind the handshake; "log": they stay, and the log tells; "ignore": no.',
    )
    unknown: Unknown = setting(
        Unknown.REFUSE,
        'What becomes of a certificate nobody vouches for, such as one of the user\'s own making. "refuse": the '
        'handshake fails; "admit": it passes, and is good for the user whose entry in the users file names its '
        "fingerprint, and for nothing else.",
    )
    ocsp: OcspSettings = table(OcspSettings)


@dataclass(frozen=True, slots=True)
class CertificateRuleSettings:
    """A rule that says whose certificate is whose. Repeat the table for more; the first that finds a user decides.

    "ftpstwist check-cert" tries them on a file. Only certificates that an
    authority vouches for are looked at; a field that is there twice, or holds
    a control character, is nobody's.
    """

    field: FieldName = required("What to look at.", example='"email"')
    value: Annotated[str, text(most=1000)] = required("With what to compare.", example='"{user}@example.org"')
    match: Match = setting(
        Match.EXACT,
        'How to compare. "exact": with the whole value; "template": the value holds {user} where the name is; '
        '"pattern": the value is a regular expression for the whole, with named groups such as (?P<user>…).',
    )
    user: Annotated[str, text()] = setting(
        USER, "The user's name; a name in braces stands for what was captured under it."
    )
    issuer: Annotated[str | None, or_word(text(most=1000))] = setting(
        None, 'The only issuer it holds for, such as "CN=Staff CA,O=Example" (RFC 4514).'
    )


@dataclass(frozen=True, slots=True)
class CertificateLoginSettings:
    """What a client certificate is worth at the login."""

    mode: CertificateMode = setting(
        CertificateMode.EITHER,
        'What users need whose entry has no certificate_mode. "password": the password; "certificate-or-password": '
        "the user's certificate, or else the password; \"certificate\": the user's certificate, no password helps; "
        '"certificate-and-password": both; "trusted-certificate-and-password": the password, and the certificate of '
        "anybody an authority vouches for.",
    )
    reply: Reply = setting(
        Reply.AT_USER,
        'What USER is answered if the certificate is enough. "232": the login is complete; "331": for clients that '
        "know no 232; the password they send is ignored.",
    )
    rules: tuple[CertificateRuleSettings, ...] = setting((), "The rules.")
