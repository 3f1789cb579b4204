"""RFC 4217 sections 5 and 13: CCC and REIN take TLS off the control connection, and what stays in force then."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conformance.conftest import StartServer
from tests.support.authority import Authority
from tests.support.client import Client, connected, implicit, logged_in, tls_context
from tests.support.observe import Tapped
from tests.support.server import PASSWORD, USER, Server, running_server

ALLOWED = """
[policy]
require = "login+data"
allow_ccc = true
"""
VERSIONS = ["TLSv1_2", "TLSv1_3"]
WAYS = ["close_notify", "the server first", "no close_notify"]


@pytest.fixture(scope="module")
def allowing(start_server: StartServer) -> Server:
    """A server that allows CCC, and protects passwords and files."""
    return start_server(ALLOWED)


@pytest.fixture(scope="module")
def binding(start_server: StartServer) -> Server:
    """The same; data connections have to resume the TLS session of their control connection."""
    return start_server(f'{ALLOWED}\n[tls]\nsession_reuse = "require"\n')


@pytest.fixture(scope="module")
def free(start_server: StartServer) -> Server:
    """A server that allows CCC, and demands nothing."""
    return start_server('[policy]\nrequire = "none"\nallow_ccc = true\n')


@pytest.fixture(autouse=True)
def _folder(allowing: Server, folder_name: str) -> None:
    (allowing.files / "file").write_bytes(b"octets" * 20_000)


def clear(client: Client, way: str = "close_notify", command: str = "CCC", code: int = 200) -> Client:
    """CCC or REIN, then go on in clear as different clients do."""
    assert client.code(command) == code
    if way == "the server first":
        assert client.sock.recv(1) == b""  # close_notify
    client.unwrap(notify=way == "close_notify")
    return client


# --- CCC ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_commands_in_clear_and_data_under_tls(allowing, version, way):
    """T5, T6: after 200 the socket is clear; listings and files still come under TLS, resumed and complete."""
    with clear(logged_in(allowing, version=version), way) as client:
        assert client.code("PWD") == 257
        assert "Control connection: in clear" in client.do("STAT").text
        names, answer = client.download("NLST")
        assert (b"file\r\n" in names, answer.code) == (True, 226)
        assert client.code("TYPE I") == 200
        data = client.begin("RETR file")
        assert data.session_reused
        assert b"".join(iter(lambda: data.recv(1 << 20), b"")) == b"octets" * 20_000
        data.unwrap().close()
        assert client.answer().code == 226
        assert client.upload("STOR new", b"up").code == 226
        assert client.code("QUIT") == 221
        assert client.is_closed()
    assert (allowing.files / "new").read_bytes() == b"up"


@pytest.mark.parametrize("version", VERSIONS)
def test_octets_on_the_wire(allowing, folder_name, version):
    """S9, K1: 200 is a record; close_notify and commands in clear in one segment: each is answered once, in order."""
    with connected(allowing) as client:
        assert client.code("AUTH TLS") == 234
        tapped = Tapped(client.sock, tls_context(version))
        for line, code in ((f"USER {USER}", b"331"), (f"PASS {PASSWORD}", b"230"), ("CCC", b"200")):
            tapped.send(f"{line}\r\n".encode())
            assert tapped.receive().startswith(code)
        assert set(tapped.records()) <= {20, 22, 23}
        behind = f"MKD {folder_name}\r\nRMD {folder_name}\r\nPWD\r\n".encode()
        tapped.close_notify(behind)
        octets = b""
        while octets.count(b"\r\n") < 3:
            octets += client.sock.recv(4096)
        size = 5 + int.from_bytes(octets[3:5], "big")
        assert octets[0] in {21, 23}
        assert [line[:3] for line in octets[size:].splitlines()] == [b"257", b"250", b"257"]


def test_level_and_sequence_after_ccc(allowing):
    """T6: PBSZ and PROT are 503, AUTH is 534, CCC is 533; a data connection in clear is no way around PROT P."""
    with clear(logged_in(allowing)) as client:
        assert client.code("PBSZ 0") == 503
        assert client.code("PROT C") == 503
        assert client.code("PROT P") == 503
        assert client.code("AUTH TLS") == 534
        assert client.code("CCC") == 533
        with client.passive() as data:
            assert client.code("RETR file") == 150
            data.sendall(b"in clear\r\n")
            assert client.answer().code == 522


def test_clear_data_stays_clear(free):
    """T6: the level is the one PROT has set, also if that is C."""
    with clear(connected(free).auth().login()) as client:
        assert client.download("NLST")[1].code == 226


def test_data_port_prepared_before_ccc(allowing):
    """T6: EPSV before CCC is good for a transfer behind it."""
    with logged_in(allowing) as client:
        port = client.passive_port()
        clear(client)
        with client.connect(port) as data:
            assert client.code("NLST") == 150
            with client.wrap_data(data) as protected:
                assert protected.session_reused
                assert b"file\r\n" in b"".join(iter(lambda: protected.recv(1 << 20), b""))
                protected.unwrap()
        assert client.answer().code == 226


@pytest.mark.parametrize("version", VERSIONS)
def test_binding_outlives_ccc(binding, version):
    """T6: a data connection that does not resume the session is refused (522) after CCC as before; the true one not."""
    with clear(logged_in(binding, version=version)) as client:
        with client.passive() as data:
            assert client.code("NLST") == 150
            with pytest.raises(ssl.SSLError):
                client.wrap_data(data, session=None).recv(1)
        assert client.answer().code == 522
        assert client.download("NLST")[1].code == 226


def test_pasv_under_tls_names_another_address(start_server):
    """Behind a router that changes replies in clear by itself; where it can not read them, the public one is told."""
    outside = '[policy]\nrequire = "none"\nallow_ccc = true\n[passive]\naddress_under_tls = "198.51.100.7"\n'
    with connected(start_server(outside)).login() as client:
        assert "(127,0,0,1," in client.do("PASV").text
        client.auth().login().protect()
        assert "(198,51,100,7," in client.do("PASV").text
        clear(client)
        assert "(127,0,0,1," in client.do("PASV").text


def test_another_session_is_no_substitute(binding):
    """T6: the TLS session of somebody else's control connection opens no data connection after CCC."""
    with logged_in(binding, version="TLSv1_2") as other, clear(logged_in(binding, version="TLSv1_2")) as client:
        client.context = other.context
        with client.passive() as data:
            assert client.code("NLST") == 150
            with pytest.raises(ssl.SSLError):
                client.wrap_data(data, session=other.sock.session).recv(1)
        assert client.answer().code == 522


def test_certificate_binds_after_ccc(tmp_path):
    """T6: data connections have to show the client certificate of the control connection, CCC or not."""
    staff = Authority("Staff")
    staff.write(tmp_path, "staff")
    certificate = staff.issue(USER).write(tmp_path, USER)
    config = f'{ALLOWED}\n[tls.clients]\nask = "optional"\nauthorities = ["{tmp_path}/staff.pem"]\n'
    with (
        running_server(tmp_path / "server", config) as server,
        connected(server, certificate=certificate).auth() as client,
    ):
        clear(client.login().protect())
        for context, code in ((tls_context(), 522), (client.context, 226)):
            with client.passive() as data:
                assert client.code("NLST") == 150
                with context.wrap_socket(data) as protected, suppress(ssl.SSLError, ConnectionError):
                    protected.recv(1)
                    protected.unwrap()
            assert client.answer().code == code


def test_passwords_wait_for_tls_after_ccc(allowing):
    """T19: after CCC the server takes no password; REIN leads back to AUTH."""
    with clear(logged_in(allowing)) as client:
        assert client.code(f"USER {USER}") == 530
        assert client.code("REIN") == 220
        client.auth().login().protect()
        assert client.download("NLST")[1].code == 226
        clear(client)
        assert client.code("PWD") == 257


def test_by_default_it_is_refused(server):
    """T5, T26, S7: 530 before the login, 534 then; the connection stays protected, and FEAT does not tempt anybody."""
    with connected(server).auth() as client:
        assert client.code("CCC") == 530
        client.login()
        assert "CCC" not in client.do("FEAT").lines
        assert client.code("CCC") == 534
        assert client.code("PWD") == 257


def test_policies(tmp_path):
    """T5, T7: of two users under different policies, one may and one may not; FEAT says so."""
    rule = '[[policy.rules]]\nusers = ["bob"]\nrequire = "login"\n'
    bob = '[users.bob]\npassword = "HASH"\n'
    with running_server(tmp_path, "[policy]\nallow_ccc = true\n", bob, tables=rule) as server:
        for user, code in ((USER, 534), ("bob", 200)):
            with connected(server).auth() as client:
                assert client.code("CCC") == 530
                client.login(user).protect()
                assert ("CCC" in client.do("FEAT").lines) is (code == 200)
                assert client.code("CCC") == code


def test_ccc_in_clear_is_533(free):
    """T5: there is nothing to take off."""
    with connected(free).login() as client:
        assert client.code("CCC") == 533


@pytest.mark.parametrize("version", VERSIONS)
def test_ccc_on_the_implicit_service(allowing, version):
    """T5: implicit or explicit makes no difference; data is still private."""
    with implicit(allowing, version=version) as client:
        clear(client)
        assert client.download("NLST")[1].code == 226
        assert client.code("REIN") == 220
        assert client.code("PWD") == 530
        client.auth().login()
        assert client.download("NLST")[1].code == 226


@pytest.mark.parametrize("command", ["CCC", "REIN"])
def test_commands_behind_are_not_executed(allowing, folder_name, command):
    """K1: what is piped behind CCC or REIN under TLS acts neither there nor in clear: 421, and the end."""
    victim = allowing.files / folder_name
    victim.write_bytes(b"")
    with logged_in(allowing) as client:
        client.send(f"{command}\r\nDELE {folder_name}")
        assert client.answer().code == 421
        assert client.is_closed()
    assert victim.exists()


@pytest.mark.parametrize("command", ["CCC", "REIN"])
def test_commands_under_tls_after_the_reply_are_not_executed(allowing, folder_name, command):
    """K1: neither is what comes under TLS later, instead of close_notify."""
    victim = allowing.files / folder_name
    victim.write_bytes(b"")
    with logged_in(allowing) as client:
        assert client.do(command).code in {200, 220}
        client.send(f"DELE {folder_name}")
        assert client.is_closed()
    assert victim.exists()


def test_the_log_says_it(allowing):
    """The operator sees who took TLS off, and that later commands were in clear."""
    with clear(logged_in(allowing)) as client:
        assert client.code("NOOP") == 200
        assert client.code("QUIT") == 221
        assert client.is_closed()
    lines = [line.split() for line in Path(allowing.folder / "command.log").read_text().splitlines()]
    session = next(line[1] for line in reversed(lines) if '"CCC"' in line)
    shown = {line[6]: line[5] for line in lines if line[1] == session}
    assert shown['"CCC"'].startswith("TLS")
    assert shown['"NOOP"'] == "-"


# --- REIN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_rein_takes_tls_off(server, version, way):
    """T22: 220 under TLS, close_notify, then clear as right after connecting: TLS first, says the policy."""
    with clear(logged_in(server, version=version), way, "REIN", 220) as client:
        assert client.code("PWD") == 530
        assert client.code(f"USER {USER}") == 530
        assert "AUTH TLS" in client.do("FEAT").lines
        client.auth().login()
        assert client.code("NLST") == 521
        client.protect()
        assert client.download("NLST")[1].code == 226


def test_rein_in_clear_policy(clear_server):
    """T22: where clear text is allowed, control and data are in clear after REIN."""
    with logged_in(clear_server) as client:
        clear(client, command="REIN", code=220)
        client.private = False
        client.login()
        assert client.download("NLST")[1].code == 226
        assert client.code("PROT P") == 503


def test_reuse_is_not_mandated_after_rein(binding):
    """T22: AUTH after REIN is a fresh handshake, in place of the old session, which opens nothing any more."""
    with logged_in(binding, version="TLSv1_2") as client:
        clear(client, command="REIN", code=220)
        old = client.session
        client.auth().login().protect()
        assert not client.sock.session_reused
        assert client.download("NLST")[1].code == 226
        with client.passive() as data:
            assert client.code("NLST") == 150
            with pytest.raises(ssl.SSLError):
                client.wrap_data(data, session=old).recv(1)
        assert client.answer().code == 522


def test_rein_waits_for_a_transfer(allowing):
    """B6: a transfer under way is completed before TLS is taken off."""
    with logged_in(allowing) as client:
        assert client.code("TYPE I") == 200
        data = client.begin("STOR late")
        client.send("REIN")
        data.sendall(b"complete")
        data.unwrap().close()
        assert client.codes(2) == [226, 220]
        client.unwrap()
        assert client.code("PWD") == 530
    assert (allowing.files / "late").read_bytes() == b"complete"


def test_many_rounds(allowing):
    """T22: AUTH, login, REIN, again and again on one connection."""
    with connected(allowing) as client:
        for _ in range(5):
            client.auth().login().protect()
            assert client.download("NLST")[1].code == 226
            clear(client, command="REIN", code=220)
        assert client.code(f"PASS {PASSWORD}") in {503, 530}
