"""What can be wrong with the argument of a command (RFC 959 section 4.2, replies 501 and 504).

The classes say which reply fits; their texts are fixed words that hold nothing
of what the client sent, so they may be shown to anyone.
"""

from __future__ import annotations


class ArgumentError(ValueError):
    """The argument of a command can not be used; a subclass says why.

    Args:
        text: Fixed words, safe to send to the client.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ArgumentSyntaxError(ArgumentError):
    """It does not follow the grammar; the client sees 501."""


class ArgumentUnsupported(ArgumentError):  # noqa: N818 - the word of RFC 959: "not implemented for that parameter"
    """It follows the grammar and asks for something that is not done here; the client sees 504."""
