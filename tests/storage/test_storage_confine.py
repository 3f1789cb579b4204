"""The jail: symbolic links, devices and swapped directories never lead out of the root (K10)."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind, FtpError
from ftpstwist.storage import confine
from ftpstwist.storage.confine import MAX_LINKS, Root
from ftpstwist.storage.settings import Links
from ftpstwist.wire.entry import EntryKind
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, names, put, refused

from .storage_support import local, needs_root, open_descriptors

at = Pathname.parse


@pytest.fixture
def jail(tmp_path):
    """A root beside a secret directory."""
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("SECRET")
    return root


@pytest.fixture
def filesystem(jail):
    with local(jail) as filesystem:
        yield filesystem


def everything(filesystem, path):
    """Try whatever could touch a file at *path*, or below it; return the kinds of the refusals."""
    attempts = [
        lambda: filesystem.open_read(path).close(),
        lambda: filesystem.open_write(path / "new", Disposition.REPLACE).commit(),
        lambda: filesystem.open_write(path / "new", Disposition.UNIQUE).commit(),
        lambda: filesystem.open_read(path / "secret").close(),
        lambda: filesystem.delete(path / "secret"),
        lambda: filesystem.make_directory(path / "new"),
        lambda: filesystem.remove_directory(path / "new"),
        lambda: filesystem.rename(path / "secret", at("/stolen")),
        lambda: filesystem.rename(at("/mine"), path / "secret"),
        lambda: filesystem.set_mode(path, 0o777),
        lambda: filesystem.set_mode(path / "secret", 0o777),
        lambda: filesystem.set_modified(path / "secret", 0),
        lambda: filesystem.scan(path).close(),
    ]
    kinds = []
    for attempt in attempts:
        with pytest.raises(FtpError) as caught:
            attempt()
        kinds.append(caught.value.kind)
    return kinds


def outside_is_unharmed(jail):
    outside = jail.parent / "outside"
    secret = outside / "secret"
    return (
        os.listdir(outside) == ["secret"]
        and secret.read_text() == "SECRET"
        and secret.stat().st_mode & 0o777 != 0o777
        and secret.stat().st_mtime > 0
    )


@pytest.mark.parametrize(
    "target",
    ["../outside", "../../../../../../../..", "/", "{outside}", "x/../../outside", "./.././../outside", "hop"],
)
def test_a_link_out_of_the_root_leads_nowhere(jail, filesystem, target):
    """Whatever a link says, nothing outside is read, made, changed or removed."""
    (jail / "x").mkdir()
    (jail / "mine").write_text("mine")
    os.symlink("../outside", jail / "hop")
    os.symlink(target.format(outside=jail.parent / "outside"), jail / "link")
    path = at("/link")
    if filesystem.stat(path).kind is EntryKind.LINK:
        everything(filesystem, path)
        with contextlib.suppress(FtpError):  # goes to the name inside that the link means, if its directory is there
            put(filesystem, "/link", b"new")
    else:  # stopped at the root, as ".." does there
        assert names(filesystem, "/link") == names(filesystem, "/")
        with refused(ErrorKind.NOT_FOUND):
            filesystem.stat(path / "outside")
    assert outside_is_unharmed(jail)
    assert (jail / "mine").read_text() == "mine"


def test_a_link_to_a_file_outside(jail, filesystem):
    """The commonest mistake of an operator discloses nothing."""
    os.symlink(jail.parent / "outside" / "secret", jail / "a")
    os.symlink("../outside/secret", jail / "b")
    for path in (at("/a"), at("/b")):
        assert filesystem.stat(path).kind is EntryKind.LINK
        with refused(ErrorKind.NOT_FOUND):
            filesystem.open_read(path)
    filesystem.delete(at("/a"))
    assert outside_is_unharmed(jail)


def test_links_are_resolved_as_in_a_chroot(jail, filesystem):
    """An absolute link means the user's root, and relative ones go up and down inside."""
    (jail / "a" / "b").mkdir(parents=True)
    (jail / "a" / "b" / "f").write_text("found")
    links = {
        "absolute": "/a/b/f",
        "relative": "a/b/f",
        "up": "a/b/../b/../../a/b/f",
        "beyond": "../../../a/b/f",
        "chain": "relative",
        "slashes": "a//b/./f",
    }
    for name, target in links.items():
        os.symlink(target, jail / name)
    os.symlink("../../absolute", jail / "a" / "b" / "back")
    os.symlink("/a", jail / "directory")
    os.symlink("..", jail / "a" / "parent")
    for name in (*links, "a/b/back", "directory/b/f", "a/parent/a/b/f", "directory/parent/directory/b/f"):
        assert get(filesystem, "/" + name) == b"found", name
        assert filesystem.stat(at("/" + name)).unique == filesystem.stat(at("/a/b/f")).unique
    assert filesystem.without_links(at("/directory/parent/up")) == at("/a/b/f")
    assert filesystem.without_links(at("/directory/parent/up"), follow=False) == at("/up")
    assert filesystem.without_links(at("/a/parent")) == ROOT


def test_listings_show_where_links_lead(jail, filesystem):
    """A link is listed as what it leads to, and as a link only if that is nothing (L12)."""
    (jail / "d").mkdir()
    (jail / "f").write_text("12345")
    targets = {"to-d": "d", "to-f": "/f", "dangling": "no", "out": "../outside/secret", "self": "self", "root": "/"}
    for name, target in targets.items():
        os.symlink(target, jail / name)
    kinds = {entry.name: entry.kind for entry in filesystem.scan(ROOT)}
    assert kinds == {
        "d": EntryKind.DIRECTORY,
        "f": EntryKind.FILE,
        "to-d": EntryKind.DIRECTORY,
        "to-f": EntryKind.FILE,
        "root": EntryKind.DIRECTORY,
        "dangling": EntryKind.LINK,
        "out": EntryKind.LINK,
        "self": EntryKind.LINK,
    }
    for entry in filesystem.scan(ROOT):
        assert entry == filesystem.stat(ROOT / entry.name)


def test_link_chains_and_loops_are_bounded(jail, filesystem):
    """40 links are followed, 41 are not, and a loop is a missing file."""
    (jail / "0").write_text("end")
    for number in range(1, MAX_LINKS + 2):
        os.symlink(str(number - 1), jail / str(number))
    assert get(filesystem, f"/{MAX_LINKS}") == b"end"
    with refused(ErrorKind.NOT_FOUND):
        filesystem.open_read(at(f"/{MAX_LINKS + 1}"))
    os.symlink("loop-b", jail / "loop-a")
    os.symlink("loop-a", jail / "loop-b")
    os.symlink("inside/inside", jail / "inside")
    for name in ("loop-a", "loop-a/x", "inside"):
        with refused(ErrorKind.NOT_FOUND):
            filesystem.open_read(at("/" + name))


def test_links_can_not_multiply_work(jail, filesystem, monkeypatch):
    """A link with a thousand detours ends at the cap on steps, not before and not beyond."""
    (jail / "a").mkdir()
    (jail / "f").write_text("end")
    os.symlink("a/../" * 100 + "f", jail / "detour")
    monkeypatch.setattr(confine, "MAX_STEPS", 102)
    assert get(filesystem, "/detour") == b"end"
    monkeypatch.setattr(confine, "MAX_STEPS", 101)
    with refused(ErrorKind.NOT_FOUND):
        filesystem.open_read(at("/detour"))


def test_the_deepest_pathname_needs_few_descriptors(jail, filesystem):
    """A tree as deep as a pathname can be does not use up the descriptors of the server."""
    path = ROOT
    for _ in range(300):
        path /= "d"
        filesystem.make_directory(path)
    put(filesystem, str(path / "f"), b"deep")
    before = len(open_descriptors())
    with Root(jail).locate(path) as place:
        assert place.existing.is_directory
        assert len(open_descriptors()) <= before + 3
    assert get(filesystem, path / "f") == b"deep"


def test_refused_links(jail):
    """With links = refuse none is gone through, not even one that stays inside; they are listed."""
    (jail / "d").mkdir()
    (jail / "d" / "secret").write_text("x")
    (jail / "mine").write_text("mine")
    os.symlink("d", jail / "link")
    os.symlink("mine", jail / "to-mine")
    with local(jail, links=Links.REFUSE) as filesystem:
        assert set(everything(filesystem, at("/link"))) == {ErrorKind.PERMISSION_DENIED}
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.open_read(at("/to-mine"))
        assert filesystem.stat(at("/link")).kind is EntryKind.LINK
        assert {entry.name: entry.kind for entry in filesystem.scan(ROOT)}["link"] is EntryKind.LINK
        filesystem.delete(at("/link"))
    assert (jail / "d" / "secret").read_text() == "x"


def test_a_link_does_not_reach_reserved_names(jail, filesystem):
    """Unfinished uploads can not be reached through a link either."""
    (jail / ".ftpstwist-1.part").write_text("unfinished")
    os.symlink(".ftpstwist-1.part", jail / "link")
    assert filesystem.stat(at("/link")).kind is EntryKind.LINK
    with refused(ErrorKind.NAME_NOT_ALLOWED):
        filesystem.open_read(at("/link"))


def test_writing_through_links(jail, filesystem):
    """STOR to a link replaces what it leads to and leaves the link; a dangling one gets its target."""
    (jail / "d").mkdir()
    (jail / "d" / "f").write_text("old")
    os.symlink("d/f", jail / "link")
    os.symlink("/d/new", jail / "dangling")
    os.symlink("no/way", jail / "lost")
    put(filesystem, "/link", b"new")
    put(filesystem, "/dangling", b"made")
    put(filesystem, "/link", b" more", Disposition.APPEND)
    assert (jail / "link").is_symlink()
    assert (jail / "d" / "f").read_text() == "new more"
    assert (jail / "d" / "new").read_text() == "made"
    with refused(ErrorKind.NOT_FOUND):
        filesystem.open_write(at("/lost"), Disposition.REPLACE)
    os.symlink("d", jail / "to-d")
    with refused(ErrorKind.IS_A_DIRECTORY):
        filesystem.open_write(at("/to-d"), Disposition.REPLACE)
    os.symlink(".", jail / "to-root")
    with refused(ErrorKind.IS_A_DIRECTORY):
        filesystem.open_write(at("/to-root"), Disposition.REPLACE)


def test_names_of_links_are_deleted_and_renamed_not_their_targets(jail, filesystem):
    """DELE and RNFR are about the link itself; a link to a directory is never replaced."""
    (jail / "d").mkdir()
    (jail / "f").write_text("f")
    os.symlink("d", jail / "link")
    with refused(ErrorKind.NOT_A_DIRECTORY):
        filesystem.remove_directory(at("/link"))
    with refused(ErrorKind.EXISTS):
        filesystem.rename(at("/f"), at("/link"))
    with refused(ErrorKind.EXISTS):
        filesystem.make_directory(at("/link"))
    filesystem.rename(at("/link"), at("/renamed"))
    assert (jail / "renamed").is_symlink()
    filesystem.delete(at("/renamed"))
    assert (jail / "d").is_dir()
    os.symlink("f", jail / "link")
    put(filesystem, "/g", b"g")
    filesystem.rename(at("/g"), at("/link"))
    assert not (jail / "link").is_symlink()
    assert (jail / "f").read_text() == "f"


def test_pipes_and_sockets_are_never_opened(jail, filesystem):
    """A pipe does not block a worker thread for ever, and nobody behind it notices."""
    os.mkfifo(jail / "pipe")
    directory = os.open(jail, os.O_PATH)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"/proc/self/fd/{directory}/socket")
    listener.close()
    os.close(directory)
    os.symlink("pipe", jail / "link")
    assert {entry.kind for entry in filesystem.scan(ROOT)} == {EntryKind.OTHER}
    for name in ("pipe", "socket", "link"):
        with refused(ErrorKind.NOT_A_FILE):
            filesystem.open_read(at("/" + name))
        for disposition in (Disposition.REPLACE, Disposition.APPEND):
            with refused(ErrorKind.NOT_A_FILE):
                filesystem.open_write(at("/" + name), disposition)
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.scan(at("/" + name))
    filesystem.delete(at("/pipe"))


@needs_root
def test_devices_are_never_opened(jail, filesystem):
    """Not even harmless ones."""
    os.mknod(jail / "zero", 0o20666, os.makedev(1, 5))
    assert filesystem.stat(at("/zero")).kind is EntryKind.OTHER
    with refused(ErrorKind.NOT_A_FILE):
        filesystem.open_read(at("/zero"))
    with refused(ErrorKind.NOT_A_FILE):
        filesystem.open_write(at("/zero"), Disposition.REPLACE)


def test_a_root_that_is_none(tmp_path):
    """A home that is missing or a file is reported with its path to the log, and without it to the client."""
    (tmp_path / "file").write_text("")
    for name, kind in (("missing", ErrorKind.NOT_FOUND), ("file", ErrorKind.NOT_A_DIRECTORY)):
        with pytest.raises(FtpError) as caught, local(tmp_path / name):
            pass
        assert caught.value.kind is kind
        assert str(tmp_path) in caught.value.cause
        assert caught.value.hint == ""


def test_the_root_may_move(jail, filesystem):
    """The root is the directory, not its name: a link put in its place is not followed."""
    put(filesystem, "/f", b"inside")
    jail.rename(jail.parent / "moved")
    os.symlink(jail.parent / "outside", jail)
    assert get(filesystem, "/f") == b"inside"
    assert names(filesystem) == {"f"}


def test_a_closed_filesystem(jail):
    """After close nothing is served, whatever the number of its descriptor stands for by then."""
    with local(jail) as filesystem:
        put(filesystem, "/f")
    descriptor = os.open(jail, os.O_RDONLY)
    try:
        with refused(ErrorKind.STORAGE_FAILED):
            filesystem.stat(at("/f"))
        with refused(ErrorKind.STORAGE_FAILED):
            filesystem.stat(ROOT)
    finally:
        os.close(descriptor)


ATTACKER = """
import os, sys
root, rounds = sys.argv[1], 0
print("ready", flush=True)
os.chdir(root)
while os.getppid() != 1 and not os.path.exists("../stop"):
    rounds += 1
    os.rename("d", "real"); os.rename("link", "d")
    os.rename("d", "link"); os.rename("real", "d")
print(rounds, flush=True)
"""


@pytest.mark.parametrize("links", list(Links))
@pytest.mark.parametrize("target", ["../outside", "{outside}"])
def test_a_directory_that_is_swapped_for_a_link(jail, links, target):
    """Another process can not use the moment between check and use, because there is none (K10)."""
    outside = jail.parent / "outside"
    os.symlink(target.format(outside=outside), jail / "link")
    (jail / "d").mkdir()
    (jail / "d" / "secret").write_text("inside")
    seen: set[bytes] = set()
    refusals = set()
    attacker = subprocess.Popen([sys.executable, "-c", ATTACKER, jail], stdout=subprocess.PIPE, text=True)
    try:
        assert attacker.stdout.readline() == "ready\n"
        with local(jail, links=links) as filesystem:
            attempts = [
                lambda: seen.add(get(filesystem, "/d/secret")),
                lambda: seen.update(entry.name.encode() for entry in filesystem.scan(at("/d"))),
                lambda: put(filesystem, "/d/new", b"x"),
                lambda: filesystem.delete(at("/d/new")),
                lambda: filesystem.make_directory(at("/d/made")),
                lambda: filesystem.remove_directory(at("/d/made")),
                lambda: filesystem.set_mode(at("/d/secret"), 0o777),
                lambda: filesystem.rename(at("/d/secret"), at("/d/renamed")),
                lambda: filesystem.rename(at("/d/renamed"), at("/d/secret")),
                lambda: put(filesystem, "/d/secret", b"inside"),
            ]
            for _ in range(1000):
                for attempt in attempts:
                    try:
                        attempt()
                    except FtpError as error:
                        refusals.add(error.kind)
    finally:
        (jail.parent / "stop").touch()
        rounds, _ = attacker.communicate(timeout=30)
    assert int(rounds) > 0
    assert b"SECRET" not in seen
    assert b"inside" in seen
    assert refusals <= {
        ErrorKind.NOT_FOUND,
        ErrorKind.PERMISSION_DENIED,
        ErrorKind.EXISTS,
        ErrorKind.NOT_A_DIRECTORY,
        ErrorKind.NOT_EMPTY,
    }
    assert outside_is_unharmed(jail)
