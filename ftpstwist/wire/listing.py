"""Lines of LIST, NLST, MLST and MLSD (RFC 959 section 4.1.3, RFC 3659 section 7).

LIST lines are those of ``ls -l`` in the C locale, times in UTC: no RFC defines
them, every client reads them. Facts follow RFC 3659 to the letter.

A line is made of a part that few entries differ in (kind, mode, owner), which
is remembered, and of size, time and name. Lines are made many at a time, in
one loop without calls into Python: a directory of 100,000 entries is rendered
in a tenth of a second. Memories are bounded and hold nothing but functions of
their arguments.

A name with a line break or NUL can not stand on a line: see :func:`is_listable`.
Nothing here is left out, sorted or hidden; that is for the command to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from ftpstwist.wire import grammar
from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.pathname import encode_name
from ftpstwist.wire.time_val import SECONDS_A_DAY, day_of, render_time_val

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
_CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPE_LETTERS = {EntryKind.FILE: "-", EntryKind.DIRECTORY: "d", EntryKind.LINK: "l", EntryKind.OTHER: "p"}
_TYPE_FACTS = {
    EntryKind.FILE: "file",
    EntryKind.DIRECTORY: "dir",
    EntryKind.LINK: "OS.unix=slink",
    EntryKind.OTHER: "OS.unix=special",
}
_VARYING_FACTS = frozenset({"size", "modify", "unique"})
"""Those that differ with every entry."""
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
    return name.isprintable() or grammar.NOT_LISTABLE.search(name) is None


# --- LIST and NLST --------------------------------------------------------------------------------


def name_lines(names: Iterable[str], prefix: str = "") -> bytes:
    """Return lines of NLST; *prefix* goes before each name."""
    return encode_name("".join([f"{prefix}{name}\r\n" for name in names]))


def long_lines(entries: Iterable[Entry], now: float, prefix: str = "") -> bytes:
    """Return lines of LIST.

    Args:
        entries: What to show.
        now: Seconds since the epoch; entries older than six months, and those of the future, show their year.
        prefix: What goes before each name.
    """
    lines = []
    oldest = now - _HALF_A_YEAR
    for name, kind, size, modified, mode, owner, group, links, _ in entries:
        day = modified // SECONDS_A_DAY
        if oldest < modified <= now:
            date = f"{_month_and_day(day)} {_CLOCK[modified % SECONDS_A_DAY // 60]}"
        else:
            date = _month_day_and_year(day)
        # Parsers demand a target behind a link; the true one is none of the client's business.
        tail = " -> ?\r\n" if kind is EntryKind.LINK else "\r\n"
        head = _long_head(kind, mode, links, owner, group)
        lines.append(f"{head}{str(size).rjust(8)} {date} {prefix}{name}{tail}")  # twice as fast as {size:8d}
    return encode_name("".join(lines))


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


def fact_lines(
    entries: Sequence[Entry],
    facts: tuple[str, ...],
    permissions: frozenset[str],
    exceptions: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> bytes:
    """Return lines of MLSD; see :func:`fact_text`.

    Args:
        entries: What to describe, by their own names.
        facts: Which of :data:`FACTS` to give.
        permissions: What the user may do with most of them.
        exceptions: By name, what the user may do where that is something else.
    """
    entries = _with_clean_tokens(entries)
    lines = []
    templates: dict[tuple[EntryKind, int, str, str, frozenset[str], bool], str] = {}
    moment, time_val = 0, render_time_val(0)  # many that lie together are of one second
    for name, kind, size, modified, mode, owner, group, _, unique in entries:
        words = exceptions.get(name, permissions) if exceptions else permissions
        key = (kind, mode, owner, group, words, not unique)
        template = templates.get(key)
        if template is None:
            template = templates[key] = _fact_template(facts, *key) + "%s\r\n"
        if modified != moment:
            moment, time_val = modified, render_time_val(modified)
        lines.append(template % (size, time_val, unique, name))
    return encode_name("".join(lines))


def _with_clean_tokens(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return entries whose unique tokens can stand in a fact: nearly always all, so they are looked at together."""
    tokens = "".join([entry.unique for entry in entries])
    if _is_value(tokens):
        return entries
    return [entry._replace(unique=_value(entry.unique)) for entry in entries]


def fact_text(
    entry: Entry, facts: tuple[str, ...], permissions: frozenset[str], *, name: str | None = None, type_: str = ""
) -> str:
    """Return facts and name as MLST puts them in its reply, without the space that goes before (RFC 3659 section 7.2).

    Args:
        entry: What to describe.
        facts: Which of :data:`FACTS` to give; those that do not apply to the entry are left out.
        permissions: What the user may do with it: which of the words ``read write create delete rename list`` hold.
        name: What to show instead of the entry's own name: MLST shows the whole pathname.
        type_: :data:`CURRENT_DIRECTORY` or :data:`PARENT_DIRECTORY`, where it is one.
    """
    _, kind, _, _, mode, owner, group, _, unique = entry
    template = _fact_template(
        facts, kind, mode, owner, group, permissions, not unique, is_root=not entry.name, type_=type_
    )
    values = template % (entry.size, render_time_val(entry.modified), _value(unique))
    return values + (entry.name if name is None else name)


@lru_cache(maxsize=4096)
def _fact_template(  # noqa: PLR0913, PLR0917 - the key of a memory
    facts: tuple[str, ...],
    kind: EntryKind,
    mode: int,
    owner: str,
    group: str,
    permissions: frozenset[str],
    is_anonymous: bool,  # noqa: FBT001
    *,
    is_root: bool = False,
    type_: str = "",
) -> str:
    """Return the facts that apply, and the space behind them: a template for size, time and unique token.

    All three have their places in this order; where one is not shown, its place takes nothing of it.
    """
    values = {
        "type": type_ or _TYPE_FACTS[kind],
        "size": "%s" if kind is EntryKind.FILE else "",
        "modify": "%s",
        "perm": _perm_letters(kind, permissions, is_root=is_root),
        "unique": "" if is_anonymous else "%s",
        "UNIX.mode": f"{mode:04o}",
        "UNIX.owner": _value(owner).replace("%", "%%"),
        "UNIX.group": _value(group).replace("%", "%%"),
    }
    parts = []
    for fact, value in values.items():
        if fact in facts and (value or fact == "perm"):
            parts.append(f"{fact}={value};")
        elif fact in _VARYING_FACTS:
            parts.append("%.0s")
    return "".join(parts) + " "


def _perm_letters(kind: EntryKind, permissions: frozenset[str], *, is_root: bool) -> str:
    """Return the letters of the perm fact (RFC 3659 section 7.5.5).

    Args:
        kind: Of the file or directory.
        permissions: Which of the words ``read write create delete rename list`` hold for its pathname.
        is_root: Whether it is the root, which can be neither deleted nor renamed.
    """
    granted = permissions | {""}
    withheld = "df" if is_root else ""
    return "".join(letter for letter, word in _PERM_WORDS[kind].items() if word in granted and letter not in withheld)


def _value(text: str) -> str:
    """Return *text* as the value of a fact: what can not stand in one becomes ``_``."""
    return text if _is_value(text) else grammar.NOT_SCHAR.sub("_", text)


def _is_value(text: str) -> bool:
    """Tell, of what most values are made of, whether it can stand in one as it is."""
    return text.isascii() and (text.isalnum() or not text)


def feature_of_facts(facts: tuple[str, ...]) -> str:
    """Return the line of FEAT: all facts, those in use with a star (RFC 3659 section 7.8)."""
    return "MLST " + "".join(f"{fact}*;" if fact in facts else f"{fact};" for fact in FACTS)


def option_of_facts(facts: tuple[str, ...]) -> str:
    """Return the text of the 200 reply to OPTS MLST (RFC 3659 section 7.9.1)."""
    return ("MLST OPTS " + "".join(f"{fact};" for fact in facts)).rstrip()
