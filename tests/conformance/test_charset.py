"""Clients whose names are in an older character set (I1, I2, I6)."""

from __future__ import annotations

import os

import pytest

from tests.conformance.conftest import clear
from tests.support.server import running_server

CONFIG = '[policy]\nrequire = "none"\n'
USERS = """
[users.old]
password = "HASH"
[users.new]
password = "HASH"
"""
RULES = """
[[policy.rules]]
users = ["old"]
charset = "windows-1252"
"""


@pytest.fixture(scope="module")
def clear_server(tmp_path_factory):
    """With a user whose client knows no UTF-8, and one whose client does."""
    with running_server(tmp_path_factory.mktemp("ftps"), CONFIG, USERS, tables=RULES) as server:
        yield server


@pytest.fixture
def home(clear_server):
    path = clear_server.folder / "files" / "old"
    path.mkdir(exist_ok=True)
    for name in os.listdir(path):
        (path / name).rmdir() if (path / name).is_dir() else (path / name).unlink()
    return path


@pytest.fixture
def old(clear_server, home):
    with clear(clear_server, user="old") as client:
        yield client


def test_names_both_ways(old, home):
    """I1: what is stored under octets of the old set has a UTF-8 name on the disk, and comes back as it went."""
    assert old.upload(b"STOR Gr\xf6\xdfe \x80", b"octets").code == 226
    assert os.listdir(home) == ["Größe €"]
    for verb in ("NLST", "LIST", "MLSD"):
        assert b"Gr\xf6\xdfe \x80\r\n" in old.download(verb)[0]
    assert old.download(b"RETR Gr\xf6\xdfe \x80")[0] == b"octets"
    old.send(b"MLST Gr\xf6\xdfe \x80")
    assert b"Gr\xf6\xdfe" in b"".join(old.line_octets() for _ in range(3))
    old.send(b"MKD \xfc")
    assert old.line_octets() == b'257 "/\xfc" was made'
    old.send(b"STAT .")
    assert b"Gr\xf6\xdfe \x80" in b"".join(old.line_octets() for _ in range(4))


def test_octet_255_is_doubled(old, home):
    """I1, B33: y with diaeresis is the octet that Telnet needs."""
    (home / "ÿ").mkdir()
    old.send(b"CWD \xff\xff")
    assert old.line_octets().startswith(b'250 "/\xff\xff"')


def test_nothing_is_lost(old, home):
    """I2: a name that the old set can not show is shown so that it can be fetched and deleted."""
    for name in ("日本", "{U+00E9}", os.fsdecode(b"raw \xe9"), "é"):
        (home / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    names = old.download("NLST")[0].splitlines()
    assert set(names) == {b"\xe9", b"raw {U+DCE9}", b"{U+007B}U+00E9}", b"{U+65E5}{U+672C}"}
    for name in names:
        content = old.download(b"RETR " + name)[0]
        assert old.code(b"DELE " + name) == 250
        assert content.decode("utf-8", "surrogateescape") not in os.listdir(home)
    assert os.listdir(home) == []


def test_opts_utf8_goes_before(old, home):
    """I6: a client that knows UTF-8 gets it, and FEAT tells what holds."""
    assert "UTF8" not in old.do("FEAT").lines
    assert old.code("OPTS UTF8 ON") == 200
    assert "UTF8" in old.do("FEAT").lines
    assert old.upload("STOR ö", b"").code == 226
    assert old.download("NLST")[0] == "ö\r\n".encode()
    assert old.do("OPTS UTF8 OFF").text == "Names are in windows-1252"
    assert old.download("NLST")[0] == b"\xf6\r\n"
    assert os.listdir(home) == ["ö"]


def test_others_have_utf8(clear_server):
    """I1: a rule is about its own users only."""
    with clear(clear_server, user="new") as new:
        assert "UTF8" in new.do("FEAT").lines
        assert new.code("MKD ö") == 257
        assert new.download("NLST")[0] == "ö\r\n".encode()
        assert new.code("OPTS UTF8 OFF") == 501


def test_all_clients_of_a_server(start_server):
    """I1: the general setting holds before the login as well, passwords included."""
    server = start_server('[policy]\nrequire = "none"\n[server]\ncharset = "shift_jis"\n')
    with clear(server) as client:
        assert client.code(b"MKD \x93\xfa\x96\x7b") == 257
        assert client.download("NLST")[0] == b"\x93\xfa\x96\x7b\r\n"
    assert os.listdir(server.files) == ["日本"]
