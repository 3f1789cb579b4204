"""An account's permissions and limits hold for every operation, whatever name leads to the file."""

from __future__ import annotations

import itertools
import os

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind
from ftpstwist.session.identity import (
    ALL_PERMISSIONS,
    NO_PERMISSIONS,
    Limits,
    PathRule,
    Permission,
    Permissions,
)
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, names, put, refused

from .storage_support import local

at = Pathname.parse

READ, WRITE, CREATE = Permission.READ, Permission.WRITE, Permission.CREATE
DELETE, RENAME, LIST = Permission.DELETE, Permission.RENAME, Permission.LIST


@pytest.fixture(params=["local", "memory"])
def inner(request, tmp_path):
    """A filesystem with /f, /d/f and the empty directory /e."""
    if request.param == "memory":
        filesystem = MemoryFilesystem(clock=itertools.count().__next__, random=os.urandom)
        yield fill(filesystem)
        return
    with local(tmp_path) as filesystem:
        yield fill(filesystem)


def fill(filesystem):
    filesystem.make_directory(at("/d"))
    filesystem.make_directory(at("/e"))
    put(filesystem, "/f", b"12345")
    put(filesystem, "/d/f", b"12345")
    return filesystem


def allowing(inner, rules):
    """Return *inner* as an account with these permissions by prefix sees it."""
    permissions = Permissions(tuple(PathRule(at(prefix), frozenset(given)) for prefix, given in rules.items()))
    return PermittedFilesystem(inner, permissions=permissions, limits=Limits())


def operations(filesystem):
    """Every operation once, with the permissions it needs at the root."""

    def upload(path, disposition, offset=0):
        handle = filesystem.open_write(at(path), disposition, offset)
        handle.write(b"x")
        handle.commit()

    return {
        "open_read": ({READ}, lambda: filesystem.open_read(at("/f")).close()),
        "scan": ({LIST}, lambda: filesystem.scan(ROOT).close()),
        "names": ({LIST}, lambda: filesystem.names(ROOT).close()),
        "new": ({CREATE}, lambda: upload("/new", Disposition.REPLACE)),
        "append-new": ({CREATE}, lambda: upload("/new2", Disposition.APPEND)),
        "unique": ({CREATE}, lambda: upload("/f", Disposition.UNIQUE)),
        "replace": ({WRITE}, lambda: upload("/f", Disposition.REPLACE)),
        "append": ({WRITE}, lambda: upload("/f", Disposition.APPEND)),
        "resume": ({WRITE}, lambda: upload("/f", Disposition.REPLACE, 1)),
        "mkd": ({CREATE}, lambda: filesystem.make_directory(at("/made"))),
        "chmod": ({WRITE}, lambda: filesystem.set_mode(at("/f"), 0o600)),
        "mfmt": ({WRITE}, lambda: filesystem.set_modified(at("/f"), 1)),
        "rename": ({RENAME}, lambda: filesystem.rename(at("/d/f"), at("/moved"))),
        "rename-over": ({RENAME, WRITE}, lambda: filesystem.rename(at("/d/f"), at("/f"))),
        "rmd": ({DELETE}, lambda: filesystem.remove_directory(at("/e"))),
        "delete": ({DELETE}, lambda: filesystem.delete(at("/f"))),
    }


def test_each_operation_needs_exactly_its_permission(inner):
    """Every single permission opens its operations and no other; without any, nothing works."""
    for needed in (set(), *({permission} for permission in Permission), {RENAME, WRITE}):
        filesystem = allowing(inner, {"/": needed})
        for required, operation in operations(filesystem).values():
            if not required <= needed:
                with refused(ErrorKind.PERMISSION_DENIED):
                    operation()
    assert names(inner) == {"f", "d", "e"}
    assert get(inner, "/f") == b"12345"


@pytest.mark.parametrize("name", list(operations(None)))
def test_the_permission_it_needs_is_enough(inner, name):
    """No operation asks for more than is written down."""
    required, _ = operations(None)[name]
    _, operation = operations(allowing(inner, {"/": required}))[name]
    operation()


def test_nothing_is_told_where_nothing_is_allowed(inner):
    """A refusal is the same for what is there and what is not."""
    filesystem = allowing(inner, {"/": {LIST}, "/d": NO_PERMISSIONS})
    for path in ("/d", "/d/f", "/d/no", "/d/f/no"):
        for operation in (
            filesystem.stat,
            filesystem.scan,
            filesystem.open_read,
            filesystem.available,
            filesystem.delete,
            filesystem.make_directory,
            lambda path: filesystem.open_write(path, Disposition.REPLACE),
        ):
            with refused(ErrorKind.PERMISSION_DENIED):
                operation(at(path))
    assert names(filesystem) == {"f", "e"}


def test_the_way_to_a_permitted_place_can_be_seen(inner):
    """With a rule for /d/sub alone, CWD can walk there, and sees nothing else on the way."""
    inner.make_directory(at("/d/sub"))
    filesystem = allowing(inner, {"/d/sub": {LIST, READ}})
    assert filesystem.stat(ROOT).is_directory
    assert filesystem.stat(at("/d")).is_directory
    assert filesystem.stat(at("/d/sub")).is_directory
    for path in ("/f", "/d/f", "/e"):
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.stat(at(path))
    with refused(ErrorKind.PERMISSION_DENIED):
        filesystem.scan(ROOT)
    assert names(filesystem, "/d/sub") == set()


def test_a_drop_box(inner):
    """With CREATE alone files can be delivered, and never seen, replaced, resumed or removed."""
    filesystem = allowing(inner, {"/": ALL_PERMISSIONS, "/d": {CREATE}})
    put(filesystem, "/d/new", b"delivered")
    for disposition, offset in ((Disposition.REPLACE, 0), (Disposition.REPLACE, 2), (Disposition.APPEND, 0)):
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.open_write(at("/d/new"), disposition, offset)
    with refused(ErrorKind.PERMISSION_DENIED):
        filesystem.rename(at("/d/new"), at("/stolen"))
    assert get(inner, "/d/new") == b"delivered"


def test_a_drop_box_under_two_clients(inner):
    """Two who deliver the same name at once: the first is kept, the other is told."""
    filesystem = allowing(inner, {"/": {CREATE}})
    first = filesystem.open_write(at("/new"), Disposition.REPLACE)
    second = filesystem.open_write(at("/new"), Disposition.REPLACE)
    first.write(b"first")
    second.write(b"second")
    first.commit()
    with refused(ErrorKind.EXISTS):
        second.commit()
    assert get(inner, "/new") == b"first"
    assert names(inner) == {"f", "d", "e", "new"}


def test_unique_names_obey_the_directory(inner):
    """A rule for one name does not let STOU make others beside it."""
    filesystem = allowing(inner, {"/": {READ}, "/d/f": ALL_PERMISSIONS})
    with refused(ErrorKind.PERMISSION_DENIED):
        filesystem.open_write(at("/d/f"), Disposition.UNIQUE)


def test_a_rename_never_widens_what_is_allowed(inner):
    """Moving a file to where more is allowed is no way to read, change or delete it."""
    for more in ({READ}, {WRITE}, {DELETE}):
        filesystem = allowing(inner, {"/": {RENAME}, "/e": {RENAME, *more}})
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.rename(at("/f"), at("/e/f"))
    filesystem = allowing(inner, {"/": {RENAME, READ, LIST}, "/e": {RENAME, CREATE}})
    filesystem.rename(at("/f"), at("/e/f"))
    assert get(inner, "/e/f") == b"12345"


def test_a_directory_does_not_carry_content_out_of_a_rule(inner):
    """A directory with a stricter rule inside can not be renamed away from it, nor be put in its place."""
    filesystem = allowing(inner, {"/": ALL_PERMISSIONS, "/d/secret": NO_PERMISSIONS, "/d/same": ALL_PERMISSIONS})
    inner.make_directory(at("/d/secret"))
    put(inner, "/d/secret/f", b"secret")
    for source, target in (("/d", "/open"), ("/e", "/d"), ("/", "/x")):
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.rename(at(source), at(target))
    filesystem.rename(at("/d/f"), at("/d/g"))
    assert names(filesystem, "/d") == {"g"}
    harmless = allowing(inner, {"/": ALL_PERMISSIONS, "/d/secret": ALL_PERMISSIONS})
    harmless.rename(at("/d"), at("/open"))
    assert names(inner) == {"f", "e", "open"}


def test_rename_to_itself_needs_no_write(inner):
    """Nothing is replaced, so nothing is needed."""
    allowing(inner, {"/": {RENAME}}).rename(at("/f"), at("/f"))
    assert get(inner, "/f") == b"12345"


def test_hidden_entries_keep_the_scan_closable(inner):
    """A filtered listing is closed like any other."""
    filesystem = allowing(inner, {"/": ALL_PERMISSIONS, "/e": NO_PERMISSIONS})
    scan = filesystem.scan(ROOT)
    next(scan)
    scan.close()
    assert names(filesystem) == {"d", "f"} == set(filesystem.names(ROOT))


@pytest.fixture
def linked(tmp_path):
    """/pub/f, /secret/f, and links in /pub to what is in /secret."""
    for directory in ("pub", "secret"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "f").write_text(directory)
    os.symlink("../secret", tmp_path / "pub" / "directory")
    os.symlink("/secret/f", tmp_path / "pub" / "file")
    os.symlink("/secret/new", tmp_path / "pub" / "dangling")
    with local(tmp_path) as filesystem:
        yield filesystem


@pytest.mark.parametrize("given", [NO_PERMISSIONS, {LIST}])
def test_a_link_is_no_way_around_a_rule(linked, given):
    """What is refused under its own name is refused through every link, too."""
    filesystem = allowing(linked, {"/": ALL_PERMISSIONS, "/secret": given})
    attempts = [
        lambda: filesystem.open_read(at("/pub/directory/f")),
        lambda: filesystem.open_read(at("/pub/file")),
        lambda: filesystem.open_write(at("/pub/file"), Disposition.REPLACE),
        lambda: filesystem.open_write(at("/pub/file"), Disposition.APPEND),
        lambda: filesystem.open_write(at("/pub/dangling"), Disposition.REPLACE),
        lambda: filesystem.open_write(at("/pub/directory/new"), Disposition.REPLACE),
        lambda: filesystem.open_write(at("/pub/directory/new"), Disposition.UNIQUE),
        lambda: filesystem.delete(at("/pub/directory/f")),
        lambda: filesystem.make_directory(at("/pub/directory/new")),
        lambda: filesystem.rename(at("/pub/directory/f"), at("/pub/g")),
        lambda: filesystem.rename(at("/pub/f"), at("/pub/directory/g")),
        lambda: filesystem.set_mode(at("/pub/file"), 0o777),
        lambda: filesystem.set_modified(at("/pub/directory"), 0),
    ]
    if not given:
        attempts.append(lambda: filesystem.scan(at("/pub/directory")))
        attempts.append(lambda: filesystem.stat(at("/pub/directory/f")))
    for attempt in attempts:
        with refused(ErrorKind.PERMISSION_DENIED):
            attempt()
    assert get(filesystem, "/pub/f") == b"pub"
    assert get(linked, "/secret/f") == b"secret"
    assert names(linked, "/secret") == {"f"}
    filesystem.delete(at("/pub/file"))  # the link itself lies where everything is allowed


def test_rules_below_a_link_hide_names_there(linked):
    """A listing through a link hides what the listing under the true name hides."""
    filesystem = allowing(linked, {"/": ALL_PERMISSIONS, "/secret/f": NO_PERMISSIONS})
    assert names(filesystem, "/pub/directory") == names(filesystem, "/secret") == set()


def test_a_quota_needs_a_ledger(inner):
    """A limit that could not be kept is refused at once."""
    with pytest.raises(ValueError, match="ledger"):
        PermittedFilesystem(inner, permissions=Permissions(), limits=Limits(quota=1))
