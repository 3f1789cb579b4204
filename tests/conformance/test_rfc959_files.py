"""Names and listings: RNFR, RNTO, DELE, RMD, MKD, PWD, LIST, NLST (RFC 959 section 4.1.3, RFC 1123 section 4.1.2.7)."""

from __future__ import annotations

import os
import re
import time

import pytest

from tests.conformance.conftest import clear

CONFIG = """
[policy]
require = "none"
[limits]
listing_depth = 2
listing_entries = 40
status_entries = 5
"""
USERS = """
[users.hidden]
password = "HASH"
permissions = { "/" = ["list", "read"], "/in" = ["create"], "/none" = [] }
"""
LONG_LINE = re.compile(
    r"(?P<type>[-dlp])(?P<mode>[-rwxsStT]{9}) +(?P<links>\d+) (?P<owner>\S+) +(?P<group>\S+) +(?P<size>\d+) "
    r"(?P<date>[A-Z][a-z]{2} [ \d]\d (?:\d\d:\d\d| \d{4})) (?P<name>.+)"
)
"""What programs expect of LIST: the line of `ls -l` in the C locale."""
ODD_NAMES = [
    "a b",
    " leading",
    "trailing ",
    "  ",
    '"quoted"',
    "back\\slash",
    "-l",
    "--",
    "*",
    "[x]",
    "ü",
    "日本語",
    "a;b",
    "%s",
    "~",
    "#",
    "a'b",
]


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With small limits for listings, and an account with different rules for different folders."""
    return start_server(CONFIG, USERS)


def lines(octets):
    """Split what came over a data connection; every line has its CRLF."""
    assert octets == b"" or octets.endswith(b"\r\n")
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    return octets.decode("utf-8", "surrogateescape").split("\r\n")[:-1]


def listed(client, command="LIST"):
    """Return the last columns of a listing."""
    octets, answer = client.download(command)
    assert answer.code == 226, answer
    return [LONG_LINE.fullmatch(line)["name"] for line in lines(octets)]


def named(client, command="NLST"):
    octets, answer = client.download(command)
    assert answer.code == 226, answer
    return lines(octets)


# --- RNFR and RNTO ---


def test_rename(client, folder):
    """B19: a file, a folder, into another folder, over a file."""
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"1")
    for old, new in (("file", "sub/moved"), ("sub", "sub2"), ("sub2/moved", "back")):
        assert client.code(f"RNFR {old}") == 350
        assert client.code(f"RNTO {new}") == 250
    (folder / "other").write_bytes(b"2")
    assert client.code("RNFR back") == 350
    assert client.code("RNTO other") == 250
    assert (folder / "other").read_bytes() == b"1"
    assert named(client) == ["other", "sub2"]


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [("missing", "x", [550, 503]), ("file", "missing/x", [350, 550]), ("file", "sub", [350, 550]), ("sub", "file", [350, 550]),
     ("sub", "sub/inner", [350, 553]), ("/", "/x", [350, 550]), ("file", "/", [350, 550]), ("", "x", [501, 503]),
     ("file", "", [350, 501]), ("file", "a\0b", [350, 553]), ("file", "x" * 300, [350, 553]), ("file", ".ftpstwist-x", [350, 553])],
)  # fmt: skip
def test_renames_that_can_not_be(client, folder, old, new, codes):
    """B19: are refused, and everything is where it was."""
    (folder / "sub").mkdir()
    (folder / "file").touch()
    assert [client.code(f"RNFR {old}"), client.code(f"RNTO {new}")] == codes
    assert sorted(os.listdir(folder)) == ["file", "sub"]


@pytest.mark.parametrize("between", ["NOOP", "PWD", "BLAH", "RNFR missing", "REST 0", "EPSV", "STAT"])
def test_rnto_comes_right_behind_rnfr(client, folder, between):
    """B19: anything between makes it 503; and no other command suffers from a forgotten RNFR."""
    (folder / "file").touch()
    assert client.code("RNTO x") == 503
    assert client.code("RNFR file") == 350
    assert client.do(between).code in {200, 257, 500, 550, 350, 229, 211}
    assert client.code("RNTO x") == 503
    assert os.listdir(folder) == ["file"]


# --- DELE, RMD, MKD, PWD ---


@pytest.mark.parametrize("rmd", ["RMD", "XRMD"])
def test_deletions(client, folder, rmd):
    """B21, X13: files by DELE, empty folders by RMD, nothing else by either."""
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    (folder / "empty").mkdir()
    (folder / "file").touch()
    (folder / "link").symlink_to("full")
    for line, code in (
        ("DELE full", 550), (f"{rmd} full", 550), (f"{rmd} file", 550), (f"{rmd} missing", 550), ("DELE missing", 550),
        (f"{rmd} /", 550), ("DELE /", 550), (f"{rmd}", 501), ("DELE", 501), (f"{rmd} link", 550),
        (f"{rmd} empty", 250), ("DELE file", 250), ("DELE link", 250),
    ):  # fmt: skip
        assert client.code(line) == code, line
    assert os.listdir(folder) == ["full"]
    assert os.listdir(folder / "full") == ["file"]


def test_the_working_directory_can_vanish(client, folder):
    """B21, B23: the session survives it: what needs the folder is 550, and CDUP leads out."""
    assert client.code("MKD sub") == 257
    assert client.code("CWD sub") == 250
    assert client.code("RMD ../sub") == 250
    assert client.code("PWD") == 257
    with client.passive():
        assert client.code("LIST") == 550
    assert client.code("CDUP") == 250
    assert client.do("PWD").text.startswith(f'"/{folder.name}"')


@pytest.mark.parametrize("verb", ["MKD", "XMKD"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_mkd_tells_the_pathname_it_made(client, folder, verb, name):
    """B22, B23, B34: in full, quotes doubled, every space kept; PWD tells it in the same way."""
    quoted = '"' + f"/{folder.name}/{name}".replace('"', '""') + '"'
    answer = client.do(f"{verb} {name}")
    assert answer.code == 257
    assert answer.text.startswith(f"{quoted} ")
    assert os.listdir(folder) == [name]
    assert client.code(f"CWD {name}") == 250
    for pwd in ("PWD", "XPWD"):
        answer = client.do(pwd)
        assert answer.code == 257
        assert answer.text.startswith(f"{quoted} ")


@pytest.mark.parametrize(
    ("argument", "code"),
    [("file", 550), ("sub", 550), ("missing/x", 550), ("", 501), ("/", 550), (".", 550), ("..", 550), ("x" * 256, 553),
     ("a\0b", 553), (".ftpstwist-x.part", 553), ("file/x", 550)],
)  # fmt: skip
def test_mkd_refusals(client, folder, argument, code):
    """B22: and nothing is made."""
    (folder / "sub").mkdir()
    (folder / "file").touch()
    assert client.code(f"MKD {argument}") == code
    assert sorted(os.listdir(folder)) == ["file", "sub"]


# --- LIST ---


def test_list_has_the_lines_of_ls(client, folder):
    """B24: type, mode, links, owner, group, size, date and name, as every client reads them."""
    (folder / "file").write_bytes(b"12345")
    (folder / "old").touch()
    os.utime(folder / "old", (0, 86_400 * 365))
    os.utime(folder / "file", (0, time.time() - 86_400))
    os.chmod(folder / "old", 0o4751)
    (folder / "sub").mkdir(mode=0o755)
    (folder / "link").symlink_to("file")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    octets, answer = client.download("LIST")
    assert answer.code == 226
    found = {match["name"]: match for match in map(LONG_LINE.fullmatch, lines(octets))}
    assert list(found) == ["dangling -> ?", "file", "link", "old", "pipe", "sub"]
    shown = {name: (match["type"] + match["mode"], int(match["size"])) for name, match in found.items()}
    assert shown["file"] == shown["link"] == ("-rw-r--r--", 5)
    assert shown["old"] == ("-rwsr-x--x", 0)
    assert shown["sub"][0] == "drwxr-xr-x"
    assert shown["pipe"][0].startswith("p")
    assert shown["dangling -> ?"][0].startswith("l")
    assert found["old"]["date"] == "Jan  1  1971"
    assert found["file"]["date"] == time.strftime("%b %e %H:%M", time.gmtime((folder / "file").stat().st_mtime))


def test_one_bad_entry_spoils_no_listing(client, folder):
    """B24: dangling links, loops, links out of the root, names in Latin-1."""
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "out").symlink_to("/etc")
    with open(os.fsencode(folder) + b"/latin-\xe4\xff", "wb"):
        pass
    assert listed(client) == ["dangling -> ?", "latin-\udce4\udcff", "loop -> ?", "out -> ?"]
    assert named(client) == ["dangling", "latin-\udce4\udcff", "loop", "out"]


@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD", "STAT ."])
def test_names_with_line_breaks_are_counted(client, folder, command):
    """B24, B32, L7: no name can fake a line of a listing or a reply; how many were left out is told."""
    for name in ("a\n226 done\r\n", "b\nc", "d\r", "good"):
        (folder / name).touch()
    if command == "STAT .":
        answer = client.do(command)
        assert answer.code == 213
        assert len(answer.lines) == 3
        assert client.code("NOOP") == 200
    else:
        octets, answer = client.download(command)
        assert [line.rpartition(" ")[2] for line in lines(octets)][-1:] == ["good"]
        assert answer.text == "Listing sent; 3 names with line breaks are not shown"


OPTIONS = ["-a", "-l", "-al", "-la", "-A", "-lA", "-1", "-F", "-L", "-h", "-n", "--full-time", "-a -l", "-la --", "-Z"]


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("path", ["", " ", " sub", " ./sub", " sub/"])
def test_list_understands_what_clients_put_before_the_path(client, folder, option, path):
    """B24: options of `ls` are no names of files; unknown ones are ignored."""
    (folder / "sub").mkdir()
    (folder / "sub" / ".inner").touch()
    (folder / "sub" / "inner").touch()
    wanted = [".inner", "inner"] if path.strip() else ["sub"]
    assert listed(client, f"LIST {option}{path}") == wanted


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", ["a", "b", "c"]),
        ("-r", ["c", "b", "a"]),
        ("-t", ["b", "c", "a"]),
        ("-tr", ["a", "c", "b"]),
        ("-S", ["c", "a", "b"]),
    ],
)
def test_list_can_sort(client, folder, options, names):
    """B24: by name, time and size, and backwards."""
    for name, modified, size in (("a", 1000, 5), ("b", 3000, 0), ("c", 2000, 9)):
        (folder / name).write_bytes(b"x" * size)
        os.utime(folder / name, (0, modified))
    assert listed(client, f"LIST {options}") == names
    assert named(client, f"NLST {options}") == names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*", ["a.txt", "b.txt", "c.dat", "sub"]), ("*.txt", ["a.txt", "b.txt"]), ("?.dat", ["c.dat"]),
     ("[ab].*", ["a.txt", "b.txt"]), ("[!ab].*", ["c.dat"]), ("*.none", []), ("sub/*", ["sub/x.txt"]),
     ("./*.dat", ["./c.dat"]), ("-l *.dat", ["c.dat"]), ("sub*", ["sub"])],
)  # fmt: skip
def test_wildcards(client, folder, pattern, names):
    """B24, B25: of one folder, for LIST and NLST alike; nothing matched is an empty listing, not an error."""
    (folder / "sub").mkdir()
    for name in ("a.txt", "b.txt", "c.dat", "sub/x.txt"):
        (folder / name).touch()
    assert named(client, f"NLST {pattern}") == names
    assert listed(client, f"LIST {pattern}") == names


def test_a_name_that_looks_like_a_pattern_is_a_name(client, folder):
    """B24: a file that is really called so goes before."""
    (folder / "[x]").touch()
    (folder / "x").touch()
    assert listed(client, "LIST [x]") == ["[x]"]


@pytest.mark.parametrize("pattern", ["*" * 33, "a*" * 40, "[" * 200])
def test_patterns_have_limits(client, folder, pattern):
    """B24: 501, not a busy server."""
    (folder / ("a" * 200)).touch()
    with client.passive():
        assert client.code(f"LIST {pattern}") == 501


def test_list_of_a_file_and_of_a_folder_itself(client, folder):
    """B24: a file is listed under the name the client gave; -d shows the folder instead of what is in it."""
    (folder / "sub").mkdir()
    (folder / "sub" / "file").touch()
    assert listed(client, "LIST sub/file") == ["sub/file"]
    assert listed(client, "LIST -d sub") == ["sub"]
    assert listed(client, "LIST -d") == ["."]


@pytest.mark.parametrize("verb", ["LIST", "NLST"])
def test_listings_that_can_not_be(client, folder, verb):
    """B24, B25: 550 without a 150; 425 where no data connection was prepared."""
    with client.passive():
        for argument in ("missing", "missing/*", "sub/missing", "-l missing"):
            assert client.code(f"{verb} {argument}") == 550
    assert client.download(verb)[1].code == 226
    assert client.code(verb) == 425


def test_recursion_shows_folders_under_headings(client, folder):
    """B24: in the form of `ls -lR`."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch()
    (folder / "z").mkdir()
    octets, answer = client.download("LIST -R")
    shown = [line if line.endswith(":") or not line else LONG_LINE.fullmatch(line)["name"] for line in lines(octets)]
    top = f"/{folder.name}"
    assert shown == ["a", "z", "", f"{top}/a:", "b", "", f"{top}/a/b:", "file", "", f"{top}/z:"]
    assert answer.text == "Listing sent"
    status = [line.rpartition(" ")[2] for line in client.do("STAT -R").lines[1:-1]]
    assert status == shown[:5]


def test_recursion_is_bounded_and_says_so(client, folder):
    """B24: by depth and by number, links in circles included; nothing is cut silently."""
    (folder / "circle").mkdir()
    (folder / "circle" / "again").symlink_to("..")
    octets, answer = client.download("LIST -lR")
    assert answer.code == 226
    assert "a limit of the server was reached" in answer.text
    assert len(lines(octets)) < 20
    for number in range(50):
        (folder / f"file{number:02}").touch()
    octets, answer = client.download("LIST -R")
    assert "a limit of the server was reached" in answer.text
    assert len(lines(octets)) == 40
    octets, answer = client.download("LIST")
    assert len(lines(octets)) == 51
    assert answer.text == "Listing sent"


def test_recursion_passes_folders_that_may_not_be_listed(clear_server):
    """B24: and tells how many; folders at which nothing is allowed are not even shown."""
    files = clear_server.folder / "files" / "hidden"
    with clear(clear_server, user="hidden") as client:
        for name in ("in", "none", "open"):
            (files / name).mkdir()
            (files / name / f"file-in-{name}").touch()
        octets, answer = client.download("LIST -R")
        assert answer.code == 226
        assert "1 folders can not be listed" in answer.text
        assert b"file-in-open" in octets
        assert b"file-in-in" not in octets
        assert b"none" not in octets
        with client.passive():
            assert client.code("LIST in") == 550
            assert client.code("LIST none") == 550
        assert client.code("CWD in") == 250
        assert client.code("CWD /none") == 550


def test_a_folder_of_ten_thousand(client, folder):
    """B24: comes whole, over each of the listings, while other commands are answered."""
    for number in range(10_000):
        (folder / f"file{number:05}").touch()
    wanted = {f"file{number:05}" for number in range(10_000)}
    for command in ("LIST", "NLST", "MLSD"):
        octets, answer = client.download(command)
        assert answer.code == 226
        found = [line.rpartition(" ")[2] for line in lines(octets)]
        assert set(found) - {"."} == wanted
        assert len(found) == 10_000 + (command == "MLSD")
    assert client.do("STAT .").lines[-1] == "Only the first 5 entries; use LIST for all"


# --- NLST ---


@pytest.mark.parametrize(
    "argument", ["", "sub", "sub/", "./sub", "*", "sub/*", "/{}", "/{}/sub", "-a sub", "sub/file", "odd*", "-R"]
)
def test_nlst_names_can_be_retrieved(client, folder, argument):
    """B25: each line is a name that RETR takes as it stands, wherever the listing was taken from (`mget`)."""
    (folder / "sub").mkdir()
    for name in ("file", "odd name", "odd[1]", "sub/file", "sub/ü"):
        (folder / name).write_bytes(name.encode())
    names = named(client, f"NLST {argument.format(folder.name)}".rstrip())
    assert names
    files = 0
    for name in names:
        octets, answer = client.download(f"RETR {name}")
        if answer.code == 226:
            files += 1
            assert name.endswith(octets.decode().rpartition("/")[2])
        else:
            assert client.code(f"CWD {name}") == 250
            assert client.code(f"CWD /{folder.name}") == 250
    assert files


def test_nlst_has_names_only(client, folder):
    """B25: whatever options ask for."""
    (folder / "file").touch()
    (folder / ".dot").touch()
    for options in ("", "-l", "-la", "-a", "-1"):
        assert named(client, f"NLST {options}") == [".dot", "file"]


def test_an_empty_folder_is_an_empty_listing(client):
    """B24, B25: 150, nothing, 226."""
    for command in ("LIST", "NLST", "LIST -la"):
        octets, answer = client.download(command)
        assert (octets, answer.code) == (b"", 226)


def test_listings_do_not_depend_on_type(client, folder):
    """B24, B25: CRLF in TYPE A and in TYPE I, never doubled."""
    (folder / "file").touch()
    listings = {}
    for code in ("A", "I"):
        assert client.code(f"TYPE {code}") == 200
        listings[code] = [client.download(command)[0] for command in ("LIST", "NLST", "MLSD")]
        assert all(b"\r\r" not in octets for octets in listings[code])
    assert listings["A"] == listings["I"]


@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD"])
def test_listings_under_tls(tls_client, tls_folder, command):
    """B24, B25, L7: the same under TLS."""
    for name in ODD_NAMES:
        (tls_folder / name).touch()
    octets, answer = tls_client.download(command)
    assert answer.code == 226
    assert len(lines(octets)) == len(ODD_NAMES) + (command == "MLSD")
