"""What clients expect beyond the RFCs: MFMT, CLNT, CSID, SITE, the X-verbs, OPTS UTF8."""

from __future__ import annotations

import os
import re

import pytest

from ftpstwist import __version__
from tests.conformance.conftest import clear
from tests.support.client import connected

USERS = """
[users.reader]
password = "HASH"
permissions = "read-only"
[users.small]
password = "HASH"
limits = { quota = 1000, max_file_size = 600 }
"""


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With an account that may only read, and one with limits."""
    return start_server('[policy]\nrequire = "none"\n', USERS)


@pytest.fixture
def reader(clear_server):
    """May read and list; there is `file`."""
    path = clear_server.folder / "files" / "reader" / "file"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"octets")
    with clear(clear_server, user="reader") as client:
        yield client


# --- MFMT ---


@pytest.mark.parametrize(
    ("argument", "seconds", "shown"),
    [("20200229123456 a b", 1_582_979_696, "20200229123456"), ("19700101000000 a b", 0, "19700101000000"),
     ("19691231235959 a b", -1, "19691231235959"), ("20380119031408 a b", 2**31, "20380119031408"),
     ("20200229123456.789 a b", 1_582_979_696.789, "20200229123456")],
)  # fmt: skip
def test_mfmt(client, folder, argument, seconds, shown):
    """X1: sets the time and tells it; MDTM and MLST agree."""
    (folder / "a b").touch()
    answer = client.do(f"MFMT {argument}")
    assert (answer.code, answer.text) == (213, f"Modify={shown}; /{folder.name}/a b")
    assert (folder / "a b").stat().st_mtime == pytest.approx(seconds, abs=1e-6)
    assert client.do("MDTM a b").text == shown
    assert f"modify={shown};" in client.do("MLST a b").text


def test_mfmt_of_a_folder(client, folder):
    """X1: as well."""
    (folder / "sub").mkdir()
    assert client.code("MFMT 20200101000000 sub") == 213
    assert (folder / "sub").stat().st_mtime == 1_577_836_800


def test_mfmt_tells_the_time_that_was_kept(client, folder):
    """X1: many file systems know no year 9999; the reply names the time the file has now, not the one asked for."""
    (folder / "file").touch()
    assert client.do("MFMT 99991231235959 file").text == f"Modify={client.do('MDTM file').text}; /{folder.name}/file"


@pytest.mark.parametrize(
    ("argument", "code"),
    [("", 501), ("file", 501), ("20200101000000", 501), ("20200101000000 ", 501), ("2020010100000 file", 501),
     ("20200230000000 file", 501), ("20201301000000 file", 501), ("20200101240000 file", 501), ("20200101006000 file", 501),
     ("20200101000000. file", 501), ("-0200101000000 file", 501), ("20200101000000 missing", 550), ("20200101000000 a\0b", 553)],
)  # fmt: skip
def test_mfmt_refusals(client, folder, argument, code):
    """X1: a date that is none is 501, a file that is not there 550; nothing is changed."""
    (folder / "file").touch()
    os.utime(folder / "file", (0, 0))
    assert client.code(f"MFMT {argument}") == code
    assert (folder / "file").stat().st_mtime == 0


def test_mfmt_needs_permission(reader):
    """X1: 550."""
    assert reader.code("MFMT 20200101000000 file") == 550


def test_mfmt_keeps_names_that_start_with_digits(client, folder):
    """X1: the time is the first word, all behind its space is the name."""
    (folder / "20200101000000 x").touch()
    assert client.code("MFMT 20210101000000 20200101000000 x") == 213
    assert client.do("MDTM 20200101000000 x").text == "20210101000000"


# --- CLNT and CSID ---


@pytest.mark.parametrize("line", ["CLNT FileZilla 3", "CLNT x", "clnt ü"])
def test_clnt(clear_server, line):
    """X7: noted at any time, before TLS and login as well."""
    with connected(clear_server) as client:
        assert client.code(line) == 200
        client.login()
        assert client.code(line) == 200
        assert client.code("CLNT") == 501


def test_csid_is_an_exchange(clear_server):
    """X7: each side tells its name and version; the client's is in the log."""
    with connected(clear_server) as client:
        answer = client.do("CSID Name=Some Client; Version=1.2;")
        assert (answer.code, answer.text) == (200, f"Name=ftpstwist; Version={__version__};")
        for argument in ("", "x", ";", "=1;"):
            assert client.code(f"CSID {argument}") == 501
        client.login()
        client.code("QUIT")
        assert client.is_closed()
    assert "Some Client 1.2" in clear_server.log("events.json")


# --- SITE ---


@pytest.mark.parametrize(
    ("mode", "bits"), [("644", 0o644), ("0755", 0o755), ("000", 0), ("7", 0o7), ("4755", 0o755), ("1777", 0o777)]
)
def test_site_chmod(client, folder, mode, bits):
    """B26, X9: sets permission bits, and none of the special ones; the reply tells what was set."""
    (folder / "a b").touch()
    answer = client.do(f"SITE CHMOD {mode} a b")
    assert (answer.code, answer.text) == (200, f"Mode {bits:03o} was set")
    assert (folder / "a b").stat().st_mode & 0o7777 == bits
    assert f"UNIX.mode={bits:04o};" in client.do("MLST a b").text


@pytest.mark.parametrize(
    ("argument", "code"),
    [("CHMOD", 501), ("CHMOD 644", 501), ("CHMOD file 644", 501), ("CHMOD 888 file", 501), ("CHMOD u+x file", 501),
     ("CHMOD 12345 file", 501), ("CHMOD -1 file", 501), ("CHMOD 644 missing", 550), ("CHMOD 644 out", 550),
     ("UTIME", 501), ("UTIME file", 501), ("UTIME 20201301000000 file", 501), ("UTIME 202001010000 missing", 550),
     ("UTIME 20200101 file", 501), ("", 501), (" ", 501), ("BLAH", 504), ("EXEC ls", 504), ("CHMODX 644 file", 504)],
)  # fmt: skip
def test_site_refusals(client, folder, argument, code):
    """B26, X9: 501 for bad arguments, 504 for what there is not, 550 for files; nothing is changed."""
    (folder / "file").touch()
    os.chmod(folder / "file", 0o600)
    (folder / "out").symlink_to("/etc/passwd")
    before = os.stat("/etc/passwd").st_mode
    assert client.code(f"SITE {argument}") == code
    assert (folder / "file").stat().st_mode & 0o777 == 0o600
    assert os.stat("/etc/passwd").st_mode == before


@pytest.mark.parametrize(
    ("argument", "shown"),
    [("20200229123456 a b", "20200229123456"), ("202002291234 a b", "20200229123400"),
     ("a b 20200101000000 20200229123456 20200101000000 UTC", "20200229123456")],
)  # fmt: skip
def test_site_utime(client, folder, argument, shown):
    """B26, X9: in the forms that clients use."""
    (folder / "a b").touch()
    assert client.code(f"SITE UTIME {argument}") == 200
    assert client.do("MDTM a b").text == shown


def test_site_commands_need_permission(reader):
    """B26, X9: 550 for each that changes something."""
    for line in ("SITE CHMOD 777 file", "SITE UTIME 20200101000000 file"):
        assert reader.code(line) == 550


def test_site_help_names_what_there_is(client):
    """B26, X9: and each of them answers."""
    answer = client.do("SITE HELP")
    assert answer.code == 214
    names = [line.removeprefix("SITE ") for line in answer.lines[1:-1]]
    assert names == sorted(names)
    assert {"CHMOD", "COPY", "HELP", "IDLE", "QUOTA", "UTIME"} <= set(names)
    for name in names:
        assert client.code(f"SITE {name.lower()}") in {200, 214, 501, 503}


def test_site_quota(clear_server, client):
    """B26, X9: the limits of the account, and what is left of them."""
    with clear(clear_server, user="small") as small:
        small.upload("STOR file", b"x" * 400)
        answer = small.do("SITE QUOTA")
        assert answer.code == 200
        assert {"Quota: 1000 octets", "Largest file: 600 octets", "Available: 600 octets"} < set(answer.lines)
    text = client.do("SITE QUOTA").text
    assert "Quota: unlimited" in text
    assert re.search(r"Available: \d+ octets", text)


def test_site_needs_a_login(clear_server):
    """B26: even to ask for help."""
    with connected(clear_server) as client:
        assert client.code("SITE HELP") == 530


# --- aliases, and what is deliberately not there ---


def test_the_names_of_1980(client, folder):
    """X13: XMKD, XCWD, XPWD, XCUP and XRMD do what MKD, CWD, PWD, CDUP and RMD do."""
    assert client.code("XMKD sub") == 257
    assert client.code("XCWD sub") == 250
    assert client.do("XPWD").text.startswith(f'"/{folder.name}/sub"')
    assert client.code("XCUP") == 250
    assert client.code("XRMD sub") == 250
    assert os.listdir(folder) == []


def test_opts_utf8_on(clear_server):
    """X14: 200 at any time; many clients send it right behind the greeting and give up on anything else."""
    with connected(clear_server) as client:
        assert client.code("OPTS UTF8 ON") == 200
        client.login()
        assert client.code("OPTS UTF8 ON") == 200
