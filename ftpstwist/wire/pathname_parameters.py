"""Arguments that hold a pathname and something before or behind it.

MFMT and MFF (draft-somers-ftp-mfxx sections 3 and 5), MDTM with a time, XCRC and its like, SITE
CHMOD, SITE UTIME, and LIST and NLST with the options of ``ls``: all but the first two are
conventions that no RFC wrote down, kept because clients live by them.

Pathnames come back as the client wrote them, with every space; whether they
name anything is for ``Pathname.parse`` and the storage to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ftpstwist.wire import grammar
from ftpstwist.wire.errors import ArgumentSyntaxError, ArgumentUnsupported
from ftpstwist.wire.time_val import parse_time_val

LIST_OPTIONS = frozenset("1ACFLRSadfhlrtux")
"""The options of ``ls`` that LIST and NLST tell apart; all others are forgotten."""


@dataclass(frozen=True, slots=True)
class TimedPathname:
    """A time of last change for a file.

    Attributes:
        seconds: Since the epoch, UTC.
        pathname: As the client wrote it.
    """

    seconds: float
    pathname: str


@dataclass(frozen=True, slots=True)
class ModedPathname:
    """Permission bits for a file.

    Attributes:
        mode: ``0o7777`` at most.
        pathname: As the client wrote it.
    """

    mode: int
    pathname: str


@dataclass(frozen=True, slots=True)
class MdtmArgument:
    """Both ways to read the argument of MDTM.

    Attributes:
        pathname: All of it, for the question RFC 3659 section 3 defines.
        change: Set if it could be a time and a pathname as well; a file that is
            really called *pathname* goes before.
    """

    pathname: str
    change: TimedPathname | None


@dataclass(frozen=True, slots=True)
class ChangedFacts:
    """Facts that MFF sets.

    Attributes:
        modified: Time of last change, seconds since the epoch, UTC; ``None`` to leave it.
        mode: ``0o7777`` at most; ``None`` to leave it.
        pathname: As the client wrote it.
    """

    modified: float | None
    mode: int | None
    pathname: str


@dataclass(frozen=True, slots=True)
class PartOfFile:
    """What XCRC and its like are asked about.

    Attributes:
        pathname: As the client wrote it.
        start: First octet.
        end: First octet that is left out; ``None`` for the end of the file.
    """

    pathname: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class ListArgument:
    """What LIST or NLST is asked for.

    Attributes:
        options: Letters out of :data:`LIST_OPTIONS`.
        pathname: As the client wrote it, perhaps with wildcards; empty for the working directory.
    """

    options: frozenset[str]
    pathname: str


def parse_mfmt(argument: str) -> TimedPathname:
    """Read MFMT, ``time-val SP pathname``.

    Raises:
        ArgumentSyntaxError: If it is malformed, or no date of the calendar (client sees 501).
    """
    match = grammar.TIMED_PATHNAME.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected YYYYMMDDHHMMSS and a pathname")
    return TimedPathname(parse_time_val(match["time"]), match["pathname"])


def parse_mdtm(argument: str) -> MdtmArgument:
    """Read MDTM in both ways: a name may well start with fourteen digits and a space."""
    try:
        return MdtmArgument(argument, parse_mfmt(argument))
    except ArgumentSyntaxError:
        return MdtmArgument(argument, None)


def parse_mff(argument: str) -> ChangedFacts:
    """Read MFF, ``fact=value; … SP pathname``.

    Raises:
        ArgumentSyntaxError: If it is malformed, or a value is (client sees 501).
        ArgumentUnsupported: For a fact that can not be set here (504).
    """
    match = grammar.CHANGED_FACTS.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected fact=value; and a pathname")
    facts = dict(each.lower().split("=", 1) for each in match["facts"].rstrip(";").split(";"))
    if facts.keys() - {"modify", "unix.mode"}:
        raise ArgumentUnsupported("Only modify and UNIX.mode can be set")
    mode = facts.get("unix.mode")
    if mode is not None and grammar.MODE_FACT.fullmatch(mode) is None:
        raise ArgumentSyntaxError("A mode is octal")
    modified = parse_time_val(facts["modify"]) if "modify" in facts else None
    return ChangedFacts(modified, None if mode is None else int(mode, 8), match["pathname"])


def parse_two_pathnames(argument: str) -> tuple[str, str]:
    """Read SITE COPY and SITE SYMLINK: two words, or both in quotes.

    Raises:
        ArgumentSyntaxError: For anything else (client sees 501).
    """
    match = grammar.TWO_PATHNAMES.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected two pathnames, both in quotes if there are spaces in them")
    return match["quoted"] or match["first"], match["other"] or match["second"]


def parse_digest(argument: str) -> tuple[PartOfFile, ...]:
    """Read XCRC and its like, ``pathname [start end]``, the pathname in quotes or not.

    Returns:
        All ways to read it: a file that is really called so goes before one with numbers behind it.
    """
    readings = [PartOfFile(argument)]
    if match := grammar.PART_OF_FILE.fullmatch(argument):
        readings.append(PartOfFile(match["pathname"], int(match["start"]), int(match["end"])))
    bare = [replace(each, pathname=each.pathname[1:-1]) for each in readings if _is_quoted(each.pathname)]
    return (*readings, *bare)


def _is_quoted(text: str) -> bool:
    return len(text) > len('""') and text.startswith('"') and text.endswith('"')


def parse_chmod(argument: str) -> ModedPathname:
    """Read what follows SITE CHMOD, ``octal SP pathname``.

    Raises:
        ArgumentSyntaxError: For anything else, symbolic modes included (client sees 501).
    """
    match = grammar.CHMOD.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected an octal mode and a pathname")
    return ModedPathname(int(match["mode"], 8), match["pathname"])


def parse_utime(argument: str) -> TimedPathname:
    """Read what follows SITE UTIME.

    Two forms are in use: ``YYYYMMDDhhmm[ss] pathname``, and ``pathname atime mtime ctime UTC``,
    of which only the time of last change counts.

    Raises:
        ArgumentSyntaxError: If it is neither, or no date of the calendar (client sees 501).
    """
    if behind := grammar.UTIME_BEHIND.fullmatch(argument):
        return TimedPathname(parse_time_val(behind["modified"]), behind["pathname"])
    if before := grammar.UTIME_BEFORE.fullmatch(argument):
        return TimedPathname(parse_time_val(before["time"].ljust(14, "0")), before["pathname"])
    raise ArgumentSyntaxError("Expected YYYYMMDDhhmm[ss] and a pathname")


def parse_list(argument: str) -> ListArgument:
    """Read LIST or NLST: options of ``ls``, then one pathname; never fails.

    A word of letters behind a hyphen is options; ``--`` ends them, so that any
    pathname can be given. A hyphen alone, or before a digit other than 1, begins a pathname.
    """
    letters: set[str] = set()
    rest = argument
    while True:
        word, _, behind = rest.partition(" ")
        if word == "--":
            return ListArgument(frozenset(letters & LIST_OPTIONS), behind)
        if grammar.LIST_OPTION.fullmatch(word) is None:
            return ListArgument(frozenset(letters & LIST_OPTIONS), rest)
        if not word.startswith("--"):
            letters.update(word[1:])
        rest = behind
