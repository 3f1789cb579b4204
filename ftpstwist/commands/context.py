"""What a verb's coroutine works with: the session around it and the command before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ftpstwist.interfaces import (
    Authenticator,
    ControlTransport,
    DataConnections,
    ErrorKind,
    EventSink,
    Filesystem,
    FtpError,
    LoggedInAccount,
    SessionTls,
    WorkerThreads,
)
from ftpstwist.session.events import SessionRef, TlsFacts
from ftpstwist.session.fxp import NOBODY, Networks, ServerToServer
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import ProtectionPolicy
from ftpstwist.session.policybook import PolicyBook, Subject
from ftpstwist.session.state import Prefix, RestartAt, SessionState
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.reply import Reply


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the configuration says to the control connection.

    Attributes:
        policy: Who has to protect what.
        banner: Text of the 220 reply.
        goodbye: Text of the 221 reply.
        host_names: Names that HOST may give, in lower case.
        active: Whether PORT and EPRT are allowed.
        mdtm_sets_time: Whether ``MDTM time pathname`` sets the time.
        strict_sequence: Whether PROT needs PBSZ before it.
        server_to_server: Who may transfer files with other servers.
        allow_ccc: Whether CCC may take TLS off the control connection, where the policy permits it.
        idle_seconds: Longest pause between commands while no transfer runs.
        login_seconds: Longest time from connecting to being logged in.
        certificate_at_user: Whether a certificate that is enough logs in at USER (232); else at PASS, after 331.
        login_attempts: Wrong passwords after which the connection is closed.
        unknown_commands: Unknown commands after which the connection is closed.
        line_octets: Longest command line.
        pipelined_commands: Commands that may wait; beyond, no octet is read.
        status_entries: Entries that STAT shows of a directory.
        listing_depth: Directories below the first that ``LIST -R`` enters.
        listing_entries: Entries that ``LIST -R`` shows in all.
    """

    policy: PolicyBook
    banner: str = "FTPS server ready"
    goodbye: str = "Goodbye"
    host_names: frozenset[str] = frozenset()
    active: bool = True
    mdtm_sets_time: bool = False
    strict_sequence: bool = False
    server_to_server: ServerToServer = NOBODY
    allow_ccc: bool = False
    idle_seconds: float = 300
    login_seconds: float = 60
    certificate_at_user: bool = True
    login_attempts: int = 3
    unknown_commands: int = 10
    line_octets: int = 8192
    pipelined_commands: int = 64
    status_entries: int = 1000
    listing_depth: int = 16
    listing_entries: int = 100_000


@dataclass(slots=True)
class Session:
    """One control connection with all it needs; lives as long as the connection.

    Attributes:
        id: Short random token for the logs.
        state: Memory and judgement.
        settings: From the configuration.
        transport: The control connection.
        tls: Mints the TLS channels of this session.
        authenticator: The front of twisted.cred.
        threads: For storage.
        sink: Takes audit events.
        now: Seconds since the epoch.
        data: The server-DTP of this session; set right after.
        account: The avatar, once logged in.
        transfer: What the running transfer has done so far, ``None`` if none runs.
        tls_facts: What the TLS session of the control connection agreed on; outlives CCC, ``None`` without.
    """

    id: str
    state: SessionState
    settings: SessionSettings
    transport: ControlTransport
    tls: SessionTls
    authenticator: Authenticator
    threads: WorkerThreads
    sink: EventSink
    now: Callable[[], float]
    data: DataConnections = field(init=False)
    account: LoggedInAccount | None = None
    transfer: RunningTransfer | None = None
    tls_facts: TlsFacts | None = None

    @property
    def ref(self) -> SessionRef:
        """The session as events name it."""
        return SessionRef(
            id=self.id,
            peer=self.transport.peer.host,
            user=self.state.user,
            service=self.state.service.value,
            client=self.state.client,
            tls=self.transport.tls,
        )

    @property
    def subject(self) -> Subject:
        """The client as policy rules see it: the account, or the name given by USER."""
        return self.settings.policy.subject(self.state, self.transport.peer.host)

    @property
    def policy(self) -> ProtectionPolicy:
        """What this client must protect; what folders demand of transfers is judged with each of them."""
        return self.settings.policy.for_subject(self.subject)

    @property
    def files(self) -> Filesystem:
        """The user's files.

        Raises:
            FtpError: LOGIN_REFUSED when nobody is logged in (the gate prevents it).
        """
        return self._require_account().filesystem

    @property
    def identity(self) -> Identity:
        """Who is logged in.

        Raises:
            FtpError: LOGIN_REFUSED when nobody is logged in (the gate prevents it).
        """
        return self._require_account().identity

    def pathname(self, text: str) -> Pathname:
        """Read a pathname relative to the working directory.

        Raises:
            PathnameError: It can not be one (client sees 553).
        """
        return Pathname.parse(text, self.state.working_directory)

    @property
    def accepts_ccc(self) -> bool:
        """Whether CCC is done in this session, once it is under TLS."""
        return self.settings.allow_ccc and self.policy.accepts_clear_command_channel

    @property
    def other_servers(self) -> Networks:
        """Where the servers are that the account may transfer files with; empty for most."""
        return self.settings.server_to_server.networks_for(self.state.identity)

    @property
    def accepts_tls_client(self) -> bool:
        """Whether SSCN and CPSV are done: for this account, or for anybody as long as none is logged in."""
        rule = self.settings.server_to_server
        is_allowed = bool(self.other_servers) if self.state.is_logged_in else rule.is_offered
        return rule.as_tls_client and is_allowed

    def log_out(self) -> None:
        """End the use of the account, if one is in use; its logout is called exactly once."""
        account, self.account = self.account, None
        if account is not None:
            account.logout()

    def _require_account(self) -> LoggedInAccount:
        if self.account is None:
            raise FtpError(ErrorKind.LOGIN_REFUSED, "nobody is logged in")
        return self.account


@dataclass(slots=True)
class RunningTransfer:
    """A transfer between its 150 and its final reply.

    Attributes:
        verb: RETR, STOR, LIST, …
        path: What is transferred.
        started: Seconds since the epoch.
        progress: Tells the octets moved so far.
    """

    verb: str
    path: Pathname
    started: float
    progress: Callable[[], int] = field(default=lambda: 0)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command, judged and ready to be done.

    Attributes:
        verb: In capitals, aliases resolved.
        argument: What followed it; empty if nothing did.
        prefix: What RNFR or REST announced right before.
        preliminary: Sends a 1xx reply at once.
        abort_transfer: Aborts the running transfer and waits for its reply; False if none runs.
        afterwards: Takes an action to be done right after the final reply was written.
        moved: Notes the octets that went over the data connection, for the command log.
        has_unread: Tells whether octets of the client wait behind this command.
    """

    verb: str
    argument: str
    prefix: Prefix | None
    preliminary: Callable[[Reply], None]
    abort_transfer: Callable[[], Awaitable[bool]]
    afterwards: Callable[[Callable[[], None]], None]
    moved: Callable[[int], None]
    has_unread: Callable[[], bool]

    @property
    def restart_offset(self) -> int:
        """Octets to skip, as REST asked; 0 without REST."""
        return self.prefix.offset if isinstance(self.prefix, RestartAt) else 0
