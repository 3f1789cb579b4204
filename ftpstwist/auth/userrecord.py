"""One user as a users file describes it, and the reading of that description.

How it works: every key has one reading function. It gets the value and the
place it stands at, and returns what was meant, or notes a complaint there. So
all mistakes of a file are told at once, and what comes out can not be wrong.

Unknown keys are refused: a misspelt ``disabled`` must not leave an account open.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ftpstwist.auth.passwords import is_password_hash
from ftpstwist.interfaces import Complaint
from ftpstwist.session.identity import (
    ALL_PERMISSIONS,
    NO_PERMISSIONS,
    PathRule,
    Permission,
    Permissions,
)
from ftpstwist.wire.pathname import MAX_NAME_OCTETS, ROOT, Pathname, PathnameError, encode_name

PERMISSION_SETS: dict[str, frozenset[Permission]] = {
    "all": ALL_PERMISSIONS,
    "read-only": frozenset({Permission.READ, Permission.LIST}),
    "none": NO_PERMISSIONS,
}
"""Words that stand for a whole list of permissions."""

NO_LIMIT = "none"
"""The word that takes a default limit away: TOML itself has no null."""
MAX_GREETING_LINES = 50

PINNED_CERTIFICATE, PINNED_KEY = "sha256:", "spki-sha256:"
"""What stands before the fingerprint of a user's certificate, and of its key."""
_PIN = re.compile(rf"({PINNED_CERTIFICATE}|{PINNED_KEY})((?:[0-9a-f]{{2}}:?){{31}}[0-9a-f]{{2}})", re.IGNORECASE)

_TOTP = re.compile(r"[A-Z2-7]{26,128}")
"""At least 128 bits (RFC 4226 section 4, R6)."""

_SIZE = re.compile(r"(\d{1,18}) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?")
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class CertificateMode(Enum):
    """What a user needs to log in; the value is the word used in configuration and users file."""

    PASSWORD = "password"  # noqa: S105 - a word of the configuration
    """The password; certificates count for nothing."""
    EITHER = "certificate-or-password"
    """The user's certificate, or else the password."""
    CERTIFICATE = "certificate"
    """The user's certificate; no password helps."""
    BOTH = "certificate-and-password"
    """The user's certificate and the password."""
    TRUSTED = "trusted-certificate-and-password"
    """The password, and any certificate that an authority of ours vouches for."""

    @property
    def needs_no_password(self) -> bool:
        """Whether the user's certificate is enough."""
        return self in {CertificateMode.EITHER, CertificateMode.CERTIFICATE}

    @property
    def needs_certificate(self) -> bool:
        """Whether there is no login without one."""
        return self not in {CertificateMode.PASSWORD, CertificateMode.EITHER}


@dataclass(frozen=True, slots=True)
class UserRecord:
    """What the users file says about one user; ``None`` leaves it to the server's defaults.

    Attributes:
        name: The user's name.
        password: Encoded Argon2 hash; ``None`` if no password of this file lets the user in.
        home: Directory of the host, absolute.
        permissions: What is allowed where.
        groups: Groups the user belongs to.
        limits: What may be used at most: those fields of ``Limits`` that the file gives; ``None`` for no limit.
        disabled: Whether the user is kept out, whatever else vouches for them.
        greeting: Lines for the reply to a login.
        certificates: Fingerprints of certificates (``sha256:``) and keys (``spki-sha256:``) that are the user's.
        certificate_mode: What the user needs to log in.
        totp: Secret of the codes that the user needs beside the password, in base 32.
    """

    name: str
    password: str | None = field(default=None, repr=False)
    home: str | None = None
    permissions: Permissions | None = None
    groups: frozenset[str] = frozenset()
    limits: Mapping[str, int | None] = field(default_factory=dict)
    disabled: bool = False
    greeting: tuple[str, ...] = ()
    certificates: frozenset[str] = frozenset()
    certificate_mode: CertificateMode | None = None
    totp: str | None = field(default=None, repr=False)

    def completed_by(self, other: UserRecord) -> UserRecord:
        """Return this record with what it leaves open taken from *other*; groups are those of both."""
        return replace(
            self,
            home=self.home or other.home,
            permissions=other.permissions if self.permissions is None else self.permissions,
            groups=self.groups | other.groups,
            limits={**other.limits, **self.limits},
            disabled=self.disabled or other.disabled,
            greeting=self.greeting or other.greeting,
        )


class UserFileError(Exception):
    """The users file can not be used.

    Args:
        complaints: Everything that is wrong with it, at least one.
    """

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


def name_objection(name: str) -> str | None:
    """Tell why *name* can not be a user's name, or ``None`` if it can.

    A name becomes part of a path of the host, of log lines and of replies.
    """
    if not name or len(encode_name(name)) > MAX_NAME_OCTETS:
        return f"a name has 1 to {MAX_NAME_OCTETS} octets"
    if name in {".", ".."} or "/" in name:
        return "a name is no path"
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in name):
        return "a name has no control characters"
    return None


def parse_octets(text: str) -> int | None:
    """Return the octets that ``10``, ``10 MB`` or ``10 MiB`` means, or ``None`` if it is no size."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    return int(found[1]) * _UNITS[found[2] or "B"]


def read_users(document: Mapping[str, object], file: str) -> dict[str, UserRecord]:
    """Read a whole users file.

    Args:
        document: What TOML made of it.
        file: Its name, for complaints.

    Raises:
        UserFileError: With everything that is wrong.
    """
    top = _Place(file, "", [])
    users: dict[str, UserRecord] = {}
    for key in document:
        if key != "users":
            top.below(key).complain("there is no such table", "Write each user as [users.name]")
    for name, table in _table(top.below("users"), document.get("users", {})).items():
        here = top.below("users").below(name)
        if objection := name_objection(name):
            here.complain(objection, "Choose another name")
        users[name] = UserRecord(name, **_read_keys(here, _table(here, table), _KEYS))
    if top.complaints:
        raise UserFileError(top.complaints)
    return users


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, and where complaints about it go."""

    file: str
    key: str
    complaints: list[Complaint]

    def below(self, key: str) -> _Place:
        written = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else ascii(key)
        return _Place(self.file, f"{self.key}.{written}" if self.key else written, self.complaints)

    def complain(self, cause: str, remedy: str) -> None:
        self.complaints.append(Complaint(self.file, self.key, cause, remedy))


_Read = Callable[[_Place, object], object]


def _read_keys(here: _Place, table: Mapping[str, object], readers: Mapping[str, _Read]) -> dict[str, Any]:
    """Read the keys of a table; the result fits the dataclass whose fields the keys are named after."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in readers:
            values[key] = readers[key](here.below(key), value)
        else:
            close = difflib.get_close_matches(key, readers, n=1)
            remedy = f"Write {close[0]} if that is meant" if close else f"Known are: {', '.join(readers)}"
            here.below(key).complain("there is no such key", remedy)
    return values


def _table(here: _Place, value: object) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    here.complain("this has to be a table", f"Write [{here.key}] and its keys below")
    return {}


def _password(here: _Place, value: object) -> str | None:
    if isinstance(value, str) and is_password_hash(value):
        return value
    here.complain("this is no Argon2 hash", "Set it with: ftpstwist user passwd")
    return None


def _home(here: _Place, value: object) -> str | None:
    if isinstance(value, str) and value.startswith("/") and "\0" not in value:
        return value
    here.complain("this is no absolute path", "Write the whole path of the home, from / on")
    return None


def _permissions(here: _Place, value: object) -> Permissions | None:
    if not isinstance(value, dict):
        return Permissions((PathRule(ROOT, _permission_set(here, value)),))
    rules: list[PathRule] = []
    for prefix, words in value.items():
        place = here.below(prefix)
        try:
            path = Pathname.parse(prefix)
        except PathnameError as error:
            place.complain(str(error), "Write a pathname as clients see it, such as /incoming")
            continue
        if not prefix.startswith("/") or path in {rule.prefix for rule in rules}:
            place.complain("this is no absolute pathname, or there twice", "Write each pathname once, from / on")
        rules.append(PathRule(path, _permission_set(place, words)))
    return Permissions(tuple(rules))


def _permission_set(here: _Place, value: object) -> frozenset[Permission]:
    if isinstance(value, str) and value in PERMISSION_SETS:
        return PERMISSION_SETS[value]
    words = {permission.value: permission for permission in Permission}
    if isinstance(value, list) and all(isinstance(word, str) and word in words for word in value):
        return frozenset(words[word] for word in value)
    here.complain(
        "these are no permissions",
        f"Write a list of {', '.join(words)}; or one of {', '.join(PERMISSION_SETS)} in quotes",
    )
    return NO_PERMISSIONS


def _groups(here: _Place, value: object) -> frozenset[str]:
    if isinstance(value, list) and all(isinstance(name, str) and not name_objection(name) for name in value):
        return frozenset(value)
    here.complain("this is no list of groups", 'Write names in a list, such as ["staff"]')
    return frozenset()


def _limits(here: _Place, value: object) -> dict[str, int | None]:
    readers = {key: read for key, (_, read) in _LIMITS.items()}
    given = _read_keys(here, _table(here, value), readers)
    return {_LIMITS[key][0]: None if number == NO_LIMIT else number for key, number in given.items()}


def _count(here: _Place, value: object) -> int | str | None:
    if value == NO_LIMIT or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    here.complain("this is no whole number of 1 or more", f'Write a number, or "{NO_LIMIT}"')
    return None


def _octets(here: _Place, value: object) -> int | str | None:
    if value == NO_LIMIT:
        return NO_LIMIT
    number = parse_octets(value) if isinstance(value, str) else value
    if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
        return number
    here.complain("this is no size", 'Write octets as a number, or text such as "64 KiB", "10 GB", or "none"')
    return None


def _rate(here: _Place, value: object) -> int | str | None:
    number = _octets(here, value)
    if number == 0:
        here.complain("at this rate nothing would ever move", "Write octets a second, or take the permission away")
    return number


def _disabled(here: _Place, value: object) -> bool:
    if isinstance(value, bool):
        return value
    here.complain("this is neither true nor false", "Write true or false, without quotes")
    return True


def _greeting(here: _Place, value: object) -> tuple[str, ...]:
    lines = value.splitlines() if isinstance(value, str) else value
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines) and len(lines) <= MAX_GREETING_LINES:
        return tuple(lines)
    here.complain("this is no text", f"Write text, or a list of at most {MAX_GREETING_LINES} lines")
    return ()


def _certificates(here: _Place, value: object) -> frozenset[str]:
    pins = value if isinstance(value, list) else [None]
    matches = [_PIN.fullmatch(pin) if isinstance(pin, str) else None for pin in pins]
    if all(matches):
        return frozenset(f"{match[1]}{match[2].replace(':', '')}".lower() for match in matches if match)
    here.complain(
        "this is no list of SHA-256 fingerprints",
        f'Write what "ftpstwist check-cert" shows: ["{PINNED_CERTIFICATE}…"] or ["{PINNED_KEY}…"]',
    )
    return frozenset()


def _certificate_mode(here: _Place, value: object) -> CertificateMode | None:
    words = {mode.value: mode for mode in CertificateMode}
    if isinstance(value, str) and value in words:
        return words[value]
    here.complain("this is no mode of logging in", f"Write one of {', '.join(words)}, in quotes")
    return None


def _totp(here: _Place, value: object) -> str:
    secret = value.replace(" ", "").rstrip("=").upper() if isinstance(value, str) else ""
    if _TOTP.fullmatch(secret):
        return secret
    here.complain("this is no secret of codes", "Make one with: ftpstwist user totp")
    return ""


_KEYS: dict[str, _Read] = {
    "password": _password,
    "home": _home,
    "permissions": _permissions,
    "groups": _groups,
    "limits": _limits,
    "disabled": _disabled,
    "greeting": _greeting,
    "certificates": _certificates,
    "certificate_mode": _certificate_mode,
    "totp": _totp,
}
_LIMITS: dict[str, tuple[str, _Read]] = {
    "max_sessions": ("sessions", _count),
    "quota": ("quota", _octets),
    "max_files": ("files", _count),
    "upload_rate": ("upload_rate", _rate),
    "download_rate": ("download_rate", _rate),
    "max_file_size": ("file_size", _octets),
}
LIMIT_FIELDS = {key: name for key, (name, _) in _LIMITS.items()}
"""Keys of a user's ``limits`` table, each with the field of ``Limits`` it fills."""
