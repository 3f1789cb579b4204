"""What the server-PI remembers of a session (RFC 959 section 5.1, RFC 4217 section 4.2).

Two small tables say how the session moves: :data:`LOGIN_TABLE` for USER, PASS
and ACCT, :data:`CONTROL_TABLE` for the protection of the control connection. A
third memory, the *prefix*, holds what RNFR or REST announced for the very
next command; it clears itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from ftpstwist.session.digest import HashAlgorithm
from ftpstwist.session.identity import Identity, Secret
from ftpstwist.session.policy import DataProtection, ProtectionLevel
from ftpstwist.wire.listing import DEFAULT_FACTS
from ftpstwist.wire.pathname import ROOT, Pathname


class SequenceError(Exception):
    """An event that the tables do not foresee in this state: a fault of ours, not of the client."""


class LoginStage(Enum):
    """How far the login has come (RFC 959 section 6, figure of USER, PASS)."""

    NONE = "no user named"
    NAMED = "user named, password awaited"
    PROVEN = "password right, code awaited"
    DONE = "logged in"


class LoginEvent(Enum):
    """What moves the login."""

    NAME = "USER"
    ACCEPT = "230"
    ASK = "332"
    REFUSE = "530"
    RESET = "AUTH or REIN"


LOGIN_TABLE: dict[tuple[LoginStage, LoginEvent], LoginStage] = {
    (LoginStage.NONE, LoginEvent.NAME): LoginStage.NAMED,
    (LoginStage.NONE, LoginEvent.RESET): LoginStage.NONE,
    (LoginStage.NAMED, LoginEvent.NAME): LoginStage.NAMED,
    (LoginStage.NAMED, LoginEvent.ACCEPT): LoginStage.DONE,
    (LoginStage.NAMED, LoginEvent.ASK): LoginStage.PROVEN,
    (LoginStage.NAMED, LoginEvent.REFUSE): LoginStage.NONE,
    (LoginStage.NAMED, LoginEvent.RESET): LoginStage.NONE,
    (LoginStage.PROVEN, LoginEvent.NAME): LoginStage.NAMED,
    (LoginStage.PROVEN, LoginEvent.ACCEPT): LoginStage.DONE,
    (LoginStage.PROVEN, LoginEvent.REFUSE): LoginStage.NONE,
    (LoginStage.PROVEN, LoginEvent.RESET): LoginStage.NONE,
    (LoginStage.DONE, LoginEvent.NAME): LoginStage.NAMED,
    (LoginStage.DONE, LoginEvent.RESET): LoginStage.NONE,
}
"""``(stage, event) -> stage``; a pair that is missing can not happen."""


class ControlProtection(Enum):
    """What protects the control connection."""

    CLEAR = "clear"
    HANDSHAKE = "handshake"
    TLS = "TLS"
    CLEARED = "clear again"
    """After CCC (RFC 4217 section 5): commands go in clear, data connections stay bound to the TLS session."""


class ControlEvent(Enum):
    """What changes the protection of the control connection."""

    START = "AUTH, or an implicit connection"
    ESTABLISHED = "handshake complete"
    CLEAR = "CCC"
    REINITIALIZE = "REIN on the explicit service"


CONTROL_TABLE: dict[tuple[ControlProtection, ControlEvent], ControlProtection] = {
    (ControlProtection.CLEAR, ControlEvent.START): ControlProtection.HANDSHAKE,
    (ControlProtection.HANDSHAKE, ControlEvent.ESTABLISHED): ControlProtection.TLS,
    (ControlProtection.TLS, ControlEvent.CLEAR): ControlProtection.CLEARED,
    (ControlProtection.CLEAR, ControlEvent.REINITIALIZE): ControlProtection.CLEAR,
    (ControlProtection.TLS, ControlEvent.REINITIALIZE): ControlProtection.CLEAR,
    (ControlProtection.CLEARED, ControlEvent.REINITIALIZE): ControlProtection.CLEAR,
}
"""``(protection, event) -> protection``; a failed handshake ends the connection.

From ``CLEARED`` only REIN leads on, to where AUTH is possible again.
"""


class Service(Enum):
    """Which listener the client came to."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


class RepresentationType(Enum):
    """TYPE (RFC 959 section 3.1.1); the default is ASCII."""

    ASCII = "A"
    IMAGE = "I"


class TransferMode(Enum):
    """MODE (RFC 959 section 3.4); the default is stream."""

    STREAM = "S"
    DEFLATE = "Z"


@dataclass(frozen=True, slots=True)
class RenameFrom:
    """What RNFR announced for RNTO."""

    path: Pathname


@dataclass(frozen=True, slots=True)
class CopyFrom:
    """What SITE CPFR announced for SITE CPTO."""

    path: Pathname


@dataclass(frozen=True, slots=True)
class RestartAt:
    """What REST announced for RETR, STOR or APPE: octets to skip."""

    offset: int


Prefix = RenameFrom | CopyFrom | RestartAt


@dataclass(slots=True)
class SessionState:
    """Everything a session remembers between commands.

    Attributes:
        service: The listener it came through.
        control: Protection of the control connection.
        stage: How far the login is.
        user: Name given by USER.
        password: What was right, while a code is awaited; ``None`` at all other times.
        identity: The account, once logged in.
        working_directory: Current directory below the account's root.
        type: Representation type of transfers.
        mode: Transfer mode.
        deflate_level: Level that OPTS MODE Z asked for; ``None`` for that of the settings.
        buffer_size_given: Whether PBSZ has been sent (RFC 4217 section 9).
        level: Protection level of data connections.
        level_agreed: Whether PROT has set it, and not the name of the mechanism or the service.
        sscn: Whether SSCN has made us the TLS client of data connections that move files.
        cpsv: Whether the data connection was prepared by CPSV: the same, for this one.
        epsv_only: Whether EPSV ALL was sent (RFC 2428 section 4).
        prefix: What RNFR, SITE CPFR or REST announced for the next command.
        has_chosen_utf8: Whether OPTS UTF8 ON was sent; ``None`` before any OPTS UTF8.
        hash_algorithm: What OPTS HASH has chosen; ``None`` for the preferred one.
        facts: Facts that MLST and MLSD send, in order (RFC 3659 section 7.9).
        idle_seconds: Limit that SITE IDLE asked for; ``None`` for that of the settings.
        client: What the client called itself.
        host: Name given by HOST (RFC 7151).
        failed_logins: Refused passwords in this session.
        needs_no_password: Whether the login is complete without PASS, by certificate.
    """

    service: Service = Service.EXPLICIT
    control: ControlProtection = ControlProtection.CLEAR
    stage: LoginStage = LoginStage.NONE
    user: str = ""
    password: Secret | None = None
    identity: Identity | None = None
    working_directory: Pathname = ROOT
    type: RepresentationType = RepresentationType.ASCII
    mode: TransferMode = TransferMode.STREAM
    deflate_level: int | None = None
    buffer_size_given: bool = False
    level: ProtectionLevel = ProtectionLevel.CLEAR
    level_agreed: bool = False
    sscn: bool = False
    cpsv: bool = False
    epsv_only: bool = False
    prefix: Prefix | None = None
    facts: tuple[str, ...] = field(default=DEFAULT_FACTS)
    has_chosen_utf8: bool | None = None
    hash_algorithm: HashAlgorithm | None = None
    idle_seconds: float | None = None
    client: str = ""
    host: str = ""
    failed_logins: int = 0
    needs_no_password: bool = False

    @property
    def is_protected(self) -> bool:
        """Whether the control connection is under TLS."""
        return self.control is ControlProtection.TLS

    @property
    def is_cleared(self) -> bool:
        """Whether CCC has taken TLS off the control connection."""
        return self.control is ControlProtection.CLEARED

    @property
    def has_session_tls(self) -> bool:
        """Whether there is a TLS session that data connections belong to: under TLS, and after CCC."""
        return self.is_protected or self.is_cleared

    @property
    def can_be_told(self) -> bool:
        """Whether a reply would reach the client as a reply: not in the middle of a handshake."""
        return self.control is not ControlProtection.HANDSHAKE

    @property
    def is_implicit(self) -> bool:
        """Whether TLS was there from the first octet."""
        return self.service is Service.IMPLICIT

    @property
    def is_logged_in(self) -> bool:
        """Whether an account is in use."""
        return self.stage is LoginStage.DONE

    @property
    def is_ascii(self) -> bool:
        """Whether TYPE A is in force."""
        return self.type is RepresentationType.ASCII

    def move_login(self, event: LoginEvent) -> None:
        """Follow :data:`LOGIN_TABLE`; leaving ``DONE`` forgets the account, its directory and SSCN.

        Any move forgets a password that waited for its code.
        """
        stage = _follow(LOGIN_TABLE, self.stage, event)
        self.password = None
        if stage is not LoginStage.DONE:
            self.identity = None
            self.working_directory = ROOT
            self.needs_no_password = False
            self.sscn = self.cpsv = False
        self.stage = stage

    def name_host(self, host: str) -> None:
        """HOST: choose the virtual host; a login begun before it begins anew (RFC 7151 section 3)."""
        self.move_login(LoginEvent.RESET)
        self.user = ""
        self.host = host

    def name_user(self, user: str) -> None:
        """USER: start a login, ending the one before."""
        self.move_login(LoginEvent.NAME)
        self.user = user

    def ask_for_code(self, password: Secret) -> None:
        """The password is right, and a code has to follow."""
        self.move_login(LoginEvent.ASK)
        self.password = password

    def accept_login(self, identity: Identity) -> None:
        """The credentials were right."""
        self.move_login(LoginEvent.ACCEPT)
        self.identity = identity
        self.user = identity.user

    def refuse_login(self) -> None:
        """The credentials were wrong; USER has to be sent again."""
        self.move_login(LoginEvent.REFUSE)
        self.failed_logins += 1

    def reset(self) -> None:
        """Forget user, directory and transfer parameters, as AUTH and REIN demand (RFC 4217 section 4.2).

        Neither the protection of the connection nor the number of failed
        logins nor what the client called itself is forgotten, nor the virtual
        host: HOST comes before AUTH (RFC 7151 section 3.2.2).
        """
        self.move_login(LoginEvent.RESET)
        self.user = ""
        self.type = RepresentationType.ASCII
        self.mode = TransferMode.STREAM
        self.deflate_level = None
        self.idle_seconds = None
        self.epsv_only = False
        self.prefix = None
        self.facts = DEFAULT_FACTS
        self.hash_algorithm = None
        self.has_chosen_utf8 = None
        self._reset_data_protection()

    def start_tls(self) -> None:
        """A handshake begins on the control connection."""
        self.control = _follow(CONTROL_TABLE, self.control, ControlEvent.START)

    def establish_tls(self) -> None:
        """The handshake is complete; an implicit connection protects data from the start."""
        self.control = _follow(CONTROL_TABLE, self.control, ControlEvent.ESTABLISHED)
        self._reset_data_protection(self.level)

    def clear_tls(self) -> None:
        """CCC: commands go in clear from here on; the level of data connections stays (RFC 4217 section 5)."""
        self.control = _follow(CONTROL_TABLE, self.control, ControlEvent.CLEAR)

    def reinitialize(self) -> None:
        """REIN: the state right after connecting (RFC 4217 section 13).

        On the explicit service that is a connection in clear. On the implicit
        one it is a connection under TLS, which therefore stays; what CCC took
        off does not come back by itself, though.
        """
        if not (self.is_implicit and self.is_protected):
            self.control = _follow(CONTROL_TABLE, self.control, ControlEvent.REINITIALIZE)
        self.reset()
        self.host = ""

    def agree_on_level(self, level: ProtectionLevel) -> None:
        """PROT was accepted."""
        self.level = level
        self.level_agreed = True

    def refuse_level(self) -> None:
        """PROT was refused, which leaves the level as it was (RFC 2228 section 3).

        But who sends PROT behind ``AUTH SSL`` follows RFC 4217, where data
        begin in clear, and not the drafts before it; such a client (curl) goes
        on in clear, and would only wait for a handshake that never comes.
        """
        if not (self.level_agreed or self.is_implicit):
            self.level = ProtectionLevel.CLEAR

    def fit_level(self, demand: DataProtection) -> None:
        """Begin data connections in clear where TLS is forbidden on them: no PROT P can follow there."""
        if not demand.accepts(ProtectionLevel.PRIVATE):
            self.level = ProtectionLevel.CLEAR

    def _reset_data_protection(self, level: ProtectionLevel = ProtectionLevel.CLEAR) -> None:
        is_private = self.is_implicit and self.is_protected
        self.level = ProtectionLevel.PRIVATE if is_private else level
        self.level_agreed = False
        self.buffer_size_given = self.level is ProtectionLevel.PRIVATE

    def take_prefix(self, *, keep_restart: bool) -> Prefix | None:
        """Hand over what the command before announced, and forget it.

        Args:
            keep_restart: Whether a restart marker outlives this command: clients
                send PASV, EPSV and their like between REST and RETR.
        """
        prefix = self.prefix
        if not (keep_restart and isinstance(prefix, RestartAt)):
            self.prefix = None
        return prefix


_S = TypeVar("_S", bound=Enum)
_E = TypeVar("_E", bound=Enum)


def _follow(table: dict[tuple[_S, _E], _S], state: _S, event: _E) -> _S:
    try:
        return table[state, event]
    except KeyError:
        raise SequenceError(f"{event!r} in {state!r}") from None
