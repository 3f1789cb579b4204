"""Arguments that hold a pathname and something before or behind it.

MFMT (draft-somers-ftp-mfxx section 3), MDTM with a time, XCRC and its like, SITE
CHMOD, SITE UTIME, and LIST and NLST with the options of ``ls``: all but the first are
conventions that no RFC wrote down, kept because clients live by them.

Pathnames come back as the client wrote them, with every space; whether they
name anything is for ``Pathname.parse`` and the storage to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ftpstwist.wire import grammar
from ftpstwist.wire.errors import ArgumentSyntaxError
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
