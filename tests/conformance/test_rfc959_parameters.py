"""Transfer parameters and data connections (RFC 959 sections 3.2, 3.3 and 4.1.2; RFC 2577 section 3)."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.conformance.conftest import clear
from tests.support.client import TIMEOUT, connected

PASSIVE = re.compile(r"Entering Passive Mode \((\d{1,3},){4}\d{1,3},\d{1,3}\)")


def port_of(answer):
    """Read the port of a 229 reply."""
    return int(re.search(r"\(\|\|\|(\d+)\|\)", answer.text)[1])


def is_refused_or_closed(host, port):
    """Tell whether a passive port takes no connection, or closes it at once and sends nothing."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT) as data:
            return data.recv(1) == b""
    except ConnectionError:
        return True


# --- PORT and active connections ---


def test_port_lets_the_server_connect(client, folder):
    """B8: both ways, from the address the client talks to."""
    with client.active("PORT") as listener:
        assert client.code("STOR file") == 150
        data, address = listener.accept()
        assert address[0] == "127.0.0.1"
        data.sendall(b"octets")
        data.close()
        assert client.answer().code == 226
    with client.active("PORT") as listener:
        assert client.code("RETR file") == 150
        data, _ = listener.accept()
        with data:
            assert data.recv(100) == b"octets"
            assert data.recv(100) == b""
        assert client.answer().code == 226


@pytest.mark.parametrize(
    "argument",
    ["", "1,2,3", "1,2,3,4,5", "1,2,3,4,5,6,7", "127,0,0,1,300,1", "256,0,0,1,200,1", "a,b,c,d,e,f", "127.0.0.1:1",
     "127,0,0,1,-1,1", "127,0,0,1,200,", "127,0,0,1, 200,1", "١,0,0,1,200,1"],
)  # fmt: skip
def test_port_wants_six_numbers(client, argument):
    """B8: anything else is 501, and no way for data was prepared by it."""
    assert client.code(f"PORT {argument}") == 501
    assert client.code("LIST") == 425


@pytest.mark.parametrize("argument", ["127,0,0,1,0,80", "127,0,0,1,3,255", "192,0,2,1,200,1", "127,0,0,2,200,1"])
def test_port_is_no_way_to_reach_others(client, argument):
    """B8: low ports and foreign addresses are refused at once, not at the transfer; nothing connects anywhere."""
    assert client.code(f"PORT {argument}") == 504
    assert client.code("LIST") == 425


def test_a_refused_port_leaves_nothing_of_the_one_before(client):
    """B8: data never goes where the last command did not say."""
    with client.active("PORT"):
        assert client.code("PORT 192,0,2,1,200,1") == 504
        assert client.code("LIST") == 425


def test_port_to_a_client_that_does_not_listen(client, folder):
    """B8: 150 and 425, the file stays as it was, and the next transfer works."""
    (folder / "file").write_bytes(b"old")
    with client.active("PORT") as listener:
        listener.close()
        assert client.code("STOR file") == 150
        assert client.answer().code == 425
    assert (folder / "file").read_bytes() == b"old"
    assert client.download("RETR file")[0] == b"old"


def test_port_can_be_switched_off(start_server):
    """B8, B31: then it is known but not available, 502; passive mode works."""
    server = start_server('[policy]\nrequire = "none"\n[active]\nenabled = false\n')
    with clear(server) as client:
        assert client.code("PORT 127,0,0,1,200,1") == 502
        assert client.code("EPRT |1|127.0.0.1|51201|") == 502
        assert client.download("LIST")[1].code == 226


def test_data_commands_need_a_login(clear_server):
    """B8, B9: no port is held for strangers."""
    with connected(clear_server) as stranger:
        for line in ("PORT 127,0,0,1,200,1", "PASV", "EPSV", "EPRT |1|127.0.0.1|51201|", "TYPE I"):
            assert stranger.code(line) == 530


# --- PASV ---


def test_pasv_tells_the_address_the_client_connected_to(client):
    """B9: in the form that all clients look for."""
    answer = client.do("PASV")
    assert answer.code == 227
    assert PASSIVE.fullmatch(answer.text)
    assert "(127,0,0,1," in answer.text


def test_pasv_carries_files_both_ways(client):
    """B9: the same as EPSV does."""
    with client.pasv() as data:
        assert client.code("STOR file") == 150
        data.sendall(b"octets")
    assert client.answer().code == 226
    with client.pasv() as data:
        assert client.code("RETR file") == 150
        assert data.recv(100) == b"octets"
    assert client.answer().code == 226


def test_pasv_under_tls(tls_client):
    """B9: and TLS on the data connection."""
    with tls_client.pasv() as plain:
        assert tls_client.code("NLST") == 150
        with tls_client.wrap_data(plain) as data:
            assert data.recv(100) == b""
    assert tls_client.answer().code == 226


def test_pasv_has_no_answer_on_ipv6(clear_server):
    """B9: its reply has room for IPv4 only; 425, and EPSV works."""
    with clear(clear_server, "::1") as client:
        assert client.code("PASV") == 425
        assert client.download("LIST")[1].code == 226


@pytest.mark.parametrize("first", ["PASV", "EPSV"])
@pytest.mark.parametrize("second", ["PASV", "EPSV", "PORT"])
def test_what_was_prepared_is_replaced(client, folder, first, second):
    """B9, B38: of two preparations the second counts; a connection made for the first is closed."""
    (folder / "file").write_bytes(b"octets")
    stale = client.pasv() if first == "PASV" else client.passive()
    assert client.code("NOOP") == 200
    with stale:
        if second == "PORT":
            with client.active("PORT") as listener:
                assert client.code("RETR file") == 150
                data, _ = listener.accept()
        else:
            data = client.pasv() if second == "PASV" else client.passive()
            assert client.code("RETR file") == 150
        with data:
            assert data.recv(100) == b"octets"
        assert client.answer().code == 226
        assert stale.recv(100) == b""


def test_a_connection_for_the_one_before_never_serves_the_next(client, folder):
    """B9, B38: an upload is 226 only with the octets of its own data connection, however quick the client is."""
    for _ in range(20):
        client.passive().close()
        with client.passive() as data:
            assert client.code("STOR file") == 150
            data.sendall(b"octets")
        assert client.answer().code == 226
        assert (folder / "file").read_bytes() == b"octets"


def test_a_preparation_serves_one_transfer(client, folder):
    """B38: a second RETR on the same PASV is 425 at once, not a 150 that nothing follows."""
    (folder / "file").write_bytes(b"octets")
    assert client.download("RETR file")[1].code == 226
    assert client.code("RETR file") == 425


def test_the_file_is_looked_at_before_the_data_connection(client):
    """B13: a file that is not there costs no data connection: 550 comes without a 150."""
    with client.passive():
        assert client.code("RETR missing") == 550
        assert client.code("LIST missing") == 550


@pytest.mark.parametrize("ending", ["QUIT", "REIN", "USER x", "AUTH TLS", "ABOR", "close"])
def test_nothing_waits_for_data_after_the_end(clear_server, ending):
    """B38: with the session, or the login, its passive port is given back."""
    with clear(clear_server) as client:
        waiting = client.passive()
        if ending == "close":
            client.close()
        else:
            client.send(ending)
            assert client.answer().code in {221, 220, 331, 234, 226}
        with waiting:
            assert waiting.recv(1) == b""


def test_one_connection_is_taken_and_not_two(client, folder):
    """B38: a second connection to the port of a running transfer gets nothing."""
    (folder / "file").write_bytes(b"octets")
    answer = client.do("EPSV")
    with socket.create_connection(("127.0.0.1", port_of(answer)), timeout=TIMEOUT) as data:
        assert client.code("RETR file") == 150
        assert data.recv(100) == b"octets"
        assert client.answer().code == 226
    assert is_refused_or_closed("127.0.0.1", port_of(answer))


def test_an_unused_port_takes_nobody(client):
    """B38: without PASV or EPSV a connection to a passive port is closed at once."""
    port = port_of(client.do("EPSV"))
    assert client.code("ABOR") == 226
    assert is_refused_or_closed("127.0.0.1", port)


def test_a_stranger_from_elsewhere_gets_no_data(client, folder):
    """B9, E7: a connection from another address is dropped, and the client's own is still served."""
    (folder / "file").write_bytes(b"secret")
    for verb in ("EPSV", "PASV"):
        answer = client.do(verb)
        port = (
            int.from_bytes(bytes(map(int, re.findall(r"\d+", answer.text)[-2:]))) if verb == "PASV" else port_of(answer)
        )
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=("127.0.0.2", 0)) as thief:
            client.send("RETR file")
            assert thief.recv(100) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as data:
            assert data.recv(100) == b"secret"
        assert client.codes(2) == [150, 226]


@pytest.mark.parametrize("command", ["STOR file", "RETR file", "LIST", "APPE file"])
def test_a_client_that_never_connects(client, folder, command):
    """B9, B38: 150, then 425 after the time limit; the file is untouched and replies stay in step with commands."""
    (folder / "file").write_bytes(b"old")
    assert client.code("EPSV") == 229
    client.send(command)
    client.send("NOOP")
    assert client.codes(3) == [150, 200, 425]
    assert (folder / "file").read_bytes() == b"old"
    assert client.do("PWD").code == 257
    assert client.download("RETR file")[0] == b"old"


def test_commands_between_pasv_and_the_connection(client, folder):
    """B9, B18: the control connection is not deaf while a data connection is awaited."""
    (folder / "file").write_bytes(b"octets")
    port = port_of(client.do("EPSV"))
    assert client.code("NOOP") == 200
    assert client.code("REST 3") == 350
    client.send("RETR file")
    assert client.answer().code == 150
    assert client.code("NOOP") == 200
    assert "RETR" in client.do("STAT").text
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as data:
        assert data.recv(100) == b"ets"
    assert client.answer().code == 226


@pytest.mark.one_process
def test_no_port_left_is_said_so(start_server):
    """B9: 425 with the port range used up, at once, and not for ever."""
    server = start_server(
        '[policy]\nrequire = "none"\n[limits]\nexpectations_per_address = 1\n[passive]\naddress = "auto"\n'
    )
    with clear(server) as first, clear(server) as second:
        assert first.code("EPSV") == 229
        assert second.code("EPSV") == 425
        assert first.code("ABOR") == 226
        assert second.code("EPSV") == 229


def descriptors(server):
    """Count the open files of the server."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_thousand_preparations_leak_nothing(clear_server, client):
    """B38: every EPSV takes the place of the one before."""
    client.code("EPSV")
    before = descriptors(clear_server)
    for _ in range(1000):
        client.send("EPSV")
        assert client.answer().code == 229
    assert descriptors(clear_server) <= before + 1


def test_sessions_that_vanish_leak_nothing(clear_server):
    """B38: two hundred sessions, each with a data connection that nobody used, give everything back."""
    before = None
    for number in range(200):
        with clear(clear_server) as client:
            with client.passive():
                if number % 2:
                    assert client.code("QUIT") == 221
        if number == 20:
            before = descriptors(clear_server)
    with clear(clear_server):
        assert descriptors(clear_server) <= before + 10


# --- TYPE, STRU, MODE ---


@pytest.mark.parametrize(
    ("argument", "code"),
    [("A", 200), ("a", 200), ("A N", 200), ("a n", 200), ("I", 200), ("i", 200), ("L 8", 200), ("l 8", 200),
     ("E", 504), ("E N", 504), ("A T", 504), ("A C", 504), ("L 7", 504), ("L 36", 504),
     ("", 501), (" ", 501), ("X", 501), ("L", 501), ("A X", 501), ("I N", 501), ("AN", 501), ("L 8 8", 501)],
)  # fmt: skip
def test_type(client, argument, code):
    """B10: ASCII, image and local bytes of 8 bits; what is not implemented is told from what is nonsense."""
    before = client.do("STAT").text
    assert client.code(f"TYPE {argument}") == code
    wanted = "A" if argument[:1] in {"A", "a"} else "I"
    if code == 200:
        assert f"Type: {wanted}," in client.do("STAT").text
    else:
        assert client.do("STAT").text == before


@pytest.mark.parametrize(("argument", "code"), [("F", 200), ("f", 200), ("R", 504), ("P", 504), ("X", 501), ("", 501)])
def test_stru(client, argument, code):
    """B11: files have no other structure here than that of octets."""
    assert client.code(f"STRU {argument}") == code


@pytest.mark.parametrize(("argument", "code"), [("S", 200), ("s", 200), ("B", 504), ("C", 504), ("X", 501), ("", 501)])
def test_mode(client, argument, code):
    """B12: stream mode."""
    assert client.code(f"MODE {argument}") == code
