"""The users file: accounts in TOML, read at start and again whenever it changed.

::

    [users.alice]
    password = "$argon2id$v=19$…"        # made by: ftpstwist user passwd
    home = "/srv/ftp/alice"              # else from the server's template
    permissions = "read-only"            # or "all", a list of words, or a table:
    # permissions = { "/" = "read-only", "/in" = ["list", "create"] }
    groups = ["staff"]
    limits = { max_sessions = 4, quota = "10 GiB", upload_rate = "5 MB" }
    disabled = false
    greeting = "Good to see you"
    certificates = ["sha256:…"]          # the user's own, as "ftpstwist check-cert" shows them
    certificate_mode = "certificate"     # else the mode of [accounts.certificates]
    totp = "…"                           # a code is needed, too; made by: ftpstwist user totp

A file that became bad while the server runs changes nothing: the users stay
who they were, and the log says what is wrong with the file. A file that
everybody may write is refused, because it would let everybody in.
"""

from __future__ import annotations

import os
import stat
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.auth.userrecord import UserFileError, UserRecord, read_users
from ftpstwist.interfaces import Complaint

MAX_FILE_OCTETS = 16 << 20
"""Largest users file that is read; some hundred thousand users."""
CHECK_SECONDS = 1.0
"""How often, at most, the file is looked at for changes."""

_log = Logger()
_Mark = tuple[int, int, int]
"""Time of change, size and inode: what tells one version of the file from the next."""


@dataclass(frozen=True, slots=True)
class UserFileContent:
    """What a users file holds.

    Attributes:
        users: The users by name.
        world_readable: Whether everybody on the host may read the hashes.
    """

    users: Mapping[str, UserRecord] = field(default_factory=dict)
    world_readable: bool = False


def read_user_file(path: Path) -> UserFileContent:
    """Read and check a users file. Blocks.

    Raises:
        UserFileError: With everything that is wrong with it.
    """

    def refuse(cause: str, remedy: str) -> UserFileError:
        return UserFileError([Complaint(str(path), "", cause, remedy)])

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            octets = file.read(MAX_FILE_OCTETS + 1)
    except OSError as error:
        raise refuse(f"it can not be read: {error.strerror}", "Make it a file that the server may read") from None
    if status.st_mode & stat.S_IWOTH:
        raise refuse("everybody may write it, and so make accounts", f"Run: chmod o-w {path}")
    if len(octets) > MAX_FILE_OCTETS:
        raise refuse(f"it is larger than {MAX_FILE_OCTETS} octets", "Use another kind of user database")
    try:
        document = tomllib.loads(octets.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refuse(f"it is not TOML: {error}", "Correct it, or undo the last change") from None
    return UserFileContent(read_users(document, str(path)), bool(status.st_mode & stat.S_IROTH))


class UserFile:
    """The users, always as the newest good version of the file has them.

    :meth:`load`, :meth:`reload` and :meth:`refresh` block and may be called
    from any thread; :meth:`find` never blocks.

    Args:
        path: The file.
        clock: Tells when to look at the file again.
    """

    def __init__(self, path: Path, *, clock: IReactorTime) -> None:
        self.path = path
        self._clock = clock
        self._content = UserFileContent()
        self._seen: _Mark | None = None
        self._checked = float("-inf")
        self._turn = threading.Lock()

    def find(self, name: str) -> UserRecord | None:
        """Return the record of a user, if there is one."""
        return self._content.users.get(name)

    @property
    def is_fresh(self) -> bool:
        """Whether it is too soon to look at the file again."""
        return abs(self._clock.seconds() - self._checked) < CHECK_SECONDS

    def load(self) -> None:
        """Read the file.

        Raises:
            UserFileError: It can not be used; the users stay as they were.
        """
        with self._turn:
            self._read()

    def reload(self) -> bool:
        """Read the file again; keep the users and log what is wrong if it is bad.

        Returns:
            Whether the file is in use as it is now.
        """
        with self._turn:
            return self._read_or_keep()

    def refresh(self) -> None:
        """Read the file again if it changed; looks at most once a second, never twice at once."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            if not self.is_fresh:
                self._checked = self._clock.seconds()
                if self._current_mark() != self._seen:
                    self._read_or_keep()
        finally:
            self._turn.release()

    def _read_or_keep(self) -> bool:
        try:
            self._read()
        except UserFileError as error:
            for complaint in error.complaints:
                _log.error("Users stay as they were: {complaint}", complaint=str(complaint), path=str(self.path))
            return False
        _log.info("{count} users read from {path}", count=len(self._content.users), path=str(self.path))
        return True

    def _read(self) -> None:
        # Noted before reading: a bad version is complained about once, and a change meanwhile is seen next time.
        self._seen = self._current_mark()
        self._content = read_user_file(self.path)
        if self._content.world_readable:
            _log.warn("Everybody may read the password hashes in {path}; run: chmod o-r {path}", path=str(self.path))

    def _current_mark(self) -> _Mark | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ctime_ns, status.st_size, status.st_ino
