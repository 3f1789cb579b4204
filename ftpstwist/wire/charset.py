"""Character sets of names on the control connection and in listings (RFC 2640 section 2).

Names are UTF-8, unless an operator knows that some clients mean another
character set. Then their octets are decoded from it, and names encoded into it.

How it works: a character that the set does not have, an octet of a name on the
disk that is no UTF-8, and whatever would not come back as it went, stand as
``{U+20AC}`` in what the client sees, and mean the same in what it sends. So every
name can be fetched and deleted as it is shown, and none is changed on the way:
``name(octets(text)) == text`` for all names. What looks like such an escape
in a true name is escaped itself.

Only sets that hold ASCII in its own octets, and have no states, can be used: all
else of the protocol is ASCII.
"""

from __future__ import annotations

from functools import lru_cache
from re import Match

from ftpstwist.wire import grammar
from ftpstwist.wire.pathname import decode_name, encode_name

UTF_8 = "utf-8"

LEGACY_CHARSETS = frozenset(
    {
        *(f"iso-8859-{part}" for part in (1, 2, 3, 4, 5, 7, 9, 10, 13, 14, 15, 16)),
        *(f"windows-{page}" for page in (1250, 1251, 1252, 1253, 1254, 1257)),
        *("koi8-r", "koi8-u", "cp437", "cp850", "cp852", "cp866", "mac-roman"),
        *("shift_jis", "cp932", "euc-jp", "gb18030", "gbk", "big5", "euc-kr", "cp949"),
    }
)
"""What can be used besides UTF-8, as Python and others know them."""

_ESCAPE_BEGINS = "{U+"


class Charset:
    """One character set.

    Args:
        label: :data:`UTF_8`, or one of :data:`LEGACY_CHARSETS`.

    Raises:
        ValueError: It is neither.
    """

    def __init__(self, label: str = UTF_8) -> None:
        if label != UTF_8 and label not in LEGACY_CHARSETS:
            raise ValueError(f"not a character set that can be used: {label!r}")
        self.label = label
        self.is_utf_8 = label == UTF_8
        self._octets_of = lru_cache(maxsize=4096)(self._encode_character)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charset) and other.label == self.label

    def __hash__(self) -> int:
        return hash(self.label)

    def __repr__(self) -> str:
        return f"Charset({self.label!r})"

    def __reduce__(self) -> tuple[type[Charset], tuple[str]]:
        return Charset, (self.label,)

    def text(self, octets: bytes) -> str:
        """Decode octets of a client, whatever they are; never fails, escapes stay as they are."""
        return decode_name(octets) if self.is_utf_8 else octets.decode(self.label, "surrogateescape")

    def name(self, octets: bytes) -> str:
        """Decode octets that may hold names; never fails."""
        text = self.text(octets)
        return text if self.is_utf_8 else grammar.ESCAPED_CHARACTER.sub(_unescape, text)

    def octets(self, text: str) -> bytes:
        """Encode text that may hold names; never fails for what :meth:`name` gives."""
        if self.is_utf_8:
            return encode_name(text)
        octets = text.encode("ascii") if text.isascii() else b"".join(map(self._octets_of, text))
        return octets if self.name(octets) == text else b"".join(map(self._escape_if_doubtful, text))

    def _escape_if_doubtful(self, character: str) -> bytes:
        return _escape(character) if character == _ESCAPE_BEGINS[0] else self._octets_of(character)

    def _encode_character(self, character: str) -> bytes:
        try:
            octets = character.encode(self.label)
            return octets if octets.decode(self.label) == character else _escape(character)
        except UnicodeError:
            return _escape(character)


def _escape(character: str) -> bytes:
    return f"{_ESCAPE_BEGINS}{ord(character):04X}}}".encode("ascii")


def _unescape(match: Match[str]) -> str:
    return chr(int(match["number"], 16))
