"""What every ``Filesystem`` has to do. A back end subclasses :class:`FilesystemContract` and gives the fixture.

The fixture ``filesystem`` is an empty filesystem that keeps incomplete new
uploads, ``discarding`` an empty one that does not; both allow everything.
"""

from __future__ import annotations

import contextlib
import threading

import pytest

from ftpstwist.interfaces import Capability, Disposition, ErrorKind, Filesystem, FtpError
from ftpstwist.wire.entry import EntryKind
from ftpstwist.wire.pathname import ROOT, Pathname, decode_name

at = Pathname.parse

NAMES = [
    "plain.txt",
    "with space",
    "  leading and trailing  ",
    'quo"ted',
    "it's",
    "-rf",
    "~root",
    "*?[glob]",
    "back\\slash",
    "äöü ß 日本語 🐢",
    "cr\rinside",
    "tab\tinside",
    "..hidden",
    "...",
    decode_name(b"latin-1 \xe4\xf6\xfc"),
    decode_name(b"\xff\xfe\x80"),
    "n" * 255,
    "ä" * 127,
]


def put(filesystem: Filesystem, path: str, data: bytes = b"content", disposition=Disposition.REPLACE, offset: int = 0):
    """Upload *data* in one piece and return the handle."""
    handle = filesystem.open_write(at(path), disposition, offset)
    handle.write(data)
    handle.commit()
    return handle


def get(filesystem: Filesystem, path: str | Pathname, offset: int = 0) -> bytes:
    """Download a file to its end."""
    handle = filesystem.open_read(path if isinstance(path, Pathname) else at(path), offset)
    out = bytearray()
    buffer = memoryview(bytearray(7000))
    try:
        while filled := handle.read_into(buffer):
            out += buffer[:filled]
    finally:
        handle.close()
    return bytes(out)


def names(filesystem: Filesystem, path: str = "/") -> set[str]:
    """Return the names in a directory."""
    return {entry.name for entry in filesystem.scan(at(path))}


@contextlib.contextmanager
def refused(*kinds: ErrorKind):
    """Expect an FtpError of one of the kinds."""
    with pytest.raises(FtpError) as caught:
        yield
    assert caught.value.kind in kinds, caught.value


class FilesystemContract:
    # --- stat and scan ---

    def test_the_root_is_a_nameless_directory(self, filesystem):
        """CWD / works everywhere."""
        entry = filesystem.stat(ROOT)
        assert (entry.name, entry.kind, entry.size) == ("", EntryKind.DIRECTORY, 0)
        assert names(filesystem) == set()

    def test_stat_tells_what_was_stored(self, filesystem):
        """SIZE and MLST are exact."""
        put(filesystem, "/f", b"12345")
        entry = filesystem.stat(at("/f"))
        assert (entry.name, entry.kind, entry.size, entry.links) == ("f", EntryKind.FILE, 5, 1)
        assert entry.mode == 0o644

    def test_stat_of_nothing(self, filesystem):
        """A missing name, a missing directory and a file taken for a directory are told apart."""
        put(filesystem, "/f")
        with refused(ErrorKind.NOT_FOUND):
            filesystem.stat(at("/no"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.stat(at("/no/no"))
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.stat(at("/f/below"))

    def test_scan_agrees_with_stat(self, filesystem):
        """A listing and MLST of one name say the same."""
        put(filesystem, "/d0")
        filesystem.make_directory(at("/d1"))
        put(filesystem, "/d1/inner", b"x" * 9)
        for directory in (ROOT, at("/d1")):
            for entry in filesystem.scan(directory):
                assert entry == filesystem.stat(directory / entry.name)

    def test_scan_fails_before_the_first_entry(self, filesystem):
        """A refusal comes at once, so no data connection is opened for it."""
        put(filesystem, "/f")
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.scan(at("/f"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.scan(at("/no"))

    def test_names_are_those_of_the_entries(self, filesystem):
        """NLST shows what LIST shows, and is refused where LIST is."""
        filesystem.make_directory(at("/d"))
        for name in ("f", ".g", "d/below"):
            put(filesystem, f"/{name}")
        assert sorted(filesystem.names(ROOT)) == [".g", "d", "f"]
        assert list(filesystem.names(at("/d"))) == ["below"]
        filesystem.names(ROOT).close()
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.names(at("/f"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.names(at("/no"))

    def test_scan_can_be_closed_early(self, filesystem):
        """ABOR in the middle of LIST releases everything."""
        for number in range(5):
            put(filesystem, f"/f{number}")
        unread = filesystem.scan(ROOT)
        unread.close()
        begun = filesystem.scan(ROOT)
        next(begun)
        begun.close()
        begun.close()
        assert len(names(filesystem)) == 5

    def test_files_are_unique_and_stay_so(self, filesystem):
        """The unique fact is equal for one file and different for two (L9)."""
        put(filesystem, "/a")
        put(filesystem, "/b")
        token = filesystem.stat(at("/a")).unique
        assert token
        assert token != filesystem.stat(at("/b")).unique
        filesystem.rename(at("/a"), at("/c"))
        assert filesystem.stat(at("/c")).unique == token

    def test_handles_outlive_the_filesystem(self, filesystem):
        """The end of a session takes nothing from what it still has open, and comes twice without harm."""
        put(filesystem, "/f", b"12345")
        reading, writing = filesystem.open_read(at("/f")), filesystem.open_write(at("/g"), Disposition.REPLACE)
        filesystem.close()
        filesystem.close()
        buffer = memoryview(bytearray(20))
        assert reading.read_into(buffer) == 5
        writing.write(b"678")
        writing.commit()
        reading.close()

    # --- names ---

    @pytest.mark.parametrize("name", NAMES)
    def test_names_survive_a_round_trip(self, filesystem, name):
        """Whatever a client calls its file, it comes back under exactly that name (I2, B34)."""
        path = ROOT / name
        handle = filesystem.open_write(path, Disposition.REPLACE)
        handle.write(b"named")
        handle.commit()
        assert names(filesystem) == {name}
        assert get(filesystem, path) == b"named"
        filesystem.delete(path)
        filesystem.make_directory(path)
        assert names(filesystem) == {name}
        filesystem.remove_directory(path)

    @pytest.mark.parametrize("name", [".ftpstwist-x.part", ".ftpstwist-", ".FTPStwist-abc"])
    def test_reserved_names_do_not_exist_for_clients(self, filesystem, name):
        """No client can reach or fake an unfinished upload."""
        put(filesystem, "/f")
        path = ROOT / name
        attempts = [
            lambda: filesystem.stat(path),
            lambda: filesystem.scan(path),
            lambda: filesystem.open_read(path),
            lambda: filesystem.open_write(path, Disposition.REPLACE),
            lambda: filesystem.open_write(path, Disposition.UNIQUE),
            lambda: filesystem.delete(path),
            lambda: filesystem.make_directory(path),
            lambda: filesystem.remove_directory(path),
            lambda: filesystem.rename(at("/f"), path),
            lambda: filesystem.rename(path, at("/g")),
            lambda: filesystem.stat(path / "below"),
        ]
        for attempt in attempts:
            with refused(ErrorKind.NAME_NOT_ALLOWED):
                attempt()
        assert names(filesystem) == {"f"}

    @pytest.mark.parametrize("parts", [("..", "x"), ("a/b",), ("..",), (".",), ("",), ("a\0b",)])
    def test_a_pathname_made_by_hand_is_no_way_out(self, filesystem, parts):
        """Even a caller that skips ``Pathname.parse`` stays inside (K10)."""
        with refused(ErrorKind.NAME_NOT_ALLOWED):
            filesystem.stat(Pathname(parts))
        with refused(ErrorKind.NAME_NOT_ALLOWED):
            filesystem.open_write(Pathname(parts), Disposition.REPLACE)

    # --- reading ---

    def test_read_from_any_offset(self, filesystem):
        """REST n and RETR give the octets from n on, at 0, within, and at the end (L4)."""
        content = bytes(range(256)) * 100
        put(filesystem, "/f", content)
        for offset in (0, 1, 12345, len(content)):
            assert get(filesystem, "/f", offset) == content[offset:]
        for offset in (len(content) + 1, -1):
            with refused(ErrorKind.BAD_RESTART):
                filesystem.open_read(at("/f"), offset)

    def test_empty_file(self, filesystem):
        """A file of 0 octets can be stored and fetched."""
        put(filesystem, "/f", b"")
        assert get(filesystem, "/f") == b""
        assert filesystem.stat(at("/f")).size == 0

    def test_only_files_are_read(self, filesystem):
        """RETR of a directory or of nothing is refused."""
        filesystem.make_directory(at("/d"))
        with refused(ErrorKind.IS_A_DIRECTORY):
            filesystem.open_read(at("/d"))
        with refused(ErrorKind.IS_A_DIRECTORY):
            filesystem.open_read(ROOT)
        with refused(ErrorKind.NOT_FOUND):
            filesystem.open_read(at("/no"))

    def test_a_reader_keeps_its_file(self, filesystem):
        """A download is not disturbed by an upload to the same name."""
        put(filesystem, "/f", b"old" * 1000)
        handle = filesystem.open_read(at("/f"))
        put(filesystem, "/f", b"new")
        buffer = memoryview(bytearray(4000))
        assert handle.read_into(buffer) == 3000
        handle.close()
        handle.close()
        assert get(filesystem, "/f") == b"new"

    def test_a_file_that_grows_is_sent_to_its_end(self, filesystem):
        """A log can be fetched while it is written to."""
        put(filesystem, "/f", b"12345")
        handle = filesystem.open_read(at("/f"))
        put(filesystem, "/f", b"678", Disposition.APPEND)
        buffer = memoryview(bytearray(20))
        assert (handle.read_into(buffer), handle.read_into(buffer)) == (8, 0)
        handle.close()

    @pytest.mark.parametrize("offset", [0, 3])
    def test_a_file_that_shrinks_is_never_taken_for_whole(self, discarding, offset):
        """A download that can not give all the octets there were is no success (451, not 226)."""
        put(discarding, "/f", b"12345")
        growing = discarding.open_write(at("/f"), Disposition.APPEND)
        growing.write(b"678")
        handle = discarding.open_read(at("/f"), offset)
        growing.abandon()
        buffer = memoryview(bytearray(20))
        assert handle.read_into(buffer) == 5 - offset
        with refused(ErrorKind.STORAGE_FAILED):
            handle.read_into(buffer)
        handle.close()

    # --- STOR ---

    def test_nothing_is_visible_before_commit(self, filesystem):
        """Nobody ever sees half a file."""
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"half")
        assert names(filesystem) == set()
        with refused(ErrorKind.NOT_FOUND):
            filesystem.stat(at("/f"))
        assert handle.size == 4
        assert handle.path == at("/f")
        handle.write(bytearray(b" and "))
        handle.write(memoryview(b"half"))
        handle.commit()
        assert get(filesystem, "/f") == b"half and half"

    def test_the_old_file_stands_until_commit(self, filesystem):
        """An upload that fails never harms what was there (B14)."""
        put(filesystem, "/f", b"old")
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"new, and cut off")
        assert get(filesystem, "/f") == b"old"
        assert handle.abandon() is None
        assert get(filesystem, "/f") == b"old"
        assert names(filesystem) == {"f"}
        put(filesystem, "/f", b"new")
        assert get(filesystem, "/f") == b"new"

    def test_replacing_keeps_the_mode(self, filesystem):
        """A new version of a private file is not suddenly public."""
        put(filesystem, "/f")
        filesystem.set_mode(at("/f"), 0o600)
        put(filesystem, "/f", b"second")
        assert filesystem.stat(at("/f")).mode == 0o600

    def test_an_upload_is_refused_when_it_is_opened(self, filesystem):
        """A refusal costs no data connection."""
        filesystem.make_directory(at("/d"))
        put(filesystem, "/f")
        for disposition in (Disposition.REPLACE, Disposition.APPEND):
            with refused(ErrorKind.IS_A_DIRECTORY):
                filesystem.open_write(at("/d"), disposition)
            with refused(ErrorKind.IS_A_DIRECTORY):
                filesystem.open_write(ROOT, disposition)
        for disposition in Disposition:
            with refused(ErrorKind.NOT_FOUND):
                filesystem.open_write(at("/no/f"), disposition)
            with refused(ErrorKind.NOT_A_DIRECTORY):
                filesystem.open_write(at("/f/f"), disposition)

    def test_two_uploads_to_one_name(self, filesystem):
        """Each is complete, and the last one to end wins."""
        first = filesystem.open_write(at("/f"), Disposition.REPLACE)
        second = filesystem.open_write(at("/f"), Disposition.REPLACE)
        first.write(b"first")
        second.write(b"second")
        second.commit()
        assert get(filesystem, "/f") == b"second"
        first.commit()
        assert get(filesystem, "/f") == b"first"
        assert names(filesystem) == {"f"}

    def test_uploads_to_one_name_from_many_threads(self, filesystem):
        """Under real concurrency, too, every content seen is one that was sent whole."""
        contents = [bytes([number]) * 5000 for number in range(8)]
        problems = []

        def upload(content):
            try:
                for _ in range(10):
                    put(filesystem, "/f", content)
                    if get(filesystem, "/f") not in contents:
                        problems.append("mixed content")
            except FtpError as error:
                problems.append(error)

        threads = [threading.Thread(target=upload, args=(content,)) for content in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert names(filesystem) == {"f"}

    def test_commit_under_a_directory(self, filesystem):
        """A directory that took the name meanwhile is not harmed, and nothing is left behind."""
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"x")
        filesystem.make_directory(at("/f"))
        with refused(ErrorKind.IS_A_DIRECTORY):
            handle.commit()
        assert filesystem.stat(at("/f")).is_directory
        assert names(filesystem) == {"f"}
        filesystem.remove_directory(at("/f"))

    def test_the_directory_of_an_upload_is_removed(self, filesystem):
        """The upload is refused then, or the removal is: no octet is lost in silence."""
        filesystem.make_directory(at("/d"))
        handle = filesystem.open_write(at("/d/f"), Disposition.REPLACE)
        handle.write(b"x")
        outcomes = []
        for step in (lambda: filesystem.remove_directory(at("/d")), handle.commit):
            try:
                step()
            except FtpError as error:
                outcomes.append(error.kind)
        assert outcomes in ([ErrorKind.NOT_FOUND], [ErrorKind.NOT_EMPTY])
        assert names(filesystem) == ({"d"} if outcomes == [ErrorKind.NOT_EMPTY] else set())

    def test_a_handle_ends_once(self, filesystem):
        """After its end a handle does no harm."""
        handle = put(filesystem, "/f")
        assert handle.abandon() is None
        with refused(ErrorKind.STORAGE_FAILED):
            handle.commit()
        with refused(ErrorKind.STORAGE_FAILED):
            handle.write(b"x")
        assert get(filesystem, "/f") == b"content"

    # --- incomplete uploads ---

    def test_what_arrived_of_a_new_file_stays(self, filesystem):
        """The client can resume it with REST."""
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"begin")
        assert handle.abandon() == 5
        assert get(filesystem, "/f") == b"begin"
        assert filesystem.stat(at("/f")).mode == 0o644
        put(filesystem, "/f", b"ning", offset=5)
        assert get(filesystem, "/f") == b"beginning"

    def test_nothing_arrived_nothing_stays(self, filesystem):
        """A data connection that broke at once leaves no empty file."""
        assert filesystem.open_write(at("/f"), Disposition.REPLACE).abandon() is None
        assert names(filesystem) == set()

    def test_an_incomplete_upload_never_replaces(self, filesystem):
        """Someone else's complete file, stored meanwhile, is kept."""
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"incomplete")
        put(filesystem, "/f", b"complete")
        assert handle.abandon() is None
        assert get(filesystem, "/f") == b"complete"

    def test_discard_leaves_everything_as_it_was(self, discarding):
        """With incomplete = discard nothing of a broken upload is seen."""
        handle = discarding.open_write(at("/f"), Disposition.REPLACE)
        handle.write(b"incomplete")
        assert handle.abandon() is None
        assert names(discarding) == set()
        put(discarding, "/f", b"12345")
        for disposition, offset in ((Disposition.APPEND, 0), (Disposition.REPLACE, 5), (Disposition.REPLACE, 2)):
            handle = discarding.open_write(at("/f"), disposition, offset)
            handle.write(b"more")
            assert handle.abandon() is None
            assert get(discarding, "/f") == b"12345"

    # --- REST and APPE ---

    def test_resume_at_the_end(self, filesystem):
        """REST at the size continues the file in place."""
        put(filesystem, "/f", b"12345")
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE, 5)
        assert handle.size == 5
        handle.write(b"678")
        assert (handle.size, get(filesystem, "/f")) == (8, b"12345678")
        handle.commit()
        assert get(filesystem, "/f") == b"12345678"

    def test_resume_within(self, filesystem):
        """REST before the end keeps the beginning, and the old file until the new one is complete."""
        put(filesystem, "/f", b"12345")
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE, 2)
        assert handle.size == 2
        handle.write(b"xy")
        assert get(filesystem, "/f") == b"12345"
        handle.commit()
        assert get(filesystem, "/f") == b"12xy"

    def test_resume_within_abandoned(self, filesystem):
        """If it breaks again the longer old file is still there."""
        put(filesystem, "/f", b"12345")
        handle = filesystem.open_write(at("/f"), Disposition.REPLACE, 2)
        handle.write(b"xy")
        assert handle.abandon() is None
        assert get(filesystem, "/f") == b"12345"

    def test_restart_markers_that_do_not_fit(self, filesystem):
        """REST beyond the end, or of nothing, is refused and makes no file."""
        put(filesystem, "/f", b"12345")
        for path, offset in (("/f", 6), ("/f", -1), ("/new", 1), ("/new", -1)):
            with refused(ErrorKind.BAD_RESTART):
                filesystem.open_write(at(path), Disposition.REPLACE, offset)
        for disposition in (Disposition.APPEND, Disposition.UNIQUE):
            with refused(ErrorKind.BAD_RESTART):
                filesystem.open_write(at("/f"), disposition, 1)
        assert names(filesystem) == {"f"}

    def test_append(self, filesystem):
        """APPE adds to a file, or makes it."""
        put(filesystem, "/f", b"one", Disposition.APPEND)
        put(filesystem, "/f", b"two", Disposition.APPEND)
        assert get(filesystem, "/f") == b"onetwo"

    def test_append_abandoned_keeps_what_came(self, filesystem):
        """A broken APPE leaves the longer file; one that never began changes nothing."""
        put(filesystem, "/f", b"one")
        assert filesystem.open_write(at("/f"), Disposition.APPEND).abandon() is None
        handle = filesystem.open_write(at("/f"), Disposition.APPEND)
        handle.write(b"tw")
        assert handle.abandon() == 5
        assert get(filesystem, "/f") == b"onetw"

    def test_writers_in_place_exclude_each_other(self, filesystem):
        """Two clients that append at once do not mix their octets."""
        put(filesystem, "/f", b"one")
        first = filesystem.open_write(at("/f"), Disposition.APPEND)
        for disposition, offset in ((Disposition.APPEND, 0), (Disposition.REPLACE, 3)):
            with refused(ErrorKind.BUSY):
                filesystem.open_write(at("/f"), disposition, offset)
        first.commit()
        put(filesystem, "/f", b"two", Disposition.APPEND)
        put(filesystem, "/f", b"three", offset=6)
        assert get(filesystem, "/f") == b"onetwothree"

    def test_append_to_a_file_that_is_replaced(self, filesystem):
        """Octets that went to a file nobody can reach are not reported as stored."""
        put(filesystem, "/f", b"one")
        handle = filesystem.open_write(at("/f"), Disposition.APPEND)
        handle.write(b"two")
        put(filesystem, "/f", b"replaced")
        with refused(ErrorKind.BUSY):
            handle.commit()
        assert get(filesystem, "/f") == b"replaced"

    def test_append_to_a_new_file_that_appears(self, filesystem):
        """APPE never destroys: of two that make the file the later is refused."""
        first = filesystem.open_write(at("/f"), Disposition.APPEND)
        second = filesystem.open_write(at("/f"), Disposition.APPEND)
        first.write(b"first")
        second.write(b"second")
        first.commit()
        with refused(ErrorKind.EXISTS):
            second.commit()
        assert get(filesystem, "/f") == b"first"
        assert names(filesystem) == {"f"}

    def test_append_follows_a_rename(self, filesystem):
        """Octets appended to a file that is renamed meanwhile are in the renamed file."""
        put(filesystem, "/f", b"one")
        handle = filesystem.open_write(at("/f"), Disposition.APPEND)
        filesystem.rename(at("/f"), at("/g"))
        handle.write(b"two")
        handle.commit()
        assert get(filesystem, "/g") == b"onetwo"

    # --- STOU ---

    def test_unique_names(self, filesystem):
        """STOU tells its name at once, and never touches a file that is there (B15)."""
        put(filesystem, "/f.txt", b"old")
        handles = [filesystem.open_write(at("/f.txt"), Disposition.UNIQUE) for _ in range(3)]
        paths = [handle.path for handle in handles]
        assert len({*paths, at("/f.txt")}) == 4
        for path, handle in zip(paths, handles, strict=True):
            assert path.parent == ROOT
            assert path.name.startswith("f.txt")
            handle.write(b"unique")
            handle.commit()
            assert get(filesystem, path) == b"unique"
        assert get(filesystem, "/f.txt") == b"old"

    def test_a_unique_name_that_is_taken_meanwhile(self, filesystem):
        """A file that appears under the name is kept; the upload is refused."""
        handle = filesystem.open_write(at("/f"), Disposition.UNIQUE)
        handle.write(b"late")
        put(filesystem, str(handle.path), b"early")
        with refused(ErrorKind.EXISTS):
            handle.commit()
        assert get(filesystem, handle.path) == b"early"
        assert names(filesystem) == {handle.path.name}

    @pytest.mark.parametrize("name", ["n" * 255, "ä" * 127])
    def test_a_unique_name_fits(self, filesystem, name):
        """The longest names leave room for what makes them unique."""
        handle = filesystem.open_write(ROOT / name, Disposition.UNIQUE)
        handle.write(b"x")
        handle.commit()
        assert names(filesystem) == {handle.path.name}

    def test_an_incomplete_unique_file_stays(self, filesystem):
        """The client knows the name and can resume it."""
        handle = filesystem.open_write(at("/f"), Disposition.UNIQUE)
        handle.write(b"part")
        assert handle.abandon() == 4
        assert get(filesystem, handle.path) == b"part"

    # --- directories and deleting ---

    def test_directories_come_and_go(self, filesystem):
        """MKD and RMD."""
        filesystem.make_directory(at("/d"))
        filesystem.make_directory(at("/d/e"))
        assert filesystem.stat(at("/d/e")).kind is EntryKind.DIRECTORY
        assert filesystem.stat(at("/d")).mode == 0o755
        with refused(ErrorKind.NOT_EMPTY):
            filesystem.remove_directory(at("/d"))
        filesystem.remove_directory(at("/d/e"))
        filesystem.remove_directory(at("/d"))
        assert names(filesystem) == set()

    def test_refusals_around_directories(self, filesystem):
        """Each wrong use has its own kind."""
        filesystem.make_directory(at("/d"))
        put(filesystem, "/f")
        for path in ("/d", "/f", "/"):
            with refused(ErrorKind.EXISTS):
                filesystem.make_directory(at(path))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.make_directory(at("/no/d"))
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.remove_directory(at("/f"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.remove_directory(at("/no"))
        with refused(ErrorKind.PERMISSION_DENIED):
            filesystem.remove_directory(ROOT)

    def test_delete(self, filesystem):
        """DELE removes files and nothing else."""
        put(filesystem, "/f")
        filesystem.make_directory(at("/d"))
        filesystem.delete(at("/f"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.delete(at("/f"))
        for path in ("/d", "/"):
            with refused(ErrorKind.IS_A_DIRECTORY):
                filesystem.delete(at(path))
        assert names(filesystem) == {"d"}

    # --- rename ---

    def test_rename(self, filesystem):
        """RNTO moves files and whole directories."""
        filesystem.make_directory(at("/d"))
        put(filesystem, "/d/f", b"x")
        filesystem.rename(at("/d"), at("/e"))
        filesystem.rename(at("/e/f"), at("/g"))
        assert get(filesystem, "/g") == b"x"
        assert names(filesystem) == {"e", "g"}
        assert names(filesystem, "/e") == set()

    def test_rename_replaces_a_file(self, filesystem):
        """The usual way of clients to publish what they have uploaded."""
        put(filesystem, "/new", b"new")
        put(filesystem, "/old", b"old")
        filesystem.rename(at("/new"), at("/old"))
        assert get(filesystem, "/old") == b"new"
        assert names(filesystem) == {"old"}

    def test_rename_to_itself(self, filesystem):
        """It is no error and changes nothing."""
        put(filesystem, "/f", b"x")
        filesystem.make_directory(at("/d"))
        filesystem.rename(at("/f"), at("/f"))
        filesystem.rename(at("/d"), at("/d"))
        assert get(filesystem, "/f") == b"x"

    def test_rename_never_replaces_a_directory(self, filesystem):
        """Not even an empty one, and no file by a directory."""
        put(filesystem, "/f", b"x")
        filesystem.make_directory(at("/d"))
        filesystem.make_directory(at("/e"))
        for source, target in (("/f", "/d"), ("/e", "/d"), ("/e", "/f")):
            with refused(ErrorKind.EXISTS):
                filesystem.rename(at(source), at(target))
        assert names(filesystem) == {"f", "d", "e"}

    def test_rename_refusals(self, filesystem):
        """Nothing moves into itself, out of nothing or into nowhere; the root stays."""
        filesystem.make_directory(at("/d"))
        put(filesystem, "/f")
        with refused(ErrorKind.NAME_NOT_ALLOWED):
            filesystem.rename(at("/d"), at("/d/e"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.rename(at("/no"), at("/x"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.rename(at("/f"), at("/no/x"))
        with refused(ErrorKind.NOT_A_DIRECTORY):
            filesystem.rename(at("/d"), at("/f/x"))
        for source, target in (("/", "/x"), ("/d", "/"), ("/", "/")):
            with refused(ErrorKind.PERMISSION_DENIED):
                filesystem.rename(at(source), at(target))
        assert names(filesystem) == {"d", "f"}

    # --- capabilities ---

    def test_set_modified(self, filesystem):
        """MFMT sets what MDTM tells, before 1970 and after 2038, too."""
        assert Capability.SET_MODIFIED in filesystem.capabilities
        put(filesystem, "/f")
        filesystem.make_directory(at("/d"))
        for path in ("/f", "/d"):
            for seconds in (0, 1, 1234567890.75, 2**31 + 5, -86400):
                filesystem.set_modified(at(path), seconds)
                assert filesystem.stat(at(path)).modified == int(seconds // 1)
        with refused(ErrorKind.NOT_FOUND):
            filesystem.set_modified(at("/no"), 0)

    @pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -float("inf")])
    def test_set_modified_to_no_time(self, filesystem, seconds):
        """Nonsense is refused as such."""
        put(filesystem, "/f")
        with refused(ErrorKind.UNSUPPORTED):
            filesystem.set_modified(at("/f"), seconds)

    def test_set_mode(self, filesystem):
        """SITE CHMOD sets permission bits and no others."""
        assert Capability.SET_MODE in filesystem.capabilities
        put(filesystem, "/f")
        filesystem.make_directory(at("/d"))
        for path in ("/f", "/d"):
            filesystem.set_mode(at(path), 0o7740)
            assert filesystem.stat(at(path)).mode == 0o740

    def test_available(self, filesystem):
        """AVBL and ALLO can ask, for names that are there and for those to come."""
        assert Capability.SPACE in filesystem.capabilities
        put(filesystem, "/f")
        for path in ("/", "/f", "/new"):
            space = filesystem.available(at(path))
            assert space is None or space >= 0
        with refused(ErrorKind.NOT_FOUND):
            filesystem.available(at("/no/where"))

    def test_links(self, filesystem):
        """SITE SYMLINK works as the capabilities say, and never over something."""
        put(filesystem, "/f", b"octets")
        filesystem.make_directory(at("/d"))
        if Capability.LINKS not in filesystem.capabilities:
            with refused(ErrorKind.UNSUPPORTED):
                filesystem.make_link(at("/d/link"), at("/f"))
            return
        filesystem.make_link(at("/d/link"), at("/f"))
        assert filesystem.stat(at("/d/link")).size == len(b"octets")
        with refused(ErrorKind.EXISTS):
            filesystem.make_link(at("/d/link"), at("/f"))
        with refused(ErrorKind.NOT_FOUND):
            filesystem.make_link(at("/other"), at("/no"))
