"""What a verb's coroutine works with: the session around it and the command before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from twisted.internet.defer import DeferredSemaphore

from ftpstwist.commands.hosts import HostBook, HostInUser, SessionSettings, VirtualHost
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
    TellsQuotas,
    WaitsFor,
    WorkerThreads,
)
from ftpstwist.session.events import SessionRef, TlsFacts
from ftpstwist.session.fxp import Networks
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import ProtectionPolicy
from ftpstwist.session.policybook import Subject
from ftpstwist.session.state import Prefix, RestartAt, SessionState, TransferMode
from ftpstwist.wire.charset import Charset
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.reply import Reply

_UTF_8 = Charset()


@dataclass(slots=True)
class Session:
    """One control connection with all it needs; lives as long as the connection.

    Attributes:
        id: Short random token for the logs.
        state: Memory and judgement.
        hosts: All virtual hosts.
        transport: The control connection.
        tls: Mints the TLS channels of this session.
        threads: For storage.
        digest_turns: How many digests are computed at once, of all sessions together.
        sink: Takes audit events.
        now: Seconds since the epoch.
        data: The server-DTP of this session; set right after.
        virtual_host: The one in use.
        users_host: Name of the host that the user's name has chosen; empty if it has not.
        account: The avatar, once logged in.
        transfer: What the running transfer has done so far, ``None`` if none runs.
        last_ref: What :attr:`ref` gave last.
        last_subject: What :attr:`subject` gave last for an account, and the account.
        tls_facts: What the TLS session of the control connection agreed on; outlives CCC, ``None`` without.
    """

    id: str
    state: SessionState
    hosts: HostBook
    transport: ControlTransport
    tls: SessionTls
    threads: WorkerThreads
    digest_turns: DeferredSemaphore
    sink: EventSink
    now: Callable[[], float]
    data: DataConnections = field(init=False)
    virtual_host: VirtualHost = field(init=False)
    users_host: str = ""
    account: LoggedInAccount | None = None
    transfer: RunningTransfer | None = None
    tls_facts: TlsFacts | None = None
    last_ref: SessionRef | None = None
    last_subject: tuple[Identity, Subject] | None = None

    def __post_init__(self) -> None:
        """Begin at the default host."""
        self.virtual_host = self.hosts.default

    @property
    def settings(self) -> SessionSettings:
        """What the configuration says, for the host in use."""
        return self.virtual_host.settings

    @property
    def authenticator(self) -> Authenticator:
        """Who logs users in, at the host in use."""
        return self.virtual_host.authenticator

    @property
    def server_name(self) -> str | None:
        """The name that the client gave to TLS (SNI); it holds for as long as the TLS session is in use."""
        return None if self.tls_facts is None else self.tls_facts.server_name

    @property
    def host_name(self) -> str:
        """The name of the host that the client wants, ours or not; empty if it has named none."""
        return self.server_name or self.state.host

    def enter_host(self) -> None:
        """Use the host that the client has named to TLS, or else by HOST; the default for none of ours."""
        self.users_host = ""
        self._use_host(self.hosts.find(self.host_name) or self.hosts.default)

    def enter_host_of(self, user: str) -> str:
        """Use the host that a user such as ``alice@b.example.org`` names, where that is switched on.

        A host that the client has named to TLS or by HOST is never left for another one.

        Returns:
            The name without what named the host.
        """
        self.enter_host()
        name, _, host = user.rpartition("@")
        match self.settings.host_in_user:
            case HostInUser.STRIPPED if name:
                return name
            case HostInUser.CHOOSES if name:
                named = self.hosts.find(host)
                is_free = self.virtual_host is self.hosts.default or self.virtual_host is named
                if named is not None and is_free:
                    self.users_host = host.lower()
                    self._use_host(named)
                    return name
        return user

    def _use_host(self, host: VirtualHost) -> None:
        self.virtual_host = host
        if self.state.has_session_tls:
            self.state.fit_level(self.policy.data)

    @property
    def ref(self) -> SessionRef:
        """The session as events name it; the same object as long as nothing of it changes: many events hold it."""
        state, tls, host = self.state, self.transport.tls, self.host_name or self.users_host
        last = self.last_ref
        if last is None or (last.user, last.client, last.tls, last.host) != (state.user, state.client, tls, host):
            peer, service = self.transport.peer.host, state.service.value
            last = self.last_ref = SessionRef(self.id, peer, state.user, service, state.client, tls, host)
        return last

    @property
    def subject(self) -> Subject:
        """The client as policy rules see it: the account, which stays the same, or the name given by USER."""
        identity, last = self.state.identity, self.last_subject
        if identity is None:
            return self.settings.policy.named(self.state.user, self.transport.peer.host)
        if last is None or last[0] is not identity:
            last = self.last_subject = identity, Subject.of(identity, self.transport.peer.host)
        return last[1]

    @property
    def policy(self) -> ProtectionPolicy:
        """What this client must protect; what folders demand of transfers is judged with each of them."""
        return self.settings.policy.for_subject(self.subject)

    @property
    def legacy_charset(self) -> Charset | None:
        """What this client takes names for, if the configuration says so; ``None`` for UTF-8."""
        charset = self.settings.policy.charset_for(self.subject)
        return None if charset.is_utf_8 else charset

    @property
    def charset(self) -> Charset:
        """What names are read from and written in now: the client's choice goes before the configuration."""
        return _UTF_8 if self.state.has_chosen_utf8 else self.legacy_charset or _UTF_8

    @property
    def files(self) -> Filesystem:
        """The user's files.

        Raises:
            FtpError: LOGIN_REFUSED when nobody is logged in (the gate prevents it).
        """
        return self._require_account().filesystem

    @property
    def files_at_rest(self) -> Filesystem:
        """The same for work that sends nothing over the line; no quota on transfers counts it."""
        files = self.files
        return files.at_rest if isinstance(files, TellsQuotas) else files

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
    def idle_seconds(self) -> float:
        """Longest pause between commands: that of the settings, or the shorter one that SITE IDLE asked for."""
        asked = self.state.idle_seconds
        return self.settings.idle_seconds if asked is None else min(asked, self.settings.idle_seconds)

    @property
    def deflate_level(self) -> int | None:
        """How hard to pack what is sent, if MODE Z is in force; else ``None``."""
        if self.state.mode is not TransferMode.DEFLATE or self.settings.deflate_level is None:
            return None
        asked = self.state.deflate_level
        level = self.settings.deflate_level if asked is None else asked
        return min(level, self.settings.highest_deflate_level)

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
        """Whether SSCN and CPSV are offered: to this account, or to anybody as long as none is logged in."""
        rule = self.settings.server_to_server
        is_allowed = bool(self.other_servers) if self.state.is_logged_in else rule.is_offered
        return rule.as_tls_client and is_allowed

    def refuse_tls_client(self, verb: str) -> Reply | None:
        """Return why SSCN or CPSV is not done; ``None`` if it is. In clear it would have no effect."""
        if not self.accepts_tls_client:
            return Reply(534, "Transfers with another server as its TLS client are not allowed")
        return None if self.state.has_session_tls else Reply(503, f"Send AUTH TLS before {verb}")

    def log_in(self, account: LoggedInAccount) -> None:
        """Begin the use of an account."""
        self.account = account
        self.state.accept_login(account.identity)
        self.transport.serve_at_once(at_once=True)

    def log_out(self) -> None:
        """End the use of the account, if one is in use; its logout is called exactly once."""
        account, self.account = self.account, None
        if account is not None:
            self.transport.serve_at_once(at_once=False)
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
        waits_for: Tells who or what holds it up now.
    """

    verb: str
    path: Pathname
    started: float
    progress: Callable[[], int] = field(default=lambda: 0)
    waits_for: Callable[[], WaitsFor] = field(default=lambda: WaitsFor.DATA_CONNECTION)


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
