"""Control connections behind a load balancer: the header's address is the client's, and nobody else may send one."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.support.client import TIMEOUT, Client
from tests.support.observe import Marked, events, eventually
from tests.support.server import running_server
from tests.wire.test_proxyheader import block

V1 = b"PROXY TCP4 127.0.0.9 127.0.0.1 40000 21\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that believes 127.0.0.1 and nobody else."""
    config = '[server]\nproxies = ["127.0.0.1/32"]\ndeny = ["192.0.2.66/32"]\n[tls]\nwatch_interval = 3600'
    with running_server(tmp_path_factory.mktemp("proxied"), config) as running:
        yield running


class ProxiedClient(Client):
    """A client behind a load balancer that sends a header first."""

    def __init__(self, port, header, **options):
        self._header = header
        super().__init__("127.0.0.1", port, **options)

    def wrap(self):
        self.introduce()
        super().wrap()

    def introduce(self):
        if self._header:
            self.sock.sendall(self._header)
            self._header = b""


def explicit(server, header, **options):
    client = ProxiedClient(server.port(), header, **options)
    client.introduce()
    return client


@pytest.mark.parametrize("header", [V1, block("127.0.0.9", "127.0.0.1")], ids=["version 1", "version 2"])
def test_the_client_of_the_header_is_the_client(server, header):
    """Logs, limits and data connections go by the true address: one from there is taken, one from elsewhere is not."""
    with explicit(server, header) as client:
        assert client.answer().code == 220
        client.auth().login().protect()
        assert client.code("TYPE I") == 200
        port = client.passive_port()
        client.send("LIST")
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as foreign:
            assert client.answer().code == 150
            with pytest.raises((ConnectionError, TimeoutError, ssl.SSLError)):
                client.wrap_data(foreign).recv(9)
        data = client.wrap_data(client.connect(port, source="127.0.0.9"))
        b"".join(iter(lambda: data.recv(65536), b""))
        data.unwrap().close()
        assert client.answer().code == 226
    assert eventually(lambda: events(server, "logged_in", peer="127.0.0.9"))


def test_implicit_tls_begins_behind_the_header(server):
    """Header and ClientHello may come in one piece."""
    with ProxiedClient(server.port("implicit"), V1, implicit=True) as client:
        assert client.answer().code == 220
        client.login()
        assert client.code("PWD") == 257


def test_header_and_commands_in_one_piece(server):
    """What follows the header is not lost."""
    with explicit(server, V1 + b"NOOP\r\nQUIT\r\n") as client:
        assert client.codes(3)[0] == 220


def test_a_health_check_comes_from_the_load_balancer_itself(server):
    """LOCAL and UNKNOWN: the addresses of the connection count."""
    with explicit(server, b"PROXY UNKNOWN\r\n") as client:
        assert client.answer().code == 220
        assert client.code("QUIT") == 221
    assert eventually(lambda: events(server, "session_closed", peer="127.0.0.1"))


def test_bans_and_lists_go_by_the_true_address(server):
    """Deny of [server] is about clients, not about the load balancer."""
    with explicit(server, b"PROXY TCP4 192.0.2.66 127.0.0.1 1 21\r\n") as client:
        assert client.answer().code == 421


@pytest.mark.parametrize(
    "octets",
    [b"USER alice\r\n", b"PROXY nonsense\r\n", b"\x16\x03\x01\x02\x00", block("127.0.0.9", "::1", family=0x31)],
)
def test_without_a_header_there_is_no_session(server, octets):
    """A load balancer that forgot it is found in the log."""
    log = Marked(server)
    with explicit(server, octets) as client:
        assert client.is_closed()
    log.wait_for("proxy-header")


def test_a_header_from_elsewhere_is_not_believed(server):
    """Whoever reaches the port directly could be anybody otherwise: it is closed, and logged."""
    log = Marked(server)
    with explicit(server, V1, source="127.0.0.2") as client:
        assert client.is_closed()
    assert "is of no load balancer" in log.wait_for("127.0.0.2")


def test_half_a_header_ends(server):
    """A load balancer that goes away leaves nothing behind."""
    with explicit(server, V1[:20]) as client:
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed()
