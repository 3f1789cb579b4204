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
    for place, _ in failures:
        _take_out(data, place)
    return Structured(
        _CONVERTER.structure(data, schema),
        frozenset(write_key(place) for place, _ in failures),
        tuple(_complain(place, failure, schema=schema, origin=origin) for place, failure in failures),
    )


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
            raise Unusable(f"{describe(value)} is not a table", "Write its name in [brackets] and its settings below")
        return inner(value, annotation)

    return read


def _from_list(inner: _Hook) -> _Hook:
    def read(value: object, annotation: Any) -> Any:
        if not isinstance(value, list):
            remedy = f"Put it in brackets: [{describe(value)}]" if isinstance(value, str) else "Write [a, b, c]"
            raise Unusable(f"{describe(value)} is not a list", remedy)
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


def _complain(place: Place, failure: Exception, *, schema: type, origin: Origin) -> Complaint:
    key = write_key(place)
    match failure:
        case Unusable():
            return origin.complain(key, failure.cause, failure.remedy)
        case ForbiddenExtraKeysError():
            return _complain_of_unknown(place, failure.cl, schema=schema, origin=origin)
        case KeyError():
            return origin.complain(key, "the setting is missing", f"Add it: {_doc_at(place, schema)}")
        case _:
            raise failure


def _complain_of_unknown(place: Place, table: type, *, schema: type, origin: Origin) -> Complaint:
    path, name = write_key(place[:-1]), str(place[-1])
    cause = f"there is no setting {name_key(name)} in [{path}]" if path else f"there is no table {name_key(name)}"
    known = [declared.name for declared in settings_of(table)]
    homes = [home for home in _tables_with(name, schema, "") if home != f"[{path}]"]
    if close := suggest(name, known):
        remedy = f"Did you mean {close}?"
    elif homes:
        remedy = f"Move it to {join_words(homes)}"
    else:
        remedy = f"Remove it; known here: {join_words(known, 'and')}"
    return origin.complain(write_key(place), cause, remedy)


def _tables_with(name: str, table: type, path: str) -> Iterator[str]:
    """Yield the headers of all tables that know a setting called *name*."""
    for key, annotation in get_type_hints(table, include_extras=True).items():
        is_repeated = _is_generic(annotation, tuple)
        inner = get_args(annotation)[0] if is_repeated else annotation
        if isinstance(inner, type) and is_dataclass(inner):
            below = f"{path}.{key}".removeprefix(".")
            yield from _tables_with(name, inner, f"[{below}]" if is_repeated else below)
        elif key == name:
            yield f"[{path}]"


def _doc_at(place: Place, schema: type) -> str:
    """Return the documentation of a setting, without its full stop."""
    *tables, name = (part for part in place if isinstance(part, str))
    for part in tables:
        annotation = get_type_hints(schema)[part]
        schema = get_args(annotation)[0] if _is_generic(annotation, tuple) else annotation
    return next(doc_of(declared) for declared in settings_of(schema) if declared.name == name).rstrip(".")
