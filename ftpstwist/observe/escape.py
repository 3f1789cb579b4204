r"""What makes text from strangers safe in a log line.

Whatever a client sends, one event stays one line, a terminal that shows the
line obeys nothing in it, and the text can be told back exactly: control
characters, line and paragraph separators and marks that turn the direction of
writing become ``\n``, ``\x1b``, ``\u2028``; octets that are not UTF-8 become
``\xff``; a backslash is doubled. All other characters stay as they are.
"""

from __future__ import annotations

import re

UNSAFE = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""The characters that are escaped, as a regular expression writes a set of them."""

_UNSAFE_OR_BACKSLASH = re.compile(rf"[{UNSAFE}\\]")
_UNSAFE_QUOTED = re.compile(rf'[{UNSAFE}\\"]')
_UNDECODABLE_OR_BACKSLASH = re.compile(r"[\ud800-\udfff\\]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", '"': r"\""}
_FIRST_OCTET, _LAST_OCTET = 0xDC80, 0xDCFF  # how PEP 383 keeps octets 128 to 255


def escape(text: str) -> str:
    """Return *text* for a line of a log."""
    if text.isprintable() and "\\" not in text:  # most are; nothing unsafe is printable, and to search takes longer
        return text
    return _UNSAFE_OR_BACKSLASH.sub(_escape_one, text)


def quote(text: str) -> str:
    """Return *text* for a line of a log, in double quotes."""
    return f'"{_UNSAFE_QUOTED.sub(_escape_one, text)}"'


def word(text: str) -> str:
    """Return *text* for a field that ends at the next space; a hyphen if it is empty."""
    return escape(text).replace(" ", r"\x20") or "-"


def decodable(text: str) -> str:
    r"""Return *text* with octets that are not UTF-8 as ``\xff`` and backslashes doubled, all else as it is.

    For formats that write control characters safely by themselves.
    """
    return _UNDECODABLE_OR_BACKSLASH.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    character = found[0]
    number = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if _FIRST_OCTET <= number <= _LAST_OCTET:
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x80 else f"\\u{number:04x}"  # noqa: PLR2004 - ASCII is an octet
