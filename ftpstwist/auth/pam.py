"""Accounts of the system's own: Linux-PAM, and the passwd database (pam(3), getpwnam(3)).

How it works: PAM is asked twice, whether the password is right
(``pam_authenticate``) and whether the account may be used now
(``pam_acct_mgmt``: expired, locked, wrong hour). It is told the client's
address (``PAM_RHOST``), and may give the user another name, which counts from
there on. Every question is a conversation of its own in a worker thread, for
modules sleep and ask the network; how many, and for how long, is bounded.

A session (``pam_open_session``) is opened in one thread and closed in another,
on a handle of its own: modules that make homes or keep records want it.

Refuses root, system accounts and users without a valid shell as the settings
say; to change an expired password; and to take the word of a module that could
not find out: that is no answer, and the client sees 421.
"""

from __future__ import annotations

import grp
import os
import pwd
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, byref, c_char_p, c_int, c_uint, c_void_p, cast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pamela
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.sources import BoundedCalls, EndOfUse
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.pathname import decode_name

SHELLS = Path("/etc/shells")
_FAIL_DELAY = 10
_NO_DELAY = CFUNCTYPE(None, c_int, c_uint, c_void_p)(lambda *_: None)
"""What PAM calls to wait after a failure (pam_fail_delay(3)): the defence delays replies, without holding a thread."""
_DISALLOW_NULL_AUTHTOK = 0x0001
_SILENT = 0x8000
_REFUSALS = {
    4: "a module failed, which is how pam_exec says no",
    6: "permission denied",
    7: "wrong password",
    8: "insufficient credentials",
    10: "no such user",
    11: "too many tries",
    12: "the password has expired",
    13: "the account has expired",
    16: "the credentials have expired",
    17: "the credentials can not be used",
    27: "the password has expired",
}
"""Answers of PAM that are a no (pam(3)); all others mean that it could not find out."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class PamSettings:
    """What is asked of PAM and of the passwd database.

    Attributes:
        service: Name of the PAM service, a file in ``/etc/pam.d``.
        folder: Where that file is instead; ``None`` for where the system has them.
        session: Whether a session is opened for the time of the login.
        known_only: Whether users must be in the passwd database.
        minimum_uid: Smallest user number of that database that may log in.
        allow_root: Whether user number 0 may, if *minimum_uid* permits it.
        valid_shell: Whether the user's shell must be listed in *shells*.
        home: Whether the home is the one of the passwd database.
        groups: Whether the groups are those of the group database.
        shells: The list of valid shells (shells(5)).
    """

    service: str = "ftpstwist"
    folder: Path | None = None
    session: bool = False
    known_only: bool = True
    minimum_uid: int = 1000
    allow_root: bool = False
    valid_shell: bool = False
    home: bool = False
    groups: bool = True
    shells: Path = SHELLS


class PamAccounts:
    """Asks PAM. An ``AccountSource``.

    Args:
        settings: What is asked.
        calls: How.
    """

    place = "PAM"

    def __init__(self, settings: PamSettings, *, calls: BoundedCalls) -> None:
        self._settings = settings
        self._calls = calls

    async def check(self, login: PasswordLogin) -> UserRecord:
        """Return what the system knows of the user.

        Raises:
            UnauthorizedLogin: PAM or a setting says no.
            FtpError: LOGIN_UNAVAILABLE, PAM could not find out.
        """
        if b"\0" in login.username + login.password or not login.username:
            raise UnauthorizedLogin("PAM knows neither NUL nor an empty name")
        return await self._calls.run(self._check, login)

    async def begin_use(self, record: UserRecord, login: PasswordLogin) -> EndOfUse | None:
        """Open a session, if that is asked for.

        Raises:
            FtpError: LOGIN_UNAVAILABLE, PAM does not open one.
        """
        if not self._settings.session:
            return None
        session = _Session(self._settings, record.name, login.peer)

        def end() -> None:
            closed = Deferred.fromCoroutine(self._calls.run(session.close))
            closed.addErrback(
                lambda failure: _log.warn(
                    "PAM session of {user}: {cause}", user=ascii(record.name), cause=str(failure.value)
                )
            )

        try:
            await self._calls.run(session.open)
        except BaseException:
            end()
            raise
        return end

    def _check(self, login: PasswordLogin) -> UserRecord:
        settings = self._settings
        conversation = pamela.new_simple_password_conv((login.password,), "utf-8")
        with _started(settings, login.username, login.peer, conversation) as handle:
            _require(pamela.PAM_AUTHENTICATE(handle, _SILENT | _DISALLOW_NULL_AUTHTOK))
            _require(pamela.PAM_ACCT_MGMT(handle, _SILENT | _DISALLOW_NULL_AUTHTOK))
            name = handle.get_item(pamela.PAM_USER) or decode_name(login.username)
        return self._record_of(name)

    def _record_of(self, name: str) -> UserRecord:
        settings = self._settings
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            if settings.known_only:
                raise UnauthorizedLogin("PAM knows the user, but the passwd database does not") from None
            return UserRecord(name)
        if objection := _objection(entry, settings):
            raise UnauthorizedLogin(objection)
        return UserRecord(
            entry.pw_name,
            home=entry.pw_dir if settings.home and entry.pw_dir.startswith("/") else None,
            groups=_groups_of(entry) if settings.groups else frozenset(),
        )


def _objection(entry: pwd.struct_passwd, settings: PamSettings) -> str | None:
    if entry.pw_uid == 0 and not settings.allow_root:
        return "root may not log in"
    if entry.pw_uid < settings.minimum_uid:
        return f"a system account: user number {entry.pw_uid} is below {settings.minimum_uid}"
    if settings.valid_shell and (entry.pw_shell or "/bin/sh") not in _valid_shells(settings.shells):
        return f"the shell {entry.pw_shell!a} is not in {settings.shells}"
    return None


def _valid_shells(file: Path) -> set[str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{file} can not be read: {error.strerror}") from None
    return {line.strip() for line in lines if line.startswith("/")}


def _groups_of(entry: pwd.struct_passwd) -> frozenset[str]:
    names = set()
    for number in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue  # a number without a name names no rule either
    return frozenset(names)


class _Session:
    """A PAM session; closed once, whichever of its two ends comes first."""

    def __init__(self, settings: PamSettings, user: str, peer: str) -> None:
        self._arguments = (settings, user, peer)
        self._turn = threading.Lock()
        self._opened: tuple[Any, Any] | None = None
        self._is_over = False

    def open(self) -> None:
        """Open it. Blocks."""
        conversation = pamela.new_simple_password_conv((), "utf-8")
        handle = _start(*self._arguments, conversation)
        code = pamela.PAM_OPEN_SESSION(handle, _SILENT)
        if code != pamela.PAM_SUCCESS:
            pamela.PAM_END(handle, code)
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"PAM opens no session: {_text_of(code)}")
        with self._turn:
            self._opened = handle, conversation
            is_over = self._is_over
        if is_over:
            self.close()

    def close(self) -> None:
        """Close it, or see to it that it will be when it was opened. Blocks."""
        with self._turn:
            opened, self._opened, self._is_over = self._opened, None, True
        if opened is not None:
            handle, _ = opened
            pamela.PAM_END(handle, pamela.PAM_CLOSE_SESSION(handle, _SILENT))


def _start(settings: PamSettings, user: str | bytes, peer: str, conversation: Any) -> Any:
    """Begin a conversation; *conversation* has to outlive the handle."""
    handle = pamela.PamHandle()
    arguments = [settings.service.encode(), os.fsencode(user), byref(pamela.PamConv(conversation, 0))]
    if settings.folder is None:
        code = pamela.PAM_START(*arguments, byref(handle))
    else:
        code = _start_in_folder()(*arguments, os.fsencode(settings.folder), byref(handle))
    if code != pamela.PAM_SUCCESS:
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"PAM does not start: {_text_of(code)}")
    if peer:
        pamela.PAM_SET_ITEM(handle, pamela.PAM_RHOST, peer.encode())
    pamela.PAM_SET_ITEM(handle, _FAIL_DELAY, cast(_NO_DELAY, c_char_p))
    return handle


def _start_in_folder() -> Any:
    """Return ``pam_start_confdir``, which pamela does not declare: it came with Linux-PAM 1.4."""
    try:
        function = pamela.LIBPAM.pam_start_confdir
    except AttributeError:
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "this PAM knows no other folder for its services") from None
    service, user, conversation, handle = pamela.PAM_START.argtypes
    function.argtypes = [service, user, conversation, c_char_p, handle]
    return function


@contextmanager
def _started(settings: PamSettings, user: str | bytes, peer: str, conversation: Any) -> Iterator[Any]:
    handle = _start(settings, user, peer, conversation)
    try:
        yield handle
    finally:
        pamela.PAM_END(handle, pamela.PAM_SUCCESS)


def _require(code: int) -> None:
    if code == pamela.PAM_SUCCESS:
        return
    if code in _REFUSALS:
        raise UnauthorizedLogin(f"PAM: {_REFUSALS[code]}")
    raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"PAM could not find out: {_text_of(code)}")


def _text_of(code: int) -> str:
    return str(pamela.pam_strerror(pamela.PamHandle(), code))
