"""The names the server keeps for itself: uploads that are not complete yet.

They begin with :data:`RESERVED_PREFIX` in any case of letters (some file
systems do not tell them apart). No client can list, open or make one.
"""

from __future__ import annotations

from collections.abc import Callable

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.pathname import MAX_NAME_OCTETS, encode_name

RESERVED_PREFIX = ".ftpstwist-"
"""How every reserved name begins."""

RESERVED_SUFFIX = ".part"
"""How those end that hold an upload."""

RandomOctets = Callable[[int], bytes]
"""Gives that many unpredictable octets, as ``os.urandom`` does."""

UNIQUE_OCTETS = 6
"""Randomness in the name of a STOU; 2**48 names make a collision a curiosity, and it is refused anyway."""


def is_reserved(name: str) -> bool:
    """Tell whether *name* is the server's own."""
    return name[:1] == "." and name[: len(RESERVED_PREFIX)].lower() == RESERVED_PREFIX


def require_allowed(name: str) -> None:
    """Refuse a name that is no single component, or is reserved.

    Raises:
        FtpError: NAME_NOT_ALLOWED.
    """
    if "/" in name or "\0" in name or name in {"", ".", ".."} or is_reserved(name):
        raise FtpError(ErrorKind.NAME_NOT_ALLOWED, f"not a name for clients: {name!r}")


def draft_name(random: RandomOctets) -> str:
    """Return a fresh reserved name for an upload."""
    return f"{RESERVED_PREFIX}{random(16).hex()}{RESERVED_SUFFIX}"


def unique_name(name: str, random: RandomOctets) -> str:
    """Return *name* with random letters behind it, as STOU asks (RFC 959 section 4.1.3).

    Always random, also if *name* itself is free: the name is told to the client
    before the upload begins, and another client must not get the same one.
    """
    ending = "." + random(UNIQUE_OCTETS).hex()
    while len(encode_name(name)) + len(ending) > MAX_NAME_OCTETS:
        name = name[:-1]
    return name + ending
