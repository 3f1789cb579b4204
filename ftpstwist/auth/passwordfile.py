"""Password files of other servers, read only: ``htpasswd``, and lines as in passwd(5).

::

    alice:$2y$10$…                                       # htpasswd -B
    bob:$6$…:1001:1001::/srv/ftp/bob:/bin/false          # AuthUserFile of ProFTPD, pureftpd.passwd

Of the latter the home counts, if that is asked for; a file of groups, as in
group(5), gives groups. Files are read again when they have changed; one that
can not be read any more changes nothing, and is told in the log.

Refuses lines it does not understand, one by one, with a word in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.auth.userrecord import UserRecord, name_objection

MAX_FILE_OCTETS = 16 << 20
CHECK_SECONDS = 1.0
"""How often, at most, the files are looked at for changes."""
_HOME = 3
"""Which field of passwd(5) it is, behind name and password."""

_log = Logger()
_Mark = tuple[tuple[int, int, int] | None, ...]


class PasswordFile:
    """The users of a password file; blocks, and may be used from any thread.

    Args:
        file: The file of users.
        group_file: The file of groups, if there is one.
        homes: Whether homes of the file count.
        clock: Tells when to look at the files again.
    """

    def __init__(self, file: Path, *, group_file: Path | None, homes: bool, clock: IReactorTime) -> None:
        self._file = file
        self._group_file = group_file
        self._homes = homes
        self._clock = clock
        self._users: Mapping[str, UserRecord] = {}
        self._seen: _Mark | None = None
        self._checked = float("-inf")
        self._turn = threading.Lock()

    def find(self, name: str) -> UserRecord | None:
        """Return the record of a user, as the files are now."""
        with self._turn:
            now = self._clock.seconds()
            if abs(now - self._checked) >= CHECK_SECONDS:
                self._checked = now
                self._refresh()
        return self._users.get(name)

    def _refresh(self) -> None:
        files = [self._file] if self._group_file is None else [self._file, self._group_file]
        mark = tuple(_mark_of(file) for file in files)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            groups = {} if self._group_file is None else _groups_in(self._group_file)
            users = dict(self._users_in(groups))
        except (OSError, ValueError) as error:
            _log.error("Users of {path} stay as they were: {cause}", path=str(self._file), cause=str(error))
            return
        self._users = users
        _log.info("{count} users read from {path}", count=len(users), path=str(self._file))

    def _users_in(self, groups: Mapping[str, set[str]]) -> Iterator[tuple[str, UserRecord]]:
        for number, fields in _lines_of(self._file):
            name, password, *rest = [*fields, ""]
            if len(fields) == 1 or name_objection(name):
                _log.warn("{path}, line {line}: no user; it is left out", path=str(self._file), line=number)
                continue
            home = rest[_HOME].removesuffix("/").removesuffix("/.") if len(rest) > _HOME else ""
            yield (
                name,
                UserRecord(
                    name,
                    password=password or None,
                    home=home if self._homes and home.startswith("/") else None,
                    groups=frozenset(groups.get(name, ())),
                ),
            )


def _groups_in(file: Path) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for _, fields in _lines_of(file):
        for member in fields[-1].replace(",", " ").split():
            groups.setdefault(member, set()).add(fields[0])
    return groups


def _lines_of(file: Path) -> Iterator[tuple[int, list[str]]]:
    with file.open("rb") as opened:
        octets = opened.read(MAX_FILE_OCTETS + 1)
    if len(octets) > MAX_FILE_OCTETS:
        raise ValueError(f"{file} is larger than {MAX_FILE_OCTETS} octets")
    for number, line in enumerate(octets.decode("utf-8", "surrogateescape").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.split(":")


def _mark_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ctime_ns, status.st_size, status.st_ino
