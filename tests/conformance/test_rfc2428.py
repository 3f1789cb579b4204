"""EPRT and EPSV (RFC 2428)."""

from __future__ import annotations

import re
import socket

import pytest

from tests.conformance.conftest import clear
from tests.support.client import TIMEOUT, Client

EXTENDED_PASSIVE = re.compile(r"[^()]*\(\|\|\|([1-9][0-9]{0,4})\|\)")
"""Section 3: the text clients parse, and no other parentheses."""


@pytest.fixture(params=["127.0.0.1", "::1"])
def either(request, clear_server):
    """A client over IPv4, and one over IPv6."""
    with clear(clear_server, request.param) as client:
        yield client


def address_of(client):
    return client.sock.getsockname()[0]


def number_of(client):
    return 2 if ":" in address_of(client) else 1


# --- EPRT ---


def test_eprt_lets_the_server_connect(either):
    """E1: over both families, both ways."""
    with either.active() as listener:
        assert either.code(f"STOR eprt{number_of(either)}") == 150
        data, address = listener.accept()
        assert address[0] == address_of(either)
        data.sendall(b"octets")
        data.close()
        assert either.answer().code == 226
    with either.active() as listener:
        assert either.code(f"RETR eprt{number_of(either)}") == 150
        data, _ = listener.accept()
        with data:
            assert data.recv(100) == b"octets"
        assert either.answer().code == 226


def test_eprt_under_tls(tls_client, tls_folder):
    """E1: the client is the TLS client on connections that the server opened, too (RFC 4217 section 10)."""
    (tls_folder / "file").write_bytes(b"octets")
    with tls_client.active() as listener:
        assert tls_client.code("RETR file") == 150
        plain, _ = listener.accept()
        with tls_client.wrap_data(plain) as data:
            assert data.recv(100) == b"octets"
            assert data.recv(100) == b""
        assert tls_client.answer().code == 226


@pytest.mark.parametrize("delimiter", ["|", "$", "!", "~", "@", "-", "x"])
def test_eprt_with_any_delimiter(client, delimiter):
    """E1: every printable character serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        parts = ["", "1", "127.0.0.1", str(listener.getsockname()[1]), ""]
        assert client.code(f"EPRT {delimiter.join(parts)}") == 200
        assert client.code("LIST") == 150
        data, _ = listener.accept()
        with data:
            assert data.recv(100) == b""
    assert client.answer().code == 226


@pytest.mark.parametrize("protocol", ["3", "0", "99", "12345"])
def test_eprt_with_an_unknown_protocol(either, protocol):
    """E2: 522 and the numbers of those that work on this connection, in the only parentheses of the text."""
    answer = either.do(f"EPRT |{protocol}|x|51201|")
    assert answer.code == 522
    assert re.fullmatch(rf"[^()]*\({number_of(either)}\)[^()]*", answer.text)


def test_eprt_of_the_other_family(either):
    """E2: the client has no address of it as far as this connection shows; 522, too."""
    other = "|1|127.0.0.1|51201|" if number_of(either) == 2 else "|2|::1|51201|"
    answer = either.do(f"EPRT {other}")
    assert answer.code == 522
    assert f"({number_of(either)})" in answer.text


@pytest.mark.parametrize(
    "argument",
    ["", "|", "||||", "|1|127.0.0.1|", "|1|127.0.0.1|51201", "1|127.0.0.1|51201|", "|1|127.0.0.1|51201|x", "|1|127.0.0.1|x|",
     "|1|127.0.0.1|65536|", "|1|localhost|51201|", "|1|256.0.0.1|51201|", "|1|127.1|51201|", "|1|::1|51201|",
     "|1$127.0.0.1|51201|", " |1|127.0.0.1|51201|", "|1|127.0.0.1|-1|", "|1|127.0.0.1|٥١٢٠١|", "|1||51201|",
     "|x|127.0.0.1|51201|"],
)  # fmt: skip
def test_eprt_syntax(client, argument):
    """E3: 501 for everything malformed, and nothing was prepared."""
    assert client.code(f"EPRT {argument}") == 501
    assert client.code("LIST") == 425


@pytest.mark.parametrize(
    "argument",
    ["|1|127.0.0.1|80|", "|1|127.0.0.1|0|", "|1|127.0.0.1|1023|", "|1|192.0.2.1|51201|", "|1|127.0.0.2|51201|"],
)
def test_eprt_is_no_way_to_reach_others(client, argument):
    """E3: low ports and foreign addresses are refused at once."""
    assert client.code(f"EPRT {argument}") == 504
    assert client.code("LIST") == 425


@pytest.mark.parametrize("argument", ["|2|::1|80|", "|2|2001:db8::1|51201|", "|2|::2|51201|", "|2|::|80|"])
def test_eprt_over_ipv6_is_no_way_to_reach_others(clear_server, argument):
    """E3: the same there."""
    with clear(clear_server, "::1") as client:
        assert client.code(f"EPRT {argument}") == 504


def test_eprt_takes_an_address_in_any_of_its_forms(clear_server):
    """E1: an IPv6 address may be written out in full."""
    with clear(clear_server, "::1") as client, socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        assert client.code(f"EPRT |2|0:0:0:0:0:0:0:1|{port}|") == 200
        assert client.code(f"EPRT |2|::1%lo|{port}|") == 501


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_unspecified_address_is_the_clients_own(clear_server, host):
    """E1, K4: a client that listens everywhere and names that (lftp over IPv6) is called back, and nobody else is."""
    with clear(clear_server, host) as client:
        with socket.create_server((host, 0), family=client.sock.family) as listener:
            listener.settimeout(TIMEOUT)
            port = listener.getsockname()[1]
            assert client.code(f"EPRT |2|::|{port}|" if ":" in host else f"EPRT |1|0.0.0.0|{port}|") == 200
            assert client.code("NLST missing*") == 150
            data, address = listener.accept()
            with data:
                assert (address[0], data.recv(100)) == (host, b"")
        assert client.answer().code == 226


# --- EPSV ---


def test_epsv_tells_a_port_and_nothing_else(either):
    """E4: in exactly this form, and a transfer works there."""
    answer = either.do("EPSV")
    assert answer.code == 229
    port = int(EXTENDED_PASSIVE.fullmatch(answer.text)[1])
    with socket.create_connection((address_of(either), port), timeout=TIMEOUT) as data:
        assert either.code("NLST missing*") == 150
        assert data.recv(100) == b""
    assert either.answer().code == 226


def test_epsv_with_the_protocol_of_the_connection(either):
    """E5: honoured."""
    answer = either.do(f"EPSV {number_of(either)}")
    assert answer.code == 229
    port = int(EXTENDED_PASSIVE.fullmatch(answer.text)[1])
    with socket.create_connection((address_of(either), port), timeout=TIMEOUT):
        assert either.code("NLST missing*") == 150
        assert either.answer().code == 226


def test_epsv_with_another_protocol_that_does_not_matter(start_server):
    """E5: where addresses are translated, the client names its own family, and means nothing by it."""
    server = start_server('[policy]\nrequire = "none"\n[passive]\nignore_epsv_protocol = true\n')
    for host in ("127.0.0.1", "::1"):
        with clear(server, host) as client:
            assert [client.code(f"EPSV {number}") for number in (1, 2, 3)] == [229, 229, 522]


def test_epsv_with_another_protocol(either):
    """E5: 522 and the number of the one that works; nothing was prepared."""
    for number in (3 - number_of(either), 3, 0):
        answer = either.do(f"EPSV {number}")
        assert answer.code == 522
        assert f"({number_of(either)})" in answer.text
        assert either.code("LIST") == 425


def test_one_endpoint_serves_both_families(start_server):
    """E1, E4, B9: behind `tcp6:` alone, an IPv4 client has PASV, EPSV and EPRT as it has them elsewhere."""
    server = start_server(
        '[policy]\nrequire = "none"\n[server]\nexplicit = ["tcp6:0:interface=\\\\:\\\\:"]\nimplicit = []\n'
    )
    for host, number in (("127.0.0.1", 1), ("::1", 2)):
        with Client(host, server.port("explicit", "::")) as client:
            assert client.answer().code == 220
            client.login()
            assert client.code("PASV") == (227 if number == 1 else 425)
            assert client.code(f"EPSV {number}") == 229
            assert client.code(f"EPSV {3 - number}") == 522
            assert client.download("LIST")[1].code == 226
            with client.active() as listener:
                assert client.code("LIST") == 150
                listener.accept()[0].close()
                assert client.answer().code == 226


@pytest.mark.parametrize("argument", ["x", "ALLX", "1 2", "-1", "٢", "1,2", "123456"])
def test_epsv_syntax(client, argument):
    """E5: 501."""
    assert client.code(f"EPSV {argument}") == 501


@pytest.mark.one_process
def test_epsv_ports_are_those_of_the_configuration(start_server):
    """E4: no port is bound for a transfer: one serves all clients, if need be in turn."""
    server = start_server('[policy]\nrequire = "none"\n')
    ports = set()
    for _ in range(2):
        with clear(server) as session:
            ports.add(EXTENDED_PASSIVE.fullmatch(session.do("EPSV").text)[1])
    assert len(ports) == 1


@pytest.mark.parametrize("line", ["PORT 127,0,0,1,200,1", "PASV", "EPRT |1|127.0.0.1|51201|", "EPRT |3|x|1|"])
@pytest.mark.parametrize("promise", ["EPSV ALL", "epsv all"])
def test_epsv_all_is_a_promise(client, folder, line, promise):
    """E6: afterwards only EPSV serves, so that address translators may look away."""
    (folder / "file").write_bytes(b"octets")
    assert client.code(promise) == 200
    assert client.code(line) == 501
    assert client.download("RETR file")[0] == b"octets"
    assert client.code(line) == 501


@pytest.mark.parametrize("ending", ["REIN", "AUTH TLS"])
def test_epsv_all_ends_with_the_session_it_was_made_in(client, ending):
    """E6: REIN and AUTH begin anew."""
    assert client.code("EPSV ALL") == 200
    assert client.do(ending).code in {220, 234}
    if ending == "AUTH TLS":
        client.wrap()
    client.login()
    assert client.code("PASV") == 227


def test_epsv_all_does_not_end_with_another_user(client):
    """E6: USER leaves the transfer parameters as they are."""
    assert client.code("EPSV ALL") == 200
    client.login()
    assert client.code("PASV") == 501


def test_epsv_serves_its_own_client_only(clear_server, client, folder):
    """E7: a connection from another address of the same machine gets nothing."""
    (folder / "file").write_bytes(b"secret")
    port = int(EXTENDED_PASSIVE.fullmatch(client.do("EPSV").text)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=("127.0.0.3", 0)) as thief:
        assert client.code("RETR file") == 150
        assert thief.recv(100) == b""
        assert client.answer().code == 425
