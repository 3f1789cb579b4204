"""The local disk: what only a real one has — modes, owners, crashes, full disks, and other users."""

from __future__ import annotations

import os
import pwd
import subprocess
import threading

import pytest

from ftpstwist.interfaces import Disposition, ErrorKind, FtpError
from ftpstwist.storage.descriptor import Descriptor
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.reserved import RESERVED_PREFIX
from ftpstwist.storage.settings import Durability, Incomplete, LocalSettings
from ftpstwist.storage.upload import InPlaceUpload, copy_octets
from ftpstwist.wire.entry import EntryKind
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.contracts.filesystem import get, names, put, refused

from .storage_support import DROP, NOBODY, child_command, local, needs_root, open_descriptors, run_child

at = Pathname.parse


@pytest.fixture
def filesystem(tmp_path):
    with local(tmp_path) as filesystem:
        yield filesystem


@pytest.fixture(params=[True, False], ids=["unnamed", "hidden"])
def either(request, tmp_path):
    """A filesystem that keeps drafts without a name, and one that has to hide them."""
    with local(tmp_path, unnamed_files=request.param) as filesystem:
        yield filesystem


# --- modes and owners ---


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_umask_does_not_matter(tmp_path, umask):
    """Modes come from the settings, whatever started the server."""
    before = os.umask(umask)
    try:
        for unnamed in (True, False):
            with local(tmp_path, file_mode=0o640, directory_mode=0o2750, unnamed_files=unnamed) as filesystem:
                put(filesystem, f"/f{unnamed}")
                put(filesystem, f"/g{unnamed}", disposition=Disposition.APPEND)
                filesystem.make_directory(at(f"/d{unnamed}"))
    finally:
        os.umask(before)
    assert {entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path) if entry.is_file()} == {0o640}
    assert {entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path) if entry.is_dir()} == {0o750}


def test_group_inheritance_of_directories_is_kept(tmp_path, filesystem):
    """SITE CHMOD on a set-group-id directory does not end what the operator arranged; nobody can begin it."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o2775)
    filesystem.set_mode(at("/d"), 0o700)
    assert (tmp_path / "d").stat().st_mode & 0o7777 == 0o2700
    filesystem.make_directory(at("/d/e"))
    assert (tmp_path / "d" / "e").stat().st_mode & 0o7777 == 0o2755
    (tmp_path / "f").write_text("")
    (tmp_path / "f").chmod(0o6755)
    filesystem.set_mode(at("/f"), 0o755)
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o755


def test_a_draft_is_private(tmp_path):
    """Other users of the host can not read what is still being uploaded."""
    with local(tmp_path, unnamed_files=False) as filesystem:
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        (draft,) = os.scandir(tmp_path)
        assert draft.stat().st_mode & 0o777 == 0o600
        handle.commit()
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644


@needs_root
def test_a_replaced_file_keeps_its_owner(tmp_path, either):
    """A server that runs as root does not take files away from their owners."""
    (tmp_path / "f").write_text("old")
    os.chown(tmp_path / "f", NOBODY, NOBODY)
    (tmp_path / "f").chmod(0o4604)
    put(either, "/f", b"new")
    status = (tmp_path / "f").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (NOBODY, NOBODY, 0o604)


@needs_root
def test_owners_are_shown_if_wanted(tmp_path):
    """Names of users by choice only; a number where there is no name."""
    (tmp_path / "f").write_text("")
    (tmp_path / "g").write_text("")
    os.chown(tmp_path / "g", 54321, 54322)
    with local(tmp_path) as filesystem:
        entry = filesystem.stat(at("/f"))
        assert (entry.owner, entry.group) == ("ftp", "ftp")
    with local(tmp_path, show_owners=True) as filesystem:
        entry = filesystem.stat(at("/f"))
        assert entry.owner == pwd.getpwuid(0).pw_name
        entry = filesystem.stat(at("/g"))
        assert (entry.owner, entry.group) == ("54321", "54322")


def test_times(tmp_path, filesystem):
    """MFMT leaves the time of last access; fractions are cut off, not rounded (L1)."""
    (tmp_path / "f").write_text("")
    os.utime(tmp_path / "f", ns=(5, 1999999999))
    assert filesystem.stat(at("/f")).modified == 1
    filesystem.set_modified(at("/f"), 7)
    assert (tmp_path / "f").stat().st_atime_ns == 5
    with refused(ErrorKind.UNSUPPORTED):
        filesystem.set_modified(at("/f"), 1e300)


def test_unique_is_equal_for_hard_links_and_no_inode(tmp_path, filesystem):
    """One file under two names is recognised, and no inode number is given away (L9)."""
    put(filesystem, "/a")
    os.link(tmp_path / "a", tmp_path / "b")
    a, b = filesystem.stat(at("/a")), filesystem.stat(at("/b"))
    assert (a.unique, a.links) == (b.unique, 2)
    number = (tmp_path / "a").stat().st_ino
    assert str(number) not in a.unique
    assert f"{number:x}" not in a.unique
    with local(tmp_path) as again:
        assert again.stat(at("/a")).unique == a.unique
    other = LocalFilesystem(tmp_path, unique_key=b"other", random=os.urandom)
    assert other.stat(at("/a")).unique != a.unique
    other.close()


# --- uploads ---


@pytest.mark.parametrize("durability", list(Durability))
def test_every_durability(tmp_path, durability):
    """Each works with both kinds of drafts, for new, replaced, resumed and appended files."""
    for unnamed in (True, False):
        with local(tmp_path, fsync=durability, unnamed_files=unnamed) as filesystem:
            put(filesystem, "/f", b"12345")
            put(filesystem, "/f", b"xy", offset=3)
            put(filesystem, "/f", b"z", Disposition.APPEND)
            assert get(filesystem, "/f") == b"123xyz"
            filesystem.delete(at("/f"))


def test_large_files(tmp_path, either):
    """Offsets beyond 4 GiB are what they are: for reading, resuming in place, and SIZE (B18)."""
    size = (5 << 30) + 3
    with open(tmp_path / "f", "wb") as file:
        file.truncate(size)
    assert either.stat(at("/f")).size == size
    put(either, "/f", b"end", offset=size)
    assert get(either, "/f", size - 2) == b"\0\0end"
    assert either.open_write(at("/f"), Disposition.APPEND).abandon() is None


def test_copying_the_beginning_of_a_file(tmp_path, either):
    """REST within a file larger than one step of the kernel's copy is exact."""
    content = os.urandom(3 << 20)
    put(either, "/f", content)
    put(either, "/f", b"tail", offset=(3 << 20) - 7)
    assert get(either, "/f") == content[:-7] + b"tail"


def test_a_write_protected_file_is_not_replaced_either(tmp_path):
    """The mode of a file protects it, though a new file beside it could be renamed over it."""
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(0o444)
    body = f"""
        filesystem = serve(sys.argv[1])
        os.chown(sys.argv[1], {NOBODY}, {NOBODY})
        os.chown(sys.argv[1] + "/f", {NOBODY}, {NOBODY})
        {"; ".join(DROP.split(chr(10))).strip("; ")}
        for disposition in (Disposition.REPLACE, Disposition.APPEND):
            print(kind(filesystem.open_write, at("/f"), disposition))
        filesystem.set_mode(at("/f"), 0o644)
        print(kind(filesystem.open_write, at("/f"), Disposition.REPLACE))
    """
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    assert run_child(body, tmp_path) == ["PERMISSION_DENIED", "PERMISSION_DENIED", "done"]


@needs_root
@pytest.mark.parametrize("unnamed", [True, False])
def test_what_the_system_forbids_is_forbidden(tmp_path, unnamed):
    """A server without root's rights gets PERMISSION_DENIED, before anything is transferred."""
    tmp_path.chmod(0o755)
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "f").write_text("secret")
    (tmp_path / "readable").mkdir()
    (tmp_path / "readable" / "f").write_text("x")
    (tmp_path / "readable" / "f").chmod(0o600)
    (tmp_path / "names-only").mkdir()
    (tmp_path / "names-only" / "f").write_text("x")
    (tmp_path / "names-only" / "d").mkdir()
    (tmp_path / "names-only").chmod(0o744)
    (tmp_path / "own").mkdir()
    os.chown(tmp_path / "own", NOBODY, NOBODY)
    body = f"""
        filesystem = serve(sys.argv[1], unnamed_files={unnamed})
        {"; ".join(DROP.split(chr(10))).strip("; ")}
        print(kind(filesystem.scan, at("/private")))
        print(kind(filesystem.stat, at("/private/f")))
        print(kind(filesystem.open_read, at("/readable/f")))
        print(kind(filesystem.open_write, at("/readable/f"), Disposition.REPLACE))
        print(kind(filesystem.open_write, at("/readable/new"), Disposition.REPLACE))
        print(kind(filesystem.open_write, at("/readable/new"), Disposition.UNIQUE))
        print(kind(filesystem.delete, at("/readable/f")))
        print(kind(filesystem.make_directory, at("/readable/d")))
        print(kind(filesystem.remove_directory, at("/private")))
        print(kind(filesystem.rename, at("/readable/f"), at("/own/f")))
        print(kind(filesystem.set_mode, at("/readable/f"), 0o777))
        print(kind(filesystem.set_modified, at("/readable/f"), 0))
        print(sorted((entry.name, entry.kind.name) for entry in filesystem.scan(at("/names-only"))))
        handle = filesystem.open_write(at("/own/f"), Disposition.REPLACE)
        handle.write(b"mine")
        handle.commit()
        handle = filesystem.open_write(at("/own/f"), Disposition.REPLACE)
        handle.write(b"again")
        handle.commit()
        filesystem.set_mode(at("/own/f"), 0o600)
        filesystem.set_modified(at("/own/f"), 5)
        print(filesystem.stat(at("/own/f")).size, filesystem.stat(at("/own/f")).modified)
    """
    lines = run_child(body, tmp_path)
    assert lines[:12] == ["PERMISSION_DENIED"] * 12
    assert lines[12:] == ["[('d', 'DIRECTORY'), ('f', 'FILE')]", "5 5"]


def test_a_limit_on_file_size_of_the_process(tmp_path):
    """EFBIG is FILE_TOO_LARGE; what arrived can be kept, and the books agree with the disk."""
    body = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        filesystem = serve(sys.argv[1])
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"x" * 600)
        print(kind(handle.write, b"y" * 600))
        print(handle.size, handle.abandon(), filesystem.stat(at("/f")).size)
        handle = filesystem.open_write(at("/f"), Disposition.APPEND)
        print(kind(handle.write, b"z"))
        print(handle.size, handle.abandon())
    """
    assert run_child(body, tmp_path) == ["FILE_TOO_LARGE", "1000 1000 1000", "FILE_TOO_LARGE", "1000 None"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("can not mount a small file system here")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("unnamed", [True, False])
@pytest.mark.parametrize("incomplete", list(Incomplete))
def test_a_full_disk(small_disk, unnamed, incomplete):
    """NO_SPACE harms nothing that is there and leaves no draft that takes space (552)."""
    with local(small_disk, unnamed_files=unnamed, incomplete=incomplete) as filesystem:
        put(filesystem, "/old", b"o" * 300_000)
        assert filesystem.available(ROOT) < 800_000
        for path in ("/old", "/new"):
            handle = filesystem.open_write(at(path), Disposition.REPLACE)
            with refused(ErrorKind.NO_SPACE):
                for _ in range(20):
                    handle.write(b"n" * 100_000)
            kept = handle.abandon()
            assert get(filesystem, "/old") == b"o" * 300_000
            if path == "/new" and incomplete is Incomplete.KEEP_NEW:
                assert kept == filesystem.stat(at("/new")).size > 400_000
            else:
                assert kept is None
                assert names(filesystem) == {"old"}
                assert filesystem.available(ROOT) > 600_000


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_full_disk_while_the_beginning_is_copied(small_disk, unnamed):
    """REST within a file that does not fit twice is refused at once, and the file is as it was."""
    with local(small_disk, unnamed_files=unnamed) as filesystem:
        put(filesystem, "/f", b"o" * 700_000)
        before = open_descriptors()
        with refused(ErrorKind.NO_SPACE):
            filesystem.open_write(at("/f"), Disposition.REPLACE, 600_000)
        assert open_descriptors() == before
        assert os.listdir(small_disk) == ["f"]
        assert get(filesystem, "/f") == b"o" * 700_000


def test_copying_where_the_kernel_can_not(tmp_path):
    """Between unlike file systems the copy takes the other way, and tells if the source is shorter than believed."""
    (tmp_path / "f").write_bytes(b"0123456789")
    source, target = os.open(tmp_path / "f", os.O_RDONLY), os.memfd_create("target")
    try:
        copy_octets(source, target, 7)
        assert os.pread(target, 100, 0) == b"0123456"
        with refused(ErrorKind.BAD_RESTART):
            copy_octets(source, target, 11)
    finally:
        os.close(source)
        os.close(target)


def test_a_file_that_grew_while_it_was_opened(tmp_path):
    """A client that resumes at what was the end is told that it is not any more."""
    (tmp_path / "f").write_bytes(b"12345")
    descriptor = Descriptor(os.open(tmp_path / "f", os.O_WRONLY | os.O_APPEND))
    with refused(ErrorKind.BUSY):
        InPlaceUpload(at("/f"), descriptor=descriptor, settings=LocalSettings(), expected_size=4)
    descriptor.close()


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_server_that_is_killed_leaves_no_half_file(tmp_path, unnamed):
    """After kill -9 in the middle of uploads nothing new is visible, and what was there is whole."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").write_text("old")
    body = f"""
        filesystem = serve(sys.argv[1], unnamed_files={unnamed})
        handles = [filesystem.open_write(at(path), Disposition.REPLACE) for path in ("/d/old", "/d/new")]
        for handle in handles:
            handle.write(b"half")
        print("ready", flush=True)
        sys.stdin.read()
    """
    child = subprocess.Popen([*child_command(body), tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "ready\n"
        with local(tmp_path) as filesystem:
            assert names(filesystem, "/d") == {"old"}
            filesystem.delete(at("/d/old"))
            if not unnamed:  # what is still being written stands in the way
                with refused(ErrorKind.NOT_EMPTY):
                    filesystem.remove_directory(at("/d"))
            put(filesystem, "/d/old", b"old")
        child.kill()
        child.wait()
    with local(tmp_path) as filesystem:
        assert names(filesystem, "/d") == {"old"}
        assert get(filesystem, "/d/old") == b"old"
        assert len(os.listdir(tmp_path / "d")) == (1 if unnamed else 3)
        assert filesystem.usage().octets == 3
        filesystem.delete(at("/d/old"))
        filesystem.remove_directory(at("/d"))
    assert os.listdir(tmp_path) == []


def test_foreign_reserved_names_do_not_break_rmd(tmp_path, filesystem):
    """A directory that carries the reserved prefix is no draft: it stays, and RMD says NOT_EMPTY."""
    (tmp_path / "d" / f"{RESERVED_PREFIX}directory").mkdir(parents=True)
    with refused(ErrorKind.NOT_EMPTY):
        filesystem.remove_directory(at("/d"))
    assert (tmp_path / "d" / f"{RESERVED_PREFIX}directory").is_dir()


def test_a_link_put_in_the_place_of_the_target(tmp_path, either):
    """A link that takes the final name during the upload is replaced itself, not what it points at."""
    (tmp_path / "victim").write_text("victim")
    handle = either.open_write(at("/f"), Disposition.REPLACE)
    handle.write(b"new")
    os.symlink("victim", tmp_path / "f")
    handle.commit()
    assert (tmp_path / "victim").read_text() == "victim"
    assert not (tmp_path / "f").is_symlink()
    assert (tmp_path / "f").read_text() == "new"


def test_other_processes_respect_the_lock(tmp_path, filesystem):
    """Two servers on one disk do not append to one file at once."""
    put(filesystem, "/f", b"one")
    handle = filesystem.open_write(at("/f"), Disposition.APPEND)
    body = """
        filesystem = serve(sys.argv[1])
        print(kind(filesystem.open_write, at("/f"), Disposition.APPEND))
        print(kind(filesystem.open_write, at("/f"), Disposition.REPLACE, 3))
    """
    assert run_child(body, tmp_path) == ["BUSY", "BUSY"]
    handle.commit()


def test_a_handle_that_is_forgotten_frees_everything(tmp_path, either):
    """A call that was cancelled in the wrong instant costs neither descriptors nor disk."""
    put(either, "/f", b"x" * 100)
    before = open_descriptors()
    for _ in range(3):
        either.open_read(at("/f"))
        either.open_write(at("/f"), Disposition.REPLACE)
        either.open_write(at("/f"), Disposition.REPLACE, 50)
        either.open_write(at("/f"), Disposition.APPEND)
        either.open_write(at("/f"), Disposition.UNIQUE)
        either.scan(ROOT)
    assert open_descriptors() == before
    assert os.listdir(tmp_path) == ["f"]


def test_no_descriptor_leaks(tmp_path, either):
    """Whatever succeeds or fails, the server does not run dry."""
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    os.symlink("d/../d/./f", tmp_path / "link")
    before = open_descriptors()
    either.make_directory(at("/d"))
    put(either, "/d/f", b"12345")
    paths = [at(path) for path in ("/", "/d", "/d/f", "/d/f/x", "/no", "/no/x", "/pipe", "/loop", "/link", "/link/x")]
    paths += [at(f"/{RESERVED_PREFIX}x"), Pathname(("..", "x")), at("/d/" + "n" * 255), Pathname(("n" * 256,))]
    reading = [
        either.stat,
        either.available,
        either.without_links,
        lambda path: either.scan(path).close(),
        lambda path: list(either.scan(path)),
        lambda path: either.open_read(path).close(),
        lambda path: either.open_read(path, 99).close(),
    ]
    changing = [
        *(
            lambda path, disposition=disposition, offset=offset: either.open_write(path, disposition, offset).abandon()
            for disposition in Disposition
            for offset in (0, 2, 5, 99)
        ),
        lambda path: either.set_mode(path, 0o700),
        lambda path: either.set_modified(path, 1),
        lambda path: either.set_modified(path, 1e300),
        lambda path: either.rename(path, at("/x")),
        lambda path: either.rename(at("/x"), path),
        lambda path: either.rename(path, at("/d")),
        either.make_directory,
        either.remove_directory,
        either.delete,
    ]
    outcomes = set()
    for operation in (*reading, *changing):
        for path in paths:
            try:
                operation(path)
                outcomes.add(None)
            except FtpError as error:
                outcomes.add(error.kind)
    either.usage()
    assert open_descriptors() == before
    assert len(outcomes) > 8


# --- listings ---


def test_many_entries(tmp_path, filesystem):
    """A directory of thousands is read one by one: the first entry is there before the last was looked at."""
    for number in range(3000):
        (tmp_path / f"{number:04}").touch()
    scan = filesystem.scan(ROOT)
    first = next(scan)
    gone = {path for path in os.listdir(tmp_path) if path != first.name}
    for name in list(gone)[:1500]:
        (tmp_path / name).unlink()
    rest = [entry.name for entry in scan]
    left = set(os.listdir(tmp_path))
    assert left == {first.name, *rest} & left
    assert len(rest) < 2999  # those that vanished while the list was made are left out, and break nothing
    assert len(names(filesystem)) == 1500


def test_reserved_names_are_not_listed(tmp_path, filesystem):
    """What the server hides, and only that, is not in the listing."""
    for name in (f"{RESERVED_PREFIX}1.part", ".FTPSTWIST-2", ".ftpstwist", ".hidden", "f"):
        (tmp_path / name).write_text("12345")
    assert names(filesystem) == {".ftpstwist", ".hidden", "f"}
    assert filesystem.usage().octets == 15


def test_names_no_client_can_write(tmp_path, filesystem):
    """A name with a line feed, made by someone on the host, breaks neither listing nor counting."""
    (tmp_path / "line\nfeed").mkdir()
    (tmp_path / "line\nfeed" / "f").write_text("12345")
    os.symlink("line\nfeed", tmp_path / "to-it")
    os.symlink("line\nfeed/f", tmp_path / "b\nlink")
    kinds = {entry.name: entry.kind for entry in filesystem.scan(ROOT)}
    assert kinds == {
        "line\nfeed": EntryKind.DIRECTORY,
        "to-it": EntryKind.DIRECTORY,
        "b\nlink": EntryKind.FILE,
    }
    assert filesystem.usage().octets == 5


def test_listing_while_others_write(tmp_path, filesystem):
    """Listings and uploads in parallel see each other's whole files or none."""
    problems = []

    def upload():
        try:
            for number in range(50):
                put(filesystem, f"/{number % 5}", b"x" * 10)
                filesystem.delete(at(f"/{number % 5}"))
        except FtpError as error:
            problems.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    while thread.is_alive():
        problems.extend(entry for entry in filesystem.scan(ROOT) if entry.size != 10 or len(entry.name) != 1)
    thread.join()
    assert problems == []


# --- usage ---


def test_usage(tmp_path):
    """A quota counts what lies below the home: hard links once, and nothing links lead to."""
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 1000)
    (root / "d" / "e").mkdir(parents=True)
    (root / "a").write_bytes(b"x" * 10)
    (root / "d" / "b").write_bytes(b"x" * 20)
    os.link(root / "a", root / "d" / "e" / "a")
    os.symlink("..", root / "d" / "loop")
    os.symlink("b", root / "d" / "to-b")
    os.symlink(outside, root / "out")
    os.mkfifo(root / "pipe")
    with local(root) as filesystem:
        assert filesystem.usage().octets == 30


def test_usage_is_bounded(tmp_path, filesystem, monkeypatch):
    """A home with too many files is an error of the operator's, not an endless walk."""
    for name in "abc":
        (tmp_path / name).write_text("x")
    monkeypatch.setattr("ftpstwist.storage.local.MAX_COUNTED_ENTRIES", 3)
    assert filesystem.usage().octets == 3
    monkeypatch.setattr("ftpstwist.storage.local.MAX_COUNTED_ENTRIES", 2)
    with refused(ErrorKind.STORAGE_FAILED):
        filesystem.usage()


@needs_root
def test_rename_across_file_systems(small_disk, tmp_path_factory):
    """It is refused as not supported; nothing is copied behind the client's back."""
    root = tmp_path_factory.mktemp("root")
    (root / "mounted").mkdir()
    subprocess.run(["mount", "--bind", small_disk, root / "mounted"], check=True)
    try:
        with local(root) as filesystem:
            put(filesystem, "/f", b"x")
            put(filesystem, "/mounted/g", b"y")
            with refused(ErrorKind.UNSUPPORTED):
                filesystem.rename(at("/f"), at("/mounted/f"))
            with refused(ErrorKind.BUSY):
                filesystem.remove_directory(at("/mounted"))
            assert get(filesystem, "/mounted/g") == b"y"
    finally:
        subprocess.run(["umount", root / "mounted"], check=True)


def test_settings_have_defaults():
    """The defaults are the documented ones."""
    settings = LocalSettings()
    assert (settings.fsync, settings.incomplete) == (Durability.FILE, Incomplete.KEEP_NEW)
    assert (settings.file_mode, settings.directory_mode) == (0o644, 0o755)
