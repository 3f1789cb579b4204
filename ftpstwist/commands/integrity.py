"""HASH, XCRC, XMD5, XSHA, XSHA1, XSHA256, XSHA512, MD5 (draft-bryan-ftpext-hash; the others are de facto).

How it works: a digest is computed piece by piece in worker threads, so that
ABOR and the end of the session stop it soon, and no transfer waits long for
a thread. Few are computed at once, of all sessions together; the others wait
for their turn, one a session. Who may not read a file learns nothing of it.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.interfaces import ErrorKind, FtpError, Octets, PassingUpload, ReadHandle, WriteHandle
from ftpstwist.session.digest import ALGORITHM_OF_VERB, HashAlgorithm
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import PartOfFile, parse_digest
from ftpstwist.wire.reply import Reply

_PIECE_OCTETS = 16 << 20
_CHUNK_OCTETS = 1 << 20


class Digest(Protocol):
    """What ``hashlib`` gives."""

    def update(self, data: Octets, /) -> None:
        """Go on with *data*."""

    def hexdigest(self) -> str:
        """Return the digest of all data so far."""


class _Crc32:
    """CRC-32 (ITU-T V.42), as XCRC has it, in the manner of ``hashlib``."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Octets, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def new_digest(algorithm: HashAlgorithm) -> Digest:
    """Return an empty digest."""
    if algorithm is HashAlgorithm.CRC32:
        return _Crc32()
    return hashlib.new(algorithm.value.replace("-", ""), usedforsecurity=False)


@verb("HASH")
async def hash_(session: Session, command: Invocation) -> Reply:
    """Tell the digest of a file, by the algorithm that OPTS HASH chose."""
    offered = session.settings.digests
    algorithm = session.state.hash_algorithm or offered.preferred
    if algorithm is None:
        return _switched_off()
    path = session.pathname(command.argument)
    size = await _size_of(session, path)
    told = await _compute(session, algorithm, path, 0, size)
    return Reply(213, f"{algorithm.value} 0-{size} {told} {command.argument}")


@verb("XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512", "MD5")
async def digest(session: Session, command: Invocation) -> Reply:
    """Tell the digest of a file or of a part of it, by the algorithm of the verb."""
    algorithm = ALGORITHM_OF_VERB[command.verb]
    if algorithm not in session.settings.digests.algorithms:
        return _switched_off()
    part = await _existing(session, parse_digest(command.argument))
    path = session.pathname(part.pathname)
    size = await _size_of(session, path)
    end = size if part.end is None else part.end
    if not part.start <= end <= size:
        return Reply(501, f"The file has {size} octets; the end counts as the first octet that is left out")
    told = (await _compute(session, algorithm, path, part.start, end)).upper()
    return Reply(251, f"{part.pathname} {told}") if command.verb == "MD5" else Reply(250, told)


def _switched_off() -> Reply:
    return Reply(502, "This digest is switched off; FEAT tells those that are not")


async def _existing(session: Session, readings: tuple[PartOfFile, ...]) -> PartOfFile:
    """Return the first way to read the argument that names something; the last one if none does."""
    for reading in readings[:-1]:
        try:
            await session.threads.run(session.files.stat, session.pathname(reading.pathname))
        except FtpError:
            continue
        return reading
    return readings[-1]


async def _size_of(session: Session, path: Pathname) -> int:
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_file:
        raise FtpError(ErrorKind.NOT_A_FILE, str(path))
    return entry.size


async def _compute(session: Session, algorithm: HashAlgorithm, path: Pathname, start: int, end: int) -> str:
    """Return the digest of the octets from *start* up to *end*, in lower-case hex.

    Raises:
        FtpError: FILE_TOO_LARGE; what reading raised; BUSY if the file has become shorter.
    """
    left, limit = end - start, session.settings.digests.octets
    if left > limit:
        raise FtpError(
            ErrorKind.FILE_TOO_LARGE, f"digest of {left} octets of {path}, limit {limit}", f"at most {limit} octets"
        )
    source = await session.threads.run(session.files_at_rest.open_read, path, start)
    try:
        await session.digest_turns.acquire()
        try:
            return await _read_through(session, source, new_digest(algorithm), left)
        finally:
            session.digest_turns.release()
    finally:
        await session.threads.run(source.close)


async def _read_through(session: Session, source: ReadHandle, told: Digest, left: int) -> str:
    while left:
        count = await session.threads.run(_digest_piece, source, told, min(left, _PIECE_OCTETS))
        if not count:
            raise FtpError(ErrorKind.BUSY, "the file became shorter while its digest was computed")
        left -= count
    return told.hexdigest()


def _digest_piece(source: ReadHandle, told: Digest, octets: int) -> int:
    """Go on by so many octets, fewer at the end of the file; return how many."""
    buffer = memoryview(bytearray(min(octets, _CHUNK_OCTETS)))
    left = octets
    while left and (count := source.read_into(buffer[:left])):
        told.update(buffer[:count])
        left -= count
    return octets - left


class DigestedUpload(PassingUpload):
    """An upload of a whole file whose digest the transfer log tells.

    Args:
        inner: Where the octets go.
        algorithm: Whose digest it is.
    """

    def __init__(self, inner: WriteHandle, algorithm: HashAlgorithm) -> None:
        super().__init__(inner)
        self._digest = new_digest(algorithm)
        self._name = algorithm.value

    @property
    def digest(self) -> str:
        """Algorithm and digest of what was written, ``SHA-256:`` and lower-case hex."""
        return f"{self._name}:{self._digest.hexdigest()}"

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written."""
        self._inner.write(data)
        self._digest.update(data)
