"""SITE CPFR, CPTO, COPY, MKDIR, RMDIR, SYMLINK: what saves clients a transfer, or many commands (de facto).

How it works: work that can be much is done in pieces in worker threads, so
that ABOR stops it soon. A copy is read and written like a download and an
upload: it needs the same permissions, counts against the same quota, and
appears under its name when it is complete. A tree is removed name by name;
a symbolic link in it is removed, not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.interfaces import Disposition, ErrorKind, Filesystem, FtpError, KernelCopy, ReadHandle, WriteHandle
from ftpstwist.session.events import FileChanged
from ftpstwist.session.state import CopyFrom
from ftpstwist.wire.errors import ArgumentSyntaxError
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import parse_two_pathnames
from ftpstwist.wire.reply import Reply, quote_pathname

_PIECE_OCTETS = 16 << 20
_CHUNK_OCTETS = 1 << 20
_PIECE_ENTRIES = 256


async def copy_from(session: Session, command: Invocation) -> Reply:
    """Name the file that SITE CPTO copies; it must exist now."""
    path = await _named(session, command.argument)
    session.state.prefix = CopyFrom(path)
    return Reply(350, "Send SITE CPTO with the name of the copy")


async def copy_to(session: Session, command: Invocation) -> Reply:
    """Copy the file that SITE CPFR named."""
    if not isinstance(command.prefix, CopyFrom):
        return Reply(503, "Send SITE CPFR right before SITE CPTO")
    return await _copy(session, command.prefix.path, session.pathname(_required(command.argument)), "SITE CPTO")


async def copy(session: Session, command: Invocation) -> Reply:
    """Copy a file."""
    source, target = parse_two_pathnames(command.argument)
    return await _copy(session, session.pathname(source), session.pathname(target), "SITE COPY")


async def make_tree(session: Session, command: Invocation) -> Reply:
    """Make a directory, and those above it that are missing."""
    path = session.pathname(_required(command.argument))
    await session.threads.run(_make_missing, session.files, path)
    _changed(session, "SITE MKDIR", path)
    return Reply(200, f"{quote_pathname(str(path))} is there")


async def remove_tree(session: Session, command: Invocation) -> Reply:
    """Remove a directory with all that is in it, up to the limit of entries that LIST -R has."""
    path = session.pathname(_required(command.argument))
    removal = _removing(session.files, path, session.settings.listing_entries)
    while await session.threads.run(lambda: len(list(islice(removal, _PIECE_ENTRIES)))):
        pass
    _changed(session, "SITE RMDIR", path)
    return Reply(200, "The directory was removed")


async def make_link(session: Session, command: Invocation) -> Reply:
    """Make a symbolic link to something that exists."""
    target, link = map(session.pathname, parse_two_pathnames(command.argument))
    await session.threads.run(session.files.make_link, link, target)
    _changed(session, "SITE SYMLINK", link, target)
    return Reply(200, "The link was made")


async def _named(session: Session, argument: str) -> Pathname:
    path = session.pathname(_required(argument))
    await session.threads.run(session.files.stat, path)
    return path


def _required(argument: str) -> str:
    if not argument:
        raise ArgumentSyntaxError("Expected a pathname")
    return argument


def _changed(session: Session, what: str, path: Pathname, target: Pathname | None = None) -> None:
    session.sink.record(FileChanged(session.ref, session.now(), what, str(path), str(target or "")))


# --- copies ---------------------------------------------------------------------------------------


async def _copy(session: Session, source: Pathname, target: Pathname, what: str) -> Reply:
    files, run = session.files_at_rest, session.threads.run
    entry = await run(files.stat, source)
    reading = await run(files.open_read, source)
    try:
        writing = await run(files.open_write, target, Disposition.REPLACE)
        try:
            while (left := entry.size - writing.size) > 0 and await run(_copy_in_kernel, reading, writing, left):
                pass
            while await run(_copy_piece, reading, writing):
                pass
        except BaseException:
            if await run(writing.abandon) is not None:
                await run(files.delete, target)
            raise
        await run(writing.commit)
    finally:
        await run(reading.close)
    _changed(session, what, source, target)
    return Reply(250, f"Copied {writing.size} octets")


def _copy_in_kernel(reading: ReadHandle, writing: WriteHandle, left: int) -> bool:
    """Copy some octets without reading them; return whether there may be more."""
    return isinstance(writing, KernelCopy) and bool(writing.take_from(reading, min(left, _PIECE_OCTETS)))


def _copy_piece(reading: ReadHandle, writing: WriteHandle) -> bool:
    """Copy some octets; return whether there may be more."""
    buffer = memoryview(bytearray(_CHUNK_OCTETS))
    for _ in range(_PIECE_OCTETS // _CHUNK_OCTETS):
        count = reading.read_into(buffer)
        if not count:
            return False
        writing.write(buffer[:count])
    return True


# --- trees ----------------------------------------------------------------------------------------


def _make_missing(files: Filesystem, path: Pathname) -> None:
    missing: list[Pathname] = []
    above = path
    while not above.is_root and not _is_directory(files, above):
        missing.append(above)
        above = above.parent
    for each in reversed(missing):
        files.make_directory(each)


def _is_directory(files: Filesystem, path: Pathname) -> bool:
    try:
        entry = files.stat(path)
    except FtpError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return False
        raise
    if not entry.is_directory:
        raise FtpError(ErrorKind.NOT_A_DIRECTORY, f"{path} is a file")
    return True


def _removing(files: Filesystem, top: Pathname, limit: int) -> Iterator[None]:
    """Remove a tree, one name a step; what may not be removed ends it where it is.

    Raises:
        FtpError: What removing a name raised; BUSY at the limit of entries.
    """
    if not _is_directory(files, top):
        raise FtpError(ErrorKind.NOT_FOUND, f"{top} is not there")
    pending = [top] if _is_entered(files, top) else []
    emptied: list[Pathname] = []
    left = limit
    while pending:
        directory = pending.pop()
        emptied.append(directory)
        for entry in list(islice(files.scan(directory), left + 1)):
            left -= 1
            if left < 0:
                raise FtpError(ErrorKind.BUSY, f"{top} has more than {limit} entries", f"{limit} names are gone")
            if _is_entered(files, directory / entry.name):
                pending.append(directory / entry.name)
            yield None
    for directory in reversed(emptied):
        files.remove_directory(directory)
        yield None


def _is_entered(files: Filesystem, path: Pathname) -> bool:
    """Delete what is no directory; a link to one is none. Return whether it is one, and still there."""
    try:
        files.delete(path)
    except FtpError as error:
        if error.kind is ErrorKind.IS_A_DIRECTORY:
            return True
        raise
    return False
