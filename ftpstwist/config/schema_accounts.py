"""The tables about accounts and their files: ``[accounts]`` with its parts, and ``[storage]``."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.auth.passwords import MAX_ITERATIONS, MAX_LANES, MAX_MEMORY_KIB
from ftpstwist.auth.userrecord import PERMISSION_SETS
from ftpstwist.commands.hosts import HostInUser
from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, join_words, or_word, path, quote, text, words_from
from ftpstwist.config.form_network import Network, network
from ftpstwist.config.form_numbers import mode, octets, seconds, whole
from ftpstwist.config.schema_clients import CertificateLoginSettings
from ftpstwist.config.schema_sources import (
    LdapSettings,
    PamSettings,
    PasswordFileSettings,
    Source,
    SqlSettings,
    TotpSettings,
)
from ftpstwist.config.setting import entries, setting, table
from ftpstwist.session.identity import ALL_PERMISSIONS, Permission
from ftpstwist.storage.settings import Durability, Incomplete, Links

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = ("root", "user")


def home_template() -> Form[str]:
    """Where homes are: a path with ``{root}`` and ``{user}`` in it."""
    noun, example = "a path", ' with {root} and {user} in it, such as "{root}/{user}"'

    def read(value: object) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise expected(noun, example, value)
        unknown = [name for name in _PLACEHOLDER.findall(value) if name not in _PLACEHOLDERS]
        if unknown or set("{}") & set(_PLACEHOLDER.sub("", value)):
            raise Unusable(f"{describe(value)} has braces around something else", "Use {root} and {user} only")
        if not value.startswith(("/", "{root}")):
            raise Unusable(f"{describe(value)} begins neither with / nor with {{root}}", 'Write "{root}/{user}"')
        return value

    return Form(noun + example, read, quote)


def permission_set() -> Form[frozenset[Permission]]:
    """A set of permissions, in the words of the users file."""
    listed = words_from(Permission)
    sets = join_words([quote(name) for name in PERMISSION_SETS])
    names = join_words([quote(permission.value) for permission in Permission], "and")
    noun, example = "a set of permissions", f": {sets}, or a list of words among {names}"

    def read(value: object) -> frozenset[Permission]:
        if isinstance(value, str) and value in PERMISSION_SETS:
            return PERMISSION_SETS[value]
        if not isinstance(value, list):
            raise expected(noun, example, value)
        return listed.read(value)

    def show(value: frozenset[Permission]) -> str:
        return next((quote(name) for name, members in PERMISSION_SETS.items() if members == value), listed.show(value))

    return Form(noun + example, read, show)


HostPath = Annotated[Path, path()]
PermissionSet = Annotated[frozenset[Permission], permission_set()]
Duration = Annotated[float, seconds(least=1)]
OptionalSize = Annotated[int | None, or_word(octets(least=1))]
ModeBits = Annotated[int, mode()]
Networks = tuple[Annotated[Network, network()], ...]


@dataclass(frozen=True, slots=True)
class AnonymousSettings:
    """Logins as ``anonymous`` or ``ftp``, with any password. They are held to [policy] like all others.

    [[policy.rules]] with ``anonymous = true`` can let them go on in clear.
    """

    enabled: bool = setting(False, "Whether such logins are possible at all.")
    root: HostPath = setting(Path("public"), "Folder they see as /. It has to exist.")
    permissions: PermissionSet = setting(PERMISSION_SETS["read-only"], "What they may do there.")


@dataclass(frozen=True, slots=True)
class AccountLimitSettings:
    """What one account may use at most, unless its entry in the users file says otherwise."""

    max_sessions: Annotated[int | None, or_word(whole(least=1))] = setting(None, "Control connections at once.")
    quota: OptionalSize = setting(None, "Size of all files below the home together.")
    max_files: Annotated[int | None, or_word(whole(least=1))] = setting(None, "Files below the home; folders are free.")
    max_file_size: OptionalSize = setting(None, "Largest file that may be uploaded.")
    upload_rate: OptionalSize = setting(None, "Octets a second of one upload.")
    download_rate: OptionalSize = setting(None, "Octets a second of one download.")


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """The cost of new password hashes (Argon2id, RFC 9106). Older hashes keep the cost they were made with."""

    memory: Annotated[int, octets(least=8 << 10, most=MAX_MEMORY_KIB << 10)] = setting(
        19 << 20, "Memory of one check, in whole KiB. As many checks run at once as [accounts.logins] lets."
    )
    iterations: Annotated[int, whole(least=1, most=MAX_ITERATIONS)] = setting(2, "Passes over the memory.")
    lanes: Annotated[int, whole(least=1, most=MAX_LANES)] = setting(1, "Degree of parallelism.")
    remember: Annotated[float | None, or_word(seconds(least=1, most=86400), "never")] = setting(
        300.0,
        "How long a password that was right is not checked again: a client that logs in often pays for one check. "
        "Kept in memory as a keyed hash. A changed or removed user is checked at once.",
    )


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """How many passwords are checked at once, and for how long. What finds no room is answered 421."""

    at_once: Annotated[int, whole(least=1, most=256)] = setting(8, "Logins being checked at the same time.")
    waiting: Annotated[int, whole()] = setting(256, "Logins that may wait for that.")
    timeout: Duration = setting(30.0, "How long one check may take.")
    at_once_per_address: Annotated[int, whole(least=1)] = setting(
        10, "Logins of one client address at the same time, the delay after a failure included."
    )
    waiting_per_address: Annotated[int, whole()] = setting(100, "Further logins of that address that may wait.")


@dataclass(frozen=True, slots=True)
class DefenceSettings:
    """What is done against guessing passwords. An IPv6 client counts as its whole /64."""

    delays: tuple[Annotated[float, seconds(most=60)], ...] = setting(
        (1.0, 2.0, 4.0, 5.0),
        "Pause before the reply to the first, second, … failed login; the last one holds for all further.",
    )
    failures: Annotated[int, whole()] = setting(
        10, "Failed logins from one address within the window that ban it; 0 for never."
    )
    window: Duration = setting(600.0, "How long a failed login counts.")
    ban: Duration = setting(600.0, "How long a banned address is answered 421.")
    exempt: Networks = setting((), "Networks that are never banned. Their failed logins are still delayed.")
    remembered: Annotated[int, whole(least=100)] = setting(
        10_000, "Addresses and names remembered at most; the longest unused is forgotten first."
    )


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Who may log in, and where their files are."""

    sources: tuple[Source, ...] = setting(
        (Source.USERS,),
        "Where accounts live, asked in this order until one vouches for the user. Whoever does, an entry in the users "
        "file counts before what that source says, and disabled = true there keeps the user out.",
    )
    users: HostPath = setting(
        Path("users.toml"), 'The users file; write it with "ftpstwist user". Changes count at once.'
    )
    root: HostPath = setting(Path("files"), "Folder that holds the homes.")
    home: Annotated[str, home_template()] = setting(
        "{root}/{user}", "Home of a user whose entry in the users file names none. Users see it as /, and nothing else."
    )
    create_home: bool = setting(True, "Make a missing home at the login, and the folders above it.")
    permissions: PermissionSet = setting(
        ALL_PERMISSIONS, "What a user may do whose entry in the users file does not say, nor any of the groups."
    )
    host_in_user: HostInUser = setting(
        HostInUser.KEPT,
        'What stands behind @ in the name of a user. "part-of-name": that; "strip": nothing, it is taken off; '
        '"choose": the name of one of [[hosts]], for clients that name none otherwise; other names stay whole.',
    )
    group_permissions: dict[Annotated[str, text()], PermissionSet] = entries(
        "What the members of groups may do whose own entry does not say; those of all their groups together.",
        example='staff = "all"',
    )
    anonymous: AnonymousSettings = table(AnonymousSettings)
    certificates: CertificateLoginSettings = table(CertificateLoginSettings)
    limits: AccountLimitSettings = table(AccountLimitSettings)
    passwords: PasswordSettings = table(PasswordSettings)
    logins: LoginSettings = table(LoginSettings)
    defence: DefenceSettings = table(DefenceSettings)
    totp: TotpSettings = table(TotpSettings)
    pam: PamSettings = table(PamSettings)
    ldap: LdapSettings = table(LdapSettings)
    sql: SqlSettings = table(SqlSettings)
    password_file: PasswordFileSettings = table(PasswordFileSettings)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """How files are kept."""

    durability: Durability = setting(
        Durability.FILE,
        'What is on the disk before an upload is answered 226. "never": the system writes when it likes; '
        '"file": the file; "full": the file and its name in the folder.',
    )
    incomplete: Incomplete = setting(
        Incomplete.KEEP_NEW,
        'What becomes of an upload that breaks off. "keep-new": it is kept under its name if nothing was there, '
        'so that clients can resume; "discard": it is thrown away. A file that was there is never harmed.',
    )
    links: Links = setting(
        Links.FOLLOW,
        'Symbolic links: "follow" them as if the home were the root of the disk, so that none leads out; '
        'or "refuse" to go through any.',
    )
    make_links: bool = setting(
        False,
        "Whether clients may make symbolic links (SITE SYMLINK), where links are followed. They lead to names in the "
        "same home only; but a link that is moved leads elsewhere, also for other programs on this machine.",
    )
    unnamed_files: bool = setting(
        True,
        "Keep unfinished uploads in files without a name (O_TMPFILE), which vanish by themselves when the machine "
        "stops. Otherwise, and where the file system can not do it, they have hidden names.",
    )
    show_owners: bool = setting(
        False, "Show the owners and groups that files have on this machine; otherwise all belong to ftp."
    )
    file_mode: ModeBits = setting(0o644, "Permission bits of uploaded files.")
    directory_mode: ModeBits = setting(0o755, "Permission bits of folders that clients make.")
