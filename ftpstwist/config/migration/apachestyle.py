"""Configuration files in the style of Apache httpd, which ProFTPD has, too: directives and sections.

A directive is a line of words, some in quotes; a backslash at its end
continues it. A section stands between ``<Name argument>`` and ``</Name>``.
``Include`` is not followed: its files are read by naming them, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SECTION = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z]\w*)\s*(?P<arguments>[^>]*)>")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


class ApacheStyleError(ValueError):
    """The text can not be read; the message names the line."""


@dataclass(slots=True)
class Directive:
    """One directive, or one section with what is in it.

    Attributes:
        name: As written.
        arguments: Its words, without quotes.
        line: Where it begins, counted from 1.
        children: What a section holds; empty for a directive.
        is_section: Whether it is a section.
    """

    name: str
    arguments: tuple[str, ...]
    line: int
    children: list[Directive] = field(default_factory=list)
    is_section: bool = False

    @property
    def key(self) -> str:
        """The name as it is compared: without regard to case."""
        return self.name.lower()

    @property
    def text(self) -> str:
        """The arguments with one space between them."""
        return " ".join(self.arguments)


def parse(text: str) -> list[Directive]:
    """Read a configuration.

    Sections that are still open at the end are closed there: examples in
    documentation often leave that out.

    Raises:
        ApacheStyleError: A section is closed that is not open.
    """
    top: list[Directive] = []
    open_sections: list[Directive] = []
    for number, line in _logical_lines(text):
        here = open_sections[-1].children if open_sections else top
        section = _SECTION.fullmatch(line)
        if section is None:
            name, *arguments = _words(line)
            here.append(Directive(name, tuple(arguments), number))
        elif not section["end"]:
            opened = Directive(section["name"], tuple(_words(section["arguments"])), number, is_section=True)
            here.append(opened)
            open_sections.append(opened)
        elif open_sections and open_sections[-1].key == section["name"].lower():
            open_sections.pop()
        else:
            raise ApacheStyleError(f"line {number}: {line} closes a section that is not open")
    return top


def flattened(directives: list[Directive], grouping: frozenset[str]) -> list[Directive]:
    """Take out the sections that only group others.

    Args:
        directives: As read.
        grouping: Names of such sections, in lower case.
    """
    flat: list[Directive] = []
    for each in directives:
        if each.is_section and each.key in grouping:
            flat += flattened(each.children, grouping)
        else:
            flat.append(each)
    return flat


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    begun, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if begun else number
        stripped = line.strip()
        if not begun and stripped.startswith("#"):
            continue
        if stripped.endswith("\\"):
            begun += stripped[:-1] + " "
            continue
        whole, begun = (begun + stripped).strip(), ""
        if whole:
            yield start, whole


def _words(text: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for quoted, bare in _WORD.findall(text)]
