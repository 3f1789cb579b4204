"""Pathnames as clients write them (RFC 959 section 5.3.2, RFC 2640 section 2, RFC 3659 section 6).

A :class:`Pathname` is absolute, normalised and relative to the user's root:
``.`` and ``..`` are gone, ``..`` at the root stays at the root (TVFS). It is
the only path type of the house; only ``storage`` turns it into a descriptor.

Names are ``str`` decoded from UTF-8 with surrogate escapes, so that octets
that are not UTF-8 survive a round trip unharmed (RFC 2640 section 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_NAME_OCTETS = 255
"""Longest component, as every file system in use has it."""
MAX_PATHNAME_OCTETS = 4096
"""Longest pathname, all components and separators together."""


class PathnameError(ValueError):
    """The text can not be a pathname here; the client sees 501 or 553."""


def decode_name(octets: bytes) -> str:
    """Decode a name from the wire or from disk; never fails, never loses an octet."""
    return octets.decode("utf-8", "surrogateescape")


def encode_name(name: str) -> bytes:
    """Give back exactly the octets that :func:`decode_name` was given."""
    return name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Pathname:
    """An absolute, normalised pathname below the user's root.

    Attributes:
        parts: The components from the root down; empty for the root itself.
    """

    parts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, base: Pathname | None = None) -> Pathname:
        """Read a pathname as a client wrote it.

        Args:
            text: Absolute (leading ``/``) or relative to *base*.
            base: The current working directory; the root if not given.

        Raises:
            PathnameError: For a NUL, a line feed, or a name or pathname beyond its limit.
        """
        parts: list[str] = [] if text.startswith("/") or base is None else list(base.parts)
        for part in text.split("/"):
            if part in {"", "."}:
                continue
            if part == "..":
                del parts[-1:]
                continue
            _require_usable(part)
            parts.append(part)
        path = cls(tuple(parts))
        if _octets_of(str(path)) > MAX_PATHNAME_OCTETS:
            raise PathnameError(f"pathname longer than {MAX_PATHNAME_OCTETS} octets")
        return path

    def __str__(self) -> str:
        return "/" + "/".join(self.parts)

    def __truediv__(self, name: str) -> Pathname:
        """Return the pathname of an entry called *name* in this directory."""
        _require_usable(name)
        return Pathname((*self.parts, name))

    @property
    def name(self) -> str:
        """Last component; empty for the root."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> Pathname:
        """The directory that holds it; the root is its own parent."""
        return Pathname(self.parts[:-1])

    @property
    def is_root(self) -> bool:
        """Whether it is the user's root directory."""
        return not self.parts

    def is_within(self, directory: Pathname) -> bool:
        """Tell whether it is *directory* or lies below it, component by component."""
        return self.parts[: len(directory.parts)] == directory.parts


ROOT = Pathname()
"""The user's root directory."""


def _require_usable(name: str) -> None:
    if "\0" in name or "\n" in name:
        raise PathnameError("a name may not contain NUL or a line feed")
    if "/" in name or name in {"", ".", ".."}:
        raise PathnameError("not a single name")
    try:
        octets = _octets_of(name)
    except UnicodeEncodeError:
        raise PathnameError("a name that no octets stand for") from None
    if octets > MAX_NAME_OCTETS:
        raise PathnameError(f"name longer than {MAX_NAME_OCTETS} octets")


def _octets_of(name: str) -> int:
    return len(name) if name.isascii() else len(encode_name(name))
