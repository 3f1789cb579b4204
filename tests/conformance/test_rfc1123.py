"""What RFC 1123 section 4.1 adds to RFC 959, as far as the modules beside this one do not hold it."""

from __future__ import annotations

import re

import pytest

from ftpstwist.commands.context import SessionSettings
from ftpstwist.config.schema import Settings
from ftpstwist.session.catalogue import CATALOGUE
from tests.conformance.conftest import clear
from tests.support.client import connected, logged_in

SHORT = """
[policy]
require = "none"
[server]
idle_timeout = 1
login_timeout = 2
[transfer]
stall_timeout = 1
connect_timeout = 1
"""
REQUIRED = [
    *("USER", "PASS", "ACCT", "PORT", "PASV", "TYPE", "MODE", "STRU", "RETR", "STOR", "APPE", "RNFR", "RNTO", "DELE"),
    *("CWD", "CDUP", "RMD", "MKD", "PWD", "LIST", "NLST", "SYST", "STAT", "HELP", "NOOP", "QUIT", "STOU", "ABOR"),
    *("ALLO", "REST", "SITE", "REIN"),
]
"""Section 4.1.2.13 names these for servers, as a minimum or as recommended; SMNT is "may"."""


@pytest.fixture(scope="module")
def impatient(start_server):
    """A server that waits one second for everything."""
    return start_server(SHORT)


@pytest.mark.parametrize("verb", REQUIRED)
def test_the_minimum_is_there(client, verb):
    """B31: no verb of the minimum implementation is unknown or not implemented (section 4.1.2.13)."""
    assert verb in CATALOGUE
    assert client.code(f"HELP {verb}") == 214
    if verb not in {"QUIT", "REIN", "USER"}:
        assert client.code(verb) not in {500, 502}


@pytest.mark.parametrize("verb", ["XCUP", "XCWD", "XMKD", "XPWD", "XRMD"])
def test_the_experimental_names_are_there(client, verb):
    """X13: section 4.1.3.1 asks for these names beside those of today."""
    assert client.code(f"HELP {verb}") == 214
    assert client.code(verb) in {501, 250, 257}


def test_the_idle_time_limit_is_five_minutes_at_least():
    """B35: section 4.1.3.2; the default is exactly that, and can be changed."""
    assert Settings().server.idle_timeout >= 300
    assert SessionSettings.__dataclass_fields__["idle_seconds"].default >= 300


def test_an_idle_session_is_told_goodbye(impatient):
    """B35: 421, then the connection is closed; nothing else is sent."""
    with clear(impatient) as client:
        answer = client.answer()
        assert answer.code == 421
        assert "Idle" in answer.text
        assert client.is_closed()


def test_an_idle_session_is_told_goodbye_under_tls(impatient):
    """B35: inside TLS, and ended by close_notify."""
    with logged_in(impatient) as client:
        assert client.answer().code == 421
        assert client.sock.recv(1) == b""


def test_a_session_without_login_does_not_stay(impatient):
    """B35: not even one that keeps talking."""
    with connected(impatient) as client:
        codes = []
        while 421 not in codes:
            client.send("NOOP")
            codes.append(client.answer().code)
        assert set(codes) == {200, 421}
        assert client.is_closed()


def test_commands_keep_a_session_alive(impatient):
    """B30, B35: NOOP is activity; the limit counts from the last reply."""
    with clear(impatient) as client:
        for _ in range(3):
            client.sock.settimeout(0.4)
            with pytest.raises(TimeoutError):
                client.line()
            client.sock.settimeout(10)
            assert client.code("NOOP") == 200


def test_a_transfer_keeps_a_session_alive(impatient):
    """B35: the time limit of the control connection does not run while data moves; a stalled one ends with 426."""
    with clear(impatient) as client:
        data = client.begin("STOR stalled")
        for _ in range(4):
            client.sock.settimeout(0.4)
            with pytest.raises(TimeoutError):
                client.line()
            data.sendall(b"x")
        client.sock.settimeout(10)
        answer = client.answer()
        assert answer.code == 426
        assert "no octet moved" in answer.text
        data.close()
        assert client.code("NOOP") == 200


def test_stou_tells_the_name(client, folder):
    """B15: section 4.1.2.9: `150 FILE: pppp`, and that is the name."""
    with client.passive():
        answer = client.do("STOU")
        assert answer.code == 150
        name = re.fullmatch(r"FILE: (\S+)", answer.text)[1]
    assert client.answer().code == 226
    assert (folder / name).exists()


def test_nlst_is_a_list_of_legal_pathnames(client, folder):
    """B25: section 4.1.2.7: in type ASCII, one name a line, each of which RETR takes."""
    (folder / "sub").mkdir()
    (folder / "sub" / "a b").write_bytes(b"octets")
    assert client.code("TYPE A") == 200
    octets, _ = client.download("NLST sub")
    assert octets == b"sub/a b\r\n"
    assert client.download(b"RETR " + octets.rstrip())[0] == b"octets"


def test_a_new_preparation_for_every_transfer(client, folder):
    """B9: section 4.1.2.5 and 4.1.2.6: every transfer has its own data connection, never the port of another."""
    (folder / "file").write_bytes(b"octets")
    ports = set()
    for _ in range(3):
        with client.passive() as data:
            assert client.code("RETR file") == 150
            assert data.recv(100) == b"octets"
            ports.add(data.getsockname()[1])
        assert client.answer().code == 226
    assert len(ports) == 3
