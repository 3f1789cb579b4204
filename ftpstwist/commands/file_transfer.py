"""RETR, STOR, APPE, STOU, ALLO, REST, ABOR (RFC 959 section 4.1.3, RFC 3659 section 5).

How it works: the file is opened first, so that a refusal costs no data
connection; then 150 goes out; then the data connection is opened, shaken
hands on and judged; then octets move. An upload is written aside and shown
under its name only when the client has said, in TLS by ``close_notify``, that
all of it was sent, and storage has made it durable: 226 means it is all
there. Nothing here touches a socket or a disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from twisted.internet.defer import CancelledError

from ftpstwist.commands.at_hand import FILE_OCTETS, HELD_OCTETS, HeldUpload, begin, is_at_hand, with_what_was_kept
from ftpstwist.commands.context import Invocation, RunningTransfer, Session
from ftpstwist.commands.integrity import DigestedUpload
from ftpstwist.commands.registry import verb
from ftpstwist.interfaces import DataConnection, Disposition, ErrorKind, FtpError, ReadHandle, WriteHandle
from ftpstwist.session.events import Direction, FileTransferred, TlsFacts
from ftpstwist.session.policy import ProtectionLevel
from ftpstwist.session.state import RestartAt, TransferMode
from ftpstwist.wire.parameters import parse_allocation, parse_restart_marker
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.reply import Reply

_STOU_NAME = "upload"


@verb("RETR")
async def retr(session: Session, command: Invocation) -> Reply:
    """Send a file, from the restart marker on."""
    path = session.pathname(command.argument)
    require_data_connection(session, command)
    _require_image_for_restart(session, command.restart_offset)
    open_source = partial(session.files.open_read, path, command.restart_offset)
    source = await session.threads.run(begin, open_source, FILE_OCTETS)
    async with closed_at_end(session, source):
        with _audited(session, command, path, Direction.SENT) as transfer:
            octets = await send(session, command, source, transfer, is_file=True)
    return Reply(226, f"Sent {octets} octets")


@verb("STOR")
async def stor(session: Session, command: Invocation) -> Reply:
    """Store a file; with a restart marker, go on with one."""
    return await _store(session, command, session.pathname(command.argument), Disposition.REPLACE)


@verb("APPE")
async def appe(session: Session, command: Invocation) -> Reply:
    """Append to a file; after REST the same as STOR (RFC 3659 section 5.4)."""
    disposition = Disposition.REPLACE if command.restart_offset else Disposition.APPEND
    return await _store(session, command, session.pathname(command.argument), disposition)


@verb("STOU")
async def stou(session: Session, command: Invocation) -> Reply:
    """Store under a name that no file has; the name is told in 150 (RFC 1123 section 4.1.2.9)."""
    return await _store(session, command, session.pathname(command.argument or _STOU_NAME), Disposition.UNIQUE)


async def _store(session: Session, command: Invocation, path: Pathname, disposition: Disposition) -> Reply:
    require_data_connection(session, command)
    _require_image_for_restart(session, command.restart_offset)
    target = await session.threads.run(session.files.open_write, path, disposition, command.restart_offset)
    logged = session.settings.digests.logged
    digested = None
    if logged is not None and disposition is not Disposition.APPEND and not command.restart_offset:
        target = digested = DigestedUpload(target, logged)
    sink = HeldUpload(target)
    with _audited(session, command, sink.path, Direction.RECEIVED) as transfer:
        octets = await _receive_or_abandon(session, command, sink, transfer, disposition)
        await session.threads.run(sink.commit)
        transfer.digest = digested.digest if digested is not None else ""
    return Reply(226, f"Stored {octets} octets; the file has {sink.size}")


async def _receive_or_abandon(
    session: Session, command: Invocation, sink: WriteHandle, transfer: _Audit, disposition: Disposition
) -> int:
    try:
        return await _receive(session, command, sink, transfer, unique=disposition is Disposition.UNIQUE)
    except FtpError as error:
        raise with_what_was_kept(error, await session.threads.run(sink.abandon)) from error
    except BaseException:
        await session.threads.run(sink.abandon)
        raise


async def _receive(session: Session, command: Invocation, sink: WriteHandle, transfer: _Audit, *, unique: bool) -> int:
    shown = sink.path.name if unique else sink.path
    command.preliminary(Reply(150, f"FILE: {shown}" if unique else f"Ready to receive {shown}"))
    async with session.data.open(
        protected=is_data_private(session), upload=True, tls_client=_is_tls_client(session)
    ) as connection:
        transfer.watch(connection)
        return await connection.receive(
            sink,
            ascii_type=session.state.is_ascii,
            rate=session.identity.limits.upload_rate,
            deflated=session.state.mode is TransferMode.DEFLATE,
            at_hand=HELD_OCTETS,
        )


@asynccontextmanager
async def closed_at_end(session: Session, source: ReadHandle) -> AsyncIterator[None]:
    """Close *source* at the end, in a thread, unless it was closed with its opening."""
    try:
        yield
    finally:
        if not is_at_hand(source):
            await session.threads.run(source.close)


async def send(session: Session, command: Invocation, source: ReadHandle, transfer: _Audit, *, is_file: bool) -> int:
    """Send what *source* gives over a data connection; used by RETR and the listings."""
    command.preliminary(Reply(150, "Here it comes"))
    tls_client = is_file and _is_tls_client(session)
    async with session.data.open(protected=is_data_private(session), upload=False, tls_client=tls_client) as connection:
        transfer.watch(connection)
        return await connection.send(
            source,
            ascii_type=is_file and session.state.is_ascii,
            rate=session.identity.limits.download_rate,
            level=session.deflate_level,
            at_hand=is_at_hand(source),
        )


def is_data_private(session: Session) -> bool:
    """Tell whether data connections are under TLS (PROT P)."""
    return session.state.level is ProtectionLevel.PRIVATE


def _is_tls_client(session: Session) -> bool:
    """Tell whether we are the TLS client of another server: never for listings, which the client reads itself."""
    return session.state.sscn or session.state.cpsv


def require_data_connection(session: Session, command: Invocation) -> None:
    """Refuse a transfer for which no data connection was prepared (client sees 425, without 150)."""
    if not session.data.is_prepared:
        raise FtpError(ErrorKind.DATA_NOT_PREPARED, f"{command.verb} without EPSV, PASV, PORT or EPRT")


def _require_image_for_restart(session: Session, offset: int) -> None:
    """Octet offsets and line ends that change do not go together (RFC 3659 section 5.3)."""
    if offset and session.state.is_ascii:
        raise FtpError(ErrorKind.BAD_RESTART, "REST in TYPE A", "a restart needs TYPE I")


class _Audit:
    """What is known of a transfer while it runs, for STAT and for its audit event."""

    def __init__(self, running: RunningTransfer) -> None:
        self._running = running
        self._connection: DataConnection | None = None
        self.digest = ""

    def watch(self, connection: DataConnection) -> None:
        """The data connection is open: its octets count from now on."""
        self._connection = connection
        self._running.progress = lambda: connection.octets
        self._running.waits_for = lambda: connection.waits_for

    @property
    def octets(self) -> int:
        """Octets of the file moved so far."""
        return self._running.progress()

    @property
    def packed_octets(self) -> int | None:
        """Octets that went over the data connection instead, in MODE Z."""
        return None if self._connection is None else self._connection.packed_octets

    @property
    def tls(self) -> TlsFacts | None:
        """Protection of the data connection, once it is open."""
        return None if self._connection is None else self._connection.tls


@contextmanager
def running_transfer(session: Session, command: Invocation, path: Pathname) -> Iterator[_Audit]:
    """Show the transfer to STAT for as long as it runs."""
    session.transfer = RunningTransfer(command.verb, path, session.now())
    try:
        yield _Audit(session.transfer)
    finally:
        command.moved(session.transfer.progress())
        session.transfer = None


@contextmanager
def _audited(session: Session, command: Invocation, path: Pathname, direction: Direction) -> Iterator[_Audit]:
    """Record how the transfer of a file ended, well or badly."""
    started = session.now()
    with running_transfer(session, command, path) as transfer:
        cause = "an error of the server"
        try:
            yield transfer
            cause = ""
        except FtpError as error:
            cause = error.cause or error.kind.value
            raise
        except CancelledError:
            cause = "aborted"
            raise
        finally:
            session.sink.record(
                FileTransferred(
                    session.ref,
                    session.now(),
                    direction=direction,
                    path=str(path),
                    octets=transfer.octets,
                    seconds=session.now() - started,
                    complete=not cause,
                    ascii=session.state.is_ascii,
                    cause=cause,
                    data_tls=transfer.tls,
                    anonymous=session.account is not None and session.account.identity.anonymous,
                    packed_octets=transfer.packed_octets,
                    digest=transfer.digest,
                )
            )


@verb("ALLO")
async def allo(session: Session, command: Invocation) -> Reply:
    """Tell early whether an upload of this size would fit (552 if not)."""
    wanted = parse_allocation(command.argument)
    available = await session.threads.run(session.files.available, session.state.working_directory)
    if available is not None and wanted > available:
        raise FtpError(ErrorKind.QUOTA_EXCEEDED, f"ALLO {wanted}, available {available}")
    return Reply(200, f"{wanted} octets would fit")


@verb("REST")
async def rest(session: Session, command: Invocation) -> Reply:
    """Remember where the next RETR, STOR or APPE starts."""
    offset = parse_restart_marker(command.argument)
    session.state.prefix = RestartAt(offset)
    return Reply(350, f"The next transfer starts at {offset}")


@verb("ABOR")
async def abor(session: Session, command: Invocation) -> Reply:
    """Abort the running transfer: 426 for it, then 226 for this (RFC 959 section 4.1.3)."""
    if await command.abort_transfer():
        return Reply(226, "The transfer was aborted")
    session.data.forget()
    return Reply(226, "No transfer was running")
