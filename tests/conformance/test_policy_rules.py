"""Policies by user, group, network, anonymous login and folder, over a real server (RFC 4217 sections 10 and 11)."""

from __future__ import annotations

import json
import ssl
from itertools import product

import pytest

from tests.support.client import connected, logged_in
from tests.support.server import PASSWORD, Server, running_server

RULES = """
[accounts.anonymous]
enabled = true
root = "public"
[[policy.rules]]
anonymous = true
require = "none"
[[policy.rules]]
networks = ["127.0.0.2"]
require = "none"
[[policy.rules]]
users = ["printer"]
require = "login"
[[policy.rules]]
groups = ["scanners"]
require = "login+data"
upload_close_notify = "lenient"
[[policy.rules]]
users = ["careful"]
session_reuse = "require"
"""
USERS = """
[users.printer]
password = "HASH"
[users.scanner]
password = "HASH"
groups = ["scanners"]
[users.careful]
password = "HASH"
"""
TURNED = """
[policy]
require = "none"
[[policy.rules]]
users = ["alice", "ghost"]
require = "all"
[[policy.rules]]
networks = ["::1"]
require = "control"
[[policy.rules]]
paths = ["/secret"]
require = "data"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Server:
    """TLS for everything, unless a rule says otherwise."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "public").mkdir()
    (folder / "public" / "readme").write_text("hello")
    with running_server(folder, users=USERS, tables=RULES) as server:
        yield server


@pytest.fixture(scope="module")
def turned(tmp_path_factory) -> Server:
    """Everything in clear, unless a rule says otherwise."""
    with running_server(tmp_path_factory.mktemp("turned"), users=USERS, tables=TURNED) as server:
        for name in ("secret", "pub"):
            (server.folder / "files" / "printer" / name).mkdir(parents=True)
            (server.folder / "files" / "printer" / name / "file").write_text(name)
        yield server


def logged_in_in_clear(server):
    """Who has logged in from 127.0.0.1 without TLS so far."""
    events = [json.loads(line) for line in server.whole_lines("events.json")]
    return {
        event["user"]
        for event in events
        if event["event"] == "logged_in" and event["peer"] == "127.0.0.1" and event["tls"] is None
    }


def test_anonymous_in_clear_while_users_must_use_tls(server):
    """The example of the mod_tls FAQ: anonymous downloads need no TLS, passwords do."""
    with connected(server) as client:
        client.login("anonymous", "me@example.org")
        assert client.download("RETR readme")[0] == b"hello"
        assert client.code("USER alice") == 530
        assert client.code(f"PASS {PASSWORD}") == 503
        assert client.download("RETR readme")[0] == b"hello"
        client.auth()
        assert client.login().code("PWD") == 257


def test_refusal_comes_at_user_and_no_password_is_ever_taken(server):
    """Section 5 row 8: 530 at USER, so that a client has no reason to send its password in clear."""
    with connected(server) as client:
        for name in ("alice", "printer", "scanner"):
            answer = client.do(f"USER {name}")
            assert (answer.code, answer.text.partition(":")[0]) == (530, "TLS required")
            assert client.code(f"PASS {PASSWORD}") == 530
        assert client.code("PWD") == 530
    with connected(server) as client:
        client.login("anonymous")
    assert logged_in_in_clear(server) == {"anonymous"}


def test_reply_tells_nothing_about_names(server):
    """RFC 2577 section 7: known or not, in a group or not: the same 530, at once."""
    with connected(server) as client:
        names = ("alice", "nobody", "scanner", "ghost", "carol", "careful")
        texts = {str(client.do(f"USER {name}")) for name in names}
        assert len(texts) == 1


def test_login_policy_lets_the_rest_go_in_clear(server):
    """``login``: the password under TLS, files as the client likes."""
    with connected(server).auth().login("printer") as client:
        assert client.upload("STOR page", b"page").code == 226
        assert client.code("PROT C") == 200
        assert client.download("RETR page")[0] == b"page"


def test_group_policy_is_known_before_the_login(server):
    """``login+data`` for a group: data connections have to be private, and PROT C is refused."""
    with connected(server).auth().login("scanner") as client:
        assert client.do("LIST").code == 521
        assert client.code("PROT C") == 534
        client.protect()
        assert client.upload("STOR scan", b"scan" * 1000, unwrap=False).code == 226
    assert (server.folder / "files" / "scanner" / "scan").stat().st_size == 4000


def test_others_still_have_to_end_uploads_properly(server):
    """The rule for one group changes nothing for others: without close_notify an upload is incomplete."""
    with logged_in(server) as client:
        assert client.upload("STOR scan", b"scan" * 1000, unwrap=False).code == 426


def test_resumption_is_demanded_of_one_user_only(server):
    """1.3: what mod_tls has as NoSessionReuseRequired, by user: the careful one refuses strangers, others do not."""
    with connected(server).auth().login("careful").protect() as client:
        data = client.begin_plain("LIST")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.wrap_data(data, session=None).recv(1)
        data.close()
        assert client.answer().code == 522
        assert client.download("LIST")[1].code == 226
    with logged_in(server) as client:
        data = client.begin_plain("LIST")
        wrapped = client.wrap_data(data, session=None)
        while wrapped.recv(4096):
            pass
        wrapped.close()
        assert client.answer().code == 226


def test_network_rule_counts_from_the_greeting_on(server):
    """Old machines get on in clear from their own network; the same user from elsewhere does not."""
    with connected(server, source="127.0.0.2") as client:
        client.login()
        assert client.code("PWD") == 257
    with connected(server) as client:
        assert client.code("USER alice") == 530


def test_network_rule_of_the_other_family(turned):
    """A rule for ::1 is no rule for 127.0.0.1, and the other way round."""
    with connected(turned, "::1") as client:
        assert client.code("USER printer") == 530
        client.auth().login("printer")
        assert client.code("PWD") == 257
    with connected(turned) as client:
        assert client.login("printer").code("PWD") == 257


def test_strict_rule_for_named_users_holds_for_names_that_do_not_exist(turned):
    """A rule names whom it names: existing or not, the answers are one and the same."""
    with connected(turned) as client:
        assert client.do("USER alice") == client.do("USER ghost")
        assert client.do("USER printer") == client.do("USER nobody")


def test_one_folder_only_under_tls(turned):
    """Per-directory policy by the target: 521 for what lies in the folder, wherever the client stands."""
    with connected(turned).login("printer") as client:
        assert client.download("RETR /pub/file")[0] == b"pub"
        for command in (
            "RETR /secret/file",
            "RETR secret/file",
            "STOR secret/new",
            "LIST -a secret",
            "LIST -R",
            "MLSD secret",
        ):
            assert client.do(command).code == 521
        assert client.code("CWD secret") == 250
        assert client.do("NLST").code == 521
        assert client.download("RETR ../pub/file")[0] == b"pub"
        client.auth().login("printer").protect()
        assert client.download("RETR /secret/file")[0] == b"secret"
    assert not (turned.folder / "files" / "printer" / "secret" / "new").exists()


@pytest.mark.parametrize("order", list(product(["USER anonymous", "USER alice", "PASS x", "REIN"], repeat=2)))
def test_no_order_of_commands_gets_a_password_through(server, order):
    """T19: over the wire, too: PASS is never looked at in clear while alice is meant."""
    with connected(server) as client:
        for command in order:
            client.do(command)
        assert client.code("USER alice") == 530
        assert client.code(f"PASS {PASSWORD}") in {230, 503, 530}
        answer = client.do("STAT")
        assert "alice" not in answer.text
