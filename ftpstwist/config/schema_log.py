"""The repeated table ``[[log.custom]]``: logs in a format of the operator's."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, path, quote, suggest, text
from ftpstwist.config.setting import required, setting
from ftpstwist.observe.logformat import EXIT, LogFormat, LogFormatError
from ftpstwist.session.catalogue import CATALOGUE

_MOST = 1000


def log_format() -> Form[str]:
    """A format in the language of ProFTPD's LogFormat."""
    line = text(most=_MOST)

    def read(value: object) -> str:
        written = line.read(value)
        try:
            LogFormat(written)
        except LogFormatError as error:
            raise Unusable(str(error), "The variables are in docs/operations.md; a percent sign is %%") from None
        return written

    return Form("a log format, such as '%h %u %t \"%r\" %s %b'", read, quote)


def verb() -> Form[str]:
    """A command, or EXIT for the end of a session."""
    words = f'a command in capitals, or "{EXIT}" for the end of a session'
    known = [*CATALOGUE, EXIT]

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            close = suggest(str(value).upper(), known)
            raise Unusable(
                f"{describe(value)} is not {words}", f'Did you mean "{close}"?' if close else f"Write {words}"
            )
        return value

    return Form(words, read, quote)


Verb = Annotated[str, verb()]


@dataclass(frozen=True, slots=True)
class CustomLogSettings:
    """A log with one line for every command, in a format of your own. Repeat the table for more."""

    file: Annotated[Path, path()] = required("The file; its folder must exist.", example='"/var/log/ftpstwist/own.log"')
    format: Annotated[str, log_format()] = setting(
        '%h %l %u %t "%r" %s %b', "The line, in the language of ProFTPD's LogFormat; see docs/operations.md."
    )
    verbs: tuple[Verb, ...] = setting(
        (), 'Commands that make lines, and "EXIT" for ends of sessions. An empty list means all.'
    )
