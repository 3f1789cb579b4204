"""What a conversion brings: settings for the TOML file, and remarks on what they do not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from ftpstwist.config.migration.apachestyle import Directive


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the reader has to know.

    Attributes:
        line: Where the directive stands.
        directive: Its name.
        text: Why it is left out, or what it became.
    """

    line: int
    directive: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.directive}: {self.text}"


@dataclass(slots=True)
class Outcome:
    """The settings gathered so far.

    Attributes:
        settings: Tables by name, as TOML will have them.
        remarks: In the order of the file.
        notes: What converters of one run have to remember for each other.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def set(self, key: str, value: object) -> None:
        """Set ``table.key`` (or deeper)."""
        *tables, name = key.split(".")
        table = self.settings
        for each in tables:
            table = table.setdefault(each, {})
        table[name] = value

    def get(self, key: str, default: Any = None) -> Any:
        """Return what was set before."""
        value: Any = self.settings
        for each in key.split("."):
            if not isinstance(value, dict) or each not in value:
                return default
            value = value[each]
        return value

    def add(self, key: str, value: object) -> None:
        """Append to the list ``table.key``, unless it is there already."""
        values = self.get(key)
        if values is None:
            self.set(key, values := [])
        if value not in values:
            values.append(value)

    def remark(self, directive: Directive, text: str) -> None:
        """Tell the reader something about a directive."""
        self.remarks.append(Remark(directive.line, directive.name, text))

    def render(self, source: str) -> str:
        """Return the TOML file, with the remarks as comments at its head.

        Args:
            source: Name of the file it was made from.
        """
        document = tomlkit.document()
        document.add(tomlkit.comment(f"Made from {source} by ftpstwist convert; judge it with: ftpstwist check"))
        for remark in self.remarks:
            document.add(tomlkit.comment(str(remark)))
        document.add(tomlkit.nl())
        for name, table in self.settings.items():
            document.add(name, tomlkit.item(table))
        return tomlkit.dumps(document)


Take = Callable[[Outcome, Directive], None]


@dataclass(frozen=True, slots=True)
class Converter:
    """How one directive is taken over.

    Attributes:
        words: What becomes of it, for the documentation.
        take: Does it; raises ValueError or LookupError for arguments it does not understand.
    """

    words: str
    take: Take


def becomes(words: str) -> Callable[[Take], Converter]:
    """Make a converter of a function."""
    return lambda take: Converter(words, take)


def left_out(reason: str) -> Converter:
    """Return a converter that only says why there is no such setting."""
    return Converter(f"— {reason}", lambda outcome, directive: outcome.remark(directive, f"left out: {reason}"))


def taken_elsewhere(words: str) -> Converter:
    """Return a converter that does nothing: what the directive says is read with another one."""
    return Converter(words, lambda _outcome, _directive: None)


def text_of(key: str) -> Converter:
    """Return a converter that takes the arguments as one text."""
    return Converter(f"`{key}`", lambda outcome, directive: outcome.set(key, directive.text))


def word_of(key: str) -> Converter:
    """Return a converter that takes the first argument."""
    return Converter(f"`{key}`", lambda outcome, directive: outcome.set(key, directive.arguments[0]))


def one_of(key: str) -> Converter:
    """Return a converter that takes the first argument as one more entry of a list."""
    return Converter(f"`{key}`", lambda outcome, directive: outcome.add(key, directive.arguments[0]))


def number_of(key: str) -> Converter:
    """Return a converter that takes a number; 0 and ``none``, which meant "never", stay with the default."""

    def take(outcome: Outcome, directive: Directive) -> None:
        if directive.arguments[0].isdigit() and int(directive.arguments[0]) > 0:
            outcome.set(key, int(directive.arguments[0]))
        else:
            outcome.remark(directive, "there is always a limit here; the default is kept")

    return Converter(f"`{key}`", take)


def apply(outcome: Outcome, directives: list[Directive], table: dict[str, Converter], unknown: str) -> None:
    """Convert directives by a table of their names, which are compared without regard to case.

    A directive whose arguments can not be understood becomes a remark.
    """
    by_key = {name.lower(): converter for name, converter in table.items()}
    for directive in directives:
        converter = by_key.get(directive.key)
        if converter is None:
            outcome.remark(directive, unknown)
            continue
        try:
            converter.take(outcome, directive)
        except (ValueError, LookupError):
            outcome.remark(directive, f"the arguments {directive.text!r} were not understood")


def table_of(converters: dict[str, Converter]) -> str:
    """Return the table of directives for the documentation, in Markdown."""
    rows = [f"| {name} | {converter.words} |" for name, converter in converters.items()]
    return "\n".join(["| directive | here |", "|---|---|", *rows]) + "\n"
