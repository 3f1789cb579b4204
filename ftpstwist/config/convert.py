"""From the tables that ``tomllib`` gives to the dataclasses of the schema, with every mistake collected.

How it works: cattrs walks the dataclasses and gathers what fails into
exception groups, which say where each failure was. The forms of the fields
(``config.form``) read the single values. Here the two are put together: the
groups become complaints, and what could not be read is left out, so that the
rest can be judged in the same run. Nothing is coerced: a number is not taken
for text nor text for a number, and a text is not a list of letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import cattrs
from cattrs.cols import list_structure_factory, mapping_structure_factory
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from ftpstwist.config.complaint import Complaint, Origin, Unusable
from ftpstwist.config.form import describe, form_of, join_words, suggest
from ftpstwist.config.locate import name_key
from ftpstwist.config.setting import doc_of, settings_of

C = TypeVar("C")
Place = tuple[str | int, ...]
"""Where a value stands: names of tables and settings, and positions in lists."""

_Hook = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Structured(Generic[C]):
    """What could be made of the data.

    Attributes:
        value: The settings; what could not be read is left at its default.
        unusable: The keys that could not be read.
        complaints: Why not.
    """

    value: C
    unusable: frozenset[str]
    complaints: tuple[Complaint, ...]


def structure(data: dict[str, Any], schema: type[C], origin: Origin) -> Structured[C]:
    """Turn TOML data into a value of *schema*, with a complaint about everything that does not fit.

    Args:
        data: From ``tomllib``; what does not fit is taken out of it.
        schema: Dataclass whose fields all have defaults.
        origin: Where the data came from.
    """
    try:
        return Structured(_CONVERTER.structure(data, schema), frozenset(), ())
    except ClassValidationError as group:
        failures = list(_unfold((), group))
    complaints = tuple(_Failure(place, failure, data, schema).complain(origin) for place, failure in failures)
    for place, _ in failures:
        _take_out(data, place)
    unusable = frozenset(write_key(place) for place, _ in failures)
    return Structured(_CONVERTER.structure(data, schema), unusable, complaints)


def write_key(place: Place) -> str:
    """Return a place as complaints show it: ``tls.certificates[0].key``."""
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{name_key(part)}"
    return key.removeprefix(".")


# --- reading --------------------------------------------------------------------------------------


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook_factory(
        lambda annotation: isinstance(annotation, type) and is_dataclass(annotation),
        lambda annotation: _from_table(_table_hook(annotation, converter)),
    )
    converter.register_structure_hook_factory(
        lambda annotation: _is_generic(annotation, dict),
        lambda annotation: _from_table(mapping_structure_factory(annotation, converter)),
    )
    converter.register_structure_hook_factory(
        lambda annotation: _is_generic(annotation, tuple),
        lambda annotation: _from_list(list_structure_factory(annotation, converter)),
    )
    converter.register_structure_hook_factory(
        lambda annotation: form_of(annotation) is not None,
        _read_by_form,
    )
    # Plain types come first with cattrs, whatever the factories say; it would take "no" for true.
    converter.register_structure_hook(bool, _read_by_form(bool))
    return converter


def _is_generic(annotation: object, origin: type) -> bool:
    return get_origin(annotation) == origin


def _table_hook(table: type, converter: cattrs.Converter) -> _Hook:
    given = {declared.name for declared in settings_of(table)}
    omitted: dict[str, Any] = {each.name: override(omit=True) for each in fields(table) if each.name not in given}
    return make_dict_structure_fn(
        table,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=True,
        **omitted,
    )


def _from_table(inner: _Hook) -> _Hook:
    def read(value: object, annotation: Any) -> Any:
        if not isinstance(value, dict):
            raise Unusable(
                f"{describe(value)} is not a table", "Write its name in single [brackets] and its settings below"
            )
        return inner(value, annotation)

    return read


def _from_list(inner: _Hook) -> _Hook:
    def read(value: object, annotation: Any) -> Any:
        if not isinstance(value, list):
            put = "Write its name in [[double brackets]]" if isinstance(value, dict) else f"Write [{describe(value)}]"
            raise Unusable(f"{describe(value)} is not a list", put)
        return tuple(inner(value, annotation))

    return read


def _read_by_form(annotation: object) -> _Hook:
    form = form_of(annotation)
    if form is None:
        raise TypeError(f"{annotation} has no form")
    read = form.read
    return lambda value, _: read(value)


_CONVERTER = _make_converter()


# --- collecting failures --------------------------------------------------------------------------


def _unfold(place: Place, error: Exception) -> Iterator[tuple[Place, Exception]]:
    """Yield every single failure in a group of cattrs, with the place it is about."""
    match error:
        case ClassValidationError():
            named, bare = error.group_exceptions()
            for failure, field in named:
                yield from _unfold((*place, field.name), failure)
        case IterableValidationError():
            counted, bare = error.group_exceptions()
            for failure, position in counted:
                yield from _unfold((*place, position.index), failure)
        case ForbiddenExtraKeysError():
            bare = []
            for name in sorted(error.extra_fields):
                yield (*place, name), error
        case _:
            bare = []
            yield place, error
    for failure in bare:
        yield from _unfold(place, failure)


def _take_out(data: dict[str, Any], place: Place) -> None:
    """Remove the innermost table entry that holds *place*; a list goes as a whole."""
    table = data
    for part in place[:-1]:
        inner = table.get(str(part))
        if not isinstance(inner, dict):
            table.pop(str(part), None)
            return
        table = inner
    table.pop(str(place[-1]), None)


# --- complaining ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Failure:
    """One thing that did not fit, with what is needed to explain it."""

    place: Place
    error: Exception
    data: dict[str, Any]
    schema: type

    def complain(self, origin: Origin) -> Complaint:
        key = write_key(self.place)
        match self.error:
            case Unusable():
                return origin.complain(key, self.error.cause, self.error.remedy)
            case ForbiddenExtraKeysError():
                return origin.complain(key, self._cause_of_unknown(), self._remedy_for_unknown(self.error.cl))
            case KeyError():
                return origin.complain(key, "the setting is missing", f"Add it: {_doc_at(self.place, self.schema)}")
            case _:
                raise self.error

    def _cause_of_unknown(self) -> str:
        name, table = name_key(str(self.place[-1])), write_key(self.place[:-1])
        if table:
            return f"there is no setting {name} in [{table}]"
        if _is_table(self.data.get(str(self.place[-1]))):
            return f"there is no table {name}"
        return f"there is no setting {name} outside of the tables"

    def _remedy_for_unknown(self, table: type) -> str:
        name = str(self.place[-1])
        known = [declared.name for declared in settings_of(table)]
        if homes := list(_homes_of(name, self.schema, "")):
            return f"Write it as {join_words(homes)}"
        if close := suggest(name, known):
            return f"Did you mean {close}?"
        return f"Remove it; known here: {join_words(known, 'and')}"


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(entry, dict) for entry in value))


def _homes_of(name: str, table: type, path: str, header: str = "") -> Iterator[str]:
    """Yield where a setting or a table called *name* belongs, as people say it; *header* is the line above *table*."""
    for key, annotation in get_type_hints(table, include_extras=True).items():
        is_repeated = _is_generic(annotation, tuple)
        inner = get_args(annotation)[0] if is_repeated else annotation
        if isinstance(inner, type) and is_dataclass(inner):
            below = f"{path}.{key}".removeprefix(".")
            line = f"[[{below}]]" if is_repeated else f"[{below}]"
            if key == name:
                yield line
            yield from _homes_of(name, inner, below, line)
        elif key == name:
            yield f"{name} in {header}"


def _doc_at(place: Place, schema: type) -> str:
    """Return the documentation of a setting, without its full stop."""
    *tables, name = (part for part in place if isinstance(part, str))
    for part in tables:
        annotation = get_type_hints(schema)[part]
        schema = get_args(annotation)[0] if _is_generic(annotation, tuple) else annotation
    return next(doc_of(declared) for declared in settings_of(schema) if declared.name == name).rstrip(".")
