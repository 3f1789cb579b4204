"""Replies (RFC 959 section 4.2, RFC 1123 section 4.1.2.11, RFC 2389 section 3.2).

A reply is a code and one or more lines of text. Encoding makes it safe: a file
name in the text can neither end the line nor start another reply, and octet
255 is doubled as Telnet demands (RFC 854).
"""

from __future__ import annotations

from dataclasses import dataclass

from ftpstwist.wire import grammar
from ftpstwist.wire.charset import Charset

_UTF_8 = Charset()

MAX_LINE_OCTETS = 8192
"""Longest line of text in a reply; more is cut (two pathnames always fit)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply to one command.

    Attributes:
        code: Three digits.
        lines: The text, one string a line. The first line goes behind ``ddd-`` and the last
            behind ``ddd `` when there are several; those between are indented by one space.
    """

    code: int
    lines: tuple[str, ...]

    def __init__(self, code: int, *lines: str) -> None:
        if not 100 <= code <= 699 or not lines:  # noqa: PLR2004 - RFC 959 4.2: first digit 1 to 5, RFC 2228: 6
            raise ValueError(f"not a reply: {code} {lines!r}")
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "lines", lines)

    @property
    def is_preliminary(self) -> bool:
        """Whether another reply to the same command follows (1xx)."""
        return self.code < 200  # noqa: PLR2004

    @property
    def is_positive(self) -> bool:
        """Whether the command did, or will do, what it asked for (1xx, 2xx, 3xx)."""
        return self.code < 400  # noqa: PLR2004

    def encode(self, charset: Charset = _UTF_8) -> bytes:
        """Return the octets for the control connection, CRLF included.

        Args:
            charset: What the client takes names for.
        """
        *head, last = [_encode_line(line, charset) for line in self.lines]
        out = [b" %s\r\n" % line for line in head]
        if head:
            out[0] = b"%d-%s\r\n" % (self.code, head[0])
        out.append(b"%d %s\r\n" % (self.code, last))
        return b"".join(out)


def quote_pathname(text: str) -> str:
    """Quote a pathname for a 257 reply: quotes inside are doubled (RFC 959 appendix II)."""
    return '"' + text.replace('"', '""') + '"'


def _encode_line(line: str, charset: Charset) -> bytes:
    """Encode one line: no line break inside, CR padded by NUL (RFC 2640 section 3.1), IAC doubled."""
    octets = charset.octets(grammar.NOT_IN_REPLY.sub("?", line))[:MAX_LINE_OCTETS]
    return octets.replace(b"\r", b"\r\0").replace(b"\xff", b"\xff\xff")
