"""RFC 7151, the HOST command: requirements H1 to H8 over real sessions.

There is one environment for all names: the same accounts, files and policy. HOST checks that the client has come to
the right server, and goes together with the name given to TLS (SNI), which chooses the certificate.
"""

from __future__ import annotations

import pytest

from tests.support.client import Client, connected, implicit, logged_in
from tests.support.observe import fingerprint, read_to_end, write_certificate
from tests.support.server import PASSWORD, USER, running_server

NAMES = ("a.example.org", "b.example.org")
"""Each has a certificate; the first is the default."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with certificates for two names, and a third name without one."""
    folder = tmp_path_factory.mktemp("hosts")
    tables = "".join(write_certificate(folder, name) for name in NAMES)
    config = '[server]\nhost_names = ["c.example.org"]\nbanner = "Welcome to the hosts"\n[policy]\nrequire = "none"\n'
    with running_server(folder, config, tables=tables) as server:
        yield server


@pytest.mark.parametrize("name", ["a.example.org", "b.example.org", "c.example.org", "A.Example.ORG", "127.0.0.1"])
def test_known_names(server, name):
    """H1, H4, H5, H8: names of the certificates and of the settings, in any case, and our address, get the banner."""
    with connected(server) as client:
        answer = client.do(f"HOST {name}")
        assert (answer.code, answer.text) == (220, "Welcome to the hosts")
        client.login()


@pytest.mark.parametrize(
    "name", ["d.example.org", "example.org", "a", "127.0.0.2", "[::1]", "[2001:db8::1]", "192.0.2.1"]
)
def test_unknown_names(server, name):
    """H1, H5: other names and addresses are 504; the session stays, and may try another one."""
    with connected(server) as client:
        assert client.code(f"HOST {name}") == 504
        assert client.code("HOST b.example.org") == 220
        client.login()


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "a.example.org:21",
        "127.0.0.1:2112",
        "[::1]:2112",
        "[::1",
        "::1",
        "a..example.org",
        ".example.org",
        "-a.example.org",
        "a b",
        "a.example.org/",
        "alice@a.example.org",
        "b\xfccher.example.org",
        "a" * 64 + ".example.org",
        ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_host_name(server, argument):
    """H1: a port, a user, a path, IPv6 without brackets, an IDN not in its ASCII form: 501."""
    with connected(server) as client:
        assert client.code(f"HOST {argument}".rstrip()) == 501
        client.login()


def test_ipv6_literal(server):
    """H5: an IPv6 address stands in brackets and has to be the one the client connected to, however it is written."""
    with connected(server, "::1") as client:
        assert client.code("HOST [::1]") == 220
        assert client.code("HOST [0:0:0:0:0:0:0:1]") == 220
        assert client.code("HOST [::2]") == 504
        assert client.code("HOST 127.0.0.1") == 504


def test_host_after_login(server):
    """H1: after the login HOST is 503, right or wrong; the session goes on."""
    for client in (connected(server).login(), logged_in(server), implicit(server)):
        with client:
            assert client.code("HOST b.example.org") == 503
            assert client.code("HOST d.example.org") == 503
            assert client.code("PWD") == 257


def test_last_host_wins_and_login_begins_anew(server):
    """H2: HOST may be said again before the login; a USER said before it does not count any more."""
    with connected(server) as client:
        assert client.code("HOST a.example.org") == 220
        assert client.code(f"USER {USER}") == 331
        assert client.code("HOST b.example.org") == 220
        assert client.code(f"PASS {PASSWORD}") == 503
        client.login()


def test_rein_makes_host_possible_again(server):
    """H3: behind REIN the session is as at its start, so HOST is possible again."""
    with connected(server) as client:
        assert client.code("HOST a.example.org") == 220
        client.login()
        assert client.code("REIN") == 220
        assert client.code("HOST b.example.org") == 220
        client.login()
    with implicit(server) as client:
        assert client.code("REIN") == 220
        assert client.code("HOST b.example.org") == 220
        client.login()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_host_has_to_be_the_name_given_to_tls(server, service, version):
    """H4: a HOST that differs from SNI is 504, though it is known; the same name in any case is 220."""
    options = {"version": version, "server_name": "b.example.org", "implicit": service == "implicit"}
    with Client("127.0.0.1", server.port(service), **options) as client:
        assert client.answer().code == 220
        if service == "explicit":
            client.auth()
        assert fingerprint(client.sock) == fingerprint(server.folder / "b.example.org.crt")
        assert client.code("HOST a.example.org") == 504
        assert client.code("HOST c.example.org") == 504
        assert client.code("HOST B.EXAMPLE.ORG") == 220
        client.login()


def test_host_in_clear_does_not_overrule_the_name_given_to_tls(server):
    """H4: AUTH forgets the HOST before it; behind the handshake only the name given to TLS will do."""
    with Client("127.0.0.1", server.port(), server_name="b.example.org") as client:
        assert client.answer().code == 220
        assert client.code("HOST a.example.org") == 220
        client.auth()
        assert fingerprint(client.sock) == fingerprint(server.folder / "b.example.org.crt")
        assert client.code("HOST a.example.org") == 504
        assert client.code("HOST b.example.org") == 220


def test_host_without_a_name_given_to_tls(server):
    """H4: without SNI any of our names may be given after the handshake."""
    with connected(server).auth() as client:
        assert client.code("HOST b.example.org") == 220
        client.login()


def test_host_is_optional(server):
    """H6: HOST is in FEAT, and who does not use it is not refused."""
    with connected(server) as client:
        assert "HOST" in client.do("FEAT").lines
        client.login()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("host", "shown"),
    [("b.example.org", "b.example.org"), ("c.example.org", "a.example.org"), ("127.0.0.1", "a.example.org")],
)
def test_host_before_auth_chooses_the_certificate(server, host, shown, version):
    """H7: a client that does not send SNI is shown the certificate of the HOST it named, on data connections, too."""
    with connected(server, version=version) as client:
        assert client.code(f"HOST {host}") == 220
        client.auth().login().protect()
        assert fingerprint(client.sock) == fingerprint(server.folder / f"{shown}.crt")
        with client.passive() as data:
            assert client.code("NLST") == 150
            with client.wrap_data(data, session=None) as stream:
                assert fingerprint(stream) == fingerprint(client.sock)
                assert read_to_end(stream) == b""
            assert client.answer().code == 226


def test_last_host_before_auth_chooses_the_certificate(server):
    """H7, H2, H3: the last HOST counts; REIN forgets it, for the next AUTH, too."""
    with connected(server) as client:
        for host in ("b.example.org", "a.example.org", "d.example.org", "b.example.org"):
            assert client.code(f"HOST {host}") == (504 if host == "d.example.org" else 220)
        client.auth()
        assert fingerprint(client.sock) == fingerprint(server.folder / "b.example.org.crt")
    with connected(server) as client:
        assert client.code("HOST b.example.org") == 220
        assert client.code("REIN") == 220
        client.auth()
        assert fingerprint(client.sock) == fingerprint(server.folder / "a.example.org.crt")
