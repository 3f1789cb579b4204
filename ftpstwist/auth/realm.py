"""The realm: from a user somebody vouched for to an account with files (twisted.cred ``IRealm``).

What the users file says about a user counts, whoever checked the password;
what it leaves open is as the source says that vouched for the user. A user
neither knows (one of an ``--auth`` plugin) gets the default home and
permissions, but only where that is switched on: else somebody removed from the
file while logging in would come out with more than before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from ftpstwist.auth.sources import VouchedUser
from ftpstwist.auth.turns import once
from ftpstwist.auth.userrecord import PERMISSION_SETS, UserRecord, name_objection
from ftpstwist.interfaces import ErrorKind, Filesystem, FtpError, IAccount, WorkerThreads
from ftpstwist.session.identity import Identity, Limits, PathRule, Permission, Permissions
from ftpstwist.wire.pathname import ROOT, decode_name

HOME_MODE = 0o750
"""Permission bits of homes that are made at the first login."""

MakeFilesystem = Callable[[Identity, str], Filesystem]
Avatar = tuple[type[Interface], object, Callable[[], None]]


@implementer(IAccount)
@dataclass(frozen=True, slots=True)
class Account:
    """The avatar: a user's identity and files."""

    identity: Identity
    filesystem: Filesystem


def _read_only() -> Permissions:
    return Permissions((PathRule(ROOT, PERMISSION_SETS["read-only"]),))


@dataclass(frozen=True, slots=True)
class AnonymousSettings:
    """The anonymous account (RFC 1635).

    Attributes:
        root: Directory of the host that it sees.
        permissions: What it may do; reading, unless told otherwise.
        limits: What it may use; all anonymous sessions together.
        greeting: Lines for the reply to a login.
    """

    root: str
    permissions: Permissions = field(default_factory=_read_only)
    limits: Limits = field(default_factory=Limits)
    greeting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RealmSettings:
    """What accounts get that say nothing else.

    Attributes:
        root: Directory of the host that the template starts from.
        home: Template of homes; ``{root}`` and ``{user}`` are filled in.
        permissions: For users without permissions of their own, and without a group that has some.
        group_permissions: What the members of a group may do who have no permissions of their own; those of
            all groups of a user together.
        limits: As far as the users file gives a user none of its own.
        create_home: Whether a missing home is made at login.
        admit_unlisted: Whether users that only a checker knows get an account.
        anonymous: The anonymous account, if there is one.

    Raises:
        ValueError: *home* holds anything else in braces.
    """

    root: str = "/srv/ftp"
    home: str = "{root}/{user}"
    permissions: Permissions = field(default_factory=Permissions)
    group_permissions: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    create_home: bool = False
    admit_unlisted: bool = False
    anonymous: AnonymousSettings | None = None

    def __post_init__(self) -> None:
        if re.search(r"[{}]", self.home.replace("{root}", "").replace("{user}", "")):
            raise ValueError(f"only {{root}} and {{user}} may stand in braces in the home template {self.home!r}")

    def home_of(self, user: str) -> str:
        """Return the home that the template gives a user."""
        return self.home.format(root=self.root, user=user)

    def permissions_of(self, record: UserRecord) -> Permissions:
        """Return what a user may do: as its record says, or else its groups, or else everybody's."""
        if record.permissions is not None:
            return record.permissions
        sets = [self.group_permissions[name] for name in record.groups if name in self.group_permissions]
        return Permissions((PathRule(ROOT, frozenset[Permission]().union(*sets)),)) if sets else self.permissions


@implementer(IRealm)
class Realm:
    """Gives accounts to users, and counts their sessions.

    Args:
        settings: May be replaced while running; the counts stay.
        find_user: The users file's word on a name, if it has one.
        make_filesystem: Makes the files of an identity from the home's path; called in a worker thread.
        threads: Where homes are made and opened.
    """

    def __init__(
        self,
        settings: RealmSettings,
        *,
        find_user: Callable[[str], UserRecord | None],
        make_filesystem: MakeFilesystem,
        threads: WorkerThreads,
    ) -> None:
        self.settings = settings
        self._find_user = find_user
        self._make_filesystem = make_filesystem
        self._threads = threads
        self._sessions: Counter[str] = Counter()

    def requestAvatar(  # noqa: N802 - Twisted's name
        self,
        avatarId: bytes | tuple[()],  # noqa: N803 - Twisted's name
        mind: object,  # noqa: ARG002 - Twisted's interface
        *interfaces: type[Interface],
    ) -> Deferred[Avatar]:
        """Return ``IAccount``, an :class:`Account` and its logout.

        Raises:
            FtpError: LOGIN_REFUSED, TOO_MANY_SESSIONS, LOGIN_UNAVAILABLE.
            NotImplementedError: Another interface was asked for.
        """
        if IAccount not in interfaces:
            raise NotImplementedError("this realm has accounts only")
        return Deferred.fromCoroutine(self._open_account(avatarId))

    async def _open_account(self, avatar_id: bytes | tuple[()]) -> Avatar:
        identity, home = self._anonymous() if avatar_id == ANONYMOUS else self._identify(avatar_id)
        self._begin_session(identity)
        ends = [once(partial(self._end_session, identity.user))]
        try:
            if isinstance(avatar_id, VouchedUser) and (end := await avatar_id.begin_use()):
                ends.append(once(end))
            filesystem = await self._threads.run(self._open_home, identity, home)
        except BaseException:
            _call_all(ends)
            raise
        ends.append(once(filesystem.close))
        return IAccount, Account(identity, filesystem), partial(_call_all, ends)

    def _anonymous(self) -> tuple[Identity, str]:
        settings = self.settings.anonymous
        if settings is None:
            raise FtpError(ErrorKind.LOGIN_REFUSED, "there is no anonymous account: it has no root")
        identity = Identity(
            user="anonymous",
            anonymous=True,
            permissions=settings.permissions,
            limits=settings.limits,
            greeting=settings.greeting,
        )
        return identity, settings.root

    def _identify(self, avatar_id: object) -> tuple[Identity, str]:
        if not isinstance(avatar_id, bytes):
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"a checker gave {type(avatar_id).__name__} for a name")
        name = decode_name(avatar_id)
        if objection := name_objection(name):
            raise FtpError(ErrorKind.LOGIN_REFUSED, objection)
        record = self._record_of(name, avatar_id)
        if record.disabled:
            raise FtpError(ErrorKind.LOGIN_REFUSED, "disabled in the users file")
        identity = Identity(
            user=name,
            groups=record.groups,
            permissions=self.settings.permissions_of(record),
            limits=replace(self.settings.limits, **record.limits),
            greeting=record.greeting,
        )
        return identity, record.home or self.settings.home_of(name)

    def _record_of(self, name: str, avatar_id: bytes) -> UserRecord:
        listed = self._find_user(name)
        vouched = avatar_id.record if isinstance(avatar_id, VouchedUser) else None
        if listed is not None and vouched is not None:
            return listed.completed_by(vouched)
        return listed or vouched or self._unlisted(name)

    def _unlisted(self, name: str) -> UserRecord:
        if not self.settings.admit_unlisted:
            raise FtpError(ErrorKind.LOGIN_REFUSED, "not in the users file, and only users in it are admitted")
        return UserRecord(name)

    def _begin_session(self, identity: Identity) -> None:
        limit = identity.limits.sessions
        if limit is not None and self._sessions[identity.user] >= limit:
            raise FtpError(ErrorKind.TOO_MANY_SESSIONS, f"{identity.user} has {limit} sessions already")
        self._sessions[identity.user] += 1

    def _end_session(self, user: str) -> None:
        self._sessions[user] -= 1
        if not self._sessions[user]:
            del self._sessions[user]

    def _open_home(self, identity: Identity, home: str) -> Filesystem:
        if self.settings.create_home and not identity.anonymous:
            try:
                Path(home).mkdir(HOME_MODE, parents=True, exist_ok=True)
            except OSError as error:
                raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"home {home} can not be made: {error.strerror}") from None
        return self._make_filesystem(identity, home)


def _call_all(functions: list[Callable[[], None]]) -> None:
    for function in functions:
        function()
