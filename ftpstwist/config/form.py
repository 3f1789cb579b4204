"""How single values are written in the configuration: what a form is, and the forms of words and texts.

A :class:`Form` reads one kind of value, shows it again, and says in words what
it looks like. A field of the schema carries its form in its type,
``Annotated[float, seconds(least=1)]``: the loader reads with it, the reference
page is written with it, and behind it the value is of a type that can not be
wrong. Values are never guessed: ``"10"`` is no number and ``644`` is no mode.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

from ftpstwist.config.complaint import Unusable

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

NONE = "none"
"""The word for "no limit" and "no file"."""
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """One way of writing values.

    Attributes:
        words: What such a value looks like, for people; fits behind "expected".
        read: From what TOML gave to the value; raises :class:`Unusable`.
        show: From the value to TOML text that :attr:`read` accepts.
    """

    words: str
    read: Callable[[object], T]
    show: Callable[[T], str]


# --- words for people -----------------------------------------------------------------------------


def quote(text: str) -> str:
    """Return *text* as a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def describe(value: object) -> str:
    """Return a value as a complaint shows it: as TOML writes it, shortened when long."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            short = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
            return quote(short)
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return str(value)


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* is most likely a slip of the finger for."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def join_words(words: list[str], conjunction: str = "or") -> str:
    """Return ``a, b or c``."""
    return f" {conjunction} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def expected(noun: str, example: str, value: object) -> Unusable:
    """Return the complaint about a value that is not of the form at all."""
    return Unusable(f"{describe(value)} is not {noun}", f"Write {noun}{example}")


# --- forms ----------------------------------------------------------------------------------------


def text(*, most: int = 500) -> Form[str]:
    """One line of text of at most *most* characters."""
    noun, example = "text", " in quotes, on one line"

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise expected(noun, example, value)
        if any(ord(character) < ord(" ") or character == "\x7f" for character in value):
            raise Unusable(f"{describe(value)} holds a line break or control character", "Write one plain line")
        if len(value) > most:
            raise Unusable(f"the text has {len(value)} characters", f"Write at most {most}")
        return value

    return Form(noun + example, read, quote)


def word(noun: str, example: str, pattern: str) -> Form[str]:
    """Text that matches a regular expression as a whole."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise expected(noun, example, value)
        return value

    return Form(noun + example, read, quote)


def scalar() -> Form[str | int | bool]:
    """Text, a whole number, or yes or no: what a program of others is given as it is."""
    noun, example = "text, a whole number, true or false", ""

    def read(value: object) -> str | int | bool:
        if not isinstance(value, str | int):
            raise expected(noun, example, value)
        return value

    return Form(noun, read, lambda value: quote(value) if isinstance(value, str) else json.dumps(value))


def path() -> Form[Path]:
    """A path of the host; a relative one starts at the folder of the configuration file."""
    noun, example = "a path", " in quotes; a relative one starts at the folder of this file"

    def read(value: object) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise expected(noun, example, value)
        if value.startswith("~"):
            raise Unusable(f"{describe(value)} begins with ~, which no shell is there to expand", "Write the full path")
        return Path(value)

    return Form(noun + example, read, lambda value: quote(str(value)))


def flag() -> Form[bool]:
    """Yes or no."""
    words = "true or false"

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise Unusable(f"{describe(value)} is not {words}", f"Write {words}, without quotes")
        return value

    return Form(words, read, lambda value: "true" if value else "false")


def choice(members: type[E], *, among: Iterable[E] | None = None) -> Form[E]:
    """One of the values of an Enum, or one *among* them."""
    known = [str(member.value) for member in among or members]
    words = f"one of {join_words([quote(name) for name in known])}"

    def read(value: object) -> E:
        if not isinstance(value, str) or value not in known:
            raise Unusable(f"{describe(value)} is not {words}", _remedy_for_choice(value, known, words))
        return members(value)

    return Form(words, read, lambda value: quote(str(value.value)))


def _remedy_for_choice(value: object, known: list[str], words: str) -> str:
    if not isinstance(value, str):
        return f"Write {quote(str(value))}, in quotes" if str(value) in known else f"Write {words}"
    close = suggest(value, known) if value.isalpha() else None
    return f"Did you mean {quote(close)}?" if close else f"Write {words}"


def words_from(members: type[E]) -> Form[frozenset[E]]:
    """A list of values of an Enum, in any order."""
    single = choice(members)
    noun, example = "a list of words", f", each {single.words}"

    def read(value: object) -> frozenset[E]:
        if not isinstance(value, list):
            raise expected(noun, example, value)
        return frozenset(single.read(entry) for entry in value)

    def show(value: frozenset[E]) -> str:
        return "[" + ", ".join(single.show(member) for member in members if member in value) + "]"

    return Form(noun + example, read, show)


def or_word(form: Form[T], word: str = NONE) -> Form[T | None]:
    """*form*, or a word that stands for "not given"; TOML itself has no null."""

    def read(value: object) -> T | None:
        if value == word:
            return None
        try:
            return form.read(value)
        except Unusable as error:
            if error.remedy.endswith("?"):
                raise
            raise Unusable(error.cause, f'{error.remedy}; or "{word}"') from None

    def show(value: T | None) -> str:
        return quote(word) if value is None else form.show(value)

    return Form(f'{form.words}; or "{word}"', read, show)


def form_of(annotation: object) -> Form[Any] | None:
    """Return the form of a field's type: the one it carries, or that of a flag or a choice; else ``None``."""
    if get_origin(annotation) is Annotated:
        return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, Form)), None)
    if annotation is bool:
        return flag()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return choice(annotation)
    return None
