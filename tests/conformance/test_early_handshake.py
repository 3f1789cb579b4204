"""Clients that shake hands on the data connection before they send the transfer command (aioftp does)."""

from __future__ import annotations

import ssl

import pytest

from tests.conformance.conftest import clear
from tests.support.client import logged_in

VERSIONS = ["TLSv1_2", "TLSv1_3"]


@pytest.fixture
def client(server, request):
    with logged_in(server, version=request.param) as made:
        assert made.code("TYPE I") == 200
        yield made


each_version = pytest.mark.parametrize("client", VERSIONS, indirect=True)


@each_version
def test_download(client, server):
    """T14: the handshake is answered at once, and the file follows the command."""
    (server.files / "early").write_bytes(b"x" * 300_000)
    data = client.wrap_data(client.passive())
    assert client.code("RETR early") == 150
    assert b"".join(iter(lambda: data.recv(1 << 20), b"")) == b"x" * 300_000
    data.unwrap().close()
    assert client.answer().code == 226


@each_version
def test_upload(client, server):
    """T14, T28: an upload is whole with its close_notify, tickets held back as ever."""
    data = client.wrap_data(client.passive())
    assert client.code("STOR stored") == 150
    data.sendall(b"y" * 300_000)
    data.unwrap().close()
    assert client.answer().code == 226
    assert (server.files / "stored").read_bytes() == b"y" * 300_000


@each_version
def test_handshake_that_is_not_used(client, server):
    """B38: an early handshake whose transfer never comes ends with the next EPSV, and the session goes on."""
    for _ in range(5):
        with client.wrap_data(client.passive()):
            pass
    with client.wrap_data(client.passive()) as data:
        assert client.code("NLST") == 150
        assert b"".join(iter(lambda: data.recv(1 << 20), b"")) is not None
        data.unwrap()
    assert client.answer().code == 226
    assert client.code("QUIT") == 221


@each_version
def test_clear_transfer_behind_tls(client):
    """PROT C behind an early handshake is no transfer in clear on it: 521 by policy."""
    with client.wrap_data(client.passive()):
        assert client.code("PROT C") == 534
        assert client.code("NOOP") == 200


def test_garbage_after_a_first_octet_of_tls(server):
    """T14: a handshake that breaks early is told when the command comes: 522, and nothing is stored."""
    with logged_in(server) as client:
        data = client.passive()
        data.sendall(b"\x16\x03\x01\x00\x05hello")
        assert client.code("NOOP") == 200
        assert client.code("STOR never") == 150
        assert client.answer().code == 522
        data.close()
    assert not (server.files / "never").exists()


def test_clear_transfers_are_not_touched(clear_server):
    """A client without TLS that sends octets early, even such as begin a handshake, stores them."""
    with clear(clear_server) as client:
        assert client.code("TYPE I") == 200
        data = client.passive()
        data.sendall(b"\x16\x03\x01")
        assert client.code("STOR odd") == 150
        data.close()
        assert client.answer().code == 226
    assert (clear_server.files / "odd").read_bytes() == b"\x16\x03\x01"


def test_another_session_is_refused_early_too(start_server):
    """T27: under require, an early handshake without resumption is refused, and the true client is served."""
    server = start_server('[tls]\nsession_reuse = "require"\n')
    with logged_in(server) as client:
        data = client.passive()
        with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
            client.wrap_data(data, session=None)
        data.close()
        with client.wrap_data(client.passive()) as mine:
            assert client.code("NLST") == 150
            mine.recv(1 << 16)
            mine.unwrap()
        assert client.answer().code == 226
