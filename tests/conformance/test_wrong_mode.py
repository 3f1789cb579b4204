"""Clients set up for the wrong service, and clients of other protocols (K2, K3): what they hear, what the log advises.

A TLS client on the explicit port, a clear one on the implicit port, a browser on both: nobody hangs, nobody is executed,
and one line of the log names the cause and the setting of the client that cures it.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess

import pytest

from tests.support.client import Client, connected, logged_in, tls_context
from tests.support.observe import (
    Marked,
    assert_no_traceback,
    closed_sessions,
    events,
    eventually,
    octets_until_closed,
    reset,
    stranger,
)
from tests.support.server import running_server

HTTP = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: browser\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\nUSER alice\r\nPASS correct horse\r\nDELE old\r\nQUIT\r\n"
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that requires nothing, so that whatever it refuses here is refused for the mode alone."""
    with running_server(tmp_path_factory.mktemp("modes"), '[policy]\nrequire = "none"\n') as server:
        (server.files / "old").write_bytes(b"old")
        yield server
        assert (server.files / "old").read_bytes() == b"old"
        assert_no_traceback(server)


def _speak(server, service, octets, *, fin=False):
    """Connect, say something, and return all that was heard, and what the log told of it."""
    log = Marked(server)
    ended = closed_sessions(server)
    with Client("127.0.0.1", server.port(service), source=stranger()) as client:
        client.sock.sendall(octets)
        if fin:
            client.sock.shutdown(socket.SHUT_WR)
        heard = octets_until_closed(client.sock)
    eventually(lambda: closed_sessions(server) > ended, "the end of the session")
    return heard, log.text


def _hello():
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="ftp.example.org").do_handshake()
    return outgoing.read()


def _codes(heard):
    return [int(code) for code in re.findall(rb"^(\d{3}) [^\r\n]*\r\n", heard, re.MULTILINE)]


# --- TLS on the explicit port -------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [None, 1, 5])
def test_hello_on_the_explicit_port(server, cut):
    """K3: a client set to implicit TLS on port 21 is disconnected; the log says how to set it. One octet tells."""
    hello = _hello()
    heard, log = _speak(server, "explicit", hello[:cut], fin=cut is not None)
    assert _codes(heard) in ([], [220]), "the greeting may have gone out, and nothing else"
    failure = events(server, "tls_failed")[-1]
    assert failure["cause"] == "the client starts TLS at once on the explicit port"
    assert "explicit TLS" in failure["remedy"]
    assert "implicit service" in failure["remedy"]
    assert cut is not None or "ftp.example.org" in failure["offered"]
    assert "starts TLS at once on the explicit port" in log


def test_openssl_on_the_explicit_port(server):
    """K3: what an operator sees who tries ``openssl s_client`` without -starttls: an end, no hang."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port()}"],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    assert b"Verify return code" not in done.stdout or b"no peer certificate" in done.stdout


def test_openssl_with_starttls(server):
    """``openssl s_client -starttls ftp`` reaches the explicit service: the tool of operators works."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port()}", "-starttls", "ftp", "-crlf", "-quiet"],
        input=b"NOOP\nQUIT\n",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert b"221 " in done.stdout


# --- clear text on the implicit port ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        pytest.param(b"USER alice\r\nPASS correct horse\r\n", "clear FTP (USER)", id="USER"),
        pytest.param(b"AUTH TLS\r\n", "clear FTP (AUTH)", id="AUTH"),
        pytest.param(b"FEAT\r\n", "clear FTP (FEAT)", id="FEAT"),
        pytest.param(HTTP, "speaks HTTP", id="GET"),
        pytest.param(POST, "speaks HTTP", id="POST"),
        pytest.param(SSH, "speaks SSH", id="SSH"),
        pytest.param(b"EHLO mail.example.org\r\n", "speaks SMTP", id="SMTP"),
        pytest.param(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", "speaks SSL 2.0", id="SSL 2.0"),
        pytest.param(b"\x00\x01\x02\x03", "not TLS", id="garbage"),
    ],
)
def test_clear_text_on_the_implicit_port(server, octets, words):
    """K3, K2: one 421 in clear that tells what to set, and the end; the log has cause and remedy, and no password."""
    heard, log = _speak(server, "implicit", octets)
    assert _codes(heard) == [421]
    assert heard.count(b"\n") == 1
    assert b"implicit TLS" in heard
    assert b"AUTH TLS" in heard
    failure = events(server, "tls_failed")[-1]
    assert words in failure["cause"]
    assert failure["remedy"]
    assert words in log
    assert "correct horse" not in log
    if b"FTP" in failure["cause"].encode():
        assert "implicit TLS" in failure["remedy"]
        assert "explicit port" in failure["remedy"]


def test_bare_connection_to_the_implicit_port(server):
    """A health check that connects and leaves is no failure: no warning in any log."""
    heard, log = _speak(server, "implicit", b"", fin=True)
    assert heard == b""
    assert "the client sent no octet" in log
    assert "#warn" not in log
    assert "TLS failed" not in log


def test_bare_connection_to_the_explicit_port(server):
    """The same on the explicit port: greeting, end, no warning."""
    heard, log = _speak(server, "explicit", b"", fin=True)
    assert _codes(heard) == [220]
    assert "#warn" not in log


# --- other protocols on the explicit port -------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(HTTP, id="GET"),
        pytest.param(POST, id="POST"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n\r\n", id="OPTIONS"),
        pytest.param(b"CONNECT 127.0.0.1:25 HTTP/1.1\r\n\r\n", id="CONNECT"),
        pytest.param(b"put /old HTTP/1.0\r\n\r\nDELE old\r\n", id="put"),
        pytest.param(b"EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\n", id="SMTP"),
        pytest.param(b"HELO mail\r\n", id="HELO"),
        pytest.param(SSH, id="SSH"),
    ],
)
@pytest.mark.parametrize("is_protected", [False, True])
def test_other_protocols_on_the_explicit_port(server, octets, is_protected):
    """K2: a browser, mailer or SSH client is closed at its first word, 421, in clear and in TLS; nothing is executed."""
    octets += b"USER alice\r\nPASS correct horse\r\nDELE old\r\n"
    log = Marked(server)
    with connected(server, source=stranger()) as client:
        if is_protected:
            client.auth()
        client.sock.sendall(octets)
        answer = client.answer()
        assert answer.code == 421
        assert client.is_closed()
    assert "point the client at the right port" in log.wait_for("other-protocol")
    assert "logged in" not in log.text


def test_alpn_of_a_browser(server):
    """K2: a TLS client that offers web protocols gets the alert no_application_protocol on both services."""
    context = tls_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connected(server, source=stranger()) as client:
        assert client.code("AUTH TLS") == 234
        with pytest.raises(ssl.SSLError, match=r"(?i)application.protocol"):
            context.wrap_socket(client.sock)
    with Client("127.0.0.1", server.port("implicit")) as client, pytest.raises(ssl.SSLError, match=r"(?i)applic"):
        context.wrap_socket(client.sock)
    eventually(lambda: events(server, "tls_failed", channel="control")[-1:], "the log line")
    assert "h2" in events(server, "tls_failed")[-1]["cause"]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("octets", [b"ABOR\r\n", b"\xff\xf4\xff\xf2ABOR\r\n"], ids=["clear", "Telnet"])
def test_commands_in_clear_within_tls(server, version, octets):
    """Net::FTP of Perl aborts in clear: the connection ends, nothing is executed, the log says what to change."""
    log = Marked(server)
    with logged_in(server, version=version, source=stranger()) as client:
        socket.socket.send(client.sock, octets)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            client.sock.recv(100)
    line = log.wait_for("TLS failed (control")
    assert "the client sent octets that are no TLS on the protected connection" in line
    assert "; remedy: update the client; some send ABOR in clear" in line
    assert not line.endswith(("offered: ", ". "))


@pytest.mark.parametrize("protected", [True, False])
def test_a_reset_is_told_in_plain_words(server, protected):
    """Who reads the log learns that the client, or the network, cut the connection."""
    log = Marked(server)
    client = logged_in(server) if protected else connected(server).login()
    reset(client.sock)
    assert "closed after" in log.wait_for(", reset by the client, or lost on the way")
