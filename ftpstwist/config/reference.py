"""The reference page and the example file, printed from the schema, so that they can not be out of date.

``python -m ftpstwist.config.reference`` prints ``docs/configuration.md``; with
``--example`` it prints ``etc/ftps.toml``.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from ftpstwist.config.form import form_of
from ftpstwist.config.schema import Settings
from ftpstwist.config.setting import doc_of, example_of, settings_of

_WIDTH = 100

_PAGE_HEAD = """\
# Configuration

<!-- Printed from the schema by: python -m ftpstwist.config.reference > docs/configuration.md -->

The configuration is one [TOML](https://toml.io) file. Every setting has a default, so a file holds only
what differs; `etc/ftps.toml` shows all of them. Before the server starts, and at any time with

    ftpstwist check --config ftps.toml

the file is judged as a whole: unknown settings, values that make no sense, settings that contradict each
other, files that are missing or unsafe. All of that is told at once, each with file, line, setting, cause
and remedy, and the server does not start before it is put right.

Relative paths start at the folder of the configuration file.
"""

_EXAMPLE_HEAD = """\
# All settings of ftpstwist with their defaults: take away a "#" to change one.
#
# Check the file with:     ftpstwist check --config ftps.toml
# Start the server with:   twistd --nodaemon ftps --config ftps.toml
#
# Relative paths start at the folder of this file. Durations are seconds, or text such as "90s", "5m",
# "2h"; sizes are octets, or text such as "64 KiB", "10 MB".
# This file is printed by: python -m ftpstwist.config.reference --example
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: Its name in the file.
        doc: What it does.
        words: What its values look like.
        default: TOML text of its default; ``None`` if it must be given.
        sample: TOML text for the example file.
    """

    name: str
    doc: str
    words: str
    default: str | None
    sample: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        path: Its name in the file; empty for the file as a whole.
        doc: What it is about, as paragraphs.
        keys: Its settings.
        entry: For a table whose keys are up to the operator: words for an entry, and an example.
        is_repeated: Whether it is an array of tables.
    """

    path: str
    doc: tuple[str, ...]
    keys: tuple[Key, ...]
    entry: tuple[str, str] | None = None
    is_repeated: bool = False

    @property
    def header(self) -> str:
        """Its header line in TOML."""
        return f"[[{self.path}]]" if self.is_repeated else f"[{self.path}]"


def tables(kind: type = Settings, path: str = "", *, is_repeated: bool = False) -> Iterator[Table]:
    """Yield a table of the schema and those below it, in the order of the file."""
    hints = get_type_hints(kind, include_extras=True)
    keys: list[Key] = []
    below: list[Iterator[Table]] = []
    for declared in settings_of(kind):
        annotation, name = hints[declared.name], f"{path}.{declared.name}".removeprefix(".")
        repeated = get_args(annotation)[0] if get_origin(annotation) is tuple else None
        if is_dataclass(annotation):
            below.append(tables(annotation, name))  # type: ignore[arg-type]  # is_dataclass takes instances, too
        elif is_dataclass(repeated):
            below.append(tables(repeated, name, is_repeated=True))  # type: ignore[arg-type]
        elif get_origin(annotation) is dict:
            below.append(iter([_table_of_entries(declared, annotation, name)]))
        else:
            keys.append(_key(declared, annotation))
    if keys:
        yield Table(path, _paragraphs(kind.__doc__ or ""), tuple(keys), is_repeated=is_repeated)
    for each in below:
        yield from each


def reference_page() -> str:
    """Return ``docs/configuration.md``."""
    parts = [_PAGE_HEAD]
    for table in tables():
        parts.append(f"## `{table.header}`\n\n" + "\n\n".join(table.doc).replace("``", "`") + "\n")
        parts.extend(_describe_key(key) for key in table.keys)
        if table.entry is not None:
            words, example = table.entry
            parts.append(f"Written as {words}. Example:\n\n    {example}\n")
    return "\n".join(parts)


def example_file() -> str:
    """Return ``etc/ftps.toml``: every setting with its default, commented out."""
    return "\n".join([_EXAMPLE_HEAD, *("\n".join(_example_table(table)) + "\n" for table in tables())])


def main(arguments: Sequence[str]) -> None:
    """Print the reference page, or with ``--example`` the example file."""
    sys.stdout.write(example_file() if "--example" in arguments else reference_page())


# --- from the schema ------------------------------------------------------------------------------


def _key(declared: Field[Any], annotation: object) -> Key:
    default = None if declared.default is MISSING else _show(annotation, declared.default)
    sample = example_of(declared) or default or ""
    return Key(declared.name, doc_of(declared), _words(annotation), default, sample)


def _table_of_entries(declared: Field[Any], annotation: object, name: str) -> Table:
    key, value = get_args(annotation)
    words = f"{_words(key)} = {_words(value)}"
    return Table(name, (doc_of(declared),), (), entry=(words, example_of(declared) or ""))


def _words(annotation: object) -> str:
    if form := form_of(annotation):
        return form.words
    return f"a list, each {_words(get_args(annotation)[0])}"


def _show(annotation: object, value: Any) -> str:
    if form := form_of(annotation):
        return form.show(value)
    return "[" + ", ".join(_show(get_args(annotation)[0], entry) for entry in value) + "]"


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


# --- to text --------------------------------------------------------------------------------------


def _describe_key(key: Key) -> str:
    default = "required" if key.default is None else f"default `{key.default}`"
    return f"**`{key.name}`** ({default})  \n{key.doc}  \n*Written as* {key.words}.\n"


def _example_table(table: Table) -> Iterator[str]:
    for paragraph in table.doc:
        yield from _comment(paragraph.replace("``", '"'))
    mark = "#" if table.is_repeated else ""
    yield mark + table.header
    for key in table.keys:
        yield ""
        yield from _comment(key.doc)
        yield f"#{key.name} = {key.sample}"
    if table.entry is not None:
        yield f"#{table.entry[1]}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


if __name__ == "__main__":
    main(sys.argv[1:])
