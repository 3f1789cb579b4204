"""Hardening beyond the RFCs, K1 to K13, over real sessions.

K3 is in ``test_wrong_mode``, K5 and the rest of K8 in ``test_session_reuse``, K9 in ``test_upload_truth``, K12 in
``test_lifecycle``; here are the others.
"""

from __future__ import annotations

import os
import re
import resource
import socket
import ssl
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.session.identity import Secret
from tests.support.client import Client, connected, implicit, logged_in, tls_context
from tests.support.observe import (
    Marked,
    assert_no_traceback,
    events,
    eventually,
    heard_when_turned_away,
    listening,
    nobody_comes_to,
    octets_until_closed,
    read_to_end,
    resident_kib,
    stranger,
    write_certificate,
)
from tests.support.server import PASSWORD, ROOT, USER, running_server

OLD = b"the file that was there"
EAGER = 1000
"""Connections in the middle of a handshake, at once."""


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """A server that requires nothing: what is refused here is refused for its own sake."""
    with running_server(tmp_path_factory.mktemp("free"), '[policy]\nrequire = "none"\n') as server:
        (server.files / "old").write_bytes(OLD)
        yield server
        assert (server.files / "old").read_bytes() == OLD
        assert_no_traceback(server)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """The default, with little patience."""
    config = "[server]\nlogin_timeout = 3\nidle_timeout = 2\n[tls]\nhandshake_timeout = 1\n"
    with running_server(tmp_path_factory.mktemp("strict"), config) as server:
        (server.files / "old").write_bytes(OLD)
        yield server
        assert (server.files / "old").read_bytes() == OLD
        assert_no_traceback(server)


@pytest.fixture(scope="module")
def defended(tmp_path_factory):
    """Three wrong passwords from one address, and it is banned; no delays, so that the tests are quick."""
    config = "[accounts.defence]\nfailures = 3\nban = 600\n[limits]\nsessions_per_address = 5\nlogin_attempts = 5\n"
    with running_server(tmp_path_factory.mktemp("defended"), config) as server:
        yield server
        assert_no_traceback(server)


# --- K1: nothing sent in clear behind AUTH is ever executed -------------------------------------------


@pytest.mark.parametrize(
    "injected",
    [
        pytest.param(b"DELE old\r\n", id="a command"),
        pytest.param(b"NOOP\r\nNOOP\r\nDELE old\r\n", id="commands"),
        pytest.param(b"DEL", id="half a command"),
        pytest.param(b"\r\n", id="an empty line"),
        pytest.param(b"\xff", id="half a Telnet command"),
        pytest.param(b"\xff\xf4\xff\xf2DELE old\r\n", id="Telnet and a command"),
        pytest.param(b"x" * 20000, id="an overlong line"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", id="a ClientHello"),
    ],
)
@pytest.mark.parametrize("mechanism", [b"TLS", b"SSL", b"TLS-C"])
def test_injection_behind_auth(free, mechanism, injected):
    """K1: octets in the same segment as AUTH end the connection (421); none of them acts, in clear or in TLS."""
    log = Marked(free)
    with connected(free, source=stranger()).login() as client:
        client.sock.sendall(b"AUTH " + mechanism + b"\r\n" + injected)
        assert client.answer().code == 421
        assert client.is_closed()
        assert client._buffer == b""
    log.wait_for("starttls-injection")
    assert "DELE" not in log.text


@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_injection_between_auth_and_the_handshake(free, service):
    """K1: octets in clear before, or right behind, the ClientHello break the handshake, and are not executed."""
    for injected in (b"NOOP\r\n", b"DELE old\r\n"):
        with Client("127.0.0.1", free.port(service)) as client:
            if service == "explicit":
                assert client.answer().code == 220
                assert client.login().code("AUTH TLS") == 234
            outgoing = ssl.MemoryBIO()
            tls = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            client.sock.sendall(outgoing.read() + injected)
            heard = octets_until_closed(client.sock)
            assert not re.search(rb"(^|\n)[0-9]{3} ", heard)


def test_telnet_behind_auth(free):
    """K1: whole Telnet commands, which are never acted on, are no injection; they do not get into TLS either."""
    with connected(free) as client:
        client.sock.sendall(b"AUTH TLS\r\n\xff\xf4\xff\xf2")
        assert client.answer().code == 234
        client.wrap()
        client.login()


def test_injection_before_auth(free):
    """K1: commands in the same segment before AUTH are done, in clear; AUTH starts TLS behind them."""
    with connected(free) as client:
        client.sock.sendall(b"NOOP\r\nSYST\r\nAUTH TLS\r\n")
        assert [client.answer().code for _ in range(3)] == [200, 215, 234]
        client.wrap()
        client.login()


def test_commands_in_the_segment_of_the_last_handshake_message(free):
    """K1 is about clear text: commands inside TLS in the first segment behind the handshake are done, in order."""
    with connected(free) as client:
        assert client.code("AUTH TLS") == 234
        client.wrap()
        client.sock.sendall(b"NOOP\r\nSYST\r\nPWD\r\n")
        assert [client.answer().code for _ in range(3)] == [200, 215, 530]


# --- K2: ALPN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (["ftp"], "ftp"),
        (["h2", "ftp"], "ftp"),
        (["x-filezilla-ftp", "ftp"], "ftp"),
        (["x-filezilla-ftp"], "x-filezilla-ftp"),
        ([], None),
        (["http/1.1"], "refused"),
        (["h2", "smtp", "imap"], "refused"),
    ],
)
def test_alpn(free, version, offered, agreed):
    """K2: ``ftp`` is agreed to, no offer is fine, and other protocols only get a fatal alert, everywhere."""

    def context():
        made = tls_context(version)
        if offered:
            made.set_alpn_protocols(offered)
        return made

    for client in (connected(free), Client("127.0.0.1", free.port("implicit"))):
        with client:
            if client.sock.getpeername()[1] == free.port():
                assert client.code("AUTH TLS") == 234
            if agreed == "refused":
                with pytest.raises(ssl.SSLError, match=r"(?i)application.protocol"):
                    context().wrap_socket(client.sock)
                continue
            client.context = context()
            client.wrap()
            assert client.sock.selected_alpn_protocol() == agreed
    with logged_in(free, version=version) as client, client.passive() as data:
        assert client.code("NLST") == 150
        client.context = context()
        if agreed == "refused":
            with pytest.raises(ssl.SSLError, match=r"(?i)application.protocol"):
                client.wrap_data(data, session=None)
        else:
            with client.wrap_data(data, session=None) as stream:
                assert read_to_end(stream) == b"old\r\n"
            assert client.answer().code == 226


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_alpn_of_data_connections(free, version):
    """K2: data connections agree to ``ftp-data``, which control connections do not."""
    with logged_in(free, version=version) as client, client.passive() as data:
        assert client.code("NLST") == 150
        client.context.set_alpn_protocols(["ftp-data"])
        with client.wrap_data(data) as stream:
            assert stream.selected_alpn_protocol() == "ftp-data"
            assert read_to_end(stream) == b"old\r\n"
        with connected(free) as other:
            assert other.code("AUTH TLS") == 234
            other.context = client.context
            with pytest.raises(ssl.SSLError, match=r"(?i)application.protocol"):
                other.wrap()


# --- K4: nobody else is called, and nobody else calls -------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "PORT 127,0,0,2,{high},{low}",
        "EPRT |1|127.0.0.2|{port}|",
        "EPRT |2|::ffff:127.0.0.2|{port}|",
        "PORT 127,0,0,1,0,21",
        "PORT 127,0,0,1,3,255",
        "EPRT |1|127.0.0.1|22|",
        "EPRT |1|127.0.0.1|1023|",
        "PORT 0,0,0,1,{high},{low}",
        "EPRT |1|255.255.255.255|{port}|",
        "EPRT |1|224.0.0.1|{port}|",
    ],
)
@pytest.mark.parametrize("is_protected", [True, False])
def test_bounce(free, command, is_protected):
    """K4: PORT and EPRT name the client's own address and a port from 1024 on, or are refused; nobody is called."""
    client = logged_in(free) if is_protected else connected(free).login()
    with client, listening("127.0.0.2") as listener:
        port = listener.getsockname()[1]
        answer = client.do(command.format(port=port, high=port >> 8, low=port & 255))
        assert answer.code in {501, 504, 522}
        assert client.code("LIST") == 425
        assert nobody_comes_to(listener)


def test_foreign_peer_of_a_passive_port(free):
    """K4: a passive port serves the address of the control connection alone, in clear, too."""
    with connected(free).login() as client:
        port = client.passive_port()
        with client.connect(port, source="127.0.0.2") as thief, client.connect(port) as data:
            assert octets_until_closed(thief) == b""
            assert client.code("RETR old") == 150
            assert read_to_end(data) == OLD
        assert client.answer().code == 226


def test_passive_port_without_expectation(free):
    """K4: a connection that nobody asked for, or asked for no more, is closed at once."""
    with logged_in(free) as client:
        port = client.passive_port()
        assert client.code("ABOR") == 226
        with client.connect(port) as data:
            assert octets_until_closed(data) == b""
        first = client.passive_port()
        with client.connect(first) as data:
            assert client.code("NOOP") == 200, "and the connection was accepted meanwhile"
            client.passive_port()
            assert octets_until_closed(data) == b"", "the second EPSV replaces the first"
    with socket.create_connection(("127.0.0.1", first), timeout=10) as data:
        assert octets_until_closed(data) == b"", "the session is over"


# --- K6: handshakes that do not come ------------------------------------------------------------------


def test_handshake_time_limit(strict):
    """K6: who does not begin, or does not end, a handshake is dropped: on control connections of both services."""
    log = Marked(strict)
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls_context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = outgoing.read()
    with ExitStack() as stack:
        silent = stack.enter_context(connected(strict, source=stranger()))
        halfway = stack.enter_context(connected(strict, source=stranger()))
        for client in (silent, halfway):
            assert client.code("AUTH TLS") == 234
        implicit_silent = stack.enter_context(Client("127.0.0.1", strict.port("implicit"), source=stranger()))
        unfinished = stack.enter_context(Client("127.0.0.1", strict.port("implicit"), source=stranger()))
        halfway.sock.sendall(hello[:60])
        unfinished.sock.sendall(hello)
        for client in (silent, halfway, implicit_silent):
            assert not re.search(rb"[0-9]{3} ", octets_until_closed(client.sock))
        octets_until_closed(unfinished.sock)
        assert log.text.count("within 1 seconds") >= 4
        assert "sent no octet within" in log.text
        assert "did not complete the handshake within" in log.text


def test_slow_hello(strict):
    """K6: the limit is for the whole handshake, not for each octet of it."""
    with Client("127.0.0.1", strict.port("implicit")) as client:
        client.sock.sendall(b"\x16\x03\x01\x02\x00")
        client.sock.settimeout(0.1)
        for _ in range(300):
            try:
                client.sock.sendall(b"\x01")
                if client.sock.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("still connected")


@pytest.mark.parametrize("octets", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "an octet", "a piece"])
def test_data_handshake_time_limit(strict, octets):
    """K6: a data connection on which no handshake comes, or no end of it, is answered 522; the session goes on."""
    with logged_in(strict) as client, client.passive() as data:
        assert client.code("STOR old") == 150
        data.sendall(octets)
        answer = client.answer()
        assert answer.code == 522
        assert "handshake" in answer.text
        assert client.download("NLST")[0] == b"old\r\n"


def test_time_limits_are_told_inside_tls(strict):
    """K6: who does not log in, or falls asleep, hears 421 inside TLS, with close_notify behind it."""
    with implicit(strict) as idle, connected(strict).auth() as anonymous:
        assert idle.answer().code == 421
        assert read_to_end(idle.sock) == b""
        assert anonymous.answer().code == 421
        assert read_to_end(anonymous.sock) == b""


@contextmanager
def _room_for(descriptors):
    """Let this process, and those it starts, open more files than usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        pytest.skip(f"needs {descriptors} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, descriptors), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_unfinished_handshakes(tmp_path):
    """K6, K13: they block nobody, hold little memory each, and one more than allowed is refused at once."""
    limits = f"[limits]\nsessions = {EAGER + 50}\nsessions_per_address = {EAGER}\n[server]\n"
    limits += "login_timeout = 120\n[tls]\nhandshake_timeout = 120\n"
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls_context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = outgoing.read()
    with _room_for(4 * EAGER), running_server(tmp_path, limits) as server, ExitStack() as stack:
        with logged_in(server, "::1") as client:
            assert client.download("NLST")[1].code == 226
        before = resident_kib(server.process.pid)
        port = server.port("implicit")
        for number in range(EAGER):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            sock.sendall(hello[: 100 if number % 2 else len(hello)])
            if number % 2 == 0:
                assert sock.recv(5)[:1] == b"\x16", "every second one has our ServerHello, and sends no Finished"
        assert heard_when_turned_away(port) == b"", "one more than allowed of this address"
        assert heard_when_turned_away(server.port()).startswith(b"421 ")
        with logged_in(server, "::1") as client:
            assert client.upload("STOR new", b"x" * 100_000).code == 226
            assert client.download("NLST")[0] == b"new\r\n"
        assert (resident_kib(server.process.pid) - before) / EAGER < 250, "KiB for one unfinished handshake"
        assert_no_traceback(server)


# --- K7: guessing passwords ---------------------------------------------------------------------------


def test_replies_do_not_tell_who_exists(free):
    """K7: known and unknown users, and strange names, get the very same replies."""
    heard = set()
    for user in (USER, "nobody", "root", "", "anonymous", "ftp", "../alice", "ALICE", "a" * 200, "al\xefce"):
        with connected(free).auth() as client:
            if not user:
                assert client.code("USER") == 501
                continue
            name = client.do(f"USER {user}")
            refusal = client.do("PASS wrong")
            heard.add((name.code, name.text, refusal.code, refusal.text))
    assert len(heard) == 1
    assert heard.pop()[::2] == (331, 530)


def test_unknown_users_cost_a_password_check(tmp_path):
    """K7: the refusal of an unknown user takes a check of an Argon2 hash, like that of a known one."""
    config = '[accounts.passwords]\nmemory = "32 MiB"\niterations = 2\n[limits]\nlogin_attempts = 100\n'
    costly = Passwords(PasswordCost(memory_kib=32 << 10, iterations=2)).hash_password(Secret(PASSWORD))
    users = f'[users.known]\npassword = "{costly}"\n'
    with running_server(tmp_path, config, users) as server:
        with connected(server).auth() as client:
            for turn in range(14):
                assert client.code("USER known" if turn % 2 else "USER unknown") == 331
                assert client.code("PASS wrong") == 530
            assert client.code("QUIT") == 221
        answered = events(server, "command_answered", verb="PASS")
        known, unknown = (
            statistics.median(event["seconds"] for event in answered if event["user"] == user)
            for user in ("known", "unknown")
        )
        assert known > 0
        assert 0.3 < unknown / known < 3, "without a check it would be a hundredth"


def test_wrong_passwords_close_the_connection(free):
    """K7: after three wrong passwords the connection is closed; AUTH and HOST in between do not set back the count."""
    with connected(free) as client:
        assert client.code(f"USER {USER}") == 331
        assert client.code("PASS wrong") == 530
        client.auth()
        assert client.code(f"USER {USER}") == 331
        assert client.code("PASS wrong") == 530
        assert client.code("HOST 127.0.0.1") == 220
        assert client.code(f"USER {USER}") == 331
        assert client.code("PASS wrong") == 421
        assert client.is_closed()
    with implicit(free) as client:
        for code in (530, 530, 421):
            assert client.code("REIN") == 220
            assert client.code(f"USER {USER}") == 331
            assert client.code("PASS wrong") == code


def test_ban(defended):
    """K7: guessing bans the address on both services; its open session, and other addresses, are left alone."""
    guesser = "127.0.0.9"
    with Client("127.0.0.1", defended.port(), source=guesser) as honest:
        assert honest.answer().code == 220
        honest.auth().login().protect()
        with Client("127.0.0.1", defended.port(), source=guesser) as client:
            assert client.answer().code == 220
            client.auth()
            for _ in range(3):
                assert client.code(f"USER {USER}") == 331
                assert client.code("PASS wrong") == 530
            assert client.code(f"USER {USER}") == 331
            assert client.code(f"PASS {PASSWORD}") == 421, "banned: even the right password is not checked any more"
        with Client("127.0.0.1", defended.port(), source=guesser) as client:
            answer = client.answer()
            assert answer.code == 421
            assert client.is_closed()
        assert heard_when_turned_away(defended.port("implicit"), guesser) == b""
        assert honest.code("PWD") == 257
    with logged_in(defended) as client:
        assert client.code("PWD") == 257
    assert "127.0.0.9 is banned" in defended.log()


def test_delays_count_for_the_address(tmp_path):
    """K7: the delay behind a wrong password holds on every connection of the address, and others do not wait."""
    with running_server(tmp_path, "[accounts.defence]\ndelays = [0, 60]\n") as server, ExitStack() as stack:
        clients = [stack.enter_context(connected(server).auth()) for _ in range(2)]
        for client in clients:
            assert client.code("USER nobody") == 331
        assert clients[0].code("PASS wrong") == 530
        clients[1].send("PASS wrong")
        with Client("127.0.0.1", server.port(), source="127.0.0.2") as other:
            assert other.answer().code == 220
            other.auth().login()
        with logged_in(server):
            pass
        clients[1].sock.settimeout(0)
        with pytest.raises((BlockingIOError, ssl.SSLWantReadError)):
            clients[1].sock.recv(1)


# --- K8: nothing of TLS that is not needed ------------------------------------------------------------


S_CLIENT = ("openssl", "s_client", "-connect")


def s_client(server, *arguments, send=b"", service="explicit"):
    """Run ``openssl s_client`` against a control port; returns what it printed."""
    starttls = ["-starttls", "ftp"] if service == "explicit" else []
    done = subprocess.run(
        [*S_CLIENT, f"127.0.0.1:{server.port(service)}", "-bind", f"{stranger()}:0", *starttls, *arguments],
        input=send,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("service", ["explicit", "implicit"])
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions(free, service, version):
    """K8: TLS 1.0 and 1.1 are refused with the alert protocol_version; the log names the client's version."""
    log = Marked(free)
    printed = s_client(free, version, "-cipher", "ALL:@SECLEVEL=0", service=service)
    assert "alert protocol version" in printed
    assert "the minimum is TLS 1.2" in log.wait_for("TLS failed (control")


@pytest.mark.parametrize(
    "ciphers",
    [
        "AES128-SHA:AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256",
        "NULL:eNULL",
        "ADH:AECDH",
        "DHE",
        "3DES:RC4:DES:EXPORT:LOW",
    ],
)
def test_weak_ciphers(free, ciphers):
    """K8: static RSA, CBC, NULL, anonymous and finite-field DH suites are not to be had, whatever is offered."""
    context = tls_context("TLSv1_2")
    try:
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    except ssl.SSLError:
        pytest.skip("this OpenSSL does not know them any more")
    with connected(free) as client:
        assert client.code("AUTH TLS") == 234
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
            context.wrap_socket(client.sock)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_what_is_agreed_on(free, version):
    """K8: an AEAD suite with forward secrecy, no compression, in both versions and on both connections."""
    with logged_in(free, version=version) as client, client.passive() as data:
        assert client.code("NLST") == 150
        with client.wrap_data(data) as stream:
            for sock in (client.sock, stream):
                assert re.fullmatch(r"(ECDHE-ECDSA|TLS)[-_].*(GCM[-_]SHA\d+|POLY1305.*)", sock.cipher()[0])
                assert sock.compression() is None
            read_to_end(stream)
        assert client.answer().code == 226


@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_renegotiation_on_control(free, service):
    """K8: a client that wants to renegotiate under TLS 1.2 (``R`` of s_client) is disconnected, and logged."""
    log = Marked(free)
    printed = s_client(free, "-tls1_2", send=b"R\n", service=service)
    assert "RENEGOTIATING" in printed
    log.wait_for("the client wanted to renegotiate")


def test_renegotiation_on_data(free):
    """K8: an upload whose client wants to renegotiate is broken off: 426, and nothing is shown."""
    with logged_in(free) as client:
        port = client.passive_port()
        assert client.code("STOR renegotiated") == 150
        done = subprocess.run(
            [*S_CLIENT, f"127.0.0.1:{port}", "-tls1_2"],
            input=b"R\n",
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert b"RENEGOTIATING" in done.stdout + done.stderr
        assert client.answer().code == 426
    assert not (free.files / "renegotiated").exists()


def test_no_early_data(free, tmp_path):
    """K8: tickets of TLS 1.3 allow no early data, so nothing of a session can be replayed."""
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(b"DELE old\r\n")
    printed = s_client(free, "-tls1_3", "-sess_out", str(session), "-crlf", "-ign_eof", send=b"NOOP\nQUIT\n")
    assert session.exists(), printed
    assert "Max Early Data: 0" in printed
    printed = s_client(free, "-tls1_3", "-sess_in", str(session), "-early_data", str(early), "-crlf", send=b"QUIT\n")
    assert "Early data was accepted" not in printed


def test_no_compression(free):
    """K8: s_client is told of no compression, although it offers it."""
    printed = s_client(free, "-tls1_2", "-comp", "-crlf", send=b"QUIT\n")
    assert "Compression: NONE" in printed
    assert "Secure Renegotiation IS supported" in printed


def test_extended_master_secret(free):
    """K8: TLS 1.2 sessions are bound to their handshake (RFC 7627)."""
    printed = s_client(free, "-tls1_2", "-crlf", send=b"QUIT\n")
    assert "Extended master secret: yes" in printed


# --- K10: the home is the whole world -----------------------------------------------------------------


def test_nothing_outside_of_the_home(free):
    """K10: neither ``..`` nor symbolic links, nor renames, lead out; what is outside is not even told to exist."""
    outside = free.folder / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    links = {"folder-link": outside, "file-link": outside / "secret", "etc": "/etc", "up": "../.."}
    for name, target in links.items():
        (free.files / name).symlink_to(target)
    try:
        with logged_in(free) as client:
            for path in ("../../outside/secret", "/../../outside/secret", "folder-link/secret", "file-link", "etc/passwd",
                         "up/outside/secret", "/etc/passwd", "./.././../etc/passwd"):  # fmt: skip
                assert client.code("TYPE I") == 200
                assert client.download(f"RETR {path}")[0] == b""
                assert client.code(f"SIZE {path}") == 550
                answer = client.do(f"MLST {path}")
                assert answer.code == 550 or (path == "file-link" and "OS.unix=slink" in answer.text), answer
                assert "size" not in answer.text
                assert client.upload(f"STOR {path}", b"overwritten").code in {226, 550, 553}
                assert client.upload(f"APPE {path}", b"overwritten").code in {226, 550, 553}
            for path in ("folder-link", "etc", "up/outside"):
                assert client.code(f"CWD {path}") == 550
                assert client.download(f"MLSD {path}")[0] == b""
                assert client.code(f"MKD {path}/made") == 550
            assert client.code("RNFR old") == 350
            assert client.code("RNTO folder-link/old") in {550, 553}
            assert client.code("RNFR folder-link/secret") == 550
            assert client.code("DELE folder-link/secret") == 550
            assert client.code("CWD ..") == 250
            assert client.do("PWD").text.startswith('"/"')
    finally:
        for path in free.files.iterdir():
            if path.name != "old":
                path.unlink() if path.is_symlink() or path.is_file() else subprocess.run(["rm", "-r", path], check=True)
    assert (outside / "secret").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert [path.name for path in free.files.iterdir()] == ["old"]


def test_what_is_no_file(free):
    """K10: pipes, sockets and devices are neither read nor written, and nothing waits for them."""
    os.mkfifo(free.files / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        here = os.open(free.files, os.O_RDONLY)
        try:
            unix.bind(f"/proc/self/fd/{here}/socket")
        finally:
            os.close(here)
        if os.geteuid() == 0:
            os.mknod(free.files / "zero", 0o20666, os.makedev(1, 5))
        try:
            with logged_in(free) as client:
                for name in ("pipe", "socket", "zero"):
                    assert client.download(f"RETR {name}")[1].code == 550
                    assert client.upload(f"APPE {name}", b"x").code in {550, 553}
                    assert client.code("NOOP") == 200
        finally:
            for name in ("pipe", "socket", "zero"):
                (free.files / name).unlink(missing_ok=True)


# --- K11: keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "starts"), [(0o600, True), (0o640, True), (0o604, False), (0o660, False)])
def test_key_that_others_can_read(tmp_path, mode, starts):
    """K11: a private key for all to read, or for others to write, stops the start; one for its group is warned of."""
    (tmp_path / "ftps.toml").write_text(
        '[server]\nexplicit = ["tcp:0:interface=127.0.0.1"]\nimplicit = []\n' + write_certificate(tmp_path, "ftp")
    )
    (tmp_path / "ftp.key").chmod(mode)
    done = subprocess.run(
        [sys.executable, "-m", "ftpstwist.cli.main", "check", "--config", "ftps.toml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert (done.returncode == 0) is starts
    assert ("chmod 600" in printed) is (mode != 0o600)
    assert "PRIVATE KEY" not in printed


def test_key_is_told_to_nobody(strict):
    """K11: the key the server made itself is for its owner alone, and in no log."""
    key = strict.folder / "state" / "server.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    secret = key.read_text().splitlines()[1]
    for log in ("server.log", "command.log", "events.json"):
        assert secret not in strict.log(log)
        assert PASSWORD not in strict.log(log)


# --- K13: bounds --------------------------------------------------------------------------------------


def test_sessions_of_one_address(defended):
    """K13: one address has its limit on both services together; others still come in, and a leaver makes room."""
    with ExitStack() as stack:
        host = ("127.0.0.1", defended.port())
        clients = [stack.enter_context(Client(*host, source="127.0.0.7")) for _ in range(5)]
        assert [client.answer().code for client in clients] == [220] * 5
        with Client(*host, source="127.0.0.7") as client:
            assert client.answer().code == 421
            assert client.is_closed()
        assert heard_when_turned_away(defended.port("implicit"), "127.0.0.7") == b""
        with Client(*host, source="127.0.0.8") as client:
            assert client.answer().code == 220
        clients[0].close()

        def has_room():
            with Client(*host, source="127.0.0.7") as client:
                return client.answer().code == 220

        eventually(has_room, "room for another session")


def test_sessions_of_one_user(tmp_path):
    """K13: an account has its limit, counted by name and not by address; a leaver makes room."""
    users = '[users.carol]\npassword = "HASH"\nlimits.max_sessions = 2\n'
    with running_server(tmp_path, "[limits]\nlogin_attempts = 10\n", users) as server, ExitStack() as stack:
        (server.folder / "files" / "carol").mkdir()
        clients = [stack.enter_context(connected(server).auth().login("carol", PASSWORD)) for _ in range(2)]

        def code():
            with Client("127.0.0.1", server.port(), source="127.0.0.5") as client:
                assert client.answer().code == 220
                client.auth()
                assert client.code("USER carol") == 331
                return client.code(f"PASS {PASSWORD}")

        assert code() == 421
        with logged_in(server):
            pass
        assert clients[0].code("QUIT") == 221
        clients[0].close()
        eventually(lambda: code() == 230, "room for another session")


def test_expectations_of_one_address(tmp_path):
    """K13: EPSV without end is answered 425 at the limit, and does not cost others their ports."""
    with running_server(tmp_path, "[limits]\nexpectations_per_address = 1\n") as server, ExitStack() as stack:
        clients = [stack.enter_context(logged_in(server)) for _ in range(2)]
        for _ in range(20):
            clients[0].passive_port()
        assert clients[1].code("EPSV") == 425
        with Client("127.0.0.1", server.port(), source="127.0.0.5") as other:
            assert other.answer().code == 220
            other.auth().login().protect()
            port = other.passive_port()
            with other.connect(port, source="127.0.0.5") as data:
                assert other.code("NLST") == 150
                with other.wrap_data(data) as stream:
                    assert read_to_end(stream) == b""
                assert other.answer().code == 226
        assert clients[0].code("ABOR") == 226
        assert clients[1].code("EPSV") == 229


def test_client_that_does_not_read(free):
    """K13: replies nobody reads stop the reading of commands: the server holds little, and serves others on."""
    before = resident_kib(free.process.pid)
    with connected(free) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            client.sock.sendall(b"HELP\r\n" * (8 << 20))
        with logged_in(free) as other:
            assert other.download("NLST")[0] == b"old\r\n"
        assert resident_kib(free.process.pid) - before < 16 << 10


def test_memory_of_idle_sessions(free):
    """K13: a session that is logged in and idle under TLS costs little."""
    with logged_in(free) as client:
        client.download("NLST")
    before = resident_kib(free.process.pid)
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(logged_in(free))
        assert (resident_kib(free.process.pid) - before) / 40 < 500, "KiB for one session"
