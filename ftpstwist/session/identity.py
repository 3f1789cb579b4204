"""Who is logged in, and what that account may do where.

Permissions are given by pathname prefix; the longest prefix that matches
decides alone, so a rule for ``/in`` can take away what ``/`` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ftpstwist.wire.pathname import ROOT, Pathname


class Permission(Enum):
    """What an account may do below a prefix. The value is the word used in the configuration."""

    READ = "read"
    """RETR, SIZE, MDTM of files."""
    WRITE = "write"
    """Change what is there: STOR over a file, APPE and REST on it, MFMT, SITE CHMOD."""
    CREATE = "create"
    """Make files (STOR, STOU, APPE of new names) and directories (MKD)."""
    DELETE = "delete"
    """DELE and RMD."""
    RENAME = "rename"
    """RNFR and RNTO, needed on both names."""
    LIST = "list"
    """LIST, NLST, MLSD, STAT of directories."""


ALL_PERMISSIONS = frozenset(Permission)
NO_PERMISSIONS: frozenset[Permission] = frozenset()


@dataclass(frozen=True, slots=True)
class PathRule:
    """The permissions that hold at *prefix* and below it."""

    prefix: Pathname
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Permissions:
    """The rules of one account; without any rule nothing is allowed."""

    rules: tuple[PathRule, ...] = (PathRule(ROOT, ALL_PERMISSIONS),)

    def at(self, path: Pathname) -> frozenset[Permission]:
        """Return what is allowed for *path* itself: the rule with the longest matching prefix."""
        matching = (rule for rule in self.rules if path.is_within(rule.prefix))
        best = max(matching, key=lambda rule: len(rule.prefix.parts), default=None)
        return NO_PERMISSIONS if best is None else best.permissions

    def allow(self, path: Pathname, permission: Permission) -> bool:
        """Tell whether *permission* is given for *path*."""
        return permission in self.at(path)

    def anywhere_below(self, path: Pathname, permission: Permission) -> bool:
        """Tell whether *permission* is given for *path* or for any prefix below it."""
        return self.allow(path, permission) or any(
            permission in rule.permissions for rule in self.rules if rule.prefix.is_within(path)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What one account may use at most; ``None`` means no limit.

    Attributes:
        sessions: Control connections logged in at once.
        quota: Octets that all files below the home may have together.
        upload_rate: Octets a second of one upload.
        download_rate: Octets a second of one download.
        file_size: Octets of the largest file that may be uploaded.
        files: Files that may lie below the home.
    """

    sessions: int | None = None
    quota: int | None = None
    upload_rate: int | None = None
    download_rate: int | None = None
    file_size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """An account that has logged in, as the session knows it.

    Attributes:
        user: Name as the realm spells it.
        groups: Names of the groups the user belongs to.
        anonymous: Whether no password was asked for.
        permissions: What is allowed where.
        limits: What may be used at most.
        greeting: Lines for the 230 reply, beyond the standard one.
    """

    user: str
    groups: frozenset[str] = frozenset()
    anonymous: bool = False
    permissions: Permissions = field(default_factory=Permissions)
    limits: Limits = field(default_factory=Limits)
    greeting: tuple[str, ...] = ()


class Secret:
    """A text that no ``repr``, ``str``, format, pickle or traceback shows."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text itself; for the one place that has to compare it."""
        return self.__text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not serialised")
