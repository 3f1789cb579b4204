"""Ownership of a file descriptor: whoever holds a :class:`Descriptor` closes it, exactly once.

One that is forgotten (the result of a cancelled call, RFC 959's ABOR in the
wrong instant) is closed when it is collected: a server must not run dry.
"""

from __future__ import annotations

import os


class Descriptor:
    """One open descriptor of the operating system.

    Args:
        number: As ``os.open`` returned it; from now on closed by this object only.
    """

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    @property
    def number(self) -> int:
        """The descriptor itself; -1, which every system call refuses, once it is closed."""
        return self._number

    @property
    def is_open(self) -> bool:
        """Whether it is not closed yet."""
        return self._number >= 0

    def close(self) -> None:
        """Close it; calling twice does no harm."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    def __del__(self) -> None:
        self.close()


def proc_path(number: int) -> str:
    """Return the name by which the kernel leads straight to what *number* stands for.

    Opening it, or changing mode and times through it, hits exactly that inode,
    whatever has become of its names meanwhile.
    """
    return f"/proc/self/fd/{number}"


def reopen(number: int, flags: int) -> Descriptor:
    """Open for use what an ``O_PATH`` descriptor only points at.

    Args:
        number: Descriptor of a regular file or directory; the caller has looked.
        flags: As for ``os.open``.

    Raises:
        OSError: As ``os.open`` does.
    """
    return Descriptor(os.open(proc_path(number), flags | os.O_CLOEXEC | os.O_NOCTTY))
