"""Audit facts of a session: what the logs, metrics and hooks are told.

Every event carries the session's id and the peer; times are seconds since the
epoch given by the caller's clock. No event ever holds a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_WITH_FORWARD_SECRECY = ("ECDHE-", "DHE-")
_AUTHENTICATED = ("GCM", "CHACHA20", "CCM")


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a finished TLS handshake agreed on.

    Attributes:
        version: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name of the suite.
        resumed: Whether a session of this control connection was resumed.
        server_name: Name the client asked for (SNI), if any.
        alpn: Protocol agreed on, if any.
        certificate: SHA-256 fingerprint of the client's certificate in lower-case hex, if it showed one.
        subject: Distinguished name (RFC 4514) in that certificate.
    """

    version: str
    cipher: str
    resumed: bool = False
    server_name: str | None = None
    alpn: str | None = None
    certificate: str | None = None
    subject: str | None = None

    @property
    def is_obsolete(self) -> bool:
        """Whether version or suite are no longer safe (RFC 8996, RFC 9325): old, no forward secrecy, or CBC."""
        if self.version == "TLSv1.3":
            return False
        is_safe = self.cipher.startswith(_WITH_FORWARD_SECRECY) and any(word in self.cipher for word in _AUTHENTICATED)
        return self.version != "TLSv1.2" or not is_safe


NO_SESSION = "-"
"""Stands for the id in events that no session can be blamed for."""


@dataclass(frozen=True, slots=True)
class SessionRef:
    """Which session an event belongs to.

    Attributes:
        id: Short random token, in every log line of the session.
        peer: Address of the client, without port; IPv4 never in its v6-mapped form.
        user: Name given by USER, or of the account after login; empty before.
        service: ``explicit`` or ``implicit``.
        client: What the client called itself (CLNT, CSID), empty if it did not.
        tls: Protection of the control connection; ``None`` in clear.
        host: Name the client has given to TLS, by HOST or with the user's; empty if it has given none.
    """

    id: str
    peer: str
    user: str = ""
    service: str = "explicit"
    client: str = ""
    tls: TlsFacts | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have.

    Attributes:
        session: The session it happened in.
        time: Seconds since the epoch.
    """

    session: SessionRef
    time: float


@dataclass(frozen=True, slots=True)
class SessionOpened(Event):
    """A client connected."""


@dataclass(frozen=True, slots=True)
class SessionClosed(Event):
    """The control connection is gone.

    Attributes:
        seconds: How long it lasted.
        reason: Why it ended, in words.
    """

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class CommandAnswered(Event):
    """One command and its final reply.

    Attributes:
        verb: In capitals; ``?`` if it was no verb of ours.
        argument: As given, or ``****`` if the catalogue calls it secret.
        code: Reply code.
        octets: Octets moved over a data connection, ``None`` if it used none.
        seconds: From the command's arrival at the front of the queue to the reply.
        reply: Last line of the reply.
    """

    verb: str
    argument: str
    code: int
    octets: int | None
    seconds: float
    reply: str = ""

    @property
    def command(self) -> str:
        """Verb and argument, if there is one."""
        return f"{self.verb} {self.argument}" if self.argument else self.verb


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """An account is in use.

    Attributes:
        method: ``password``, ``anonymous`` or ``certificate``.
    """

    method: str


@dataclass(frozen=True, slots=True)
class LoginFailed(Event):
    """A login was refused.

    Attributes:
        reason: For the operator, never for the client.
        kind: The same as one of few stable words: ``login_refused``, ``login_unavailable``,
            ``too_many_sessions``, ``policy``.
    """

    reason: str
    kind: str = "login_refused"


class Direction(Enum):
    """Which way a file went, as the server sees it."""

    SENT = "o"
    RECEIVED = "i"


@dataclass(frozen=True, slots=True)
class FileTransferred(Event):
    """One RETR, STOR, APPE or STOU came to its end, good or bad.

    Attributes:
        direction: Sent to or received from the client.
        path: Pathname under the user's root.
        octets: Octets of the file that went over the data connection.
        seconds: From 150 to the end.
        complete: Whether all of it arrived (226).
        ascii: Whether TYPE A translated it.
        cause: Why it broke off; empty when complete.
        data_tls: Protection of the data connection; ``None`` in clear.
        anonymous: Whether the account is anonymous.
        packed_octets: Octets that went over the data connection instead, in MODE Z; ``None`` otherwise.
        digest: Algorithm and digest of a whole upload, ``SHA-256:`` and hex, where the settings ask for it.
    """

    direction: Direction
    path: str
    octets: int
    seconds: float
    complete: bool
    ascii: bool = False
    cause: str = ""
    data_tls: TlsFacts | None = None
    anonymous: bool = False
    packed_octets: int | None = None
    digest: str = ""


class DataMode(Enum):
    """Who opened a data connection (RFC 959 section 3.2)."""

    PASSIVE = "passive"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class DataOpened(Event):
    """A data connection is open, handshake done if it is protected, and a transfer begins on it.

    Attributes:
        mode: Whether the client connected or the server.
        data_tls: What protects it; ``None`` in clear.
    """

    mode: DataMode
    data_tls: TlsFacts | None


@dataclass(frozen=True, slots=True)
class Expires(Event):
    """A certificate or a revocation list of the server expires soon, or has; once for each of 30, 14, 7 and 1 days.

    Attributes:
        detail: What, and when, in words.
        days: The least of 30, 14, 7 and 1 within which it does; 0 if it has.
    """

    detail: str
    days: int


@dataclass(frozen=True, slots=True)
class FileChanged(Event):
    """A name was deleted, made, renamed or changed without a transfer.

    Attributes:
        verb: The command that did it.
        path: Pathname under the user's root.
        target: The new pathname of a rename; empty otherwise.
    """

    verb: str
    path: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class TlsEstablished(Event):
    """A handshake on the control connection is complete; the session holds its facts."""


@dataclass(frozen=True, slots=True)
class TlsFailed(Event):
    """A TLS handshake or connection failed.

    Attributes:
        channel: ``control`` or ``data``.
        cause: What happened, in words.
        remedy: What to change, and where.
        offered: What the client offered (versions, suites, SNI, ALPN), as far as known.
    """

    channel: str
    cause: str
    remedy: str
    offered: str = ""


@dataclass(frozen=True, slots=True)
class ObsoleteTls(Event):
    """The control connection is protected by a version or suite that is no longer safe; once a handshake.

    Attributes:
        version: As in :class:`TlsFacts`.
        cipher: As in :class:`TlsFacts`.
    """

    version: str
    cipher: str


@dataclass(frozen=True, slots=True)
class Misused(Event):
    """Something no honest client does, or a client set up wrongly.

    Attributes:
        kind: A short stable word: ``starttls-injection``, ``foreign-data-peer``, ``other-protocol``, …
        detail: What was seen, in words, without secrets.
        remedy: What to change; empty if nothing is to be changed.
    """

    kind: str
    detail: str
    remedy: str = ""
