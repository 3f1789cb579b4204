"""Accounts of a database, through any DB-API module (PEP 249), by queries the operator writes.

How it works: one query gives the row of a name. Its columns have the names that
the keys of the users file have (``password``, ``home``, ``permissions``,
``groups``, ``quota`` …), and mean the same; NULL says nothing. Connections are
kept for the next question, as many as questions may be asked at the same time;
one that has died meanwhile is replaced once.

The name is always a parameter of the query, never part of its text.
Refuses a row it does not understand, and a name that has more than one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ftpstwist.auth.sources import BoundedCalls
from ftpstwist.auth.userrecord import LIMIT_FIELDS, UserFileError, UserRecord, name_objection, read_users
from ftpstwist.interfaces import ErrorKind, FtpError

_NAMED = (":user", "%(user)s")
"""Ways of writing a parameter that has a name; all others are by position."""
_MOST_GROUPS = 1000
_OF_THE_USERS_FILE = {"certificates", "certificate_mode", "totp"}
"""What is asked before any database is; a column that seems to ask for more than it does would deceive."""


@dataclass(frozen=True, slots=True)
class Queries:
    """What is asked, in SQL.

    Attributes:
        user: Gives the row of a user.
        groups: Gives a row for each group of a user, with its name; empty for none.
    """

    user: str
    groups: str = ""


class SqlRecords:
    """Finds users in a database.

    Args:
        queries: How.
        connect: Makes a connection. Blocks.
        error: What the module's exceptions are.
        calls: Where queries are made.
    """

    def __init__(
        self,
        queries: Queries,
        *,
        connect: Callable[[], Any],
        error: type[Exception],
        calls: BoundedCalls,
    ) -> None:
        self._queries = queries
        self._connect = connect
        self._error = error
        self._calls = calls
        self._idle: list[Any] = []
        self._turn = threading.Lock()

    async def find(self, name: str) -> UserRecord | None:
        """Return the record of a user, if there is one.

        Raises:
            FtpError: LOGIN_UNAVAILABLE, the database can not be asked, or its answer is of no use.
        """
        if name_objection(name) or not name.isprintable():
            return None
        return await self._calls.run(self._find, name)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._turn:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _find(self, name: str) -> UserRecord | None:
        try:
            row, groups = self._ask(name)
        except self._error as error:
            cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            return None if row is None else _record_of(name, row, groups)
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause)

    def _ask(self, name: str) -> tuple[Mapping[str, Any] | None, list[str]]:
        with self._turn:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._ask_on(connection, name)
            except self._error:
                self.close()  # the others have waited as long as this one
        return self._ask_on(self._connect(), name)

    def _ask_on(self, connection: Any, name: str) -> tuple[Mapping[str, Any] | None, list[str]]:
        """Ask on a connection, and keep it for the next question if it does its work."""
        is_good = False
        try:
            row = _only_row(connection, self._queries.user, name)
            groups = _first_column(connection, self._queries.groups, name) if row and self._queries.groups else []
            connection.rollback()  # ends the transaction that reading begins
            is_good = True
        finally:
            if is_good:
                with self._turn:
                    self._idle.append(connection)
            else:
                connection.close()
        return row, groups


def _only_row(connection: Any, query: str, name: str) -> Mapping[str, Any] | None:
    cursor = connection.cursor()
    try:
        cursor.execute(query, _parameters(query, name))
        rows = cursor.fetchmany(2)
        if len(rows) > 1:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"the query gives more than one row for {name!a}")
        columns = [str(column[0]).lower() for column in cursor.description]
        return dict(zip(columns, rows[0], strict=True)) if rows else None
    finally:
        cursor.close()


def _first_column(connection: Any, query: str, name: str) -> list[str]:
    cursor = connection.cursor()
    try:
        cursor.execute(query, _parameters(query, name))
        return [str(row[0]) for row in cursor.fetchmany(_MOST_GROUPS)]
    finally:
        cursor.close()


def _parameters(query: str, name: str) -> dict[str, str] | tuple[str]:
    return {"user": name} if any(mark in query for mark in _NAMED) else (name,)


def _record_of(name: str, row: Mapping[str, Any], groups: list[str]) -> UserRecord:
    """Read a row as an entry of the users file would be read."""
    given = {key: value for key, value in row.items() if value is not None}
    if elsewhere := _OF_THE_USERS_FILE & row.keys():
        columns = ", ".join(sorted(elsewhere))
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, f"{columns}: only the users file can ask for that; leave it out")
    name, password = str(given.pop("name", name)), given.pop("password", None)
    entry: dict[str, Any] = {key: value for key, value in given.items() if key not in LIMIT_FIELDS}
    entry["limits"] = {key: _number(given[key]) for key in LIMIT_FIELDS if key in given}
    if "disabled" in entry:
        entry["disabled"] = bool(entry["disabled"])
    if "permissions" in entry:
        entry["permissions"] = _permissions(str(entry["permissions"]))
    entry["groups"] = [*_words(entry.get("groups", ())), *groups]
    try:
        record = read_users({"users": {name: entry}}, "the database")[name]
    except UserFileError as error:
        cause = str(error)
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, cause) from None
    return replace(record, password=None if password is None else _text(password))


def _permissions(value: str) -> str | list[str]:
    words = _words(value)
    return value.strip() if len(words) == 1 and words[0] in {"all", "read-only", "none"} else words


def _words(value: str | Iterable[str]) -> list[str]:
    """Return the words of a text, between commas or spaces, or of a list, as some databases have them."""
    return value.replace(",", " ").split() if isinstance(value, str) else [str(word) for word in value]


def _number(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)  # databases have Decimal, too


def _text(value: object) -> str:
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).strip()
