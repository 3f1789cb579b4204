"""What makes small transfers cheap: less hops between the reactor and the worker threads.

How it works: the thread that opens a file, or a listing, reads its first octets as
well, and closes it if that was all: what is left to do waits for no disk. And
the first octets of an upload are kept in memory, to be written by the thread
that commits the file. It refuses to keep more than a fixed number of octets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ftpstwist.interfaces import DirectSource, FtpError, Octets, PassingUpload, ReadHandle, WriteHandle

FILE_OCTETS = 64 << 10
"""What is read of a file with its opening."""
LISTING_OCTETS = 16 << 10
"""What is made of a listing with its opening: some two hundred lines."""
HELD_OCTETS = 128 << 10
"""What is kept of an upload before it is written."""


class BegunSource:
    """A source whose first octets were read with its opening.

    Args:
        first: What was read.
        rest: What follows, if anything does; closed with this one.
    """

    def __init__(self, first: memoryview, rest: ReadHandle | None) -> None:
        self._first = first
        self._rest = rest

    @property
    def is_whole(self) -> bool:
        """Whether nothing follows: then nothing is open any more."""
        return self._rest is None

    def read_into(self, buffer: memoryview) -> int:
        """See ``interfaces.ReadHandle``."""
        if not self._first:
            return 0 if self._rest is None else self._rest.read_into(buffer)
        count = min(len(buffer), len(self._first))
        buffer[:count] = self._first[:count]
        self._first = self._first[count:]
        return count

    def close(self) -> None:
        """Close it; calling twice does no harm."""
        if self._rest is not None:
            self._rest.close()


def begin(open_source: Callable[[], ReadHandle], octets: int) -> ReadHandle:
    """Open a source, read so many *octets* of it, and close it if that was all; in a worker thread.

    Returns:
        A :class:`BegunSource`, or the source itself if it can be sent without us.
    """
    source = open_source()
    buffer = memoryview(bytearray(octets))
    filled = 0
    try:
        while filled < octets and (count := source.read_into(buffer[filled:])):
            filled += count
    except BaseException:
        source.close()
        raise
    if filled < octets:
        source.close()
        return BegunSource(buffer[:filled], None)
    if isinstance(source, DirectSource):
        source.unread(filled)
        return source
    return BegunSource(buffer, source)


def is_at_hand(source: ReadHandle) -> bool:
    """Tell whether all of *source* is in memory, and nothing is left to close."""
    return isinstance(source, BegunSource) and source.is_whole


def with_what_was_kept(error: FtpError, kept: int | None) -> FtpError:
    """Add to the *error* of an upload how many octets of it stand under its name; ``None`` if it left nothing."""
    if kept is None:
        return error
    hint = f"{error.hint}; " if error.hint else ""
    return FtpError(error.kind, error.cause, f"{hint}{kept} octets were kept, resume with REST {kept}")


class HeldUpload(PassingUpload):
    """An upload whose first octets are written when they are too many to keep, or with the commit.

    Args:
        inner: Where the octets go in the end.
    """

    def __init__(self, inner: WriteHandle) -> None:
        super().__init__(inner)
        self._held: bytearray | None = bytearray()

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""
        return self._inner.size + len(self._held or b"")

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written; waits for nothing as long as there is room to keep it."""
        if self._held is not None:
            if len(self._held) + len(data) <= HELD_OCTETS:
                self._held += data
                return
            self._release()
        self._inner.write(data)

    def commit(self) -> None:
        """Write what is kept, and show the file under its final name."""
        try:
            self._release()
        except FtpError as error:
            raise with_what_was_kept(error, self._inner.abandon()) from error
        self._inner.commit()

    def abandon(self) -> int | None:
        """End it incomplete; what is kept belongs to what was sent."""
        with contextlib.suppress(FtpError):  # no room for it: the rest is judged without
            self._release()
        return self._inner.abandon()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held:
            self._inner.write(held)
