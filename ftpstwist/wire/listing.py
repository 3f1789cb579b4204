"""Lines of LIST, NLST, MLST and MLSD (RFC 959 section 4.1.3, RFC 3659 section 7).

LIST lines are those of ``ls -l`` in the C locale, times in UTC: no RFC defines
them, every client reads them. Facts follow RFC 3659 to the letter.

A line is made of a part that few entries differ in (kind, mode, owner), which
is remembered, and of size, time and name: a directory of 100,000 entries is
rendered in a third of a second. Memories are bounded and hold nothing but
functions of their arguments.

A name with a line break or NUL can not stand on a line: see :func:`is_listable`.
Nothing here is left out, sorted or hidden; that is for the command to decide.
"""

from __future__ import annotations

from functools import lru_cache

from ftpstwist.wire import grammar
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import encode_name
from ftpstwist.wire.time_val import SECONDS_A_DAY, day_of, render_time_val, within_calendar

FACTS = ("type", "size", "modify", "perm", "unique", "UNIX.mode", "UNIX.owner", "UNIX.group")
"""All facts there are, in the order of FEAT, OPTS MLST and MLSx lines (RFC 3659 section 7.5.10)."""
DEFAULT_FACTS = FACTS
"""Those sent before any OPTS MLST: clients that never send it want them all."""

CURRENT_DIRECTORY = "cdir"
"""Type fact of the directory that MLSD lists (RFC 3659 section 7.5.1.2)."""
PARENT_DIRECTORY = "pdir"
"""Type fact of its parent (RFC 3659 section 7.5.1.4)."""

_HALF_A_YEAR = 31_556_952 // 2
"""What ``ls`` takes for six months: half a mean Gregorian year, in seconds."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPE_LETTERS = {EntryKind.FILE: "-", EntryKind.DIRECTORY: "d", EntryKind.LINK: "l", EntryKind.OTHER: "p"}
_TYPE_FACTS = {
    EntryKind.FILE: "file",
    EntryKind.DIRECTORY: "dir",
    EntryKind.LINK: "OS.unix=slink",
    EntryKind.OTHER: "OS.unix=special",
}
_PERM_WORDS = {
    EntryKind.FILE: {"a": "write", "d": "delete", "f": "rename", "r": "read", "w": "write"},
    EntryKind.DIRECTORY: {
        "c": "create",
        "d": "delete",
        "e": "",
        "f": "rename",
        "l": "list",
        "m": "create",
        "p": "delete",
    },
    EntryKind.LINK: {"d": "delete", "f": "rename"},
    EntryKind.OTHER: {"d": "delete", "f": "rename"},
}
"""RFC 3659 section 7.5.5: which permission each letter stands for; CWD needs none."""


def is_listable(name: str) -> bool:
    """Tell whether a name can stand on a line of a listing (RFC 3659 section 2.2: else it is left out)."""
    return grammar.NOT_LISTABLE.search(name) is None


# --- LIST and NLST --------------------------------------------------------------------------------


def name_line(name: str) -> bytes:
    """Return a line of NLST."""
    return encode_name(name) + b"\r\n"


def long_line(entry: Entry, now: float, *, name: str | None = None) -> bytes:
    """Return a line of LIST.

    Args:
        entry: What to show.
        now: Seconds since the epoch; entries older than six months, and those of the future, show their year.
        name: What to show instead of the entry's own name.
    """
    modified = within_calendar(entry.modified)
    day, rest = divmod(modified, SECONDS_A_DAY)
    if now - _HALF_A_YEAR < modified <= now:
        date = f"{_month_and_day(day)} {rest // 3600:02d}:{rest // 60 % 60:02d}"
    else:
        date = _month_day_and_year(day)
    head = _long_head(entry.kind, entry.mode, entry.links, entry.owner, entry.group)
    # Parsers demand a target behind a link; the true one is none of the client's business.
    tail = " -> ?\r\n" if entry.kind is EntryKind.LINK else "\r\n"
    return encode_name(f"{head}{entry.size:8d} {date} {entry.name if name is None else name}{tail}")


@lru_cache(maxsize=4096)
def _long_head(kind: EntryKind, mode: int, links: int, owner: str, group: str) -> str:
    """Return type, permissions, links, owner and group, with the space before the size."""
    return f"{_TYPE_LETTERS[kind]}{_permission_letters(mode)} {links:3d} {_column(owner):8s} {_column(group):8s} "


def _permission_letters(mode: int) -> str:
    """Return the nine letters of ``ls``: the third of each class also tells set-user-id, set-group-id or sticky."""
    letters = []
    for shift, special, letter in ((6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")):
        bits = mode >> shift
        execute = "x" if bits & 1 else "-"
        if mode & special:
            execute = letter if bits & 1 else letter.upper()
        letters.append(("r" if bits & 4 else "-") + ("w" if bits & 2 else "-") + execute)
    return "".join(letters)


def _column(name: str) -> str:
    """Return an owner or group that is one word, or the columns behind it would be read wrongly."""
    return grammar.NOT_IN_COLUMN.sub("_", name) or "?"


@lru_cache(maxsize=4096)
def _month_and_day(day: int) -> str:
    date = day_of(day)
    return f"{_MONTHS[date.month - 1]} {date.day:2d}"


@lru_cache(maxsize=4096)
def _month_day_and_year(day: int) -> str:
    return f"{_month_and_day(day)}  {day_of(day).year}"


# --- MLST and MLSD --------------------------------------------------------------------------------


def fact_line(
    entry: Entry, facts: tuple[str, ...], permissions: frozenset[str], *, name: str | None = None, type_: str = ""
) -> bytes:
    """Return a line of MLSD; see :func:`fact_text`."""
    return encode_name(fact_text(entry, facts, permissions, name=name, type_=type_) + "\r\n")


def fact_text(
    entry: Entry, facts: tuple[str, ...], permissions: frozenset[str], *, name: str | None = None, type_: str = ""
) -> str:
    """Return facts and name as MLST puts them in its reply, without the space that goes before (RFC 3659 section 7.2).

    Args:
        entry: What to describe.
        facts: Which of :data:`FACTS` to give; those that do not apply to the entry are left out.
        permissions: What the user may do with it, as :func:`perm_fact` takes it.
        name: What to show instead of the entry's own name: MLST shows the whole pathname.
        type_: :data:`CURRENT_DIRECTORY` or :data:`PARENT_DIRECTORY`, where it is one.
    """
    is_file = entry.kind is EntryKind.FILE
    fact_values = (
        type_ or _TYPE_FACTS[entry.kind],
        "{0}" if is_file else "",
        "{1}",
        perm_fact(entry, permissions),
        "{2}" if entry.unique else "",
        f"{entry.mode:04o}",
        _value(entry.owner),
        _value(entry.group),
    )
    template = _fact_template(facts, fact_values)
    described = template.format(entry.size, render_time_val(entry.modified), _value(entry.unique))
    return described + (entry.name if name is None else name)


def perm_fact(entry: Entry, permissions: frozenset[str]) -> str:
    """Return the letters of the perm fact (RFC 3659 section 7.5.5).

    Args:
        entry: The file or directory; the root, whose name is empty, can be neither deleted nor renamed.
        permissions: Which of the words ``read write create delete rename list`` hold for its pathname.
    """
    return _perm_letters(entry.kind, not entry.name, permissions)


@lru_cache(maxsize=1024)
def _perm_letters(kind: EntryKind, is_root: bool, permissions: frozenset[str]) -> str:  # noqa: FBT001 - part of a key
    granted = permissions | {""}
    withheld = "df" if is_root else ""
    return "".join(letter for letter, word in _PERM_WORDS[kind].items() if word in granted and letter not in withheld)


@lru_cache(maxsize=4096)
def _fact_template(facts: tuple[str, ...], fact_values: tuple[str, ...]) -> str:
    """Return the facts that apply, and the space behind them; values that differ with every entry are places."""
    values = dict(zip(FACTS, fact_values, strict=True))
    return "".join(f"{fact}={values[fact]};" for fact in facts if values[fact] or fact == "perm") + " "


def _value(text: str) -> str:
    """Return *text* as the value of a fact: what can not stand in one (a brace, too) becomes ``_``."""
    if text.isascii() and text.isalnum():
        return text
    return grammar.NOT_SCHAR.sub("_", text)


def feature_of_facts(facts: tuple[str, ...]) -> str:
    """Return the line of FEAT: all facts, those in use with a star (RFC 3659 section 7.8)."""
    return "MLST " + "".join(f"{fact}*;" if fact in facts else f"{fact};" for fact in FACTS)


def option_of_facts(facts: tuple[str, ...]) -> str:
    """Return the text of the 200 reply to OPTS MLST (RFC 3659 section 7.9.1)."""
    return ("MLST OPTS " + "".join(f"{fact};" for fact in facts)).rstrip()
