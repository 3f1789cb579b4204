"""Accounts of a database: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
from functools import partial
from pathlib import Path

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock

from ftpstwist.auth.sources import BoundedCalls, HashedAccounts, SourceChecker
from ftpstwist.auth.sql import Queries, SqlRecords
from ftpstwist.auth.userrecord import PERMISSION_SETS
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.identity import Permission, Secret
from ftpstwist.wire.pathname import ROOT
from tests.auth.neighbours import PASSWORDS, HereThreads
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask, asking, come_of

TABLES = """
CREATE TABLE users (name VARCHAR(80), password VARCHAR(200), home VARCHAR(200), permissions VARCHAR(80),
    groups VARCHAR(80), quota VARCHAR(20), max_sessions INTEGER, disabled BOOLEAN);
CREATE TABLE members (name VARCHAR(80), team VARCHAR(80));
INSERT INTO users VALUES ('alice', 'HASH', '/srv/alice', 'read,list', 'staff, partners', '2 GiB', 3, FALSE);
INSERT INTO users (name, password) VALUES ('bare', 'HASH');
INSERT INTO users (name, password) VALUES ('twin', 'HASH');
INSERT INTO users (name, password) VALUES ('twin', 'HASH');
INSERT INTO users (name, password, home) VALUES ('lost', 'HASH', 'relative');
INSERT INTO users (name, password, disabled) VALUES ('gone', 'HASH', TRUE);
INSERT INTO members VALUES ('alice', 'night shift');
""".replace("HASH", PASSWORDS.hash_password(Secret(PASSWORD)))
ALL = "SELECT password, home, permissions, groups, quota, max_sessions, disabled FROM users WHERE name = :user"
TEAMS = "SELECT team FROM members WHERE name = :user"


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "accounts.db")
    connection.executescript(TABLES)
    connection.close()
    return tmp_path / "accounts.db"


@pytest.fixture
def made():
    """All sources of a test; their connections are closed behind it."""
    sources = []
    yield sources
    for each in sources:
        each.close()


@pytest.fixture
def checker_of(database, made):
    def make(query=ALL, groups=TEAMS, connect=lambda: sqlite3.connect(database), error=sqlite3.Error):
        calls = BoundedCalls("the database", threads=HereThreads(), clock=Clock(), at_once=2, seconds=5)
        records = SqlRecords(Queries(query, groups), connect=connect, error=error, calls=calls)
        made.append(records)
        return SourceChecker(HashedAccounts("the database", records.find, passwords=PASSWORDS, threads=HereThreads()))

    return make


class TestSqlite(CheckerContract):
    @pytest.fixture
    def checker(self, checker_of):
        return checker_of()


def record_of(checker, user=USER):
    return ask(checker, user, PASSWORD).record


def cause_of(checker, user):
    error = come_of(asking(checker, user, PASSWORD)).value
    assert isinstance(error, FtpError)
    assert error.kind is ErrorKind.LOGIN_UNAVAILABLE
    return error.cause


def test_a_row_is_read_as_an_entry_of_the_users_file(checker_of):
    """Same words, same units, same care; NULL says nothing."""
    record = record_of(checker_of())
    assert (record.home, record.limits) == ("/srv/alice", {"quota": 2 << 30, "sessions": 3})
    assert record.permissions.at(ROOT) == PERMISSION_SETS["read-only"]
    assert record.groups == {"staff", "partners", "night shift"}
    bare = record_of(checker_of(groups=""), "bare")
    assert (bare.home, bare.permissions, bare.groups, bare.limits) == (None, None, frozenset(), {})


def test_a_column_may_hold_a_single_word(checker_of):
    """One permission is a list of one; a set of them has its own name."""
    for word, meant in (("list", {Permission.LIST}), ("read-only", PERMISSION_SETS["read-only"])):
        query = f"SELECT password, '{word}' AS permissions FROM users WHERE name = :user"
        assert record_of(checker_of(query)).permissions.at(ROOT) == meant


@pytest.mark.parametrize(
    "name", ["alice' --", "' OR '1'='1", "x' UNION SELECT password FROM users --", "ali%", "a_ice"]
)
def test_a_name_is_never_sql(checker_of, name):
    """Quotes and wildcards make somebody else of nobody."""
    error = come_of(asking(checker_of(), name, PASSWORD)).value
    assert "no such user" in str(error)


def test_the_name_may_be_given_by_position_and_come_back_otherwise_spelt(checker_of):
    """For modules that know no names; and for databases that find ALICE by alice."""
    checker = checker_of("SELECT name, password FROM users WHERE lower(name) = lower(?)", groups="")
    assert ask(checker, "ALICE", PASSWORD) == b"alice"


@pytest.mark.parametrize(
    ("user", "query", "cause"),
    [
        ("twin", ALL, "more than one row"),
        ("lost", ALL, "users.lost.home: this is no absolute path"),
        ("alice", "SELECT password, 1 AS colour FROM users WHERE name = :user", "colour: there is no such key"),
        ("alice", "SELECT password FROM nowhere WHERE name = :user", "no such table: nowhere"),
    ],
)
def test_an_answer_that_can_not_be_meant_lets_nobody_in(checker_of, user, query, cause):
    """The log says what is wrong with the query or the row."""
    assert cause in cause_of(checker_of(query), user)


def test_a_disabled_row_keeps_the_user_out(checker_of):
    """As in the users file."""
    assert "disabled in the database" in str(come_of(asking(checker_of(), "gone", PASSWORD)).value)


@pytest.mark.parametrize("stored", [PASSWORD, "!", "*", "", "!$6$abcdefgh$x"])
def test_a_hash_of_an_unknown_kind_is_told(checker_of, stored):
    """Plain text in a database lets nobody in; a locked account is refused like one that does not exist."""
    pytest.importorskip("passlib.hash")
    error = come_of(asking(checker_of(f"SELECT '{stored}' AS password WHERE :user > ''", ""), USER, PASSWORD)).value
    assert isinstance(error, UnauthorizedLogin)
    assert PASSWORD not in str(error)


def test_a_database_that_is_down_is_no_refusal(checker_of, tmp_path):
    """Neither yes nor no; when it is back, so are the users."""
    down = [True]

    def connect():
        if down:
            raise sqlite3.OperationalError("the server has gone away")
        return sqlite3.connect(tmp_path / "accounts.db")

    checker = checker_of(connect=connect)
    assert "gone away" in cause_of(checker, USER)
    down.clear()
    assert record_of(checker).home == "/srv/alice"


def test_connections_are_kept_and_replaced_when_dead(checker_of, tmp_path):
    """A database that was restarted costs one attempt, which the user does not notice."""
    connections = []

    def connect():
        connections.append(sqlite3.connect(tmp_path / "accounts.db"))
        return connections[-1]

    checker = checker_of(connect=connect)
    record_of(checker)
    record_of(checker)
    assert len(connections) == 1
    connections[0].close()
    record_of(checker)
    assert len(connections) == 2


POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A cluster of its own, on a socket in its folder; runs as nobody."""
    psycopg = pytest.importorskip("psycopg")
    if not POSTGRES or os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("no PostgreSQL on this machine, or not root")
    programs, folder = POSTGRES[-1].parent, Path("/tmp") / f"ftpstwist-pg-{os.getpid()}"
    folder.mkdir(mode=0o700)
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    as_nobody = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]

    def run(*command):
        subprocess.run([*as_nobody, *command], check=True, capture_output=True, timeout=120, cwd=folder)

    data, options = str(folder / "data"), f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        run(programs / "initdb", "-D", data, "-A", "trust", "-U", "test", "--no-sync")
        run(programs / "pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            with psycopg.connect(host=str(folder), user="test", dbname="postgres") as connection:
                connection.execute(TABLES)
            yield psycopg, partial(psycopg.connect, host=str(folder), user="test", dbname="postgres")
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


class TestPostgres(CheckerContract):
    """The same database in PostgreSQL, through psycopg."""

    @pytest.fixture
    def checker(self, postgres, checker_of):
        psycopg, connect = postgres
        return checker_of(
            ALL.replace(":user", "%(user)s"), TEAMS.replace(":user", "%(user)s"), connect=connect, error=psycopg.Error
        )

    def test_its_rows_are_the_same(self, checker):
        """Types of its own (boolean, integer) mean what they mean elsewhere."""
        record = record_of(checker)
        assert (record.home, record.limits) == ("/srv/alice", {"quota": 2 << 30, "sessions": 3})
        assert record.groups == {"staff", "partners", "night shift"}
        assert "more than one row" in cause_of(checker, "twin")
