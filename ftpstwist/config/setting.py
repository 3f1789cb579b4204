"""How the schema declares a setting: a typed dataclass field with its documentation, once, and its default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: T, doc: str, *, example: str | None = None) -> T:
    """Declare a setting.

    Args:
        default: Value when the file does not give it.
        doc: What it does, for operators: whole sentences, the reference page prints them.
        example: TOML text for the example file, where the default would show nothing.
    """
    return field(default=default, metadata={"doc": doc, "example": example})


def required(doc: str, *, example: str) -> Any:
    """Declare a setting without a default, with a value for the example file in its place."""
    return field(metadata={"doc": doc, "example": example})


def table(kind: type[T]) -> T:
    """Declare a table of settings; its documentation is the docstring of *kind*."""
    return field(default_factory=kind)


def entries(doc: str, *, example: str) -> dict[Any, Any]:
    """Declare a table whose keys are up to the operator, empty by default, with a line for the example file."""
    return field(default_factory=dict, metadata={"doc": doc, "example": example})


def doc_of(declared: Field[Any]) -> str:
    """Return the documentation of a setting."""
    return str(declared.metadata.get("doc", ""))


def example_of(declared: Field[Any]) -> str | None:
    """Return TOML text for the example file, where there is no default to show."""
    return declared.metadata.get("example")


def settings_of(kind: Any) -> tuple[Field[Any], ...]:
    """Return the fields of a table that the file can give, in the order of the schema."""
    return tuple(declared for declared in fields(kind) if declared.init and declared.compare)


def files_in(value: object) -> Iterator[Path]:
    """Yield all paths in a table of settings, those below it included."""
    match value:
        case Path():
            yield value
        case tuple():
            for entry in value:
                yield from files_in(entry)
        case _ if is_table(value):
            for declared in settings_of(value):
                yield from files_in(getattr(value, declared.name))


def is_table(value: object) -> bool:
    """Tell whether *value* is a table of settings, rather than a setting that happens to be a dataclass."""
    return is_dataclass(value) and any("doc" in declared.metadata for declared in fields(value))
