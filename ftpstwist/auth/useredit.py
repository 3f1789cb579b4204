"""Changing the users file from the command line, without harming what people wrote into it.

Comments, order and other users stay as they are. The new text is checked as
the server would check it, and for saying what was asked for; it is written beside the old one, synced and put in its
place at once; nobody ever sees half a file. Two editors wait for each other.
Mode and owner are kept, except that others lose all access; a new file is
for its owner alone.

Refuses to touch a file that the server would refuse.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ftpstwist.auth.userfile import read_user_file
from ftpstwist.auth.userrecord import UserFileError, UserRecord, name_objection, read_users
from ftpstwist.interfaces import Complaint

Users = MutableMapping[str, Any]
"""The table of users: of plain dictionaries, or of tomlkit's, which look the same and keep the layout."""


def list_users(path: Path) -> list[UserRecord]:
    """Return all users, by name.

    Raises:
        UserFileError: The file can not be used.
    """
    return sorted(read_user_file(path).users.values(), key=lambda record: record.name)


def add_user(path: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Add a user; makes the file if there is none.

    Args:
        path: The users file.
        name: A name that is not in it.
        settings: Keys and values as TOML would hold them.

    Raises:
        UserFileError: The file can not be used, the name is taken, or a setting is wrong.
        OSError: The file can not be written.
    """

    def change(users: Users) -> None:
        if name in users:
            raise _refusal(path, name, "there is such a user already", "Change it, or remove it first")
        users[name] = settings

    if objection := name_objection(name):
        raise _refusal(path, name, objection, "Choose another name")
    _edit(path, change, create=True)


def set_password(path: Path, name: str, password: str) -> None:
    """Give a user another password.

    Args:
        path: The users file.
        name: A user in it.
        password: Encoded Argon2 hash.

    Raises:
        UserFileError: The file can not be used, or has no such user.
        OSError: The file can not be written.
    """

    def change(users: Users) -> None:
        users[_known(path, users, name)]["password"] = password

    _edit(path, change)


def set_totp(path: Path, name: str, secret: str | None) -> None:
    """Give a user another secret for codes, or take it away.

    Args:
        path: The users file.
        name: A user in it.
        secret: In base 32; ``None`` for no codes any more.

    Raises:
        UserFileError: The file can not be used, or has no such user.
        OSError: The file can not be written.
    """

    def change(users: Users) -> None:
        user = users[_known(path, users, name)]
        user.pop("totp", None)
        if secret is not None:
            user["totp"] = secret

    _edit(path, change)


def remove_user(path: Path, name: str) -> None:
    """Remove a user; the home stays.

    Raises:
        UserFileError: The file can not be used, or has no such user.
        OSError: The file can not be written.
    """

    def change(users: Users) -> None:
        del users[_known(path, users, name)]

    _edit(path, change)


def _known(path: Path, users: Users, name: str) -> str:
    if name not in users:
        raise _refusal(path, name, "there is no such user", "See: ftpstwist user list")
    return name


def _edit(path: Path, change: Callable[[Users], None], *, create: bool = False) -> None:
    path = path.resolve()  # a symbolic link stays one
    with _alone(path.parent):
        text = "" if create and not path.exists() else _read_usable(path)
        expected: dict[str, Any] = tomllib.loads(text).get("users", {})
        change(expected)
        read_users({"users": expected}, str(path))
        changed = _change_text(text, change, expected)
        if changed is None:
            cause = "the users are written in a way that can not be changed by program"
            raise _refusal(path, "", cause, "Write each user as [users.name], or make this change by hand")
        _replace(path, changed)


def _change_text(text: str, change: Callable[[Users], None], expected: Users) -> str | None:
    """Return the text after a change, ``None`` if it would not say what is *expected*."""
    try:
        document = tomlkit.parse(text)
        if "users" not in document:
            document["users"] = tomlkit.table(is_super_table=True)
        change(document["users"])
        changed = _with_comments(text, tomlkit.dumps(document))
        is_right = tomllib.loads(changed).get("users", {}) == expected
    except (ValueError, TOMLKitError):
        return None
    return changed if is_right else None


def _read_usable(path: Path) -> str:
    read_user_file(path)
    return path.read_bytes().decode()  # line ends as they are


def _with_comments(before: str, after: str) -> str:
    """Return *after* with the comments put back that stood behind a removed table: they are about the next one."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = len(old) - (len(new) - start)
    if end <= start or old[:start] + old[end:] != new:
        return after  # not one removed block
    tail = end
    while tail > start and old[tail - 1].lstrip()[:1] in {"", "#"}:
        tail -= 1
    if any(line.strip() for line in old[tail:end]):
        new[start:start] = old[tail:end]
    return "".join(new)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait until nobody else edits a users file in *directory*; the lock ends with the process at the latest."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".users-", dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            _keep_owner(file.fileno(), path)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise


def _keep_owner(descriptor: int, path: Path) -> None:
    """Give the new file owner and mode of the old one, so that the server can still read it."""
    if not path.exists():
        return
    old, new = path.stat(), os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o660 | 0o600)


def _refusal(path: Path, name: str, cause: str, remedy: str) -> UserFileError:
    return UserFileError([Complaint(str(path), f"users.{name}" if name else "", cause, remedy)])
