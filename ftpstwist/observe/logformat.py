"""Log lines in a format of the operator's, in the language of ProFTPD's ``LogFormat``: one line a command.

::

    %h %l %u %t "%r" %s %b

What stands for nothing is a hyphen. Of ProFTPD's variables those are left out
that our server does not have (processes, groups, notes other than those of
TLS); a format with one of them is refused when it is read, not guessed.
Octets of ``%I`` and ``%O`` are those of data connections, of the session so far.

A line is made of the command's answer and, for RETR, STOR, APPE and STOU, of
what became of the file; the end of a session makes one with the verb EXIT, as
there. All text is escaped; a format can break no line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from ftpstwist.observe.escape import escape
from ftpstwist.observe.variables import variables
from ftpstwist.session.catalogue import CATALOGUE, DataUse
from ftpstwist.session.events import CommandAnswered, Direction, Event, FileTransferred, SessionClosed

EXIT = "EXIT"
"""The verb of the line about the end of a session."""
_TIME = "[%d/%b/%Y:%H:%M:%S %z]"
_META = re.compile(r"%(?:\{([^}]+)\}([et](?![a-z]))?|(.))", re.DOTALL)
_MILLISECONDS = 1000

LocalTime = Callable[[float], time.struct_time]


class LogFormatError(ValueError):
    """The format has a variable that is not known; its text names it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a line is made of.

    Attributes:
        event: The answer to a command, or the end of the session.
        transfer: What became of the file, for commands that transfer one.
        received: Octets that data connections have brought in the session.
        sent: Octets that they have taken.
    """

    event: CommandAnswered | SessionClosed
    transfer: FileTransferred | None = None
    received: int = 0
    sent: int = 0


_Part = Callable[[Facts], object]


class LogFormat:
    """A format that was read.

    Args:
        text: The format.
        localtime: From seconds since the epoch to the time of this place.

    Raises:
        LogFormatError: It has a variable that is not known.
    """

    def __init__(self, text: str, *, localtime: LocalTime = time.localtime) -> None:
        self._localtime = localtime
        self._parts: list[str | _Part] = []
        end = 0
        for meta in _META.finditer(text):
            self._parts += [text[end : meta.start()], self._part(*meta.groups())]
            end = meta.end()
        if "%" in text[end:]:
            raise LogFormatError("a % at the end stands for nothing")
        self._parts.append(text[end:])

    def line(self, facts: Facts) -> str:
        """Return the line, without its end."""
        return "".join(part if isinstance(part, str) else _shown(part(facts)) for part in self._parts)

    def _part(self, name: str | None, kind: str | None, letter: str | None) -> str | _Part:
        if letter == "%":
            return "%"
        if letter == "t":
            return lambda facts: self._time(facts, _TIME)
        if kind == "t" and name:
            return lambda facts: self._time(facts, name)
        if name and (kind == "e" or name.startswith("note:")):
            return lambda facts: _variable(facts, name.removeprefix("note:"))
        part = _LETTERS.get(letter or "") or _NAMES.get((name or "").lower())
        if part is None or kind:
            raise LogFormatError(f"%{letter or f'{{{name}}}{kind or str()}'} is not known")
        return part

    def _time(self, facts: Facts, form: str) -> str:
        return time.strftime(form, self._localtime(facts.event.time))


class FormattedLog:
    """Writes lines in a format. An ``EventSink``; remembers a little of each session that is open.

    Args:
        log_format: The format.
        write: Takes lines, without their end.
        verbs: The commands that make lines; all if empty.
    """

    def __init__(self, log_format: LogFormat, write: Callable[[str], None], *, verbs: frozenset[str]) -> None:
        self._format = log_format
        self._write = write
        self._verbs = verbs
        self._open: dict[str, _SoFar] = {}

    def record(self, event: Event) -> None:
        """Write the line of an event, if it makes one."""
        session_id = event.session.id
        match event:
            case FileTransferred():
                self._open.setdefault(session_id, _SoFar()).transfer = event
            case CommandAnswered():
                self._tell(event.verb, self._open.setdefault(session_id, _SoFar()).facts(event))
            case SessionClosed():
                so_far = self._open.pop(session_id, None) or _SoFar()
                self._tell(EXIT, Facts(event, None, so_far.received, so_far.sent))

    def _tell(self, verb: str, facts: Facts) -> None:
        if not self._verbs or verb in self._verbs:
            self._write(self._format.line(facts))


@dataclass(slots=True)
class _SoFar:
    """What has to be remembered of an open session."""

    received: int = 0
    sent: int = 0
    transfer: FileTransferred | None = None

    def facts(self, event: CommandAnswered) -> Facts:
        """Count a command in, and return what is known of it; what is done beside a transfer does not end that."""
        row, octets, transfer = CATALOGUE.get(event.verb), event.octets or 0, None
        if row is not None and row.is_transfer:
            transfer, self.transfer = self.transfer, None
            if row.data is DataUse.RECEIVES:
                self.received += octets
            else:
                self.sent += octets
        return Facts(event, transfer, self.received, self.sent)


def _shown(value: object) -> str:
    return "-" if value is None or value == "" else escape(str(value)).replace('"', r"\"")


def _variable(facts: Facts, name: str) -> str | None:
    event: Event = facts.transfer or facts.event
    return (variables(event) | variables(facts.event)).get(name)


def _answer(facts: Facts) -> CommandAnswered | None:
    return facts.event if isinstance(facts.event, CommandAnswered) else None


def _of_answer(get: Callable[[CommandAnswered], object]) -> _Part:
    return lambda facts: None if (answer := _answer(facts)) is None else get(answer)


def _of_transfer(get: Callable[[FileTransferred], object]) -> _Part:
    return lambda facts: None if facts.transfer is None else get(facts.transfer)


def _status(transfer: FileTransferred) -> str:
    if transfer.complete:
        return "success"
    return "cancelled" if transfer.cause == "aborted" else "failed"


_LETTERS: dict[str, _Part] = {
    "a": lambda facts: facts.event.session.peer,
    "b": _of_answer(lambda answer: answer.octets),
    "E": lambda facts: facts.event.reason if isinstance(facts.event, SessionClosed) else None,
    "F": _of_transfer(lambda transfer: transfer.path),
    "f": _of_transfer(lambda transfer: transfer.path),
    "h": lambda facts: facts.event.session.peer,
    "I": lambda facts: facts.received,
    "J": _of_answer(lambda answer: answer.argument),
    "l": lambda _: "UNKNOWN",
    "m": lambda facts: EXIT if (answer := _answer(facts)) is None else answer.verb,
    "O": lambda facts: facts.sent,
    "R": _of_answer(lambda answer: round(answer.seconds * _MILLISECONDS)),
    "r": lambda facts: EXIT if (answer := _answer(facts)) is None else answer.command,
    "S": _of_answer(lambda answer: answer.reply),
    "s": _of_answer(lambda answer: answer.code),
    "T": _of_transfer(lambda transfer: f"{transfer.seconds:.3f}"),
    "U": lambda facts: facts.event.session.user,
    "u": lambda facts: facts.event.session.user,
    "V": lambda facts: facts.event.session.host,
    "v": lambda facts: facts.event.session.host,
}
_NAMES: dict[str, _Part] = {
    "epoch": lambda facts: int(facts.event.time),
    "protocol": lambda facts: "ftps" if facts.event.session.tls else "ftp",
    "transfer-failure": _of_transfer(lambda transfer: transfer.cause),
    "transfer-millisecs": _of_transfer(lambda transfer: round(transfer.seconds * _MILLISECONDS)),
    "transfer-status": _of_transfer(_status),
    "transfer-type": _of_transfer(lambda transfer: "ascii" if transfer.ascii else "binary"),
    "transfer-direction": _of_transfer(
        lambda transfer: "upload" if transfer.direction is Direction.RECEIVED else "download"
    ),
    "session-id": lambda facts: facts.event.session.id,
}
