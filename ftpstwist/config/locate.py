"""On which line of a TOML file a key stands: what ``tomllib`` knows and does not tell.

The text has been read by ``tomllib`` before, so it is valid, and finding the
keys takes no more than table headers, assignments and skipping over values
that span lines. Keys inside inline tables are not looked for; complaints
about them point to the line of the key around them.
"""

from __future__ import annotations

import re
from collections import Counter

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TABLE = re.compile(rf"\s*\[\s*({_KEY})\s*\]")
_ARRAY_TABLE = re.compile(rf"\s*\[\[\s*({_KEY})\s*\]\]")
_ASSIGNMENT = re.compile(rf"\s*({_KEY})\s*=")
_PIECE = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""+|\'\'\'.*?\'\'\'+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[\[{]|[\]}]|\n|[^"'#\[\]{}\n]+''',
    re.DOTALL,
)


def locate_keys(text: str) -> dict[str, int]:
    """Return the line, counted from 1, of every table and key.

    Args:
        text: A valid TOML document.

    Returns:
        ``{"server": 1, "server.banner": 2, "tls.certificates[0].key": 7, …}``
    """
    lines: dict[str, int] = {}
    counts: Counter[str] = Counter()
    table = ""
    for number, line in _statements(text):
        if found := _ARRAY_TABLE.match(line):
            name = _full_name(found[1], counts)
            table = f"{name}[{counts[name]}]"
            counts[name] += 1
            lines.setdefault(name, number)
            lines[table] = number
        elif found := _TABLE.match(line):
            table = _full_name(found[1], counts)
            lines[table] = number
        elif found := _ASSIGNMENT.match(line):
            key = _plain(found[1])
            lines[f"{table}.{key}" if table else key] = number
    return lines


def _statements(text: str) -> list[tuple[int, str]]:
    """Return each line on which a statement begins, with its number."""
    rows = text.split("\n")
    starts: list[tuple[int, str]] = []
    number, depth, fresh = 1, 0, True
    for piece in _PIECE.findall(text):
        if piece == "\n":
            number, fresh = number + 1, depth == 0
            continue
        if fresh and piece.strip() and not piece.startswith("#"):
            starts.append((number, rows[number - 1]))
            fresh = False
        depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
        number += piece.count("\n")
    return starts


def name_key(part: str) -> str:
    """Return one part of a key as TOML would write it: in quotes only if it must be."""
    return part if _BARE.fullmatch(part) else f'"{part}"'


def _plain(key: str) -> str:
    return ".".join(_parts(key))


def _full_name(header: str, counts: Counter[str]) -> str:
    """Return the name in a header, with the number of the last entry wherever it goes on in an array of tables."""
    name = ""
    for part in _parts(header):
        if counts[name]:
            name = f"{name}[{counts[name] - 1}]"
        name = f"{name}.{part}" if name else part
    return name


def _parts(key: str) -> list[str]:
    return [name_key(part.strip("\"'")) for part in re.findall(_PART, key)]
