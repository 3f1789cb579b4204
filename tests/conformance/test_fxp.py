"""Transfers from server to server (RFC 959 section 5.2, RFC 4217 section 7): between two servers of ours."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.support.client import Client
from tests.support.fxp import FIRST, OCTETS, SECOND, configuration
from tests.support.observe import assert_no_traceback, eventually
from tests.support.server import PASSWORD, USER, running_server

OTHERS = '[users.bob]\npassword = "HASH"\n'


def trusting(server):
    return f'authorities = ["{server}"]\n'


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers that know each other's certificates."""
    folder = tmp_path_factory.mktemp("fxp")
    theirs = {FIRST: folder / "second.pem", SECOND: folder / "first.pem"}
    for host in theirs:  # made by a first start, and copied to the other
        with running_server(folder / host, configuration(host)) as server:
            shutil.copy(server.certificate, folder / ("first.pem" if host == FIRST else "second.pem"))
    with (
        running_server(folder / FIRST, configuration(FIRST, trusting(theirs[FIRST])), OTHERS) as first,
        running_server(folder / SECOND, configuration(SECOND, trusting(theirs[SECOND])), OTHERS) as second,
    ):
        yield first, second
        assert_no_traceback(first)
        assert_no_traceback(second)


def control(server, host, user=USER, *, tls=True, version=None):
    client = Client(host, server.port(host=host), version=version, source="127.0.0.1")
    assert client.answer().code == 220
    if tls:
        client.auth()
    client.login(user)
    if tls:
        client.protect()
    assert client.code("TYPE I") == 200
    return client


@pytest.fixture
def controls(pair):
    first, second = pair
    (first.files / "file").write_bytes(OCTETS)
    (second.files / "copy").unlink(missing_ok=True)
    with control(first, FIRST) as source, control(second, SECOND) as target:
        yield source, target


def address_of(answer):
    assert answer.code == 227, answer
    return re.search(r"\(([0-9,]+)\)", answer.text)[1]


def copy(source, target, passive="PASV"):
    """The target listens, the source calls it; return both final replies."""
    assert source.code(f"PORT {address_of(target.do(passive))}") == 200
    return run(source, target)


def begin(source, target):
    target.send("STOR copy")
    assert target.answer().code == 150
    source.send("RETR file")
    assert source.answer().code == 150


def run(source, target):
    begin(source, target)
    return source.answer().code, target.answer().code


def has_copy(pair):
    return (pair[1].files / "copy").read_bytes() == OCTETS


def test_in_clear(pair):
    """T9: without TLS one server calls the other, and the file is the same; the log says where it went."""
    first, second = pair
    (first.files / "file").write_bytes(OCTETS)
    (second.files / "copy").unlink(missing_ok=True)
    with control(first, FIRST, tls=False) as source, control(second, SECOND, tls=False) as target:
        assert copy(source, target) == (226, 226)
    assert has_copy(pair)
    assert f"the data connection is with the server {SECOND}" in first.log()
    assert f"the data connection is with the server {FIRST}" in second.log()


@pytest.mark.parametrize("listens", ["source", "target"])
@pytest.mark.parametrize("tls_client", ["source", "target"])
def test_sscn(pair, controls, tls_client, listens):
    """X10: after SSCN ON at one of them a file moves under TLS, whichever of the two listens."""
    source, target = controls
    assert (source if tls_client == "source" else target).do("SSCN ON").text == "SSCN:CLIENT METHOD"
    if listens == "target":
        assert copy(source, target) == (226, 226)
    else:
        assert target.code(f"PORT {address_of(source.do('PASV'))}") == 200
        assert run(source, target) == (226, 226)
    assert has_copy(pair)
    for server in pair:
        eventually(lambda server=server: '"data_tls":{"version":"TLSv1.3"' in server.log("events.json"), "the event")


def test_cpsv(pair, controls):
    """X10: CPSV does it for one transfer, with the server that listens as TLS client; PASV ends it."""
    source, target = controls
    assert copy(source, target, "CPSV") == (226, 226)
    assert has_copy(pair)
    with target.pasv() as plain:
        target.send("RETR copy")
        assert target.answer().code == 150
        with target.context.wrap_socket(plain, session=target.sock.session) as data:
            assert data.recv(16) == OCTETS[:16]


def test_replies_of_sscn(controls):
    """X10: SSCN tells the method, takes ON and OFF, and forgets it with the login."""
    client, _ = controls
    assert client.do("SSCN").text == "SSCN:SERVER METHOD"
    assert client.code("sscn on") == 200
    assert client.do("SSCN").text == "SSCN:CLIENT METHOD"
    assert client.code("SSCN MAYBE") == 501
    assert client.code("SSCN ON OFF") == 504
    assert client.do("SSCN").text == "SSCN:CLIENT METHOD"
    assert client.code(f"USER {USER}") == 331
    assert client.code(f"PASS {PASSWORD}") == 230
    assert client.do("SSCN").text == "SSCN:SERVER METHOD"
    assert client.code("SSCN ON") == 200
    assert client.code("SSCN OFF") == 200
    assert client.do("SSCN").text == "SSCN:SERVER METHOD"


def test_a_session_in_clear_can_not_make_us_the_tls_client(pair):
    """X10: SSCN and CPSV would have no effect there, so nobody is led to believe that the file is protected."""
    first, _ = pair
    with control(first, FIRST, tls=False) as client:
        for command in ("SSCN ON", "SSCN", "CPSV"):
            answer = client.do(command)
            assert (answer.code, answer.text) == (503, f"Send AUTH TLS before {command[:4]}")
        assert client.code("PASV") == 227


def test_listings_stay_with_the_client(controls):
    """X10: a listing after SSCN ON is still for the client, which begins TLS as always."""
    client, _ = controls
    assert client.code("SSCN ON") == 200
    client.do("EPSV")
    with client.pasv() as plain:
        client.send("NLST")
        assert client.answer().code == 150
        with client.context.wrap_socket(plain, session=client.sock.session) as data:
            assert b"file" in data.recv(1000)
    assert client.answer().code == 226


def test_everybody_else(pair):
    """T9, E3: who is not named sees no SSCN in FEAT, gets 534 and 504, and no other server may call."""
    first, _ = pair
    with control(first, FIRST, "bob") as client:
        assert "SSCN" not in client.do("FEAT").lines
        assert client.code("SSCN ON") == 534
        assert client.code("CPSV") == 534
        assert client.code("PORT 127,0,0,3,200,0") == 504
        assert client.code("EPRT |1|127.0.0.3|51200|") == 504
        port = client.passive_port()
        with client.connect(port, source=SECOND) as foreign:
            assert foreign.recv(1) == b""
        eventually(lambda: "foreign-data-peer" in first.log(), "the report")


def test_those_who_may(controls):
    """T9: even they reach only the servers named, and no port below 1024."""
    client, _ = controls
    assert {"SSCN", "CPSV"} <= set(client.do("FEAT").lines)
    assert client.code("PORT 127,0,0,4,200,0") == 504
    assert client.code("PORT 127,0,0,3,3,255") == 504
    assert client.code("PORT 127,0,0,3,4,0") == 200
    port = client.passive_port()
    with client.connect(port, source="127.0.0.4") as foreign:
        assert foreign.recv(1) == b""


def test_both_are_tls_clients(controls):
    """X10: with SSCN ON at both nothing moves, and a reply says what is wrong."""
    source, target = controls
    assert source.code("SSCN ON") == 200
    assert target.code("SSCN ON") == 200
    assert copy(source, target) == (522, 522)


def test_a_server_nobody_vouches_for(pair, tmp_path):
    """X10: a server whose certificate is not known gets nothing, and the reply says why."""
    first, _ = pair
    (first.files / "file").write_bytes(OCTETS)
    with (
        running_server(tmp_path / "other", configuration("127.0.0.3")) as other,
        control(first, FIRST) as source,
        control(other, SECOND) as target,
    ):
        assert "SSCN" not in target.do("FEAT").lines  # nobody could be verified
        assert target.code("SSCN ON") == 534
        assert source.code("SSCN ON") == 200
        assert source.code(f"PORT {address_of(target.do('PASV'))}") == 200
        begin(source, target)
        answer = source.answer()
        assert answer.code == 522
        assert "nobody we trust vouches" in answer.text
        assert target.answer().code == 522
        assert not (other.files / "copy").exists()


def test_where_sessions_have_to_be_resumed(pair, tmp_path):
    """T17: with session_reuse = "require" no other server can prove itself; 522 says so, in both roles."""
    first, _ = pair
    strict = configuration("127.0.0.3", 'verify = false\n[tls]\nsession_reuse = "require"\n')
    (first.files / "file").write_bytes(OCTETS)
    with (
        running_server(tmp_path / "strict", strict) as other,
        control(first, FIRST) as source,
        control(other, SECOND) as target,
    ):
        for client, server in ((source, target), (target, source)):
            assert client.code("SSCN ON") == 200
            assert server.code("SSCN OFF") == 200
            assert source.code(f"PORT {address_of(target.do('PASV'))}") == 200
            begin(source, target)
            answer = target.answer()
            assert answer.code == 522
            assert "resume" in answer.text
            assert source.answer().code in {426, 522}
        assert not (other.files / "copy").exists()


def test_before_the_login(pair):
    """F2: FEAT before the login tells what somebody may do; the verbs themselves need one."""
    first, _ = pair
    with Client(FIRST, first.port(host=FIRST)) as client:
        assert client.answer().code == 220
        client.auth()
        assert {"SSCN", "CPSV"} <= set(client.do("FEAT").lines)
        assert client.code("SSCN ON") == 530


def test_a_server_as_it_comes(client):
    """X10: off: 534, and not in FEAT."""
    assert not {"SSCN", "CPSV"} & set(client.do("FEAT").lines)
    assert client.code("SSCN") == 534
    assert client.code("CPSV") == 534
    assert client.code("PRET RETR x") == 500
