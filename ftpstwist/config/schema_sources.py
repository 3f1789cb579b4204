"""The tables about places where accounts live: ``sources`` of ``[accounts]``, and one table for each of them."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from ftpstwist.config.form import or_word, path, scalar, text, word
from ftpstwist.config.form_numbers import seconds, whole
from ftpstwist.config.setting import entries, setting

AtOnce = Annotated[int, whole(least=1, most=64)]
Patience = Annotated[float, seconds(least=1, most=300)]


class Source(Enum):
    """Where accounts live; the value is the word used in the configuration."""

    USERS = "users"
    """The users file."""
    PAM = "pam"
    """Linux-PAM."""
    LDAP = "ldap"
    """A directory."""
    SQL = "sql"
    """A database."""
    PASSWORD_FILE = "password_file"  # noqa: S105 - a word of the configuration
    """A password file of another server."""


class AskForCode(Enum):
    """When users who need a code are asked for it; the value is the word used in the configuration."""

    AFTER_PASSWORD = "after-password"  # noqa: S105 - a word of the configuration
    AT_USER = "at-user"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class NeededPackage:
    """What a source needs beside the server itself.

    Attributes:
        module: The module that has to be there.
        extra: The extra that brings it.
    """

    module: str
    extra: str

    @property
    def remedy(self) -> str:
        """What to do where it is missing."""
        return f"Run: pip install 'ftpstwist[{self.extra}]'"


NEEDED_PACKAGES = {Source.PAM: NeededPackage("pamela", "pam"), Source.LDAP: NeededPackage("ldap", "ldap")}


@dataclass(frozen=True, slots=True)
class PamSettings:
    """Accounts of the system, for ``pam`` in sources. Needs the extra ``ftpstwist[pam]``.

    PAM says whether the password is right and whether the account may be used now; the passwd database has the rest.
    """

    service: Annotated[str, word("the name of a PAM service", ", a file in /etc/pam.d", r"[A-Za-z0-9][\w.-]{0,63}")] = (
        setting("ftpstwist", "The PAM service, that is a file in /etc/pam.d.")
    )
    folder: Annotated[Path | None, or_word(path(), "system")] = setting(
        None, "Folder of that file, if it is not where the system has such files (Linux-PAM 1.4 and later)."
    )
    session: bool = setting(
        False,
        "Open a PAM session at the login and close it at the logout, for modules that make homes or keep records.",
    )
    known_only: bool = setting(True, "Refuse users that PAM knows and the passwd database does not.")
    minimum_uid: Annotated[int, whole(most=(1 << 32) - 1)] = setting(
        1000, "Smallest user number that may log in, so that system accounts may not."
    )
    allow_root: bool = setting(False, "Let user number 0 log in, if minimum_uid permits it.")
    valid_shell: bool = setting(False, "Refuse users whose shell is not listed in /etc/shells.")
    home: bool = setting(
        False,
        "Take homes from the passwd database. Files there are made by, and belong to, the user the server runs as.",
    )
    groups: bool = setting(True, "Take groups from the group database, for group_permissions and [[policy.rules]].")
    at_once: AtOnce = setting(4, "Questions to PAM at the same time; each needs a thread.")
    timeout: Patience = setting(20.0, "How long a login waits for PAM's answer before it is refused for now (421).")


OptionalFile = Annotated[Path | None, or_word(path())]
Line = Annotated[str, text()]
Attribute = Annotated[str, word("the name of an attribute", ', or "" for none', r"|[A-Za-z][A-Za-z0-9-]*")]
ServerUri = Annotated[
    str, word("the URI of a directory server", ', such as "ldaps://ldap.example.org"', r"ldap[si]?://\S+")
]


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """Accounts of a directory, for ``ldap`` in sources. Needs the extra ``ftpstwist[ldap]``.

    The user's entry is found by a search, or its name follows from ``user_dn``; then the directory judges the password.
    """

    servers: tuple[ServerUri, ...] = setting(
        (),
        "Servers, tried in this order until one answers. ldaps:// is under TLS, ldap:// begins in clear, "
        "ldapi:// is a socket of this machine.",
        example='["ldap://ldap.example.org"]',
    )
    start_tls: bool = setting(True, "Put TLS on connections to ldap:// before anything is asked.")
    verify: bool = setting(True, "Refuse servers whose certificate is not good for their name.")
    ca_file: OptionalFile = setting(
        None, 'PEM file with the authorities of these certificates. "none": those of the system\'s ldap.conf.'
    )
    bind_dn: Line = setting("", "Account that searches. Empty: the search is anonymous.")
    bind_password_file: OptionalFile = setting(None, "File with the password of that account, on one line.")
    user_dn: Line = setting(
        "", 'Name of the entry of {user}, such as "uid={user},ou=people,dc=example,dc=org"; then nothing is searched.'
    )
    base: Line = setting("", 'Where users are searched, such as "ou=people,dc=example,dc=org".')
    filter: Line = setting("(&(objectClass=posixAccount)(uid={user}))", "Filter that finds the entry of {user}.")
    name_attribute: Attribute = setting(
        "uid", "Holds the name as it counts here, however the user spelt it. Users must not be able to change it."
    )
    home_attribute: Attribute = setting("", "Holds the home, an absolute path, such as homeDirectory.")
    quota_attribute: Attribute = setting("", 'Holds the quota: octets, or a size such as "10 GiB".')
    uid_attribute: Attribute = setting("", "Holds the user number, such as uidNumber; who has none is refused then.")
    minimum_uid: Annotated[int, whole(most=(1 << 32) - 1)] = setting(1000, "Smallest user number that may log in.")
    group_attribute: Attribute = setting(
        "",
        "Holds the groups in the user's entry, such as memberOf: names, or names of entries, whose first part counts.",
    )
    group_base: Line = setting("", "Where groups are searched. Empty: they are not.")
    group_filter: Line = setting(
        "(&(objectClass=posixGroup)(memberUid={user}))", "Filter that finds the groups of {user}, or of the entry {dn}."
    )
    group_name_attribute: Attribute = setting("cn", "Holds the name of a group.")
    at_once: AtOnce = setting(8, "Questions at the same time; each needs a connection and a thread.")
    timeout: Patience = setting(
        10.0,
        "How long a login waits for the answer before it is refused for now (421); each server has its share of it.",
    )


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """Accounts of a database, for ``sql`` in sources, through any module of Python's DB-API that is installed.

    Columns have the names of keys of the users file: password, home, permissions, groups, disabled, greeting, quota,
    max_sessions, upload_rate, download_rate, max_file_size; and name, if it may be spelt otherwise than the user did.
    """

    module: Annotated[str, word("the name of a module", ', such as "psycopg"', r"[A-Za-z_]\w*(\.\w+)*")] = setting(
        "sqlite3", "The module that knows the database: sqlite3, psycopg, pymysql and others."
    )
    connect: dict[Annotated[str, text()], Annotated[str | int | bool, scalar()]] = entries(
        "What its connect() is given.", example='database = "/var/lib/ftp/accounts.db"'
    )
    connect_password_file: OptionalFile = setting(
        None, "File with the password for the database, on one line, instead of one in connect."
    )
    query: Annotated[str, text(most=4000)] = setting(
        "SELECT password, home, groups FROM users WHERE name = :user",
        "Gives the row of a user. The name is the parameter that the module knows: :user with sqlite3, %(user)s with "
        "psycopg and pymysql, or one ? or %s.",
    )
    groups_query: Annotated[str, text(most=4000)] = setting(
        "", "Gives a row with the name of a group for each group of a user. Empty: the column groups is all there is."
    )
    at_once: AtOnce = setting(4, "Questions at the same time; each needs a connection and a thread.")
    timeout: Patience = setting(10.0, "How long a login waits for the answer before it is refused for now (421).")


@dataclass(frozen=True, slots=True)
class PasswordFileSettings:
    """Accounts of a password file of another server, for ``password_file`` in sources.

    Lines as htpasswd makes them, or as in passwd(5): AuthUserFile of ProFTPD, pureftpd.passwd.
    """

    file: Annotated[Path, path()] = setting(Path("passwords"), "The file. Changes count at once.")
    group_file: OptionalFile = setting(None, "File of groups as in group(5), such as AuthGroupFile of ProFTPD.")
    home: bool = setting(False, "Take homes from the file.")


@dataclass(frozen=True, slots=True)
class TotpSettings:
    """Codes of an authenticator app (TOTP, RFC 6238), for users to whom ``ftpstwist user totp`` gave a secret.

    The six digits may always stand right behind the password. A code counts once.
    """

    ask: AskForCode = setting(
        AskForCode.AFTER_PASSWORD,
        'How a code is asked for. "after-password": PASS is answered 332, the code comes with ACCT; "at-user": USER is '
        'answered 336 for everybody, the code stands behind the password; "never": as that, without a word about it.',
    )
    drift: Annotated[int, whole(most=10)] = setting(
        1, "How many steps of 30 seconds the clock of a user may be off, each way."
    )
