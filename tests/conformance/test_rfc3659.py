"""MDTM, SIZE, REST STREAM, TVFS, MLST and MLSD (RFC 3659), and MFMT beside MDTM."""

from __future__ import annotations

import os
import re
import socket

import pytest

from tests.conformance.conftest import clear
from tests.support.client import connected
from tests.support.server import USER

GIB = 1 << 30
FACT = r"[A-Za-z][A-Za-z0-9./-]*=[A-Za-z0-9,.:!@#$%^&()\-_+?/\\'\"=]*;"
ENTRY = re.compile(rf"(?P<facts>(?:{FACT})*) (?P<name>.+)", re.DOTALL)
"""Section 7.2: facts, each with its semicolon, exactly one space, and the pathname with all that is in it."""
ALL_FACTS = ["type", "size", "modify", "perm", "unique", "UNIX.mode", "UNIX.owner", "UNIX.group"]

USERS = """
[users.reader]
password = "HASH"
permissions = "read-only"
[users.fenced]
password = "HASH"
permissions = { "/" = ["list", "read"], "/none" = [] }
"""


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With an account that may only read, and one with a folder that is none of its business."""
    return start_server('[policy]\nrequire = "none"\n', USERS)


def parsed(line):
    """Take an entry apart, with every rule of its grammar; return its facts and its name."""
    match = ENTRY.fullmatch(line)
    assert match, line
    pairs = [fact.split("=", 1) for fact in match["facts"].split(";")[:-1]]
    facts = dict(pairs)
    assert len(facts) == len(pairs), "each fact once"
    assert " " not in match["facts"]
    return facts, match["name"]


def entries(client, argument=""):
    """Return all entries of MLSD by name."""
    octets, answer = client.download(f"MLSD{argument}")
    assert answer.code == 226
    assert octets == b"" or octets.endswith(b"\r\n")
    pairs = [parsed(line) for line in octets.decode("utf-8", "surrogateescape").split("\r\n")[:-1]]
    found = {name: facts for facts, name in pairs}
    assert len(found) == len(pairs)
    return found


def described(client, argument=""):
    """Return facts and name of MLST, and insist on the form of the reply."""
    client.send(f"MLST{argument}")
    assert re.fullmatch(r"250-.*", client.line())
    line = client.line()
    assert line.startswith(" ")
    assert re.fullmatch(r"250 .*", client.line())
    return parsed(line[1:])


# --- MDTM ---


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "19700101000000"), (951_827_696_987_654_321, "20000229123456"), (-1_000_000_000, "19691231235959"),
     (4_102_444_800_000_000_000, "21000101000000"), (1_499_999_999, "19700101000001")],
)  # fmt: skip
def test_mdtm(client, folder, nanoseconds, text):
    """L1: one line, fourteen digits, UTC, and no precision that is not there; the same as the modify fact."""
    (folder / "file").touch()
    os.utime(folder / "file", ns=(0, nanoseconds))
    client.send("MDTM file")
    assert client.line() == f"213 {text}"
    assert described(client, " file")[0]["modify"] == text


@pytest.mark.parametrize(
    "argument", ["missing", "sub", "sub/missing", "/", "20200101000000 file", "20200101000000  file", "dangling"]
)
def test_mdtm_of_what_can_not_be_retrieved(client, folder, argument):
    """L1, L2: 550; a time before the name is part of the name unless it was switched on, and nothing is changed."""
    (folder / "file").touch()
    (folder / "sub").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    before = (folder / "file").stat().st_mtime_ns
    assert client.code(f"MDTM {argument}") == 550
    assert (folder / "file").stat().st_mtime_ns == before


def test_mdtm_of_a_name_that_starts_with_a_time(client, folder):
    """L1: as in the example of section 3.4."""
    (folder / "19990929043300 File6").touch()
    os.utime(folder / "19990929043300 File6", (0, 0))
    assert client.do("MdTm 19990929043300 File6").text == "19700101000000"


def test_mdtm_that_sets_a_time(start_server):
    """L2: where it is switched on, as old clients do it; a file that is really called so goes before."""
    server = start_server('[policy]\nrequire = "none"\n[server]\nmdtm_sets_time = true\n', USERS)
    with clear(server) as client, clear(server, user="reader") as reader:
        path = server.files / "a b"
        path.touch()
        assert client.code("MDTM 20200229123456 a b") == 213
        assert path.stat().st_mtime == 1_582_979_696
        (server.files / "20210101000000 a b").touch()
        assert client.code("MDTM 20210101000000 a b") == 213
        assert path.stat().st_mtime == 1_582_979_696
        for argument in ("20200230000000 a b", "20201301000000 a b", "20200101000000 missing", "2020010100000 a b"):
            assert client.code(f"MDTM {argument}") == 550, argument
        (server.folder / "files" / "reader" / "file").touch()
        assert reader.code("MDTM 20200101000000 file") == 550


# --- SIZE ---


@pytest.mark.parametrize("size", [0, 1, 4 * GIB - 1, 4 * GIB, 5 * GIB + 7])
def test_size(client, folder, size):
    """L3: octets, exactly, also of what does not fit 32 bits; one line."""
    with (folder / "file").open("wb") as file:
        file.truncate(size)
    client.send("SIZE file")
    assert client.line() == f"213 {size}"
    assert described(client, " file")[0]["size"] == str(size)


def test_size_is_no_estimate(client, folder):
    """L3: in TYPE A it is not known without reading the file: 550; TYPE L 8 is as good as I."""
    (folder / "file").write_bytes(b"a\nb\n")
    assert client.code("TYPE A") == 200
    assert client.code("SIZE file") == 550
    assert client.code("TYPE L 8") == 200
    assert client.do("SIZE file").text == "4"


@pytest.mark.parametrize("argument", ["missing", "sub", "/", "sub/..", "pipe", "dangling"])
def test_size_of_what_can_not_be_retrieved(client, folder, argument):
    """L3: 550, not the size of a directory's bookkeeping."""
    (folder / "sub").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    assert client.code(f"SIZE {argument}") == 550


def test_size_tells_what_retr_sends(client, folder):
    """L3: after an upload, an APPE and a rename; also through a link."""
    client.upload("STOR file", b"x" * 1000)
    client.upload("APPE file", b"y" * 10)
    (folder / "link").symlink_to("file")
    for name in ("file", "link"):
        assert client.do(f"SIZE {name}").text == "1010"
        assert len(client.download(f"RETR {name}")[0]) == 1010


# --- REST STREAM ---


def test_rest_is_a_feature(client):
    """L4: exactly this line."""
    assert "REST STREAM" in client.do("FEAT").lines


@pytest.mark.parametrize(("offset", "rest"), [(0, b"0123456789"), (4, b"456789"), (9, b"9"), (10, b"")])
def test_resumed_download(client, folder, offset, rest):
    """L4: at the start, within, and at the very end; one transfer long."""
    (folder / "file").write_bytes(b"0123456789")
    assert client.code(f"REST {offset}") == 350
    assert client.download("RETR file")[0] == rest
    assert client.download("RETR file")[0] == b"0123456789"


@pytest.mark.parametrize(
    "command", ["RETR file", "STOR file", "APPE file", "STOR missing", "APPE missing", "RETR empty", "STOR empty"]
)
def test_a_marker_beyond_the_end(client, folder, command):
    """L4: REST is 350 whatever it says; the transfer is refused with 554, and no file gets a hole."""
    (folder / "file").write_bytes(b"0123456789")
    (folder / "empty").touch()
    assert client.code("REST 11") == 350
    with client.passive():
        assert client.code(command) == 554
    assert (folder / "file").read_bytes() == b"0123456789"
    assert (folder / "empty").read_bytes() == b""
    assert not (folder / "missing").exists()
    assert client.download("RETR file")[0] == b"0123456789"


@pytest.mark.parametrize("verb", ["STOR", "APPE"])
@pytest.mark.parametrize(
    ("offset", "content"), [(4, b"0123new"), (9, b"012345678new"), (10, b"0123456789new"), (1, b"0new")]
)
def test_resumed_upload(client, folder, verb, offset, content):
    """L4: octets go to where the marker says, and the file ends where they end; APPE does the same (section 5.3)."""
    (folder / "file").write_bytes(b"0123456789")
    os.chmod(folder / "file", 0o640)
    assert client.code(f"REST {offset}") == 350
    assert client.upload(f"{verb} file", b"new").code == 226
    assert (folder / "file").read_bytes() == content
    assert (folder / "file").stat().st_mode & 0o777 == 0o640
    assert os.listdir(folder) == ["file"]


def test_a_marker_of_zero_is_none(client, folder):
    """L4: `REST 0` disables restart: STOR stores all of it, APPE appends."""
    (folder / "file").write_bytes(b"0123456789")
    assert client.code("REST 0") == 350
    assert client.upload("APPE file", b"x").code == 226
    assert (folder / "file").read_bytes() == b"0123456789x"
    assert client.code("REST 0") == 350
    assert client.upload("STOR file", b"y").code == 226
    assert (folder / "file").read_bytes() == b"y"


def test_a_resumed_upload_that_breaks_off(client, folder):
    """L4: within a file it changes nothing; at its end, what came is kept, and the client can go on there."""
    (folder / "file").write_bytes(b"0123456789")
    for offset, size in ((4, 10), (10, 10 + 5000)):
        assert client.code(f"REST {offset}") == 350
        data = client.begin("STOR file")
        data.sendall(b"x" * 5000)
        while "5000 octets so far" not in client.do("STAT").text:
            pass
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        data.close()
        assert client.answer().code == 426
        assert client.do("SIZE file").text == str(size)
    assert (folder / "file").read_bytes() == b"0123456789" + b"x" * 5000


@pytest.mark.parametrize("which", ["clear", "TLS"])
def test_markers_beyond_four_gibibytes(request, which):
    """L4: down and up, at offsets that do not fit 32 bits."""
    client = request.getfixturevalue("client" if which == "clear" else "tls_client")
    folder = request.getfixturevalue("folder" if which == "clear" else "tls_folder")
    with (folder / "file").open("wb") as file:
        file.truncate(5 * GIB)
        file.seek(5 * GIB - 3)
        file.write(b"end")
    assert client.code(f"REST {5 * GIB - 3}") == 350
    assert client.download("RETR file")[0] == b"end"
    assert client.code(f"REST {5 * GIB}") == 350
    assert client.upload("STOR file", b"more").code == 226
    assert client.do("SIZE file").text == str(5 * GIB + 4)
    assert client.code(f"REST {5 * GIB - 3}") == 350
    assert client.download("RETR file")[0] == b"endmore"
    assert client.code(f"REST {5 * GIB + 5}") == 350
    assert client.download("RETR file")[1].code == 554


def test_restart_needs_image_type(client, folder):
    """L4: in TYPE A an offset means nothing that both sides agree on; 554 rather than a broken file."""
    (folder / "file").write_bytes(b"a\nb\n")
    assert client.code("TYPE A") == 200
    for command in ("RETR file", "STOR file"):
        assert client.code("REST 2") == 350
        with client.passive():
            assert client.code(command) == 554
    assert client.code("REST 0") == 350
    assert client.download("RETR file")[0] == b"a\r\nb\r\n"


# --- TVFS ---


@pytest.mark.parametrize(
    "path",
    ["a/b/file", "./a/b/file", "a/./b/./file", "a//b///file", "a/../a/b/file", "/{}/a/b/file", "//{}//a/b/file",
     "a/b/../../a/b/file", "/../{}/a/b/file", "missing/../a/b/file"],
)  # fmt: skip
def test_tvfs(client, folder, path):
    """L5: `/` separates, `.` and `..` are the directory and its parent, for every command alike."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_bytes(b"octets")
    path = path.format(folder.name)
    assert "TVFS" in client.do("FEAT").lines
    assert client.do(f"SIZE {path}").text == "6"
    assert client.download(f"RETR {path}")[0] == b"octets"
    assert described(client, f" {path}")[1] == f"/{folder.name}/a/b/file"


# --- MLST ---


def test_mlst_of_a_file(client, folder):
    """L6, L8: every fact that applies, with the whole pathname; no data connection."""
    (folder / "a b").write_bytes(b"12345")
    os.chmod(folder / "a b", 0o4640)
    os.utime(folder / "a b", (0, 0))
    facts, name = described(client, " a b")
    assert name == f"/{folder.name}/a b"
    assert list(facts) == ALL_FACTS
    assert facts["type"] == "file"
    assert facts["size"] == "5"
    assert facts["modify"] == "19700101000000"
    assert set(facts["perm"]) == set("adfrw")
    assert facts["UNIX.mode"] == "4640"
    assert re.fullmatch(r"[A-Za-z0-9]{8,}", facts["unique"])


@pytest.mark.parametrize("argument", ["", " .", " /{}", " ../{}"])
def test_mlst_of_the_working_directory(client, folder, argument):
    """L6, L8: the default; fully qualified, and without a size, which means nothing there."""
    facts, name = described(client, argument.format(folder.name))
    assert name == f"/{folder.name}"
    assert list(facts) == [fact for fact in ALL_FACTS if fact != "size"]
    assert facts["type"] == "dir"
    assert set(facts["perm"]) == set("cdeflmp")


def test_mlst_of_the_root(client):
    """L6, L8: it can be neither renamed nor removed, and does not claim it."""
    facts, name = described(client, " /")
    assert name == "/"
    assert set(facts["perm"]) == set("celmp")


@pytest.mark.parametrize("verb", ["MLST", "MLSD"])
def test_no_pattern_is_matched(client, folder, verb):
    """L6, L7: names are taken literally (section 2.2.2), options of `ls` are names, too."""
    (folder / "file").touch()
    with client.passive():
        for argument in ("*", "fil?", "[f]ile", "-l", "-la"):
            assert client.code(f"{verb} {argument}") == 550
    (folder / "-a").mkdir()
    assert described(client, " -a")[0]["type"] == "dir"
    assert list(entries(client, " -a")) == ["."]


# --- MLSD ---


def test_mlsd_of_a_folder(client, folder):
    """L7: unqualified names, the folder itself as cdir, one line for each, and nothing else."""
    (folder / "sub").mkdir()
    (folder / "sub" / "inner").mkdir()
    for name in ("file", " leading", "trailing ", "a;b=c", ";"):
        (folder / "sub" / name).write_bytes(b"123")
    for argument in (" sub", f" /{folder.name}/sub", " sub/"):
        found = entries(client, argument)
        assert set(found) == {".", "inner", "file", " leading", "trailing ", "a;b=c", ";"}
        assert found["."]["type"] == "cdir"
        assert found["inner"]["type"] == "dir"
        assert found["file"]["type"] == "file"
        assert found["."]["unique"] == described(client, " sub")[0]["unique"]
    assert client.code("CWD sub") == 250
    assert set(entries(client)) == set(found)


def test_mlsd_agrees_with_mlst(client, folder):
    """L6, L7: the same facts both ways, for files, folders and links."""
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"123")
    (folder / "link").symlink_to("file")
    (folder / "folder-link").symlink_to("sub")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    found = entries(client)
    assert len(found) == 7
    for name, facts in found.items():
        if name != ".":
            assert described(client, f" {name}")[0] == facts, name


def test_mlsd_is_always_binary(client, folder):
    """L7: as TYPE L 8, MODE S and STRU F, without changing what was set."""
    (folder / "file").write_bytes(b"a\n")
    assert client.code("TYPE A") == 200
    octets, _ = client.download("MLSD")
    assert octets.count(b"\r") == octets.count(b"\n") == 2
    assert b"\r\r" not in octets
    assert client.download("RETR file")[0] == b"a\r\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [("MLSD file", 501), ("MLSD missing", 550), ("MLSD file/x", 550), ("MLSD dangling", 501), ("MLST missing", 550),
     ("MLST file/x", 550), ("MLST a\0b", 553), ("MLSD a\0b", 553), ("MLST " + "x" * 300, 553)],
)  # fmt: skip
def test_mlsx_refusals(client, folder, command, code):
    """L7, L13: what is no directory is 501 for MLSD, what is not there 550; without a 150."""
    (folder / "file").touch()
    (folder / "dangling").symlink_to("nowhere")
    with client.passive():
        assert client.code(command) == code


def test_mlsd_has_its_own_data_connection(client):
    """L7: 425 without one, as for LIST."""
    assert client.code("MLSD") == 425


@pytest.mark.parametrize("command", ["MLST", "MLSD", "SIZE", "MDTM", "RETR", "LIST", "CWD", "STAT"])
def test_no_permission_looks_like_nothing_there(clear_server, command):
    """L13: where nothing is allowed, nobody learns what is there: one code, one text."""
    files = clear_server.folder / "files" / "fenced"
    with clear(clear_server, user="fenced") as client:
        (files / "none" / "sub").mkdir(parents=True, exist_ok=True)
        (files / "none" / "file").touch()
        with client.passive():
            answers = [client.do(f"{command} none/{name}") for name in ("sub", "file", "missing", "sub/missing")]
        assert answers == [answers[0]] * 4
        assert answers[0].code == 550


# --- unique, links ---


def test_unique_names_the_file_and_not_the_name(client, folder):
    """L9: equal for hard links and symbolic links, different for different files, the same after a rename."""
    (folder / "file").touch()
    os.link(folder / "file", folder / "hard")
    (folder / "soft").symlink_to("file")
    (folder / "other").touch()
    found = {name: facts["unique"] for name, facts in entries(client).items()}
    assert found["file"] == found["hard"] == found["soft"]
    assert len(set(found.values())) == 3
    assert client.code("RNFR file") == 350
    assert client.code("RNTO moved") == 250
    assert described(client, " moved")[0]["unique"] == found["hard"]
    assert str((folder / "moved").stat().st_ino) not in found["hard"]
    assert f"{(folder / 'moved').stat().st_ino:x}" not in found["hard"]


def test_unique_is_the_same_in_all_sessions(clear_server, client, folder):
    """L9: a client with several connections can compare."""
    (folder / "file").touch()
    with clear(clear_server, "::1") as other:
        assert described(other, f" {folder.name}/file") == described(client, " file")


def test_links_show_what_they_lead_to(client, folder):
    """L12: as section 7.5.1.5 asks; what leads nowhere, out of the root or in a circle is a link of Unix."""
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"123")
    for name, target in (
        ("to-file", "file"),
        ("to-sub", "sub"),
        ("nowhere", "x"),
        ("loop", "loop"),
        ("out", "/etc"),
        ("pong", "ping"),
        ("ping", "pong"),
    ):
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe")
    types = {name: facts["type"] for name, facts in entries(client).items()}
    assert types == {
        ".": "cdir", "sub": "dir", "file": "file", "to-file": "file", "to-sub": "dir", "nowhere": "OS.unix=slink",
        "loop": "OS.unix=slink", "out": "OS.unix=slink", "ping": "OS.unix=slink", "pong": "OS.unix=slink", "pipe": "OS.unix=special",
    }  # fmt: skip
    assert entries(client)["to-file"]["size"] == "3"
    assert set(entries(client)["nowhere"]["perm"]) == set("df")


# --- OPTS MLST ---


@pytest.mark.parametrize(
    ("argument", "facts"),
    [(" type;size;", ["type", "size"]), (" SIZE;Type;", ["type", "size"]), (" type;size", ["type", "size"]),
     (" size;frogs;lang;", ["size"]), (" unix.mode;", ["UNIX.mode"]), (" frogs;", []), ("", []), (" ", []),
     (" type;type;", ["type"]), (" " + ";".join(ALL_FACTS) + ";", ALL_FACTS)],
)  # fmt: skip
def test_opts_mlst(client, folder, argument, facts):
    """L10: the answer names the facts in use, FEAT marks them, and MLST and MLSD send them and no others."""
    (folder / "file").touch()
    client.send(f"OPTS MLST{argument}")
    assert client.line() == " ".join(["200 MLST OPTS", *(["".join(f"{fact};" for fact in facts)] if facts else [])])
    marked = "".join(f"{fact}*;" if fact in facts else f"{fact};" for fact in ALL_FACTS)
    assert f"MLST {marked}" in client.do("FEAT").lines
    assert list(described(client, " file")[0]) == facts
    found = entries(client)
    assert list(found["file"]) == facts
    assert ("." in found) == ("type" in facts)


def test_names_only(client, folder):
    """L10: without facts the space before the name stays: one on the data connection, two on the control connection."""
    (folder / "file").touch()
    assert client.code("OPTS MLST") == 200
    assert client.download("MLSD")[0] == b" file\r\n"
    client.send("MLST file")
    assert [client.line() for _ in range(3)][1] == f"  /{folder.name}/file"


@pytest.mark.parametrize("argument", ["type size", "type; size;", " type;", "type,size", "type=file;", ";", "ty pe;"])
def test_opts_mlst_syntax(client, argument):
    """L10: 501, and the facts stay as they were (section 7.9.2, last example)."""
    assert client.code("OPTS MLST size;") == 200
    assert client.code(f"OPTS MLST {argument}") == 501
    assert "type;size*;modify;" in client.do("FEAT").text


def test_opts_mlst_lasts_for_the_session(clear_server, client):
    """L10: for this one only."""
    assert client.code("OPTS MLST size;") == 200
    with connected(clear_server).login() as other:
        assert "type*;size*;" in other.do("FEAT").text
    client.login(USER)
    assert "type;size*;modify;" in client.do("FEAT").text


def test_mlst_stands_for_mlsd(client):
    """L14: one line in FEAT, none for MLSD, and MLSD works."""
    lines = client.do("FEAT").lines
    assert sum(line.startswith("MLST ") for line in lines) == 1
    assert not any(line.startswith("MLSD") for line in lines)
    assert client.download("MLSD")[1].code == 226
