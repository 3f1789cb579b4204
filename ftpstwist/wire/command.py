"""Commands (RFC 959 section 4.1): one line of octets becomes a verb and its argument.

Exactly one space separates them; all others belong to the argument, in front
of a pathname as well as behind it (RFC 2640 section 3.1). Spaces before the
verb are forgiven, as RFC 3659 section 7.9.2 itself shows them; so is a single
space behind a verb without an argument, which clients send by habit.

It does not know which verbs exist and judges no argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from ftpstwist.wire import grammar
from ftpstwist.wire.pathname import decode_name

_BEFORE_VERB = b" \xff"
"""An IAC is left over when the Data Mark of a Telnet Synch went by as urgent data (RFC 959 section 4.1.3, ABOR)."""


class CommandSyntaxError(ValueError):
    """The line is no command; the client sees 500. Nothing of the line is in it: it may be a password."""


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """One command as the client gave it.

    Attributes:
        verb: In capitals.
        argument: Everything behind the separating space, untouched; octets that
            are not UTF-8 as surrogates (``encode_name`` gives them back).
    """

    verb: str
    argument: str = ""

    def __repr__(self) -> str:
        return f"Command({self.verb!r}, …)"


def parse_command(line: bytes) -> Command:
    """Read one line, already free of its line end and of Telnet.

    Raises:
        CommandSyntaxError: If it does not start with a verb (client sees 500).
    """
    match = grammar.COMMAND.fullmatch(decode_name(line.lstrip(_BEFORE_VERB)))
    if match is None:
        raise CommandSyntaxError("not a command")
    return Command(match["verb"].upper(), match["argument"] or "")
