"""From a TOML file to a :class:`Draft` of the settings, with a complaint about everything that does not fit.

A draft is not for use: ``config.check`` judges it, together with what can be
judged on this machine only, and gives the settings or all complaints at once.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ftpstwist.config.complaint import Complaint, ConfigurationError, Origin, Unusable
from ftpstwist.config.convert import structure
from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.form_network import ports
from ftpstwist.config.locate import locate_keys
from ftpstwist.config.schema import Settings
from ftpstwist.config.setting import is_table, settings_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")

MAX_FILE_OCTETS = 1 << 20
"""Largest configuration file that is read; the complete example has a hundredth of that."""
COMMAND_LINE = "command line"
"""What complaints name as the file when a value came from an option."""

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Draft:
    """Settings as far as they could be read, and what is wrong with the rest.

    Attributes:
        settings: What could not be read is left at its default.
        unusable: The keys that could not be read; nobody should judge their values.
        complaints: Why not.
    """

    settings: Settings
    unusable: frozenset[str] = frozenset()
    complaints: tuple[Complaint, ...] = ()


def load(file: str | os.PathLike[str]) -> Draft:
    """Read a configuration file as far as possible. Blocks.

    Args:
        file: Its path; relative paths inside start at its folder.

    Raises:
        ConfigurationError: It can not be read at all, or is not TOML.
    """
    name = os.fspath(file)
    return parse(_read_text(name), name)


def parse(text: str, name: str) -> Draft:
    """Read a configuration as far as possible.

    Args:
        text: A TOML document.
        name: Path of its file, for complaints and relative paths.

    Raises:
        ConfigurationError: It is not TOML.
    """
    folder = Path(name).absolute().parent
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_complain_of_syntax(name, str(error))]) from None
    origin = Origin(name, locate_keys(text))
    structured = structure(data, Settings, origin)
    settings = replace(resolve(structured.value, folder), origin=origin)
    return Draft(settings, structured.unusable, structured.complaints)


def resolve(table: D, folder: Path) -> D:
    """Return a table of settings with every relative path in it made absolute, starting at *folder*."""
    values = {declared.name: _resolve_value(getattr(table, declared.name), folder) for declared in settings_of(table)}
    return replace(table, **values)


def override(
    draft: Draft,
    *,
    explicit: Sequence[str] | None = None,
    implicit: Sequence[str] | None = None,
    passive_ports: str | None = None,
    root: str | None = None,
) -> Draft:
    """Put options of the command line in the place of what the file says; ``None`` leaves it as it is.

    Args:
        draft: From the file.
        explicit: Endpoints for explicit TLS (``--listen``); none at all switches the service off.
        implicit: Endpoints for implicit TLS (``--listen-implicit``), likewise.
        passive_ports: Ports for passive data connections (``--passive-ports``).
        root: Folder that holds the homes (``--root``); a relative one starts at the current folder.

    Returns:
        A draft that complains about bad options, too.
    """
    if root is not None:
        accounts = replace(draft.settings.accounts, root=Path(root).absolute())
        draft = _settle(draft, replace(draft.settings, accounts=accounts), "accounts.root", [])
    if explicit is not None:
        endpoints, complaints = _read_endpoints(explicit, "--listen")
        server = replace(draft.settings.server, explicit=endpoints)
        draft = _settle(draft, replace(draft.settings, server=server), "server.explicit", complaints)
    if implicit is not None:
        endpoints, complaints = _read_endpoints(implicit, "--listen-implicit")
        server = replace(draft.settings.server, implicit=endpoints)
        draft = _settle(draft, replace(draft.settings, server=server), "server.implicit", complaints)
    if passive_ports is not None:
        draft = _override_ports(draft, passive_ports)
    return draft


def _override_ports(draft: Draft, text: str) -> Draft:
    try:
        passive = replace(draft.settings.passive, ports=ports().read(text))
    except Unusable as error:
        complaint = Complaint(COMMAND_LINE, "--passive-ports", error.cause, error.remedy)
        return _settle(draft, draft.settings, "passive.ports", [complaint])
    return _settle(draft, replace(draft.settings, passive=passive), "passive.ports", [])


def _settle(draft: Draft, settings: Settings, key: str, complaints: list[Complaint]) -> Draft:
    """Return the draft with new settings; *key* can be judged now if there is nothing to complain about."""
    unusable = {bad for bad in draft.unusable if bad != key and not bad.startswith(f"{key}[")}
    if complaints:
        unusable.add(key)
    return Draft(settings, frozenset(unusable), (*draft.complaints, *complaints))


def _read_endpoints(descriptions: Sequence[str], option: str) -> tuple[tuple[Endpoint, ...], list[Complaint]]:
    endpoints: list[Endpoint] = []
    complaints: list[Complaint] = []
    for description in descriptions:
        try:
            endpoints.append(Endpoint.parse(description))
        except Unusable as error:
            complaints.append(Complaint(COMMAND_LINE, option, error.cause, error.remedy))
    return tuple(endpoints), complaints


def _read_text(name: str) -> str:
    def refuse(cause: str, remedy: str) -> ConfigurationError:
        return ConfigurationError([Complaint(name, "", cause, remedy)])

    try:
        with Path(name).open("rb") as stream:
            octets = stream.read(MAX_FILE_OCTETS + 1)
    except FileNotFoundError:
        raise refuse("there is no such file", "Give --config the path of the configuration file") from None
    except OSError as error:
        raise refuse(f"it can not be read: {error.strerror}", "Make it a file that the server may read") from None
    if len(octets) > MAX_FILE_OCTETS:
        raise refuse(f"it is larger than {MAX_FILE_OCTETS} octets", "Give the path of a configuration file") from None
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        complaint = Complaint(name, "", "this line is not UTF-8, which TOML has to be", "Save the file as UTF-8", line)
        raise ConfigurationError([complaint]) from None


def _complain_of_syntax(name: str, message: str) -> Complaint:
    place = _PLACE.search(message)
    cause = _PLACE.sub("", message)
    remedy = "Correct the line; texts stand in quotes, tables in [brackets]"
    if "Unescaped" in cause or "escape" in cause:
        remedy = "Put text with backslashes in single quotes"
    elif "Cannot overwrite" in cause or "Cannot declare" in cause:
        remedy = "Write each setting and each table once"
    numbers = (int(place["line"]), int(place["column"])) if place is not None and place["line"] else (None, None)
    return Complaint(name, "", f"this is not TOML: {cause}", remedy, *numbers)


def _resolve_value(value: Any, folder: Path) -> Any:
    """Resolve a setting, a table of settings, or a list of such tables."""
    match value:
        case Path():
            return folder / value
        case tuple():
            return tuple(_resolve_value(entry, folder) for entry in value)
        case _ if is_table(value):
            return resolve(value, folder)
        case _:
            return value
