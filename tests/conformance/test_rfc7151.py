"""RFC 7151, the HOST command: requirements H1 to H8 over real sessions.

One server has several names and one environment for all: HOST goes together with the name given to TLS (SNI). The other
has a virtual host of its own, with its own certificate, users, root, banner and policy.
"""

from __future__ import annotations

import json
import signal
import ssl

import pytest

from tests.support.client import Client, connected, implicit, logged_in
from tests.support.observe import Marked, events, eventually, fingerprint, read_to_end, write_certificate
from tests.support.server import PASSWORD, USER, _hash, running_server

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


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_host_in_clear_has_to_be_the_name_given_to_tls(server, version):
    """H4: a handshake with another name than that of the HOST before it ends with access_denied; the log says why."""
    with Client("127.0.0.1", server.port(), server_name="b.example.org", version=version) as client:
        assert client.answer().code == 220
        assert client.code("HOST a.example.org") == 220
        assert client.code("AUTH TLS") == 234
        with pytest.raises(ssl.SSLError, match="ACCESS_DENIED"):
            client.wrap()
    cause = "the client asks for the host 'b.example.org', but has given HOST 'a.example.org' before"
    eventually(lambda: events(server, "tls_failed", cause=cause), "the failure")
    for said, name in (("B.Example.ORG", "b.example.org"), ("127.0.0.1", "b.example.org")):
        with Client("127.0.0.1", server.port(), server_name=name, version=version) as client:
            assert client.answer().code == 220
            assert client.code(f"HOST {said}") == 220
            client.auth().login()
            assert fingerprint(client.sock) == fingerprint(server.folder / "b.example.org.crt")


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


# --- virtual hosts --------------------------------------------------------------------------------

HOST = "b.example.org"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A server with a default host and another: alice has files at the one, bob at the other, one password for both."""
    folder = tmp_path_factory.mktemp("two")
    own = write_certificate(folder, HOST).replace("[[tls.", "[[hosts.")
    hosts = f'[[hosts]]\nnames = ["{HOST}", "WWW.{HOST}"]\nbanner = "Welcome to B"\ngoodbye = "Bye from B"\n'
    hosts += f'users = "b.toml"\nroot = "b files"\nrequire = "none"\n{own}'
    (folder / "b.toml").write_text(f"[users.bob]\npassword = {json.dumps(_hash(PASSWORD))}\n")
    (folder / "b.toml").chmod(0o600)
    for path, text in (("files/alice/a.txt", b"of A"), ("b files/bob/b.txt", b"of B")):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(text)
    config = '[server]\nbanner = "Welcome to A"\n'
    with running_server(folder, config, tables=write_certificate(folder, "a.example.org") + hosts) as server:
        yield server


def login_code(client, user):
    assert client.code(f"USER {user}") == 331
    return client.code(f"PASS {PASSWORD}")


def is_at_b(client):
    """Tell which host the client has come to, by everything that differs; the client logs in."""
    shown = fingerprint(client.sock)
    user = "bob" if login_code(client, "bob") == 230 else USER
    if user == USER:
        assert login_code(client, USER) == 230
    client.protect()
    name, content = ("b.txt", b"of B") if user == "bob" else ("a.txt", b"of A")
    assert client.download(f"RETR {name}")[0] == content
    with client.passive() as data:
        assert client.code("NLST") == 150
        with client.wrap_data(data, session=None) as stream:
            assert fingerprint(stream) == shown
            read_to_end(stream)
    assert client.answer().code == 226
    goodbye = client.do("QUIT").text
    assert goodbye == ("Bye from B" if user == "bob" else "Goodbye")
    return user == "bob"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("service", ["explicit", "implicit"])
@pytest.mark.parametrize(
    ("name", "at_b"),
    [
        (HOST, True),
        ("B.Example.ORG", True),
        ("www.b.example.org", True),
        ("a.example.org", False),
        ("c.example.org", False),
        (None, False),
    ],
)
def test_name_given_to_tls_chooses_the_host(two, service, version, name, at_b):
    """H4, H7: certificate, users and files are those of the name; unknown names and none are the default host."""
    options = {"version": version, "server_name": name, "implicit": service == "implicit"}
    with Client("127.0.0.1", two.port(service), **options) as client:
        greeting = client.answer().text
        assert greeting == ("Welcome to B" if at_b and service == "implicit" else "Welcome to A")
        if service == "explicit":
            client.auth()
        shown = HOST if at_b else "a.example.org"
        assert fingerprint(client.sock) == fingerprint(two.folder / f"{shown}.crt")
        assert is_at_b(client) is at_b


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("name", [HOST, "WWW.B.example.org"])
def test_host_before_auth_chooses_the_host(two, version, name):
    """H7: for clients without SNI the HOST in clear chooses the certificate and all the rest, through AUTH."""
    with connected(two, version=version) as client:
        answer = client.do(f"HOST {name}")
        assert (answer.code, answer.text) == (220, "Welcome to B")
        client.auth()
        assert fingerprint(client.sock) == fingerprint(two.folder / f"{HOST}.crt")
        assert is_at_b(client)


def test_host_after_auth_chooses_the_host(two):
    """H1, H2: without SNI the last HOST before the login counts; the certificate was shown before."""
    for hosts, at_b in (
        ([HOST], True),
        ([HOST, "a.example.org"], False),
        (["127.0.0.1", HOST], True),
        ([HOST, "127.0.0.1"], False),
    ):
        with connected(two).auth() as client:
            assert [client.code(f"HOST {host}") for host in hosts] == [220] * len(hosts)
            assert fingerprint(client.sock) == fingerprint(two.folder / "a.example.org.crt")
            assert is_at_b(client) is at_b


def test_host_that_differs_changes_nothing(two):
    """H4, H5: behind a 504 the host is the one that the name given to TLS has chosen; an address agrees with it."""
    with connected(two, server_name=HOST).auth() as client:
        assert client.code("HOST a.example.org") == 504
        assert client.code("HOST www.b.example.org") == 504
        assert client.code("HOST 127.0.0.1") == 220
        assert client.do(f"HOST {HOST}").text == "Welcome to B"
        assert is_at_b(client)


def test_policy_of_the_host(two):
    """The default host has everything under TLS; the other one lets its users in without, and tells so at once."""
    with connected(two) as client:
        assert client.code("USER bob") == 530
        assert client.code(f"HOST {HOST}") == 220
        assert login_code(client, "bob") == 230
        assert client.download("RETR b.txt")[0] == b"of B"
    with connected(two) as client:
        assert client.code(f"HOST {HOST}") == 220
        assert client.code("HOST a.example.org") == 220
        assert client.code("USER bob") == 530


def test_rein_leads_back(two):
    """H3: behind REIN the host is as at the start: the default, or under implicit TLS that of the name given to it."""
    with connected(two) as client:
        assert client.code(f"HOST {HOST}") == 220
        assert client.code("REIN") == 220
        assert client.code("USER bob") == 530
        client.auth()
        assert not is_at_b(client)
    for name, host in ((HOST, HOST), (None, "a.example.org")):
        with Client("127.0.0.1", two.port("implicit"), implicit=True, server_name=name) as client:
            assert client.answer().code == 220
            assert client.code(f"HOST {HOST}") == 220
            assert client.code("REIN") == 220
            assert is_at_b(client) is (host == HOST)


def test_users_of_one_host_are_strangers_at_the_other(two):
    """The same password opens nothing there."""
    with connected(two, server_name=HOST).auth() as client:
        assert login_code(client, USER) == 530
    with connected(two, server_name="a.example.org").auth() as client:
        assert login_code(client, "bob") == 530


def test_unknown_names_are_told_to_the_log(two):
    """H4: who looks for a client that comes to the wrong files finds the name it asked for."""
    mark = Marked(two)
    with connected(two, server_name="typo.example.org").auth():
        mark.wait_for("'typo.example.org' is no host of ours")


@pytest.mark.one_process
def test_reload_covers_hosts(two):
    """SIGHUP takes new certificates and users of hosts, too."""
    mark = Marked(two)
    write_certificate(two.folder, "new", HOST)
    for ending in ("crt", "key"):
        (two.folder / f"new.{ending}").replace(two.folder / f"{HOST}.{ending}")
    two.process.send_signal(signal.SIGHUP)
    mark.wait_for(f"users of {HOST} were read anew")
    with connected(two, server_name=HOST).auth() as client:
        assert fingerprint(client.sock) == fingerprint(two.folder / f"{HOST}.crt")
        assert is_at_b(client)


def test_events_tell_the_host(two):
    """Whoever reads the JSON log sees which host a session was at, by the name given to TLS or by HOST."""
    for name, how in (("www.b.example.org", "SNI"), ("b.example.org", "HOST")):
        with connected(two, server_name=name if how == "SNI" else None).auth() as client:
            if how == "HOST":
                assert client.code(f"HOST {name.upper()}") == 220
            assert login_code(client, "bob") == 230
        eventually(lambda name=name: [each for each in events(two) if each["host"] == name and each["user"] == "bob"])
    with connected(two).auth() as client:
        client.login()
    eventually(lambda: [each for each in events(two) if each["event"] == "logged_in" and each["host"] == ""])


NEW = "new.example.org"


def reload(server, *told):
    """Send SIGHUP, and wait until everything was done and the log has told it."""
    mark = Marked(server)
    server.process.send_signal(signal.SIGHUP)
    for each in (*told, "users were read anew"):
        mark.wait_for(each)


@pytest.mark.one_process
def test_hosts_change_while_the_server_runs(tmp_path):
    """SIGHUP takes new, changed and dropped hosts, with certificate, users and root; sessions keep what they began with.

    Hosts that can not be used leave everything as it was, and the log says what is wrong with them.
    """
    tables = write_certificate(tmp_path, "a.example.org") + f'[[hosts]]\nnames = ["{HOST}"]\nbanner = "Old B"\n'
    with running_server(tmp_path, tables=tables) as server:
        file = server.folder / "ftps.toml"
        before = file.read_text()
        assert before.endswith('banner = "Old B"\n')
        own = write_certificate(tmp_path, NEW).replace("[[tls.", "[[hosts.")
        (tmp_path / "new.toml").write_text(f"[users.bob]\npassword = {json.dumps(_hash(PASSWORD))}\n")
        (tmp_path / "new.toml").chmod(0o600)
        (tmp_path / "new files" / "bob").mkdir(parents=True)
        with connected(server, server_name=HOST).auth().login() as old:
            for bad, told in (
                ('[[hosts]]\nnames = ["x.example.org"]\nusers = "none.toml"\n', "there is no users file"),
                (f"[[hosts]]\nnames = ['x.example.org']\n{own.replace(NEW, 'gone')}", "can not be read"),
                ("[[hosts]]\nnames = 5\n", "hosts[0].names"),
                ("[[hosts", "this is not TOML"),
            ):
                file.write_text(before.split("[[hosts]]")[0] + bad)
                reload(server, "the new virtual hosts are not used, the old ones stay", told)
            new = f'[[hosts]]\nnames = ["{NEW}"]\nbanner = "New"\nusers = "new.toml"\nroot = "new files"\n{own}'
            file.write_text(before.replace("Old B", "Still B") + new)
            reload(server, "virtual hosts were read anew", f"users of {NEW} were read anew")
            assert old.code("PWD") == 257
            with connected(server, server_name=NEW).auth() as client:
                assert fingerprint(client.sock) == fingerprint(tmp_path / f"{NEW}.crt")
                assert client.do(f"HOST {NEW}").text == "New"
                assert login_code(client, "bob") == 230
            with connected(server, server_name=HOST).auth() as client:
                assert client.do(f"HOST {HOST}").text == "Still B"
            file.write_text(before.split("[[hosts]]")[0])
            reload(server, "virtual hosts were read anew")
            assert old.code(f"USER {USER}") == 331
            with connected(server) as client:
                assert client.code(f"HOST {NEW}") == 504


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_strict_names(tmp_path, version):
    """Who wants it so serves only clients that ask for one of our names, or for none."""
    tables = write_certificate(tmp_path, "a.example.org") + f'[[hosts]]\nnames = ["{HOST}"]\n'
    config = '[tls]\nsni_strict = true\n[server]\nhost_names = ["c.example.org"]\n'
    with running_server(tmp_path, config, tables=tables) as server:
        for name in ("a.example.org", "B.example.org", "c.example.org", "127.0.0.1", None):
            with connected(server, server_name=name, version=version).auth().login() as client:
                assert client.code("NOOP") == 200
        with connected(server, server_name="d.example.org", version=version) as client:
            assert client.code("AUTH TLS") == 234
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                client.wrap()
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            Client("127.0.0.1", server.port("implicit"), implicit=True, server_name="d.example.org", version=version)
