"""Arguments that are not pathnames (RFC 959 section 5.3.2, and the extensions named at each function).

Each function takes the argument as the client gave it and returns a value that
can not be wrong, or raises: ``ArgumentSyntaxError`` where the grammar is broken
(client sees 501), ``ArgumentUnsupported`` where it asks for something that is
not done here (504). Spaces around such an argument are forgiven.

Nothing here knows the session: whether a parameter is allowed now is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ftpstwist.wire import grammar
from ftpstwist.wire.errors import ArgumentSyntaxError, ArgumentUnsupported
from ftpstwist.wire.hostport import normal_host
from ftpstwist.wire.listing import FACTS

MAX_FILE_OCTETS = 2**63 - 1
"""Largest file, and restart marker, that any file system has."""
MAX_BUFFER_OCTETS = 2**32 - 1
"""Largest protection buffer (RFC 2228 section 3, PBSZ: a 32-bit unsigned integer)."""

_MAX_CSID_FIELDS = 32


@dataclass(frozen=True, slots=True)
class Hostname:
    """The argument of HOST (RFC 7151 section 3.1).

    Attributes:
        name: Domain in lower case, or an address in its usual text form without brackets.
        is_literal: Whether it is an address.
    """

    name: str
    is_literal: bool


# --- transfer parameters (RFC 959 section 4.1.2) --------------------------------------------------


def parse_type(argument: str) -> str:
    """Read TYPE.

    Returns:
        ``"A"`` for ``A`` and ``A N``, ``"I"`` for ``I`` and ``L 8``, which are the same here.
    """
    code = _code(argument, grammar.TYPE_CODE)
    if code in {"A", "A N"}:
        return "A"
    if code == "I" or (code.startswith("L ") and int(code[2:]) == 8):  # noqa: PLR2004 - bits of an octet
        return "I"
    raise ArgumentUnsupported("Only TYPE A, I and L 8 are implemented")


def parse_structure(argument: str) -> str:
    """Read STRU; returns ``"F"``."""
    if _code(argument, grammar.STRUCTURE_CODE) != "F":
        raise ArgumentUnsupported("Only STRU F is implemented")
    return "F"


def parse_mode(argument: str, *, supported: Collection[str] = ("S",)) -> str:
    """Read MODE; returns its letter, one of *supported*."""
    code = _code(argument, grammar.MODE_CODE)
    if code not in supported:
        raise ArgumentUnsupported("Transfer mode not implemented")
    return code


def parse_restart_marker(argument: str) -> int:
    """Read REST in stream mode (RFC 3659 section 5.3); returns the octets to skip."""
    return _number(argument, MAX_FILE_OCTETS)


def parse_allocation(argument: str) -> int:
    """Read ALLO; returns the octets to reserve. A record size is read and, with file structure, means nothing."""
    match = grammar.ALLOCATION.fullmatch(argument.strip(" "))
    return _number(match["octets"] if match else "", MAX_FILE_OCTETS)


# --- security (RFC 2228 section 3) ----------------------------------------------------------------


def parse_buffer_size(argument: str) -> int:
    """Read PBSZ."""
    return _number(argument, MAX_BUFFER_OCTETS)


def parse_protection_level(argument: str) -> str:
    """Read PROT; returns ``"C"``, ``"S"``, ``"E"`` or ``"P"``."""
    code = _code(argument, grammar.PROT_CODE)
    if code not in {"C", "S", "E", "P"}:
        raise ArgumentUnsupported("No such protection level")
    return code


# --- options and the rest -------------------------------------------------------------------------


def split_subcommand(argument: str) -> tuple[str, str]:
    """Split the argument of SITE or OPTS; returns its word in capitals, and what follows it untouched."""
    match = grammar.SUBCOMMAND.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected a word")
    return match["name"].upper(), match["argument"] or ""


def parse_mode_option(argument: str) -> int:
    """Read OPTS MODE, ``Z LEVEL n``; returns the level, 0 to 9."""
    match = grammar.MODE_OPTION.fullmatch(argument)
    if match is None:
        raise ArgumentSyntaxError("Expected Z LEVEL and a number from 0 to 9")
    return int(match["level"])


def parse_seconds(argument: str, *, least: int, most: int) -> int:
    """Read SITE IDLE: whole seconds, from *least* to *most*."""
    seconds = _number(argument, MAX_BUFFER_OCTETS)
    if not least <= seconds <= most:
        raise ArgumentUnsupported(f"From {least} to {most} seconds")
    return seconds


def parse_fact_list(argument: str, *, supported: tuple[str, ...] = FACTS) -> tuple[str, ...]:
    """Read OPTS MLST (RFC 3659 section 7.9).

    Returns:
        The facts asked for that are *supported*, in the order of *supported*; unknown ones are
        no error. Empty if only names are wanted.
    """
    if grammar.FACT_LIST.fullmatch(argument) is None:
        raise ArgumentSyntaxError("Invalid MLST options")
    wanted = set(argument.lower().split(";"))
    return tuple(fact for fact in supported if fact.lower() in wanted)


def parse_utf8_option(argument: str) -> bool:
    """Read OPTS UTF8, or OPTS UTF-8 (de facto; draft-ietf-ftpext-utf-8-option); returns whether UTF-8 is asked for."""
    word = argument.strip(" ").lower()
    if word not in {"", "on", "off", "nlst"}:
        raise ArgumentSyntaxError("Expected ON or OFF")
    return word != "off"


def parse_language(argument: str) -> str:
    """Read LANG (RFC 2640 section 4.1); returns the tag in lower case, empty for the default language."""
    tag = argument.strip(" ")
    if tag and grammar.LANGUAGE_TAG.fullmatch(tag) is None:
        raise ArgumentSyntaxError("Not a language tag")
    return tag.lower()


def parse_client_id(argument: str) -> dict[str, str]:
    """Read CSID, ``Name=…; Version=…;`` (de facto; draft-peterson-streamlined-ftp-command-extensions).

    Returns:
        The fields, their names in lower case.
    """
    fields = [field.partition("=") for field in argument.split(";") if field.strip(" ")]
    if not 0 < len(fields) <= _MAX_CSID_FIELDS or not all(name.strip(" ") and sign for name, sign, _ in fields):
        raise ArgumentSyntaxError("Expected Name=…; Version=…;")
    return {name.strip(" ").lower(): value.strip(" ") for name, _, value in fields}


def parse_hostname(argument: str) -> Hostname:
    """Read HOST; a port, a user or anything else of a URI is an error."""
    name = argument.strip(" ")
    literal = grammar.IP_LITERAL.fullmatch(name)
    if literal is not None:
        return Hostname(normal_host(literal["ipv6"] or name), is_literal=True)
    if grammar.DOMAIN.fullmatch(name) is None:
        raise ArgumentSyntaxError("Not a host name")
    return Hostname(name.lower(), is_literal=False)


def _code(argument: str, pattern: re.Pattern[str]) -> str:
    code = argument.strip(" ")
    if pattern.fullmatch(code) is None:
        raise ArgumentSyntaxError("Invalid parameter")
    return code.upper()


def _number(argument: str, limit: int) -> int:
    digits = argument.strip(" ")
    if grammar.DECIMAL.fullmatch(digits) is None or int(digits) > limit:
        raise ArgumentSyntaxError("Not a number in range")
    return int(digits)
