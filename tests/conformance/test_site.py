"""MFF, AVBL, and what SITE does beyond the old (X2, X6, X9): copies, trees, links, idle limit."""

from __future__ import annotations

import os

import pytest

from tests.conformance.conftest import clear

CONFIG = """
[policy]
require = "none"
[storage]
make_links = true
[server]
idle_timeout = 120
[limits]
listing_entries = 20
"""
USERS = """
[users.small]
password = "HASH"
groups = ["staff", "guests"]
limits = { quota = 1000 }
[users.ruled]
password = "HASH"
[users.ruled.permissions]
"/" = "all"
"/secret" = []
"/in" = ["create", "list"]
"""


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With links, and accounts with a quota and with rules."""
    return start_server(CONFIG, USERS)


@pytest.fixture
def ruled(clear_server):
    """May do all but see /secret, and in /in make and list only."""
    home = clear_server.folder / "files" / "ruled"
    for name in ("secret", "in"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "secret" / "file").write_bytes(b"hidden")
    (home / "file").write_bytes(b"octets")
    with clear(clear_server, user="ruled") as client:
        yield client


@pytest.fixture
def small(clear_server):
    """Has room for 1000 octets."""
    with clear(clear_server, user="small") as client:
        for name in ("file", "copy"):
            client.do(f"DELE {name}")
        yield client


# --- MFF and AVBL ---


def test_mff(client, folder):
    """X2: time and mode in one command; the reply tells what the file has now."""
    (folder / "a b").touch()
    answer = client.do("MFF Modify=20200229123456;unix.mode=4640; a b")
    assert (answer.code, answer.text) == (213, f"Modify=20200229123456;UNIX.mode=0640; /{folder.name}/a b")
    assert (folder / "a b").stat().st_mode & 0o7777 == 0o640
    assert client.do("MDTM a b").text == "20200229123456"
    assert client.do("MFF UNIX.mode=600; a b").text == f"UNIX.mode=0600; /{folder.name}/a b"
    assert client.do("MFF modify=20200101000000; a b").text == f"Modify=20200101000000; /{folder.name}/a b"


@pytest.mark.parametrize(
    ("argument", "code"),
    [("file", 501), ("modify=20200101000000 file", 501), ("modify=20200230000000; file", 501), ("UNIX.mode=9; file", 501),
     ("modify=; file", 501), ("create=20200101000000; file", 504), ("UNIX.group=staff; file", 504),
     ("UNIX.mode=0600; missing", 550), ("", 501)],
)  # fmt: skip
def test_mff_refusals(client, folder, argument, code):
    """X2: what can not be set is refused as a whole."""
    (folder / "file").touch(mode=0o644)
    assert client.code(f"MFF {argument}") == code
    assert (folder / "file").stat().st_mode & 0o777 == 0o644


def test_avbl(client, folder, small):
    """X6: a client learns before an upload whether it fits."""
    assert int(client.do("AVBL").text) > 0
    assert small.upload("STOR file", b"x" * 400).code == 226
    assert (small.do("AVBL").code, small.do("AVBL /").text) == (213, "600")
    assert (small.code("AVBL file"), small.code("AVBL missing")) == (550, 550)


# --- copies ---


def test_copy(client, folder):
    """X9: a file is copied without travelling; both ways to say it."""
    (folder / "a b").write_bytes(b"octets" * 10_000)
    assert client.do("SITE CPFR a b").code == 350
    assert client.do("SITE CPTO c d").text == "Copied 60000 octets"
    assert client.code('SITE COPY "c d" "e f"') == 250
    assert client.code("SITE COPY e/../a x") == 550
    assert (folder / "c d").read_bytes() == (folder / "e f").read_bytes() == b"octets" * 10_000
    (folder / "one").write_bytes(b"1")
    assert client.code("SITE COPY one two") == 250
    assert client.code("SITE COPY one one") == 250
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes() == b"1"


def test_copy_replaces_a_whole_file(client, folder):
    """X9: as an upload does."""
    (folder / "old").write_bytes(b"old and long")
    (folder / "new").write_bytes(b"new")
    assert client.code("SITE COPY new old") == 250
    assert (folder / "old").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        (["SITE CPTO file"], [503]),
        (["SITE CPFR missing"], [550]),
        (["SITE CPFR"], [501]),
        (["SITE CPFR file", "NOOP", "SITE CPTO copy"], [350, 200, 503]),
        (["SITE CPFR file", "RNTO copy"], [350, 503]),
        (["SITE CPFR file", "SITE CPTO"], [350, 501]),
        (["RNFR file", "SITE CPTO copy"], [350, 503]),
        (["SITE CPFR folder", "SITE CPTO copy"], [350, 550]),
        (["SITE CPFR file", "SITE CPTO folder"], [350, 550]),
        (["SITE COPY file"], [501]),
        (["SITE COPY file a b"], [501]),
    ],
)
def test_copy_refusals(client, folder, commands, codes):
    """X9: sequence, names and folders."""
    (folder / "file").touch()
    (folder / "folder").mkdir()
    assert [client.code(command) for command in commands] == codes
    assert sorted(os.listdir(folder)) == ["file", "folder"]


@pytest.mark.parametrize(("octets", "code"), [(500, 250), (501, 552)], ids=["cap", "beyond"])
def test_copies_count(small, octets, code):
    """X9: a copy is no way around a quota."""
    assert small.upload("STOR file", b"x" * octets).code == 226
    assert small.code("SITE COPY file copy") == code
    assert small.code("SIZE copy") == (213 if code == 250 else 550)


def test_copies_need_permissions(ruled):
    """X9: to read the one, and to make the other."""
    assert ruled.code("SITE CPFR secret/file") == 550
    assert ruled.code("SITE COPY secret/file mine") == 550
    assert ruled.code("SITE COPY file in/copy") in {250, 550}
    assert ruled.code("SITE COPY file in/copy") == 550
    assert ruled.code("SITE COPY in/copy mine") == 550
    assert ruled.code("SITE COPY file secret/copy") == 550


def test_abor_ends_a_copy(client, folder):
    """X9: and nothing is left of it."""
    with (folder / "large").open("wb") as large:
        large.truncate(20_000_000_000)
    client.send("SITE COPY large copy")
    client.send("ABOR")
    assert client.codes(2) == [426, 226]
    assert client.code("SIZE copy") == 550
    assert client.code("DELE large") == 250


# --- trees ---


def test_mkdir(client, folder):
    """X9: with all folders above that are missing; once more does no harm."""
    assert [client.code("SITE MKDIR a/b c/d") for _ in range(2)] == [200, 200]
    assert (folder / "a" / "b c" / "d").is_dir()
    (folder / "file").touch()
    assert [client.code(f"SITE MKDIR {name}") for name in ("file", "file/x", "")] == [550, 550, 501]


def test_rmdir(client, folder):
    """X9: with all that is in it; links are removed, what they lead to stays."""
    (folder / "keep").mkdir()
    (folder / "keep" / "file").touch()
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch()
    (folder / "a" / "link").symlink_to("../keep")
    (folder / "a" / "dangling").symlink_to("nowhere")
    assert client.code("SITE RMDIR a") == 200
    assert os.listdir(folder) == ["keep"]
    assert os.listdir(folder / "keep") == ["file"]
    assert [client.code(f"SITE RMDIR {name}") for name in ("a", "keep/file", "")] == [550, 550, 501]


@pytest.mark.parametrize(("count", "code"), [(20, 200), (21, 450)], ids=["cap", "beyond"])
def test_rmdir_has_a_limit(client, folder, count, code):
    """X9, K13: a tree that is too large takes several commands."""
    (folder / "a").mkdir()
    for number in range(count):
        (folder / "a" / str(number)).touch()
    assert client.code("SITE RMDIR a") == code
    assert client.code("SITE RMDIR a") == (550 if code == 200 else 200)


def test_rmdir_needs_permissions(ruled):
    """X9: what may not be deleted stays, and what is not shown does."""
    assert ruled.code("SITE RMDIR in") == 550
    assert ruled.code("SITE RMDIR secret") == 550
    assert ruled.code("MLST /secret") == 550


# --- links ---


def test_symlink(client, folder):
    """X9: a link leads to a name in the home, and its text leads nowhere else for anybody."""
    (folder / "a b").mkdir()
    (folder / "file").write_bytes(b"octets")
    assert client.code("SITE SYMLINK file link") == 200
    assert client.code(f'SITE SYMLINK "/{folder.name}/file" "a b/link"') == 200
    assert os.readlink(folder / "link") == "file"
    assert os.readlink(folder / "a b" / "link") == "../file"
    assert client.download("RETR a%20b/link".replace("%20", " "))[0] == b"octets"


@pytest.mark.parametrize(
    ("argument", "code"),
    [("missing link", 550), ("file file", 550), ("file", 501), ("../../../../etc/passwd link", 550), ("file no/link", 550)],
)  # fmt: skip
def test_symlink_refusals(client, folder, argument, code):
    """X9, K10: to nothing, over something, out of the home."""
    (folder / "file").touch()
    assert client.code(f"SITE SYMLINK {argument}") == code
    assert os.listdir(folder) == ["file"]


def test_links_open_nothing(ruled):
    """X9, K10: what is hidden can not be linked to, and a link in a free folder does not free what it leads to."""
    assert ruled.code("SITE SYMLINK secret/file mine") == 550
    ruled.do("DELE to-in")
    assert ruled.code("SITE SYMLINK in to-in") == 200
    assert ruled.code("DELE to-in/copy") == 550
    assert ruled.code("DELE to-in") == 250


def test_links_are_off_unless_wanted(start_server):
    """X9: an operator decides."""
    server = start_server('[policy]\nrequire = "none"\n')
    (server.files / "file").touch()
    with clear(server) as client:
        assert client.code("SITE SYMLINK file link") == 502


# --- the session ---


def test_idle(client):
    """X9: a client may shorten the limit, not lengthen it."""
    assert "120 seconds" in client.do("SITE IDLE").text
    assert client.do("SITE IDLE 60").text == "The session may be idle for 60 seconds, at most 120"
    assert [client.code(f"SITE IDLE {text}") for text in ("121", "29", "x", "-1")] == [504, 504, 501, 501]
    assert "60 seconds" in client.do("SITE IDLE").text


def test_whoami(small):
    """X9: the account, and its groups."""
    assert small.do("SITE WHOAMI").text == "small guests staff"
    assert "SITE WHOAMI" in small.do("SITE HELP").lines
