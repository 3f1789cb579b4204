"""The seams of the house: what the departments offer and what commands and the server-PI rely on.

Nothing here does anything. Storage, authentication, TLS, data connections and
observation implement these; ``services.build`` puts them together; everything
above a seam is tested with recording neighbours that implement it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import ParamSpec, Protocol, TypeVar

from zope.interface import Attribute, Interface

from ftpstwist.session.events import Event, TlsFacts
from ftpstwist.session.identity import Identity, Secret
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.pathname import Pathname

P = ParamSpec("P")
T = TypeVar("T")
Octets = bytes | bytearray | memoryview


# --- errors ---------------------------------------------------------------------------------------


class ErrorKind(Enum):
    """What went wrong, free of reply codes: ``pi.dispatch`` turns each kind into its reply, once."""

    NOT_FOUND = "no such file or directory"
    EXISTS = "the name is already taken"
    NOT_A_DIRECTORY = "not a directory"
    IS_A_DIRECTORY = "is a directory"
    NOT_A_FILE = "not a regular file"
    NOT_EMPTY = "the directory is not empty"
    PERMISSION_DENIED = "permission denied"
    NAME_NOT_ALLOWED = "file name not allowed"
    BUSY = "in use, try again"
    NO_SPACE = "no space left"
    QUOTA_EXCEEDED = "quota exceeded"
    FILE_TOO_LARGE = "the file is larger than allowed"
    BAD_RESTART = "the restart marker does not fit the file"
    UNSUPPORTED = "not supported by this storage"
    STORAGE_FAILED = "local error in processing"
    LOGIN_REFUSED = "login incorrect"
    LOGIN_UNAVAILABLE = "login is not possible now"
    TOO_MANY_SESSIONS = "too many sessions"
    NO_DATA_PORT = "no data port is free"
    TARGET_NOT_ALLOWED = "no data connection may be made to that address or port"
    DATA_NOT_PREPARED = "use EPSV or PASV (or PORT) first"
    DATA_NOT_OPENED = "no data connection was opened in time"
    DATA_REFUSED = "the data connection was refused"
    DATA_LOST = "the data connection was lost"
    DATA_STALLED = "the data connection stalled"
    DATA_TLS_FAILED = "TLS on the data connection failed"
    DATA_TLS_TRUNCATED = "the data connection ended without close_notify"
    ABORTED = "aborted"


class FtpError(Exception):
    """A command could not be done.

    Args:
        kind: What the client is told, by way of its kind.
        cause: What the log is told: the whole truth, host paths and numbers included.
        hint: Words that may be shown to the client behind the fixed text; never a path of the host.
    """

    def __init__(self, kind: ErrorKind, cause: str = "", hint: str = "") -> None:
        super().__init__(f"{kind.name}: {cause or hint or kind.value}")
        self.kind = kind
        self.cause = cause
        self.hint = hint


# --- storage --------------------------------------------------------------------------------------
# All methods run in worker threads and may block. They raise FtpError, never OSError.


class Capability(Enum):
    """What a storage back end can do beyond the five required operations."""

    DIRECTORIES = "directories"
    RENAME = "rename"
    SET_MODIFIED = "set_modified"
    SET_MODE = "set_mode"
    SPACE = "space"


class Disposition(Enum):
    """How STOR, APPE and STOU want the file opened."""

    REPLACE = "replace"
    """STOR: new content, shown under the name only when complete. With an offset (REST): resume in place."""
    APPEND = "append"
    """APPE: behind what is there; a new file if nothing is."""
    UNIQUE = "unique"
    """STOU: never an existing name; the handle tells which name it took."""


class ReadHandle(Protocol):
    """A file open for RETR, or a listing being made; read from its start offset to its end."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill as much of *buffer* as is at hand; return the octets filled, 0 at the end only."""

    def close(self) -> None:
        """Release it; calling twice does no harm."""


class WriteHandle(Protocol):
    """A file open for STOR, APPE or STOU. Nothing is visible under the final name before :meth:`commit`.

    (Except a resumed or appended file, which grows in place.) Exactly one of
    :meth:`commit` and :meth:`abandon` ends it; both release everything, also when they raise.
    """

    @property
    def path(self) -> Pathname:
        """The final pathname."""

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written; raises NO_SPACE, QUOTA_EXCEEDED, FILE_TOO_LARGE."""

    def commit(self) -> None:
        """Make it durable as the settings ask and show it under its final name."""

    def abandon(self) -> int | None:
        """End an incomplete upload as the policy says.

        Returns:
            The size of what now stands under the final name because of this
            upload, or ``None`` if the final name is as it was before.
        """


class Filesystem(Protocol):
    """One user's files: five required operations, then those that :attr:`capabilities` names.

    An operation that is not among the capabilities raises UNSUPPORTED.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Which optional operations work."""

    def stat(self, path: Pathname) -> Entry:
        """Describe one name. Its ``Entry.name`` is the last component, empty for the root."""

    def scan(self, path: Pathname) -> Iterator[Entry]:
        """Yield the entries of a directory in any order, without ``.`` and ``..`` and unfinished uploads.

        An entry that can not be examined is still yielded, as far as it is known.
        The iterator is closed by its ``close`` if it is not read to the end.
        """

    def open_read(self, path: Pathname, offset: int = 0) -> ReadHandle:
        """Open a regular file for reading from *offset*; BAD_RESTART beyond its end."""

    def open_write(self, path: Pathname, disposition: Disposition, offset: int = 0) -> WriteHandle:
        """Open a file for writing without any visible effect yet; every refusal happens here.

        Args:
            path: The file; for UNIQUE the name to derive a free one from.
            disposition: Replace, append or unique.
            offset: Restart marker of REST; with REPLACE only. BAD_RESTART if the file is shorter.
        """

    def delete(self, path: Pathname) -> None:
        """Remove a file or a symbolic link; IS_A_DIRECTORY for directories."""

    def make_directory(self, path: Pathname) -> None:
        """Make an empty directory."""

    def remove_directory(self, path: Pathname) -> None:
        """Remove an empty directory; PERMISSION_DENIED for the root."""

    def rename(self, source: Pathname, target: Pathname) -> None:
        """Rename a file or directory; replaces a file at *target* at once, never a directory."""

    def set_modified(self, path: Pathname, seconds: float) -> None:
        """Set the time of last change, seconds since the epoch UTC."""

    def set_mode(self, path: Pathname, mode: int) -> None:
        """Set permission bits; set-user-id, set-group-id and sticky are never set."""

    def available(self, path: Pathname) -> int | None:
        """Return the octets that may still be stored at *path*, ``None`` if that is not known."""


class WorkerThreads(Protocol):
    """A bounded pool of threads for blocking work."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *function* in a thread.

        Never returns, not even when cancelled, before the function has ended:
        what the function uses may be released afterwards. A cancellation is
        raised then (``CancelledError``), and the function's result is lost.
        """


# --- authentication -------------------------------------------------------------------------------


class IAccount(Interface):
    """The avatar interface: what a realm gives for a user. ``LoggedInAccount`` is the plain value."""

    identity = Attribute("A ``session.identity.Identity``.")
    filesystem = Attribute("The user's ``Filesystem``.")


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What is known when PASS arrives (or USER, for those who need no password).

    Attributes:
        user: Name as given by USER.
        password: As given by PASS.
        peer: Address of the client, without port.
        tls: Protection of the control connection; ``None`` in clear.
    """

    user: str
    password: Secret
    peer: str
    tls: TlsFacts | None


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

    def refuses(self, peer: str) -> bool:
        """Tell whether *peer* is banned now; such a client is answered 421 and not listened to."""

    async def login(self, request: LoginRequest) -> LoggedInAccount:
        """Check the credentials and get the avatar.

        Takes its time: failures are delayed, and unknown names cost what known ones cost.

        Raises:
            FtpError: LOGIN_REFUSED (client sees 530), TOO_MANY_SESSIONS (421), LOGIN_UNAVAILABLE (421).
        """


# --- TLS ------------------------------------------------------------------------------------------


class TlsError(Exception):
    """A handshake or a protected connection failed.

    Args:
        cause: What happened, in words.
        remedy: What to change, and where.
        offered: What the client offered, as far as known.
        truncated: Whether the connection simply ended without ``close_notify``.
    """

    def __init__(self, cause: str, remedy: str = "", offered: str = "", *, truncated: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.offered = offered
        self.truncated = truncated


class TlsClosed(Exception):  # noqa: N818 - not an error: the peer's close_notify, the good end
    """The peer has sent ``close_notify``; nothing more will come."""


class TlsChannel(Protocol):
    """One TLS connection without a socket: octets in, octets out (RFC 8446 as OpenSSL does it).

    One thread at a time may use it; which one does not matter.
    """

    def feed(self, ciphertext: Octets) -> None:
        """Take octets that came from the peer."""

    def feed_end(self) -> None:
        """Tell that the peer's octets ended (TCP FIN)."""

    def drain(self, limit: int = 1 << 20) -> bytes:
        """Return octets for the peer, at most *limit*; empty when there are none."""

    def handshake(self) -> bool:
        """Go on with the handshake as far as the octets at hand allow.

        Returns:
            Whether it is complete. What :meth:`drain` then holds of a TLS 1.3 handshake are session tickets.

        Raises:
            TlsError: It failed; :meth:`drain` may hold an alert for the peer.
        """

    def encrypt(self, data: Octets) -> None:
        """Protect all of *data*; fetch the records with :meth:`drain`."""

    def decrypt(self, limit: int) -> bytes:
        """Return decrypted octets, at most *limit*; empty when more ciphertext is needed.

        Raises:
            TlsClosed: After the peer's ``close_notify``.
            TlsError: Truncation (after :meth:`feed_end`), or a broken record.
        """

    def close(self) -> None:
        """Queue our ``close_notify``; fetch it with :meth:`drain`. Calling twice does no harm."""

    @property
    def peer_closed(self) -> bool:
        """Whether the peer's ``close_notify`` has come."""

    @property
    def facts(self) -> TlsFacts:
        """What the finished handshake agreed on."""


class SessionTls(Protocol):
    """The TLS of one control session: its own ticket keys and cache, so *resumed* means *this session*."""

    def control_channel(self) -> TlsChannel:
        """Return a channel for the control connection."""

    def data_channel(self) -> TlsChannel:
        """Return a channel for a data connection; its facts say whether it resumed this session."""

    def accepts(self, control: TlsFacts | None, data: TlsFacts) -> str | None:
        """Judge a finished data handshake.

        Returns:
            ``None`` if it belongs to this session as the policy demands, else the reason why not, for the log.
        """


# --- the control connection -----------------------------------------------------------------------


class ControlTransport(Protocol):
    """What the server-PI talks through: a TCP connection on which TLS can be put and taken off."""

    @property
    def peer(self) -> HostPort:
        """Address and port of the client."""

    @property
    def host(self) -> HostPort:
        """Address and port the client connected to."""

    @property
    def tls(self) -> TlsFacts | None:
        """What protects the connection now; ``None`` in clear."""

    def write(self, octets: bytes) -> None:
        """Send, in clear or protected as the connection is now."""

    def start_tls(self, session_tls: SessionTls) -> None:
        """Expect a ClientHello next; what was written before goes out in clear first."""

    def pause_reading(self) -> None:
        """Deliver no octets until :meth:`resume_reading`."""

    def resume_reading(self) -> None:
        """Deliver octets again."""

    def close(self) -> None:
        """Send what is queued, then ``close_notify`` under TLS, then FIN; linger briefly for the peer's."""

    def abort(self) -> None:
        """Drop the connection at once."""


class ControlProtocol(Protocol):
    """What the transport calls: the server-PI."""

    def connection_made(self, transport: ControlTransport) -> None:
        """The client is there (under implicit TLS: its TCP connection, no handshake yet)."""

    def tls_established(self, facts: TlsFacts) -> None:
        """A handshake on the control connection is complete."""

    def tls_failed(self, error: TlsError) -> None:
        """A handshake on the control connection failed; the connection is being closed."""

    def data_received(self, octets: bytes) -> None:
        """Octets from the client, decrypted if TLS is on."""

    def write_blocked(self, *, blocked: bool) -> None:
        """The client does not read (True), or reads again (False)."""

    def connection_lost(self, reason: str) -> None:
        """The connection is gone; always the last call."""


# --- data connections -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What a data connection moved.

    Attributes:
        octets: Octets of the file (before translation and encryption).
    """

    octets: int


class DataConnection(Protocol):
    """An open data connection (RFC 959 section 3.2), handshake done if protected."""

    @property
    def tls(self) -> TlsFacts | None:
        """What protects it; ``None`` in clear."""

    @property
    def octets(self) -> int:
        """Octets of the file moved so far."""

    async def send(self, source: ReadHandle, *, ascii_type: bool = False, rate: int | None = None) -> int:
        """Send *source* to its end, then ``close_notify`` and FIN; return its octets.

        Raises:
            FtpError: DATA_LOST, DATA_STALLED (client sees 426), or what *source* raised.
        """

    async def receive(self, sink: WriteHandle, *, ascii_type: bool = False, rate: int | None = None) -> int:
        """Receive to the peer's end of data into *sink*, without committing it; return the octets written.

        Raises:
            FtpError: DATA_LOST, DATA_STALLED, DATA_TLS_TRUNCATED (426), or what *sink* raised.
        """


class DataConnections(Protocol):
    """The server-DTP of one session: at most one data connection, prepared, then opened."""

    @property
    def is_prepared(self) -> bool:
        """Whether PASV, EPSV, PORT or EPRT named a way that is not used yet."""

    def prepare_passive(self, *, ipv6: bool) -> int:
        """Expect one connection from the client; replaces what was prepared before.

        Returns:
            The port.

        Raises:
            FtpError: NO_DATA_PORT (client sees 425).
        """

    async def passive_address(self) -> str:
        """Return the IPv4 address to advertise to this client in 227; NO_DATA_PORT if there is none."""

    def prepare_active(self, target: HostPort) -> None:
        """Remember where to connect to; replaces what was prepared before.

        Raises:
            FtpError: TARGET_NOT_ALLOWED for a foreign address or a low port (client sees 504, RFC 2577 section 3).
        """

    def forget(self) -> None:
        """Drop what was prepared (REIN, AUTH, end of the session)."""

    def open(self, *, protected: bool, upload: bool) -> AbstractAsyncContextManager[DataConnection]:
        """Open what was prepared: wait for the client or connect to it, then shake hands if *protected*.

        Leaving the context closes it on every path: cleanly after success, with RST otherwise.

        Args:
            protected: Whether TLS is put on (PROT P).
            upload: Whether the client is going to send; holds back session tickets until its close_notify.

        Raises:
            FtpError: DATA_NOT_PREPARED, DATA_NOT_OPENED, DATA_REFUSED (425), DATA_TLS_FAILED (522).
        """


# --- observation ----------------------------------------------------------------------------------


class EventSink(Protocol):
    """Where audit events go: command log, transfer log, metrics, hooks."""

    def record(self, event: Event) -> None:
        """Take note of an event; never raises, never blocks for long."""
