"""RFC 4217, Securing FTP with TLS: requirements T1 to T28 over real sessions.

Reuse of TLS sessions (T17, T27) is in ``test_session_reuse``, truncated uploads (T28) in ``test_upload_truth``.
Client certificates (T20, T25) are in ``test_client_certificates``; CCC and REIN under TLS (T5, T6, T22) in ``test_ccc``.
"""

from __future__ import annotations

import re
import socket
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftpstwist.session.catalogue import CATALOGUE
from tests.support.client import Client, connected, implicit, logged_in, obsolete_context, tls_context
from tests.support.observe import (
    Marked,
    Tapped,
    fingerprint,
    listening,
    nobody_comes_to,
    octets_until_closed,
    read_to_end,
    stranger,
    write_certificate,
)
from tests.support.server import PASSWORD, USER, running_server

CONTENT = b"the file that was there\n"
VERSIONS = ["TLSv1_2", "TLSv1_3"]
TRANSFERS = ["RETR old", "STOR new", "STOR old", "APPE new", "APPE old", "STOU", "LIST", "NLST", "MLSD"]
UPLOADS = ["STOR new", "STOR old", "APPE new", "APPE old", "STOU"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that requires TLS for everything (the default), and the order of PBSZ and PROT."""
    with running_server(tmp_path_factory.mktemp("strict"), "[server]\nstrict_rfc = true") as server:
        yield server


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """A server that offers TLS and requires nothing."""
    with running_server(tmp_path_factory.mktemp("free"), '[policy]\nrequire = "none"\n') as server:
        yield server


@pytest.fixture(scope="module")
def two_names(tmp_path_factory):
    """A server with a certificate each for two host names."""
    folder = tmp_path_factory.mktemp("names")
    tables = "".join(write_certificate(folder, name) for name in ("a.example.org", "b.example.org"))
    with running_server(folder, tables=tables) as server:
        yield server


@pytest.fixture(autouse=True)
def files(request):
    """A file with known content in every server's home, before each test, and nothing else."""
    for name in ("strict", "free", "two_names"):
        if name in request.fixturenames:
            home = request.getfixturevalue(name).files
            for path in home.iterdir():
                path.unlink() if path.is_file() else path.rmdir()
            (home / "old").write_bytes(CONTENT)


def assert_untouched(server):
    assert {path.name: path.read_bytes() for path in server.files.iterdir()} == {"old": CONTENT}


# --- T1, T2, T4, T7, T21: AUTH ------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_auth_tls_starts_tls_on_the_same_connection(strict, host, version):
    """T1: AUTH TLS is answered 234, never 334, and the handshake follows at once."""
    with connected(strict, host, version=version) as client:
        assert client.code("AUTH TLS") == 234
        client.wrap()
        assert client.sock.version() == version.replace("_", ".")
        assert client.code("NOOP") == 200


@pytest.mark.parametrize("command", ["PWD", "RETR old", "EPSV", "DELE old", "SITE HELP", "STAT old", "LIST", "PASV"])
def test_tls_alone_is_no_login(strict, command):
    """T2: behind AUTH nothing of the account is to be had before USER and PASS."""
    with connected(strict).auth() as client:
        assert client.code(command) == 530
    assert_untouched(strict)


@pytest.mark.parametrize(
    ("mechanism", "level"),
    [("TLS", "C"), ("tls", "C"), ("TLS-C", "C"), ("tls-c", "C"), ("Tls-C", "C"), ("TLS-P", "P"), ("SSL", "P")],
)
def test_mechanism_names(free, mechanism, level):
    """T4, S1: TLS and TLS-C in any case, and the names of old drafts, which protect data from the start."""
    with connected(free) as client:
        assert client.code(f"AUTH {mechanism}") == 234
        client.wrap()
        client.login()
        assert f"Data protection: {level}" in client.do("STAT").lines
        client.private = level == "P"
        octets, answer = client.download("NLST")
        assert (octets, answer.code) == (b"old\r\n", 226)


def test_feat_names_the_security_extensions(strict):
    """T7: AUTH with TLS, PBSZ and PROT are in FEAT before and after TLS; CCC, which is refused, is not."""
    with connected(strict) as client:
        for _ in range(2):
            lines = client.do("FEAT").lines
            assert {"AUTH TLS", "PBSZ", "PROT"} < set(lines)
            assert "CCC" not in lines
            if not client.private:
                client.auth()
                client.private = True


def test_protection_before_login(strict):
    """T21, S14: PBSZ and PROT may come before USER, and hold after it."""
    with connected(strict).auth().protect().login() as client:
        assert client.download("NLST")[1].code == 226


def test_protection_between_user_and_pass(strict):
    """T21: PBSZ and PROT in the middle of the login do not disturb it."""
    with connected(strict).auth() as client:
        assert client.code(f"USER {USER}") == 331
        client.protect()
        assert client.code(f"PASS {PASSWORD}") == 230
        assert client.download("NLST")[1].code == 226


# --- T3: nothing that was set in clear acts inside TLS -----------------------------------------------


@pytest.mark.parametrize("prefix", ["REST", "RNFR"])
def test_auth_forgets_everything(free, prefix):
    """T3: identity, directory, TYPE, data port, REST, RNFR, EPSV ALL and facts of the clear session are gone."""
    (free.files / "below").mkdir()
    with connected(free).login() as client:
        for command, code in (("TYPE I", 200), ("CWD below", 250), ("OPTS MLST size;", 200)):
            assert client.code(command) == code
        assert client.passive_port()
        assert client.code("EPSV ALL") == 200
        assert client.code("REST 5" if prefix == "REST" else "RNFR ../old") == 350
        client.auth()
        assert client.code("PWD") == 530
        client.login()
        assert client.do("PWD").text.startswith('"/"')
        assert client.code("RNTO stolen") == 503
        assert client.code("SIZE old") == 550, "TYPE A must be in force"
        assert "type=file" in client.do("MLST old").text
        assert client.code("RETR old") == 425, "the old data port must be forgotten"
        assert client.code("PASV") == 227, "EPSV ALL must be forgotten"
        assert client.code("ABOR") == 226
        octets, answer = client.download("RETR old")
        assert octets.replace(b"\r", b"") == CONTENT, "REST must be forgotten"
        assert answer.code == 226
    assert (free.files / "old").read_bytes() == CONTENT


def test_a_connection_made_before_auth_is_closed(free):
    """T3: who connected to the passive port of the clear session is not served inside TLS."""
    with connected(free).login() as client, client.passive() as data:
        client.auth().login()
        assert octets_until_closed(data) == b""
        assert client.code("LIST") == 425


def test_auth_in_the_middle_of_a_login_forgets_the_user(free):
    """T3: a USER said in clear does not make a PASS inside TLS count."""
    with connected(free) as client:
        assert client.code(f"USER {USER}") == 331
        client.auth()
        assert client.code(f"PASS {PASSWORD}") == 503


def test_auth_waits_for_a_transfer_in_clear(free):
    """AUTH while a transfer runs starts TLS behind it: no reply and no octet of the file gets mixed up with it."""
    with connected(free).login() as client, client.passive() as data:
        assert client.code("STOR new") == 150
        client.send("AUTH TLS")
        data.sendall(b"sent in clear")
        data.close()
        assert client.answer().code == 226
        assert client.answer().code == 234
        client.wrap()
        assert client.code("PWD") == 530
    assert (free.files / "new").read_bytes() == b"sent in clear"


# --- T5, T22, T26: not back to clear by default; where it is allowed, and REIN under TLS: test_ccc ---------


def test_ccc_is_refused(strict, free):
    """T5, S7, T26: 530 before the login, 533 in clear, 534 under TLS; the connection stays protected."""
    with connected(free).login() as client:
        assert client.code("CCC") == 533
    for server in (strict, free):
        with connected(server).auth() as client:
            assert client.code("CCC") == 530
            client.login()
            assert client.code("CCC") == 534
            assert client.protect().code("PWD") == 257
            assert client.download("NLST")[1].code == 226


def test_rein_on_the_implicit_service_stays_in_tls(free):
    """T22, T12: on the implicit service REIN logs out, forgets parameters, and protection is as at the start."""
    with implicit(free) as client:
        assert client.code("PROT C") == 200
        assert client.code("REIN") == 220
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.code("PWD") == 530
        client.login()
        assert client.download("NLST")[1].code == 226


def test_rein_in_clear(free):
    """REIN in clear logs out, and TLS can still be had."""
    with connected(free).login() as client:
        assert client.code("REIN") == 220
        assert client.code("PWD") == 530
        client.auth().login().protect()
        assert client.download("NLST")[1].code == 226


# --- T8, T9: who calls whom ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("version", VERSIONS)
def test_active_mode(strict, host, version):
    """T8: when the server connects to the client, it still is the TLS server: it waits for the ClientHello."""
    with logged_in(strict, host, version=version) as client, listening(host) as listener:
        port = listener.getsockname()[1]
        family = 2 if ":" in host else 1
        for command in ("RETR old", "STOR new"):
            assert client.code(f"EPRT |{family}|{host}|{port}|") == 200
            client.send(command)
            data, _ = listener.accept()
            data.setblocking(False)
            assert client.answer().code == 150
            with pytest.raises(BlockingIOError):
                data.recv(1)
            data.settimeout(10)
            data = client.wrap_data(data)
            if command == "RETR old":
                assert read_to_end(data).replace(b"\r", b"") == CONTENT
            else:
                data.sendall(b"active")
            data.unwrap().close()
            assert client.answer().code == 226
    assert (strict.files / "new").read_bytes() == b"active"


def test_active_mode_in_clear_is_not_possible_under_the_policy(strict):
    """T16 holds for PORT, too: 521, and the server does not even connect."""
    with connected(strict).auth().login() as client, listening("127.0.0.1") as listener:
        port = listener.getsockname()[1]
        assert client.code(f"PORT 127,0,0,1,{port >> 8},{port & 255}") == 200
        assert client.code("RETR old") == 521
        assert nobody_comes_to(listener)


def test_no_server_to_server_transfers(strict):
    """T9, K4: PORT and EPRT to another host are refused (504), and nobody is called there."""
    with logged_in(strict) as client, listening("127.0.0.2") as listener:
        port = listener.getsockname()[1]
        assert client.code(f"PORT 127,0,0,2,{port >> 8},{port & 255}") == 504
        assert client.code(f"EPRT |1|127.0.0.2|{port}|") == 504
        assert client.code("RETR old") == 425
        assert nobody_comes_to(listener)


# --- T10 to T13: PBSZ and PROT ------------------------------------------------------------------------


def test_order_of_auth_pbsz_prot(strict, free):
    """T10: PBSZ needs TLS; PROT needs TLS, and PBSZ where the settings are strict; PBSZ is always 0."""
    with connected(free) as client:
        assert client.code("PBSZ 0") == 503
        assert client.code("PROT P") == 503
    with connected(strict).auth() as client:
        assert client.code("PROT P") == 503
        assert client.code("PBSZ 0") == 200
        assert client.code("PROT P") == 200
    log = Marked(free)
    with connected(free).auth() as client:
        assert [client.code(f"PROT {level}") for level in "PC"] == [200, 200]
        client.code("QUIT")
    log.wait_for("the client quit")
    assert log.text.count("sends PROT without PBSZ before it") == 1


def test_data_is_clear_until_prot(free):
    """T11: after AUTH TLS and without PROT the data connection is not protected."""
    with connected(free).auth().login() as client:
        assert "Data protection: C" in client.do("STAT").lines
        assert client.download("NLST")[0] == b"old\r\n"


def test_level_lasts(free):
    """T12: a level holds for every transfer until the next PROT; a refused one changes nothing."""
    with logged_in(free) as client:
        for _ in range(2):
            assert client.download("NLST")[0] == b"old\r\n"
        assert client.code("PROT E") == 536
        assert client.code("PROT X") == 504
        assert client.download("NLST")[0] == b"old\r\n"
        assert client.code("PROT C") == 200
        client.private = False
        for _ in range(2):
            assert client.download("NLST")[0] == b"old\r\n"
        assert client.code("PROT P") == 200
        client.private = True
        assert client.download("NLST")[0] == b"old\r\n"


@pytest.mark.parametrize("is_private", [True, False])
def test_prot_between_pasv_and_the_transfer(free, is_private):
    """T13: the level at the transfer command counts, not the one when the port was prepared."""
    with connected(free).auth().login() as client:
        assert client.code("PBSZ 0") == 200
        assert client.code("PROT C" if is_private else "PROT P") == 200
        with client.passive() as data:
            assert client.code("PROT P" if is_private else "PROT C") == 200
            assert client.code("RETR old") == 150
            stream = client.wrap_data(data) if is_private else data
            assert read_to_end(stream).replace(b"\r", b"") == CONTENT
            if is_private:
                stream.unwrap().close()
            assert client.answer().code == 226


# --- T14 to T18: refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", TRANSFERS)
def test_transfers_in_clear_are_refused(strict, command):
    """S11, T15, T16: PASV is fine at level C, the transfer is answered 521 without 150; no file, no octet, no harm."""
    with connected(strict).auth().login() as client, client.passive() as data:
        assert client.code(command) == 521
        assert_untouched(strict)
        data.setblocking(False)
        with pytest.raises(BlockingIOError):
            data.recv(1)
        data.settimeout(10)
        client.protect()
        assert client.code("NLST") == 150, "what was prepared is still good"
        with client.wrap_data(data) as stream:
            assert read_to_end(stream) == b"old\r\n"
        assert client.answer().code == 226


def test_who_wants_clear_data_behind_auth_ssl_need_not_wait(strict):
    """T16: curl --ftp-ssl-control goes on in clear when PROT C is refused: 521 at once, no wait for a handshake."""
    with connected(strict) as client:
        assert client.code("AUTH SSL") == 234
        client.wrap()
        client.login()
        assert client.code("PBSZ 0") == 200
        assert client.code("PROT C") == 534
        assert client.download("NLST")[1].code == 521
        client.protect()
        assert client.download("NLST")[1].code == 226
        assert client.code("PROT C") == 534
        assert client.download("NLST")[1].code == 226


def test_prot_clear_is_refused(strict):
    """T16: the policy can not be talked away: PROT C is 534, and level P stays."""
    with logged_in(strict) as client:
        assert client.code("PROT C") == 534
        assert client.download("NLST")[1].code == 226
    with implicit(strict) as client:
        assert client.code("PROT C") == 534
        assert client.download("NLST")[1].code == 226


@pytest.mark.parametrize("command", TRANSFERS)
@pytest.mark.parametrize("octets", [b"raw octets of a file\n", b"\0" * 5000, b"\x17\x03\x03\x00\x05hello"])
def test_octets_in_clear_where_a_handshake_is_due(strict, command, octets):
    """T14: data sent without TLS is answered 522; nothing is stored, nothing is sent in clear."""
    with logged_in(strict) as client, client.passive() as data:
        assert client.code(command) == 150
        data.sendall(octets)
        assert CONTENT not in octets_until_closed(data)
        answer = client.answer()
        assert answer.code == 522
        assert "TLS" in answer.text
        assert_untouched(strict)
        assert client.download("NLST")[1].code == 226


@pytest.mark.parametrize("command", TRANSFERS)
def test_fin_before_the_handshake(strict, command):
    """T17: a data connection that ends before its ClientHello is answered 522 at once; it is no empty upload."""
    with logged_in(strict) as client, client.passive() as data:
        data.close()
        assert client.code(command) == 150
        assert client.answer().code == 522
        assert_untouched(strict)
        assert client.download("NLST")[1].code == 226


def _hello():
    """Begin a handshake and return the ClientHello, unsent."""
    outgoing = ssl.MemoryBIO()
    tls = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    ("command", "breaks"),
    [
        pytest.param("STOR old", lambda hello: hello[:100], id="half a ClientHello"),
        pytest.param("STOR new", lambda hello: hello[:9] + bytes(octet ^ 0x55 for octet in hello[9:]), id="mangled"),
        pytest.param("RETR old", lambda hello: hello + b"\x15\x03\x01\x00\x02\x02\x28", id="alert of the client"),
    ],
)
def test_broken_handshakes_on_data(strict, command, breaks):
    """T17: a data handshake that breaks off midway is answered 522; the file is unchanged, the session goes on."""
    with logged_in(strict) as client:
        with client.passive() as data:
            assert client.code(command) == 150
            data.sendall(breaks(_hello()))
            data.shutdown(socket.SHUT_WR)
            assert CONTENT not in octets_until_closed(data)
            assert client.answer().code == 522
        assert_untouched(strict)
        assert client.download("NLST")[1].code == 226


def test_old_versions_on_data(strict):
    """T17: a data handshake with nothing newer than TLS 1.1 is answered 522, and the reply says why."""
    with logged_in(strict) as client, client.passive() as data:
        assert client.code("STOR old") == 150
        with pytest.raises(ssl.SSLError):
            obsolete_context().wrap_socket(data)
        answer = client.answer()
        assert answer.code == 522
        assert "1.2" in answer.text
    assert_untouched(strict)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x00\x10" + b"\xaa" * 16, id="no hello in the record"),
        pytest.param(b"\x16\x03\x01\xff\xff" + b"\x01" * 300, id="oversized record"),
        pytest.param(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", id="empty hello"),
        pytest.param(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00USER alice\r\nPASS x\r\n", id="commands in the record"),
        pytest.param(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", id="SSL 2.0"),
        pytest.param(b"DELE old\r\nQUIT\r\n", id="commands in clear"),
        pytest.param(b"\r\n", id="line end"),
        pytest.param(b"\xff\xf4\xff\xf2ABOR\r\n", id="Telnet"),
    ],
)
@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_a_failed_handshake_ends_the_connection(free, service, garbage):
    """T18, T19: garbage in place of the ClientHello: no command is done, no session goes on in clear."""
    host = "127.0.0.1"
    with Client(host, free.port(service)) as client:
        if service == "explicit":
            assert client.answer().code == 220
            client.login()
            assert client.code("AUTH TLS") == 234
        client.sock.sendall(garbage + b"\r\nDELE old\r\nPWD\r\n")
        received = octets_until_closed(client.sock)
    assert_untouched(free)
    if garbage[0] == 0x16:
        assert re.match(rb"\x15\x03.\x00\x02\x02", received), "an alert, and nothing behind it"
        assert len(received) == 7
    else:
        assert re.fullmatch(rb"421 [^\r\n]*\r\n", received), "one reply in clear, and the end"


@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_a_client_that_leaves_in_the_handshake(free, service):
    """T18: half a ClientHello and FIN: nothing but TLS is said, and the log tells where it ended."""
    log = Marked(free)
    with Client("127.0.0.1", free.port(service), source=stranger()) as client:
        if service == "explicit":
            assert client.answer().code == 220
            assert client.code("AUTH TLS") == 234
        client.sock.sendall(_hello()[:50])
        client.sock.shutdown(socket.SHUT_WR)
        assert not re.search(rb"^\d{3} ", octets_until_closed(client.sock))
    assert "in the middle of the ClientHello" in log.wait_for("TLS failed (control")


# --- T19: the policy can not be circumvented ----------------------------------------------------------

EXEMPT = {"AUTH", "CLNT", "CSID", "FEAT", "HELP", "HOST", "LANG", "NOOP", "OPTS", "QUIT", "SYST"}
"""What may be said before TLS under ``require = "all"``: enough to find TLS, and what says nothing."""
ARGUMENTS = ["", "", "alice", "correct horse", "old", "new", "/", "..", "TLS", "SSL", "0", "P", "C", "I", "A", "ALL",
             "127,0,0,1,200,10", "|1|127.0.0.1|50000|", "5", "MLST size;", "UTF8 ON", "en", "localhost",
             "CHMOD 777 old", "20200101000000 old", "-a", "dGVzdA=="]  # fmt: skip
COMMANDS = st.builds(
    lambda verb, argument: f"{verb} {argument}".rstrip(),
    st.sampled_from(sorted([*CATALOGUE, "noop", "user", "Retr", "XYZZY"])),
    st.sampled_from(ARGUMENTS),
)
REAL_SESSIONS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _replies(received):
    """Return the codes of all final and preliminary replies in octets."""
    return [int(code) for code in re.findall(rb"^(\d{3}) ", received, re.MULTILINE)]


@given(commands=st.lists(COMMANDS, min_size=1, max_size=6))
@settings(REAL_SESSIONS, max_examples=150)
def test_before_tls_nothing_is_positive(strict, commands):
    """T19: in any sequence of commands in clear, nothing but the exempt ones ever gets a positive reply."""
    with connected(strict) as client:
        _assert_nothing_is_positive(client, commands)
    assert_untouched(strict)


@given(commands=st.lists(COMMANDS, min_size=1, max_size=6))
@settings(REAL_SESSIONS, max_examples=60)
def test_after_rein_nothing_is_positive(strict, commands):
    """T19, T22: a session that was logged in under TLS is worth nothing any more when REIN has taken TLS off."""
    with logged_in(strict) as client:
        assert client.passive_port()
        assert client.code("REIN") == 220
        client.unwrap()
        _assert_nothing_is_positive(client, commands)
    assert_untouched(strict)


def _assert_nothing_is_positive(client, commands):
    for command in commands:
        client.send(command)
        answer = client.answer()
        verb = command.split()[0].upper()
        assert answer.code >= 400 or verb in EXEMPT, (command, answer)
        assert answer.code != 230
        if answer.code in {221, 234, 421}:
            break


@given(commands=st.lists(COMMANDS, min_size=2, max_size=6))
@settings(REAL_SESSIONS, max_examples=100)
def test_before_tls_nothing_is_positive_in_one_segment(strict, commands):
    """T19, K1: the same when all commands come at once: and behind AUTH nothing is done at all."""
    with connected(strict) as client:
        client.sock.sendall("".join(f"{command}\r\n" for command in commands).encode())
        client.sock.shutdown(socket.SHUT_WR)
        codes = _replies(octets_until_closed(client.sock))
    verbs = [command.split()[0].upper() for command in commands]
    assert len(codes) <= len(verbs)
    for verb, code in zip(verbs, codes, strict=False):
        assert code >= 400 or verb in EXEMPT, (commands, codes)
    assert 230 not in codes
    if 234 in codes:
        assert codes[-1] == 234, (commands, codes)
    assert_untouched(strict)


@pytest.mark.parametrize(
    ("require", "user", "list_in_clear", "prot_clear", "transfer_clear"),
    [
        ("none", 331, 530, 200, 226),
        ("login", 530, 530, 200, 226),
        ("control", 530, 530, 200, 226),
        ("data", 331, 530, 534, 521),
        ("all", 530, 530, 534, 521),
    ],
)
def test_policies(tmp_path, require, user, list_in_clear, prot_clear, transfer_clear):
    """T19: each of the five policies demands what its name says, on a running server."""
    with running_server(tmp_path, f'[policy]\nrequire = "{require}"\n') as server:
        with connected(server) as client:
            assert client.code(f"USER {USER}") == user
            assert client.code("PWD") == list_in_clear
            if user == 331:
                assert client.code(f"PASS {PASSWORD}") == 230
                answer = client.download("NLST")[1]
                assert answer.code == transfer_clear
        with connected(server).auth().login() as client:
            assert client.code("PBSZ 0") == 200
            assert client.code("PROT C") == prot_clear
            assert client.download("NLST")[1].code == transfer_clear
            assert client.code("PROT P") == 200
            client.private = True
            assert client.download("NLST")[1].code == 226


# --- T23: ABOR and STAT inside TLS --------------------------------------------------------------------

IP, DM, IAC = b"\xf4", b"\xf2", b"\xff"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("prefix", [b"", IAC + IP + IAC + DM, IAC + IP], ids=["plain", "IP DM", "IP"])
def test_abor_of_a_download(strict, prefix, version):
    """T23: ABOR, with Telnet's IP and DM inside TLS or without, ends a running RETR with 426, then 226."""
    with (strict.files / "large").open("wb") as large:
        large.truncate(1 << 30)
    with logged_in(strict, version=version) as client, client.passive() as data:
        assert client.code("TYPE I") == 200
        assert client.code("RETR large") == 150
        with client.wrap_data(data) as stream:
            assert stream.recv(1000)
            client.send(prefix + b"ABOR")
            assert client.answer().code == 426
            assert client.answer().code == 226
        assert client.download("NLST")[1].code == 226


@pytest.mark.parametrize("prefix", [b"", IAC + IP + IAC + DM], ids=["plain", "IP DM"])
def test_abor_of_an_idle_upload(strict, prefix):
    """T23: ABOR is acted on while the client sends nothing; the file that was there is unchanged."""
    with logged_in(strict) as client, client.passive() as data:
        assert client.code("STOR old") == 150
        with client.wrap_data(data) as stream:
            stream.sendall(b"new content")
            client.send(prefix + b"ABOR")
            assert client.answer().code == 426
            assert client.answer().code == 226
    assert_untouched(strict)


def test_abor_while_the_handshake_does_not_come(strict):
    """T23: ABOR ends a transfer that waits for a connection, or for its handshake."""
    with logged_in(strict) as client:
        for connects in (False, True):
            port = client.passive_port()
            data = client.connect(port) if connects else None
            assert client.code("STOR old") == 150
            client.send("ABOR")
            assert client.answer().code == 426
            assert client.answer().code == 226
            if data is not None:
                data.close()
        assert client.download("NLST")[1].code == 226
    assert_untouched(strict)


def test_stat_while_a_transfer_runs(strict):
    """T23: STAT with Telnet's IP and DM is answered inside TLS while an upload runs."""
    with logged_in(strict) as client, client.passive() as data:
        assert client.code("STOR new") == 150
        with client.wrap_data(data) as stream:
            stream.sendall(b"1234567")
            answer = client.do(IAC + IP + IAC + DM + b"STAT")
            assert answer.code == 211
            assert "STOR /new" in answer.text
            stream.unwrap().close()
        assert client.answer().code == 226


# --- T24: one certificate for both connections --------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [None, "a.example.org", "b.example.org", "B.Example.ORG", "unknown.example.org"])
@pytest.mark.parametrize("data_name", [None, "a.example.org", "b.example.org"])
def test_data_shows_the_certificate_of_the_control_connection(two_names, version, name, data_name):
    """T24: whatever name the data handshake asks for, it is shown what the control connection was shown."""
    wanted = "b.example.org" if name and name.lower().startswith("b.") else "a.example.org"
    with Client("127.0.0.1", two_names.port(), version=version, server_name=name) as client:
        assert client.answer().code == 220
        client.auth().login().protect()
        assert fingerprint(client.sock) == fingerprint(two_names.folder / f"{wanted}.crt")
        with client.passive() as data:
            assert client.code("NLST") == 150
            with client.context.wrap_socket(data, server_hostname=data_name) as stream:
                assert fingerprint(stream) == fingerprint(client.sock)
                assert read_to_end(stream) == b"old\r\n"
            assert client.answer().code == 226


# --- T28, S9: close_notify before FIN, and never a clear octet ----------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("commands", "last"),
    [
        (["QUIT"], 221),
        (["USER alice", "PASS no", "USER alice", "PASS no", "USER alice", "PASS no"], 421),
        (["GET / HTTP/1.1"], 421),
        (["XYZZY"] * 10, 421),
    ],
    ids=["QUIT", "wrong passwords", "HTTP", "unknown commands"],
)
@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_control_connection_ends_with_close_notify(strict, service, commands, last, version):
    """T28, S9: whyever the server ends a session, it says close_notify before FIN, and not an octet in clear."""
    with Client("127.0.0.1", strict.port(service)) as client:
        if service == "explicit":
            assert client.answer().code == 220
            assert client.code("AUTH TLS") == 234
        tapped = Tapped(client.sock, tls_context(version))
        lines = b""
        if service == "implicit":
            lines = tapped.receive()
        tapped.send("".join(f"{command}\r\n" for command in commands).encode())
        while octets := tapped.receive():  # raises SSLEOFError at an end without close_notify
            lines += octets
        assert _replies(lines)[-1] == last
        assert set(tapped.records()) <= {20, 21, 22, 23}
        tapped.close_notify()
        assert octets_until_closed(client.sock) == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_close_notify_of_the_client_is_answered(strict, version):
    """T28: a client that ends TLS instead of saying QUIT gets a close_notify back, then FIN."""
    with logged_in(strict, version=version) as client:
        plain = client.sock.unwrap()  # returns only when the server's close_notify has come
        assert octets_until_closed(plain) == b""
        plain.close()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["RETR old", "RETR empty", "LIST", "NLST below", "STOR new", "STOR nothing"])
def test_data_connection_ends_with_close_notify(strict, command, version):
    """T28: a whole transfer, an empty one, too, ends with close_notify of both sides before FIN."""
    (strict.files / "empty").touch()
    (strict.files / "below").mkdir()
    with logged_in(strict, version=version) as client, client.passive() as data:
        assert client.code(command) == 150
        tapped = Tapped(data, client.context)
        if command == "STOR new":
            tapped.send(b"content")
        if command.startswith("STOR"):
            tapped.close_notify()
        while tapped.receive():
            pass
        assert octets_until_closed(data) == b"", "FIN behind close_notify"
        assert set(tapped.records()) <= {20, 21, 22, 23}
        if not command.startswith("STOR"):
            tapped.close_notify()
        assert client.answer().code == 226


def test_old_versions_on_control(strict):
    """T18: a client with nothing newer than TLS 1.1 gets the alert protocol_version on the control connection."""
    with connected(strict) as client:
        assert client.code("AUTH TLS") == 234
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            obsolete_context().wrap_socket(client.sock)
