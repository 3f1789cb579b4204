"""Wildcards of LIST and NLST (RFC 959 leaves them to the system; these are the shell's).

``*``, ``?`` and ``[...]`` (``[!...]`` negated, no escapes) on one component of a
pathname: the commands of RFC 3659 take names literally (section 2.2.2).

How it works
============

A pattern is cut at its stars into runs of fixed length. The first run has to
stand at the start, the last at the end, those between as far left as they can,
each in an atomic group. So nothing is ever tried twice: a name costs at most
its length times that of the pattern, and both have limits. There is no
expansion of braces or home directories, and no directory is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ftpstwist.wire.errors import ArgumentSyntaxError

MAX_PATTERN_LENGTH = 255
"""Characters of a pattern: as long as a name can be."""
MAX_WILDCARDS = 32
"""Stars, question marks and brackets of a pattern together."""

_WILDCARD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"(?P<any>\?)|(?P<star>\*)|\[(?P<negated>!?+)(?P<members>.[^\]]*)\]|(?P<literal>.)", re.DOTALL)
_MEMBER = re.compile(r"(?P<low>.)-(?P<high>.)|(?P<single>.)", re.DOTALL)
_NOTHING = r"(?!)"


def has_wildcards(text: str) -> bool:
    """Tell whether *text* could be a pattern; a file that is really called so goes before."""
    return _WILDCARD.search(text) is not None


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """Return a predicate that tells whether a name matches *pattern*; upper and lower case differ.

    Raises:
        ArgumentSyntaxError: If the pattern is longer than :data:`MAX_PATTERN_LENGTH` or has more than
            :data:`MAX_WILDCARDS` (client sees 501).
    """
    if len(pattern) > MAX_PATTERN_LENGTH or len(_WILDCARD.findall(pattern)) > MAX_WILDCARDS:
        raise ArgumentSyntaxError("Pattern too complex")
    matches = re.compile(_translate(pattern), re.DOTALL).fullmatch
    return lambda name: matches(name) is not None


def _translate(pattern: str) -> str:
    """Return the regular expression of *pattern*; every run in it has a fixed width."""
    runs: list[list[str]] = [[]]
    for token in _TOKEN.finditer(pattern):
        if token["star"]:
            runs.append([])
        else:
            runs[-1].append(_translate_token(token))
    first, *others = ("".join(run) for run in runs)
    if not others:
        return first
    *middle, last = others
    # The last run is looked for once, at the end, and only behind what the runs before it took.
    at_end = rf".{{{len(runs[-1])},}}+(?<={last})"
    return first + "".join(rf"(?>.*?{run})" for run in middle) + at_end


def _translate_token(token: re.Match[str]) -> str:
    if token["any"]:
        return "."
    if token["literal"]:
        return re.escape(token["literal"])
    members = "".join(map(_translate_member, _MEMBER.finditer(token["members"])))
    if token["negated"]:
        return f"[^{members}]" if members else "."
    return f"[{members}]" if members else _NOTHING


def _translate_member(member: re.Match[str]) -> str:
    if member["single"]:
        return re.escape(member["single"])
    if member["low"] > member["high"]:
        return ""
    return f"{re.escape(member['low'])}-{re.escape(member['high'])}"
