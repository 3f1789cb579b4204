"""CWD, CDUP, PWD, MKD, RMD, DELE, RNFR, RNTO, SIZE, MDTM, MFMT, MFF, AVBL (RFC 959 section 4.1, RFC 3659, drafts)."""

from __future__ import annotations

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.events import FileChanged
from ftpstwist.session.state import RenameFrom
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import TimedPathname, parse_mdtm, parse_mff, parse_mfmt
from ftpstwist.wire.reply import Reply, quote_pathname
from ftpstwist.wire.time_val import render_time_val

PERMISSION_BITS = 0o777
"""What SITE CHMOD and MFF set; set-user-id, set-group-id and sticky are no business of clients."""


@verb("CWD")
async def cwd(session: Session, command: Invocation) -> Reply:
    """Change the working directory."""
    return await _enter(session, session.pathname(command.argument))


@verb("CDUP")
async def cdup(session: Session, command: Invocation) -> Reply:
    """Change to the parent directory; the root is its own parent."""
    return await _enter(session, session.state.working_directory.parent)


async def _enter(session: Session, path: Pathname) -> Reply:
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_directory:
        raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"CWD to {path}")
    session.state.working_directory = path
    return Reply(250, f"{quote_pathname(str(path))} is the working directory")


@verb("PWD")
async def pwd(session: Session, command: Invocation) -> Reply:
    """Tell the working directory."""
    return Reply(257, f"{quote_pathname(str(session.state.working_directory))} is the working directory")


@verb("MKD")
async def mkd(session: Session, command: Invocation) -> Reply:
    """Make a directory."""
    path = session.pathname(command.argument)
    await session.threads.run(session.files.make_directory, path)
    _changed(session, command.verb, path)
    return Reply(257, f"{quote_pathname(str(path))} was made")


@verb("RMD")
async def rmd(session: Session, command: Invocation) -> Reply:
    """Remove an empty directory."""
    path = session.pathname(command.argument)
    await session.threads.run(session.files.remove_directory, path)
    _changed(session, command.verb, path)
    return Reply(250, "The directory was removed")


@verb("DELE")
async def dele(session: Session, command: Invocation) -> Reply:
    """Delete a file."""
    path = session.pathname(command.argument)
    await session.threads.run(session.files.delete, path)
    _changed(session, command.verb, path)
    return Reply(250, "The file was deleted")


@verb("RNFR")
async def rnfr(session: Session, command: Invocation) -> Reply:
    """Name what is to be renamed; it must exist now."""
    path = session.pathname(command.argument)
    await session.threads.run(session.files.stat, path)
    session.state.prefix = RenameFrom(path)
    return Reply(350, "Send RNTO with the new name")


@verb("RNTO")
async def rnto(session: Session, command: Invocation) -> Reply:
    """Rename what RNFR named."""
    if not isinstance(command.prefix, RenameFrom):
        return Reply(503, "Send RNFR right before RNTO")
    source, target = command.prefix.path, session.pathname(command.argument)
    await session.threads.run(session.files.rename, source, target)
    _changed(session, command.verb, source, target)
    return Reply(250, "Renamed")


@verb("SIZE")
async def size(session: Session, command: Invocation) -> Reply:
    """Tell the octets a RETR would transfer, never an estimate (RFC 3659 section 4): so not in TYPE A."""
    if session.state.is_ascii:
        return Reply(550, "SIZE is not known in TYPE A; send TYPE I first")
    entry = await _stat_file(session, session.pathname(command.argument))
    return Reply(213, str(entry.size))


@verb("MDTM")
async def mdtm(session: Session, command: Invocation) -> Reply:
    """Tell the time of last change (RFC 3659 section 3), or set it where the settings allow that form."""
    argument = parse_mdtm(command.argument)
    path = session.pathname(argument.pathname)
    if argument.change and session.settings.mdtm_sets_time and not await _exists(session, path):
        return await _set_modified(session, command.verb, argument.change)
    entry = await _stat_file(session, path)
    return Reply(213, render_time_val(entry.modified))


@verb("MFMT")
async def mfmt(session: Session, command: Invocation) -> Reply:
    """Set the time of last change."""
    return await _set_modified(session, command.verb, parse_mfmt(command.argument))


@verb("MFF")
async def mff(session: Session, command: Invocation) -> Reply:
    """Set facts, and tell the values that the storage could keep (draft-somers-ftp-mfxx section 5)."""
    change = parse_mff(command.argument)
    path = session.pathname(change.pathname)
    if change.mode is not None:
        await session.threads.run(session.files.set_mode, path, change.mode & PERMISSION_BITS)
    if change.modified is not None:
        await session.threads.run(session.files.set_modified, path, change.modified)
    _changed(session, command.verb, path)
    entry = await session.threads.run(session.files.stat, path)
    modified = "" if change.modified is None else f"Modify={render_time_val(entry.modified)};"
    mode = "" if change.mode is None else f"UNIX.mode={entry.mode:04o};"
    return Reply(213, f"{modified}{mode} {path}")


@verb("AVBL")
async def avbl(session: Session, command: Invocation) -> Reply:
    """Tell the octets that may still be stored in a directory, by the disk and by the quota."""
    path = session.pathname(command.argument)
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_directory:
        raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"AVBL of {path}")
    available = await session.threads.run(session.files.available, path)
    return Reply(550, "Nobody knows here") if available is None else Reply(213, str(available))


async def _set_modified(session: Session, verb_: str, change: TimedPathname) -> Reply:
    """Set a time, and tell the one the storage could keep (MFMT draft section 3.1)."""
    path = session.pathname(change.pathname)
    await session.threads.run(session.files.set_modified, path, change.seconds)
    _changed(session, verb_, path)
    entry = await session.threads.run(session.files.stat, path)
    return Reply(213, f"Modify={render_time_val(entry.modified)}; {path}")


async def _stat_file(session: Session, path: Pathname) -> Entry:
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_file:
        raise FtpError(ErrorKind.NOT_A_FILE, str(path))
    return entry


async def _exists(session: Session, path: Pathname) -> bool:
    try:
        await session.threads.run(session.files.stat, path)
    except FtpError:
        return False
    return True


def _changed(session: Session, verb_: str, path: Pathname, target: Pathname | None = None) -> None:
    session.sink.record(FileChanged(session.ref, session.now(), verb_, str(path), str(target or "")))
