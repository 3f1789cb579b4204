"""How a back end keeps files: the choices an operator has, as values.

What the words mean is documented here once; ``config`` reads them from TOML.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Links(Enum):
    """What is done about symbolic links on the disk. Neither choice lets one lead out of the root."""

    FOLLOW = "follow"
    """They are resolved as in a chroot: absolute targets start at the user's root, ``..`` stops there."""
    REFUSE = "refuse"
    """They are listed, but whoever goes through one gets PERMISSION_DENIED."""


class Durability(Enum):
    """What is on stable storage before an upload is called complete (226)."""

    NEVER = "never"
    """Nothing for certain: the kernel writes when it likes. A full network disk may go unnoticed."""
    FILE = "file"
    """The content (``fsync`` of the file)."""
    FULL = "full"
    """The content and the name (``fsync`` of the file and its directory)."""


class Incomplete(Enum):
    """What becomes of an upload that did not come to its end."""

    KEEP_NEW = "keep-new"
    """It stays if no other file had the name, or if it was appended: the client can resume it."""
    DISCARD = "discard"
    """The disk is as it was before; an appended file is cut back."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How a local disk is used.

    Attributes:
        links: What is done about symbolic links.
        makes_links: Whether clients may make symbolic links.
        fsync: What is durable when an upload is called complete.
        incomplete: What becomes of uploads that were cut off.
        file_mode: Permission bits of new files; the umask of the process does not matter.
        directory_mode: Permission bits of new directories.
        show_owners: Whether listings show the names of owners and groups; else all is owned by ``ftp``.
        unnamed_files: Whether uploads may go to files without a name (``O_TMPFILE``). Without, and where the
            file system can not do it, they go to hidden names, which a crash of the host leaves behind.
    """

    links: Links = Links.FOLLOW
    makes_links: bool = False
    fsync: Durability = Durability.FILE
    incomplete: Incomplete = Incomplete.KEEP_NEW
    file_mode: int = 0o644
    directory_mode: int = 0o755
    show_owners: bool = False
    unnamed_files: bool = True
