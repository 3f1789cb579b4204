"""The repeated table ``[[hooks]]``: what is run when something has happened."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from typing import Annotated

from ftpstwist.config.form import or_word, text, word, words_from
from ftpstwist.config.form_numbers import seconds
from ftpstwist.config.schema_policy import Names, folder
from ftpstwist.config.setting import required, setting
from ftpstwist.session.occasions import Occasion
from ftpstwist.wire.pathname import Pathname

_FUNCTION = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
Function = Annotated[str | None, or_word(word("a function", ' such as "package.module:function"', _FUNCTION))]
Occasions = Annotated[frozenset[Occasion], words_from(Occasion)]


@dataclass(frozen=True, slots=True)
class HookSettings:
    """A program or a Python function that is told what has happened. Repeat the table for more.

    It runs beside the server, as its user; no client waits for it. A program
    is started without a shell. It finds what happened in its environment
    (FTP_EVENT, FTP_PATH, REMOTE_USER, REMOTE_ADDR, TLS_PROTOCOL and others,
    see docs/operations.md) and as one line of JSON on its standard input.
    """

    events: Occasions = required("When it is run.", example='["upload"]')
    command: tuple[Annotated[str, text(most=4096)], ...] = setting(
        (), "The program, by its full path, and its arguments. They are given to it as they are."
    )
    function: Function = setting(
        None, "In place of a program: a function that is called with the event; it must not block, but may be async."
    )
    users: Names = setting((), "Names of users it is run for. An empty list means everybody.")
    paths: tuple[Annotated[Pathname, folder()], ...] = setting(
        (), "Folders, as clients see them: it is run for what happens there and below. An empty list means everywhere."
    )
    timeout: Annotated[float, seconds(least=1)] = setting(
        30.0, "How long it may run; then it is killed, with all that it has started."
    )
